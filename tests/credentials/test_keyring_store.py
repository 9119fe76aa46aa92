"""Which keyrings are trusted, and what a call that hangs or fails becomes."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.credentials import keyring_store
from dpx_cli.errors import TokenStorage

if TYPE_CHECKING:
    from pathlib import Path

CHOOSE = """
import sys
from dpx_cli.credentials import keyring_store
try:
    print(keyring_store.choose())
except keyring_store.TokenStorage as exc:
    print(exc.message, "|", exc.hint)
"""
PLAIN = """
from keyring.backend import KeyringBackend
class Keyring(KeyringBackend):
    priority = {priority}
    def get_password(self, service, username): raise AssertionError("asked")
    set_password = delete_password = get_password
"""


def choose(env: dict[str, str], folder: Path) -> str:
    """Choose in a process of its own, with these variables and modules from this folder; give what was said."""
    base = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(folder)}
    base["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nowhere/bus"
    command = [sys.executable, "-c", CHOOSE]
    return subprocess.run(command, env={**base, **env}, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("name", ["fail", "null"])
def test_no_keyring_is_refused(tmp_path: Path, name: str) -> None:
    """The ways out are named."""
    said = choose({"PYTHON_KEYRING_BACKEND": f"keyring.backends.{name}.Keyring"}, tmp_path)
    assert said == (
        "This machine has no keyring. | Set DPX_TOKEN, or keep the token in a file: dpx auth login --insecure-storage"
    )


def test_keyring_that_nobody_vouches_for_is_refused_by_name(tmp_path: Path) -> None:
    """A plaintext keyring "succeeds" in everything."""
    (tmp_path / "plain_keyring.py").write_text(PLAIN.format(priority=9), encoding="utf-8")
    said = choose({"PYTHON_KEYRING_BACKEND": "plain_keyring.Keyring"}, tmp_path)
    assert said.startswith("The keyring of this machine doesn't keep secrets secret: plain_keyring.Keyring | ")


def test_machine_without_a_bus_has_no_keyring(tmp_path: Path) -> None:
    """A server, a container, CI; whatever else is installed."""
    said = choose({}, tmp_path)
    assert said.startswith(("This machine has no keyring.", "The keyring of this machine doesn't keep secrets secret"))


def test_of_a_chain_the_trusted_member_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library chains all it finds where there are several, plaintext ones included."""
    import keyring
    from keyring.backends import SecretService, chainer, fail

    make: Any = chainer.ChainerBackend
    members: list[Any] = [fail.Keyring, SecretService.Keyring]
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [member() for member in members])
    monkeypatch.setattr(keyring, "get_keyring", make)
    assert keyring_store.choose() == "SecretService"


@pytest.mark.parametrize("path", keyring_store.BACKENDS.values())
def test_trusted_keyrings_exist_in_the_library(path: str) -> None:
    """A renamed class would lock people out. They import on every system and work where they belong."""
    module, _, name = path.rpartition(".")
    assert isinstance(getattr(importlib.import_module(module), name), type)


def test_hanging_call_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on in a thread that keeps nothing alive."""
    monkeypatch.setattr(keyring_store, "SECONDS", 0.05)
    end = threading.Event()
    with pytest.raises(TokenStorage) as caught:
        keyring_store.bound(end.wait, "the keyring")
    (left,) = [thread for thread in threading.enumerate() if thread.name == "dpx-keyring"]
    assert left.daemon
    end.set()
    assert caught.value.message == "The keyring did not respond within 0.05 s."


def test_refusal_is_one_line_without_the_secret() -> None:
    """Whatever the library says."""

    def refuse() -> None:
        raise RuntimeError("line one\n  line two.")

    def tell() -> None:
        raise RuntimeError("cannot store dpx_secret")

    with pytest.raises(TokenStorage) as caught:
        keyring_store.bound(refuse, "the keyring")
    assert caught.value.message == "The keyring refuses: line one line two."
    with pytest.raises(TokenStorage) as caught:
        keyring_store.bound(tell, "the keyring", secret="dpx_secret")
    assert caught.value.message == "The keyring refuses: RuntimeError."
    assert caught.value.__suppress_context__
