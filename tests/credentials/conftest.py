"""A message bus of the test's own, with a real Secret Service on it, or one that never answers; and settings."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from dpx_cli.config import profiles
from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dpx_cli.config.profiles import Profiles

PASSWORD = b"correct horse"
PROGRAMS = ("dbus-run-session", "gnome-keyring-daemon")


class FakeSettings:
    """The settings that credentials read; the profiles are read anew each time."""

    def __init__(self, config_dir: Path | str, **changes: object) -> None:
        self.env: Mapping[str, str] = {}
        self.profile = "default"
        self.origin = "https://deploxa.com:443"
        self.config_dir = str(config_dir)
        vars(self).update(changes)

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


@pytest.fixture
def settings(tmp_path: Path) -> FakeSettings:
    """Settings over an empty folder."""
    return FakeSettings(tmp_path / "config")


def start_bus(home: Path, command: str) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """Start a session bus and `command` on it, and wait for the bus; it ends when its stdin is closed.

    Returns:
        The process, and the variables that lead to the bus.
    """
    variables = {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CACHE_HOME": str(home / "cache"),
    }
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
    lines = iter(process.stdout.readline, b"")
    address = next((line.decode().strip() for line in lines if line.startswith(b"unix:")), "")
    assert address, "the message bus did not start"
    return process, {**variables, "DBUS_SESSION_BUS_ADDRESS": address}


def need_programs() -> None:
    """Skip, by name, where there is no Secret Service to be had."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"NO SECRET SERVICE TESTED: {', '.join(missing)} not installed")


@pytest.fixture(scope="session")
def keyring_bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables of a bus with an unlocked gnome-keyring."""
    need_programs()
    unlock = 'read -r password; printf %s "$password" | gnome-keyring-daemon --unlock --components=secrets'
    process, variables = start_bus(tmp_path_factory.mktemp("keyring"), unlock)
    yield variables
    process.communicate(timeout=30)


@pytest.fixture(scope="session")
def silent_bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables of a bus whose Secret Service takes every question and answers none."""
    need_programs()
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
    return _use(keyring_bus, monkeypatch)


@pytest.fixture
def silent(silent_bus: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Have this process use the Secret Service that never answers."""
    return _use(silent_bus, monkeypatch)


@pytest.fixture
def locked(unlocked: dict[str, str]) -> Iterator[dict[str, str]]:
    """The gnome-keyring with its collection locked; nobody is there to answer its prompt."""
    import secretstorage

    connection = secretstorage.dbus_init()
    collection = secretstorage.get_default_collection(connection)
    collection.lock()
    yield unlocked
    # gnome-keyring offers a way without a prompt to whoever knows the password.
    from jeepney import DBusAddress, new_method_call

    service = DBusAddress(
        "/org/freedesktop/secrets",
        bus_name="org.freedesktop.secrets",
        interface="org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface",
    )
    session = connection.send_and_get_reply(
        new_method_call(
            DBusAddress(
                "/org/freedesktop/secrets",
                bus_name="org.freedesktop.secrets",
                interface="org.freedesktop.Secret.Service",
            ),
            "OpenSession",
            "sv",
            ("plain", ("s", "")),
        )
    ).body[1]
    connection.send_and_get_reply(
        new_method_call(
            service,
            "UnlockWithMasterPassword",
            "o(oayays)",
            (collection.collection_path, (session, b"", PASSWORD, "text/plain")),
        )
    )
    assert not collection.is_locked()
    connection.close()


def _use(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A Deploxa that knows the one token of these tests."""
    with Sandbox(tokens=["dpx_0123456789abcdefghijklmnopqrstuvwxyz"]) as started:
        yield started
