"""A message bus of the test's own, with a real Secret Service on it, or one that never answers; and settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dpx_cli.config import profiles
from dpx_cli.credentials import stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from dpx_cli.config.profiles import Profiles

PASSWORD = b"correct horse"
PROGRAMS = ("dbus-run-session", "gnome-keyring-daemon")


class FakeSettings:
    """The settings that credentials read; the profiles are read anew each time."""

    def __init__(self, config_dir: Path) -> None:
        self.env: Mapping[str, str] = {}
        self.profile = "default"
        self.origin = "https://deploxa.com:443"
        self.config_dir = str(config_dir)

    @property
    def profiles(self) -> Profiles:
        """What is in the file now."""
        return profiles.load(self.config_dir)

    def put_login(self, place: str) -> None:
        """Have the profile say where its token is."""
        profiles.update(self.config_dir, lambda changed: changed.put_login(self.profile, self.origin, place))

    @property
    def logins(self) -> dict[str, str]:
        """The places of the profile's tokens, by origin."""
        return dict(self.profiles.logins(self.profile))

    def log_out(self) -> list[str]:
        """Remove this profile's token for this origin."""
        return stores.remove_tokens(self.config_dir, self.profile, self.origin)


@pytest.fixture
def settings(tmp_path: Path) -> FakeSettings:
    """Settings over an empty folder."""
    return FakeSettings(tmp_path / "config")


@pytest.fixture
def modules_of(settings: FakeSettings) -> Callable[..., set[str]]:
    """Return the modules of a fresh interpreter that has looked for a token, with some variables set to one."""
    code = """
import contextlib, sys
from dpx_cli import credentials
from dpx_cli.config.settings import Settings
with contextlib.suppress(credentials.NotLoggedIn):
    credentials.find_token(Settings({"DPX_CONFIG_DIR": sys.argv[1], **dict.fromkeys(sys.argv[2:], "dpx_0123456789")}))
print(*sys.modules)
"""

    def load(*variables: str) -> set[str]:
        command = [sys.executable, "-c", code, settings.config_dir, *variables]
        return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())

    return load


def start_bus(home: Path, command: str) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """Start a session bus and `command` on it; return the process and the variables that lead to the bus.

    It ends when its stdin is closed.
    """
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"NO SECRET SERVICE TESTED: {', '.join(missing)} not installed")
    folders = {"XDG_RUNTIME_DIR": "run", "XDG_DATA_HOME": "data", "XDG_CACHE_HOME": "cache"}
    variables = {"HOME": str(home), **{name: str(home / folder) for name, folder in folders.items()}}
    (home / "run").mkdir(mode=0o700)
    (home / "data").mkdir()
    process = subprocess.Popen(
        ["dbus-run-session", "--", "sh", "-c", f'{command}; echo "$DBUS_SESSION_BUS_ADDRESS"; read -r _end'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], **variables},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(PASSWORD + b"\n")
    process.stdin.flush()
    address = next((line.decode().strip() for line in process.stdout if line.startswith(b"unix:")), "")
    assert address, "the message bus did not start"
    return process, {**variables, "DBUS_SESSION_BUS_ADDRESS": address}


@pytest.fixture(scope="session")
def keyring_bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables of a bus with an unlocked gnome-keyring."""
    unlock = 'read -r password; printf %s "$password" | gnome-keyring-daemon --unlock --components=secrets'
    process, variables = start_bus(tmp_path_factory.mktemp("keyring"), unlock)
    yield variables
    process.communicate(timeout=30)


@pytest.fixture(scope="session")
def silent_bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables of a bus whose Secret Service takes every question and answers none."""
    process, variables = start_bus(tmp_path_factory.mktemp("silent"), "read -r _password")
    from jeepney import message_bus  # type: ignore[import-untyped]
    from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]

    with open_dbus_connection(variables["DBUS_SESSION_BUS_ADDRESS"]) as connection:
        reply = connection.send_and_get_reply(message_bus.RequestName("org.freedesktop.secrets"))
        assert reply.body == (1,), "somebody else owns the name"
        yield variables
    process.communicate(timeout=30)


@pytest.fixture
def unlocked(keyring_bus: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Have this process, and those it starts, use the unlocked gnome-keyring."""
    for name, value in keyring_bus.items():
        monkeypatch.setenv(name, value)
    return keyring_bus


@pytest.fixture
def silent(silent_bus: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Have this process use the Secret Service that never answers."""
    for name, value in silent_bus.items():
        monkeypatch.setenv(name, value)
    return silent_bus


@pytest.fixture
def locked(unlocked: dict[str, str]) -> Iterator[dict[str, str]]:
    """The gnome-keyring with its collection locked; nobody is there to answer its prompt."""
    import secretstorage
    from jeepney import DBusAddress, new_method_call

    connection = secretstorage.dbus_init()
    collection = secretstorage.get_default_collection(connection)
    collection.lock()
    yield unlocked

    def call(interface: str, method: str, signature: str, *body: object) -> tuple[object, ...]:
        address = DBusAddress("/org/freedesktop/secrets", bus_name="org.freedesktop.secrets", interface=interface)
        reply: tuple[object, ...] = connection.send_and_get_reply(
            new_method_call(address, method, signature, body)
        ).body
        return reply

    # gnome-keyring offers a way without a prompt to whoever knows the password.
    _, session = call("org.freedesktop.Secret.Service", "OpenSession", "sv", "plain", ("s", ""))
    interface = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"
    secret = (session, b"", PASSWORD, "text/plain")
    call(interface, "UnlockWithMasterPassword", "o(oayays)", collection.collection_path, secret)
    assert not collection.is_locked()
    connection.close()
