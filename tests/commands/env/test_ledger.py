"""The ledger: keyed digests that tell "changed", and nothing that tells a value."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from memory_store import MemoryStore

from dpx_cli.commands.env.ledger import Ledger, is_on, open_ledger
from dpx_cli.errors import DpxError, Failed, TokenStorage, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VALUE = "canary-value"


class Settings:
    """The part of the settings that the ledger reads."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.config_dir = str(folder)
        self.origin = "https://deploxa.com:443"
        self.env = env


@pytest.fixture
def keyring() -> MemoryStore:
    """Return a keyring in memory."""
    return MemoryStore("keyring:SecretService")


@pytest.fixture
def opened(tmp_path: Path, keyring: MemoryStore) -> Callable[..., Ledger]:
    """Return a function that opens the ledger of a folder, as a new process would."""

    def open_it(**changes: Any) -> Ledger:
        settings: Any = Settings(tmp_path)
        vars(settings).update(changes)
        return open_ledger(settings, lambda: keyring, lambda _place, _folder: keyring)

    return open_it


def test_unchanged_changed_and_never_set(opened: Callable[..., Ledger]) -> None:
    """Another process tells unchanged, changed and never set values apart."""
    assert opened().compare("p1", {"A": VALUE}) == {}
    opened().record("p1", {"A": VALUE, "B": ""})
    assert opened().compare("p1", {"A": VALUE, "B": "b", "C": "c"}) == {"A": True, "B": False}


def test_each_project_and_api_has_its_own(opened: Callable[..., Ledger]) -> None:
    """The same key of another project, or at another API, is unknown."""
    opened().record("p1", {"A": VALUE})
    assert opened().compare("p1", {"A": VALUE}) == {"A": True}
    assert opened().compare("p2", {"A": VALUE}) == {}
    other = opened(origin="https://other.example:443")
    assert other.compare("p1", {"A": VALUE}) == {}


def test_what_is_forgotten_is_unknown(opened: Callable[..., Ledger]) -> None:
    """Only the keys that are forgotten become unknown."""
    opened().record("p1", {"A": VALUE, "B": VALUE})
    opened().forget("p1", ["A", "C"])
    opened().forget("p2", ["B"])
    assert opened().compare("p1", {"A": VALUE, "B": VALUE}) == {"B": True}


def test_the_file_has_neither_value_nor_secret_nor_name(
    opened: Callable[..., Ledger], keyring: MemoryStore, tmp_path: Path
) -> None:
    """The file has no value, secret or name, and two variables with one value don't look alike."""
    opened().record("p1", {"KEY_A": VALUE, "KEY_B": VALUE})
    text = (tmp_path / "ledger.json").read_text()
    for hidden in (VALUE, "KEY_A", "p1", keyring.tokens["ledger"]):
        assert hidden not in text
    digests = json.loads(text)["digests"]
    assert len(digests) == len(set(digests.values())) == 2
    assert keyring.tokens["ledger"] not in repr(opened())
    assert (tmp_path / "ledger.json").stat().st_mode & 0o077 == 0


def test_the_secret_is_random_and_made_once(opened: Callable[..., Ledger], keyring: MemoryStore) -> None:
    """The secret is 32 random bytes in the keyring, made once."""
    opened()
    first = keyring.tokens["ledger"]
    opened()
    assert keyring.tokens == {"ledger": first}
    assert len(bytes.fromhex(first)) == 32


def test_after_the_secret_is_lost_nothing_is_called_changed(
    opened: Callable[..., Ledger], keyring: MemoryStore
) -> None:
    """After the secret is lost, the old digests are replaced."""
    opened().record("p1", {"A": VALUE})
    del keyring.tokens["ledger"]
    assert opened().compare("p1", {"A": VALUE}) == {}
    opened().record("p1", {"A": VALUE})
    assert opened().compare("p1", {"A": VALUE}) == {"A": True}


def test_concurrent_writers_lose_nothing(opened: Callable[..., Ledger]) -> None:
    """Concurrent writers lose no key."""
    opened()
    threads = [threading.Thread(target=lambda n=n: opened().record("p1", {f"K{n}": VALUE})) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = {f"K{n}": VALUE for n in range(8)}
    assert opened().compare("p1", keys) == dict.fromkeys(keys, True)


@pytest.mark.parametrize("text", ["{", "[]", '{"digests": {}}', '{"place": 1, "secret": "", "digests": {}}', ""])
def test_a_damaged_file_is_named_and_kept(opened: Callable[..., Ledger], tmp_path: Path, text: str) -> None:
    """A damaged file is named in the error and never overwritten."""
    (tmp_path / "ledger.json").write_text(text)
    with pytest.raises(Failed) as caught:
        opened()
    assert "ledger.json" in caught.value.message
    assert (tmp_path / "ledger.json").read_text() == text


def test_with_a_token_in_the_environment_no_keyring_is_asked(opened: Callable[..., Ledger]) -> None:
    """With DPX_TOKEN in the environment the keyring is not used."""
    with pytest.raises(UsageError):
        opened(env={"DPX_TOKEN": "dpx_x"})


def test_a_keyring_that_keeps_nothing_is_refused(tmp_path: Path) -> None:
    """A keyring that keeps nothing is refused, and no file is written."""

    class Forgetful(MemoryStore):
        """It takes everything and gives nothing back."""

        def get(self, key: str) -> str | None:  # noqa: ARG002 - the protocol's
            """Give nothing."""
            return self.tokens.get("")

    settings: Any = Settings(tmp_path)
    with pytest.raises(TokenStorage):
        open_ledger(settings, lambda: Forgetful("keyring:SecretService"))
    assert not (tmp_path / "ledger.json").exists()


def test_what_is_no_secret_of_ours_is_not_used(opened: Callable[..., Ledger], keyring: MemoryStore) -> None:
    """A keyring entry that is no secret of dpx is neither used nor shown."""
    keyring.tokens["ledger"] = "canary"
    with pytest.raises(DpxError) as caught:
        opened()
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(("text", "on"), [("", False), ("0", False), ("off", False), ("1", True), ("true", True)])
def test_it_is_off_unless_asked_for(text: str, on: bool) -> None:
    """The ledger is off unless DPX_LEDGER is on."""
    assert is_on({"DPX_LEDGER": text}) is on
    assert not is_on({})
