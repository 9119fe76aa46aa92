"""Tokens in a real Secret Service: unlocked, locked, silent, absent."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli import credentials
from dpx_cli.credentials import keyring_store, logins, native, stores
from dpx_cli.errors import NotLoggedIn, TokenStorage

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"
OTHER = "dpx_other56789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def keyring() -> keyring_store.KeyringStore:
    """The store that the index calls keyring:SecretService."""
    return keyring_store.KeyringStore("SecretService")


@pytest.mark.usefixtures("unlocked")
def test_what_is_stored_comes_back_and_goes_away(keyring: keyring_store.KeyringStore) -> None:
    """In place of what was there, and beside what has another name."""
    assert keyring.get("a@https://one:443") is None
    assert not keyring.delete("a@https://one:443")
    keyring.set("a@https://one:443", OTHER)
    keyring.set("a@https://one:443", TOKEN)
    keyring.set("a@https://two:443", OTHER)
    assert keyring.get("a@https://one:443") == TOKEN
    assert keyring.get("a@https://two:443") == OTHER
    assert keyring.delete("a@https://one:443")
    assert keyring.get("a@https://one:443") is None
    assert keyring.get("a@https://two:443") == OTHER
    keyring.delete("a@https://two:443")


@pytest.mark.usefixtures("unlocked")
def test_the_library_finds_what_dpx_stored(keyring: keyring_store.KeyringStore) -> None:
    """`keyring get dpx …` and other programs of the user see the same entry."""
    from keyring.backends import SecretService

    keyring.set("lib@https://one:443", TOKEN)
    library: Any = SecretService
    assert library.Keyring().get_password("dpx", "lib@https://one:443") == TOKEN
    assert native.secret_service("dpx", "lib@https://one:443") == TOKEN
    assert native.secret_service("other", "lib@https://one:443") is None
    keyring.delete("lib@https://one:443")


@pytest.mark.usefixtures("unlocked")
def test_of_several_entries_the_library_chooses(keyring: keyring_store.KeyringStore) -> None:
    """It knows which collection is the usual one; dpx asks all of them at once."""
    import secretstorage

    keyring.set("two@https://one:443", TOKEN)
    connection = secretstorage.dbus_init()
    collection = secretstorage.get_default_collection(connection)
    attributes = {"service": "dpx", "username": "two@https://one:443", "application": "another"}
    other = collection.create_item("another", attributes, OTHER.encode())
    assert native.secret_service("dpx", "two@https://one:443") is None
    assert keyring.get("two@https://one:443") in {TOKEN, OTHER}
    other.delete()
    connection.close()
    assert keyring.get("two@https://one:443") == TOKEN
    keyring.delete("two@https://one:443")


@pytest.mark.usefixtures("unlocked")
def test_login_and_logout(settings: Any, keyring: keyring_store.KeyringStore) -> None:
    """The index names the keyring, no file holds the token, and another origin gets nothing."""
    logins.store(settings, TOKEN, keyring)
    found = credentials.find_token(settings)
    assert (found.value, found.source) == (TOKEN, "keyring")
    assert settings.logins == {settings.origin: "keyring:SecretService"}
    settings.origin = "https://evil.example:443"
    with pytest.raises(NotLoggedIn):
        credentials.find_token(settings)
    settings.origin = "https://deploxa.com:443"
    assert logins.remove(settings) == "the keyring (SecretService)"
    assert keyring.get("default@https://deploxa.com:443") is None


@pytest.mark.usefixtures("unlocked")
def test_reading_a_token_does_not_load_the_keyring_library(settings: Any, keyring: keyring_store.KeyringStore) -> None:
    """Nor cryptography, nor entry points: an unlocked Secret Service is asked directly."""
    logins.store(settings, TOKEN, keyring)
    code = """
import sys
from dpx_cli import credentials
from dpx_cli.config.settings import Settings
settings = Settings({"DPX_CONFIG_DIR": sys.argv[1]})
assert credentials.find_token(settings).source == "keyring"
print(*sys.modules)
"""
    command = [sys.executable, "-c", code, settings.config_dir]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    logins.remove(settings)
    assert "jeepney" in loaded
    assert not {"keyring", "secretstorage", "cryptography", "importlib.metadata", "asyncio"} & loaded


@pytest.mark.usefixtures("unlocked")
def test_the_machine_s_own_choice_is_the_secret_service() -> None:
    """In a process of its own: the library remembers its choice."""
    code = "from dpx_cli.credentials import stores; print(stores.default_store().place)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "keyring:SecretService\n"


@pytest.mark.usefixtures("locked")
def test_locked_collection_is_refused_in_time(keyring: keyring_store.KeyringStore) -> None:
    """Nobody answers the prompt: one error that names the keyring and the ways out."""
    for call in (lambda: keyring.get("a"), lambda: keyring.delete("a"), lambda: keyring.set("a", TOKEN)):
        with pytest.raises(TokenStorage) as caught:
            call()
        assert "The keyring (SecretService)" in caught.value.message
        assert TOKEN not in caught.value.message
        assert caught.value.hint == keyring_store.HINT


@pytest.mark.usefixtures("silent")
def test_silent_service_is_given_up(settings: Any, keyring: keyring_store.KeyringStore, tmp_path: Path) -> None:
    """A login fails before it has written anything, and the index keeps no line of it."""
    with pytest.raises(TokenStorage) as caught:
        logins.store(settings, TOKEN, keyring)
    assert caught.value.message == "The keyring (SecretService) did not respond within 3 s."
    assert caught.value.hint == keyring_store.HINT
    assert settings.logins == {}
    assert TOKEN not in "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.usefixtures("silent")
def test_a_process_ends_though_the_keyring_hangs(settings: Any) -> None:
    """The thread that waits for the keyring does not keep the interpreter alive."""
    settings.put_login("keyring:SecretService")
    code = """
import sys
from dpx_cli import credentials
from dpx_cli.config.settings import Settings
settings = Settings({"DPX_CONFIG_DIR": sys.argv[1]})
try:
    credentials.find_token(settings)
except credentials.TokenStorage as exc:
    print(exc.message)
"""
    command = [sys.executable, "-c", code, settings.config_dir]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout == "The keyring (SecretService) did not respond within 3 s.\n"


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


@pytest.mark.usefixtures("unlocked")
def test_the_library_s_own_variable_is_heeded(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who turned keyrings off by it finds them off, however the token is there."""
    store = stores.open_store("keyring:SecretService", settings.config_dir)
    logins.store(settings, TOKEN, store)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with pytest.raises(TokenStorage) as caught:
        credentials.find_token(settings)
    assert caught.value.hint == "Unset PYTHON_KEYRING_BACKEND."
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
    logins.remove(settings)
