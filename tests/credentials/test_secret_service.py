"""Tokens in a real Secret Service: unlocked, locked, silent, absent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli import credentials
from dpx_cli.config import profiles
from dpx_cli.config.paths import origin_of
from dpx_cli.credentials import keyring_store, native, stores
from dpx_cli.errors import TokenStorage
from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"
OTHER = "dpx_other56789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def keyring() -> keyring_store.KeyringStore:
    """The store that a profile calls keyring:SecretService."""
    return keyring_store.KeyringStore("SecretService")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A Deploxa that knows the one token of these tests."""
    with Sandbox(tokens=[TOKEN]) as started:
        yield started


class Dpx:
    """The program in a process of its own, on a message bus."""

    def __init__(self, bus: dict[str, str], sandbox: Sandbox, folder: Path) -> None:
        self.folder = folder
        self.env = {**bus, "PATH": os.environ["PATH"], "DPX_API_URL": sandbox.url}
        self.env |= {"DPX_CONFIG_DIR": str(folder / "config"), "DPX_CACHE_DIR": str(folder / "cache")}

    def __call__(self, *argv: str, stdin: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
        """Run it. The token is in no file but the one that is for tokens."""
        command = [sys.executable, "-m", "dpx_cli", *argv]
        done = subprocess.run(
            command, input=stdin, env={**self.env, **changes}, capture_output=True, text=True, timeout=60, check=False
        )
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name != "tokens.json":
                assert TOKEN not in path.read_text(encoding="utf-8")
        return done

    def doctor(self) -> tuple[int, dict[str, Any]]:
        """Return the exit code of `doctor` and its checks by name."""
        done = self("doctor", "--json")
        assert TOKEN not in done.stdout + done.stderr
        return done.returncode, {check["name"]: check for check in json.loads(done.stdout)["checks"]}


@pytest.mark.usefixtures("unlocked")
def test_what_is_stored_comes_back_and_goes_away(keyring: keyring_store.KeyringStore) -> None:
    """In place of what was there, and beside what has another name; `keyring get dpx …` sees the same entry."""
    from keyring.backends import SecretService

    one, two = "a@https://one:443", "a@https://two:443"
    assert (keyring.get(one), keyring.delete(one)) == (None, False)
    for key, token in ((one, OTHER), (one, TOKEN), (two, OTHER)):
        keyring.set(key, token)
    library: Any = SecretService
    assert library.Keyring().get_password("dpx", one) == native.secret_service("dpx", one) == keyring.get(one) == TOKEN
    assert native.secret_service("other", one) is None
    assert keyring.delete(one)
    assert (keyring.get(one), keyring.get(two)) == (None, OTHER)
    keyring.delete(two)


@pytest.mark.usefixtures("unlocked")
def test_reading_a_token_does_not_load_the_keyring_library(
    settings: Any, keyring: keyring_store.KeyringStore, modules_of: Any
) -> None:
    """Nor cryptography, nor entry points: an unlocked Secret Service is asked directly."""
    stores.store_token(settings, TOKEN, keyring)
    loaded = modules_of()
    settings.log_out()
    assert "jeepney" in loaded
    assert not {"keyring", "secretstorage", "cryptography", "importlib.metadata", "asyncio"} & loaded


@pytest.mark.usefixtures("locked")
def test_locked_collection_is_refused_in_time(keyring: keyring_store.KeyringStore) -> None:
    """Nobody answers the prompt: one error that names the keyring and the ways out."""
    for call in (lambda: keyring.get("a"), lambda: keyring.delete("a"), lambda: keyring.set("a", TOKEN)):
        with pytest.raises(TokenStorage) as caught:
            call()
        assert "The keyring (SecretService)" in caught.value.message
        assert TOKEN not in caught.value.message
        assert caught.value.hint == keyring_store.HINT


def test_absent_bus_is_refused(
    settings: Any, keyring: keyring_store.KeyringStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token was stored on the desktop, and this is the same home by ssh."""
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
    settings.put_login(keyring.place)
    with pytest.raises(TokenStorage) as caught:
        credentials.find_token(settings)
    assert caught.value.message.startswith("The keyring (SecretService) refuses: ")
    assert caught.value.hint == keyring_store.HINT


def test_login_use_logout(keyring_bus: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    """There is one place for a token, the keyring or the file; after the logout it is nowhere."""
    dpx = Dpx(keyring_bus, sandbox, tmp_path)
    for flags, source in (((), "keyring"), (("--insecure-storage",), "file"), ((), "keyring")):
        done = dpx("login", *flags, stdin=TOKEN)
        assert (done.returncode, done.stdout, "Organizations: acme (owner)" in done.stderr) == (0, "", True), done
        shown = json.loads(dpx("whoami", "--json").stdout)
        assert (shown["source"], shown["accepted"]) == (source, True)
        assert (tmp_path / "config" / "tokens.json").exists() == (source == "file")
    code, checks = dpx.doctor()
    assert code == 0, checks
    assert checks["keyring"]["detail"].startswith("SecretService, responded in ")
    assert checks["token"]["detail"] == "from the keyring (SecretService), accepted"
    assert dpx("logout").stderr.endswith("The token is removed from the keyring (SecretService).\n")
    assert dpx("auth", "token").returncode == 4


def test_silent_keyring_ends_the_login(silent_bus: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    """Exit 4, the keyring and the ways out named, nothing kept; doctor fails for a token that is stored there."""
    dpx = Dpx(silent_bus, sandbox, tmp_path)
    done = dpx("login", stdin=TOKEN)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "error: The keyring (SecretService) did not respond within 3 s.\n"
        "hint: Unlock it. Or set DPX_TOKEN, or keep the token in a file: dpx auth login --insecure-storage\n"
    )
    assert dpx("orgs", "list", "-q", DPX_TOKEN=TOKEN).returncode == 0
    origin, place = origin_of(sandbox.url), "keyring:SecretService"
    profiles.update(str(tmp_path / "config"), lambda changed: changed.put_login("default", origin, place))
    code, checks = dpx.doctor()
    assert (code, [name for name, check in checks.items() if not check["ok"]]) == (10, ["keyring", "token"])
    assert "did not respond within 3 s" in checks["keyring"]["detail"]
