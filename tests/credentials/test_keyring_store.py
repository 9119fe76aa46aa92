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
    priority = 9
    def get_password(self, service, username): raise AssertionError("asked")
    set_password = delete_password = get_password
"""


@pytest.mark.parametrize(
    ("backend", "problem"),
    [
        ("keyring.backends.fail.Keyring", "This machine has no keyring."),
        ("keyring.backends.null.Keyring", "This machine has no keyring."),
        ("plain_keyring.Keyring", "This machine's keyring doesn't protect secrets: plain_keyring.Keyring"),
    ],
)
def test_no_keyring_or_a_plaintext_one_is_refused(tmp_path: Path, backend: str, problem: str) -> None:
    """They "succeed" in everything. The ways out are named."""
    (tmp_path / "plain_keyring.py").write_text(PLAIN, encoding="utf-8")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    env |= {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus", "PYTHON_KEYRING_BACKEND": backend}
    done = subprocess.run([sys.executable, "-c", CHOOSE], env=env, capture_output=True, text=True, check=True)
    hint = "Set DPX_TOKEN, or keep the token in a file: dpx auth login --insecure-storage"
    assert done.stdout == f"{problem} | {hint}\n"


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


@pytest.mark.parametrize(
    ("text", "reason"), [("line one\n  line two.", "line one line two"), ("cannot store dpx_secret", "RuntimeError")]
)
def test_refusal_is_one_line_without_the_secret(text: str, reason: str) -> None:
    """Whatever the library says."""

    def refuse() -> None:
        raise RuntimeError(text)

    with pytest.raises(TokenStorage) as caught:
        keyring_store.bound(refuse, "the keyring", secret="dpx_secret")
    assert caught.value.message == f"The keyring refuses: {reason}."
    assert caught.value.__suppress_context__
