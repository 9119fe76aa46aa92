"""Which token is used, what is loaded to find it, and that no token shows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from memory_store import MemoryStore

from dpx_cli import credentials
from dpx_cli.credentials import stores
from dpx_cli.errors import NotLoggedIn, TokenStorage

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"
OTHER = "dpx_other56789abcdefghijklmnopqrstuvwxyz"
KEY = "default@https://deploxa.com:443"


class ManglingStore(MemoryStore):
    """A keyring that cuts what it is given, or keeps nothing as a null backend does."""

    kept = 20

    def set(self, key: str, token: str) -> None:
        """Keep a part of it."""
        if token == OTHER or self.kept:
            super().set(key, token if token == OTHER else token[: self.kept])


class RefusingStore(MemoryStore):
    """A keyring that refuses whatever it is asked."""

    def get(self, key: str) -> str | None:
        """Refuse."""
        raise TokenStorage(f"no {key}")

    def delete(self, key: str) -> bool:
        """Refuse."""
        raise TokenStorage(f"no {key}")


def opener(*given: MemoryStore) -> Any:
    """Make an `open_store` that knows these stores."""
    by_place = {store.place: store for store in given}
    return lambda place, _folder, _on_wait: by_place[place]


def no_store(place: str, _folder: str, _on_wait: object) -> Any:
    """Stand for a store that must not be opened."""
    pytest.fail(f"{place} was opened")


NO_TOKENS = [
    *("dpx_a b", "dpx_a\nX-Evil: 1", "dpx_é", "dpx_\x7f", "dpx_" + "d" * 5000),
    *("ghp_0123456789abcdefghijklmnopqrstuvwxyz", "canary", "Bearer dpx_canary", "dpx_", '{"token": "dpx_canary"}'),
    *("DPX_abc", "dpx_\x1b[m"),
]


@pytest.mark.parametrize("value", NO_TOKENS)
@pytest.mark.parametrize("source", ["env", "file", "stored"])
def test_what_cannot_be_a_token_is_not_sent_or_shown(settings: Any, tmp_path: Path, value: str, source: str) -> None:
    """It may be another service's; the message names where it is."""
    store = MemoryStore()
    if source == "env":
        settings.env = {"DPX_TOKEN": value}
    elif source == "file":
        (tmp_path / "token").write_text(value, encoding="utf-8")
        settings.env = {"DPX_TOKEN_FILE": str(tmp_path / "token")}
    else:
        store.tokens[KEY] = value
        settings.put_login("memory")
    with pytest.raises(NotLoggedIn) as caught:
        credentials.find_token(settings, opener(store))
    assert caught.value.exit_code == 4
    assert value not in (caught.value.message + str(caught.value.hint)) or value == "dpx_"
    assert "https://deploxa.com/settings/tokens" in str(caught.value.hint)
    assert {"env": "DPX_TOKEN", "file": "DPX_TOKEN_FILE", "stored": store.title}[source] in caught.value.message


def test_a_token_file_comes_after_the_variable_and_before_a_stored_token(settings: Any, tmp_path: Path) -> None:
    """White space around either, as files and CI systems leave it, is not part of it. Nothing else is asked."""
    settings.put_login("memory")
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    settings.env = {"DPX_TOKEN": " ", "DPX_TOKEN_FILE": str(tmp_path / "token")}
    token = credentials.find_token(settings, no_store)
    assert (token.value, token.source) == (TOKEN, "file")
    settings.env["DPX_TOKEN"] = f" {OTHER}\r\n"
    token = credentials.find_token(settings, no_store)
    assert (token.value, token.source) == (OTHER, "env")


@pytest.mark.posix
@pytest.mark.parametrize("path", ["none", "folder", "pipe", "empty", "binary", "/dev/zero"])
def test_a_token_file_that_gives_no_token_never_falls_back_to_the_stored_one(
    settings: Any, tmp_path: Path, path: str
) -> None:
    """It is exit 4, without waiting."""
    settings.put_login("memory")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    settings.env = {"DPX_TOKEN_FILE": str(tmp_path / path)}
    with pytest.raises((NotLoggedIn, TokenStorage)) as caught:
        credentials.find_token(settings, no_store)
    assert caught.value.exit_code == 4
    assert "DPX_TOKEN_FILE" in f"{caught.value.message} {caught.value.hint}"


def test_empty_variable_is_said_and_no_stored_token_is_used(settings: Any) -> None:
    """A CI system sets a missing secret to the empty text; the runner's own login is somebody else's."""
    settings.put_login("memory")
    for value in ("", " \n"):
        settings.env = {"DPX_TOKEN": value}
        with pytest.raises(NotLoggedIn, match="DPX_TOKEN is set but empty"):
            credentials.find_token(settings, no_store)


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        ("http://deploxa.com:80", "http://deploxa.com"),
        ("https://deploxa.com:8443", "https://deploxa.com:8443"),
        ("https://deploxa.com.evil.example:443", "https://deploxa.com.evil.example"),
    ],
)
def test_token_is_bound_to_profile_and_origin(settings: Any, origin: str, shown: str) -> None:
    """It is for neither another one; the error says for whom there is one."""
    store = MemoryStore()
    stores.store_token(settings, TOKEN, store)
    assert credentials.find_token(settings, opener(store)).value == TOKEN
    settings.origin = origin
    with pytest.raises(NotLoggedIn) as caught:
        credentials.find_token(settings, no_store)
    assert caught.value.message == (
        f"Not logged in to {shown} as profile default (there is a token for https://deploxa.com)."
    )
    settings.profile = "work"
    with pytest.raises(NotLoggedIn) as caught:
        credentials.find_token(settings, no_store)
    assert caught.value.hint == "Set DPX_TOKEN, or run: dpx auth login --profile work"


def test_no_more_code_is_loaded_than_the_token_needs(settings: Any, modules_of: Any) -> None:
    """With DPX_TOKEN not even the profiles, without any token no store's, with one in the file no keyring's."""
    keyrings = {"keyring", "jeepney", "secretstorage", "threading", "dpx_cli.credentials.keyring_store"}
    ours = {f"dpx_cli.credentials.{name}" for name in ("native", "stores", "file_store")}
    assert not (keyrings | ours) & modules_of()
    loaded = modules_of("DPX_TOKEN")
    assert not (keyrings | ours | {"dpx_cli.config.profiles", "json"}) & loaded
    stores.store_token(settings, TOKEN, stores.open_store("file", settings.config_dir))
    assert not keyrings & modules_of()


def test_token_gone_from_its_place_is_not_logged_in(settings: Any) -> None:
    """Somebody removed it in the keyring's own window."""
    store = MemoryStore()
    stores.store_token(settings, TOKEN, store)
    store.tokens.clear()
    with pytest.raises(NotLoggedIn) as caught:
        credentials.find_token(settings, opener(store))
    assert caught.value.message == "The token of profile default is no longer in the memory."


@pytest.mark.parametrize("kept", [0, 20])
def test_store_that_does_not_give_back_is_left_as_it_was(settings: Any, kept: int) -> None:
    """Nothing is left behind: no login in the profile, no part of the token, and the old token if there was one."""
    store = ManglingStore()
    store.kept = kept
    with pytest.raises(TokenStorage) as caught:
        stores.store_token(settings, TOKEN, store)
    assert caught.value.message == "Can't read back what was stored in the memory."
    assert (store.tokens, settings.logins) == ({}, {})
    stores.store_token(settings, OTHER, store)
    with pytest.raises(TokenStorage):
        stores.store_token(settings, TOKEN, store)
    assert credentials.find_token(settings, opener(store)).value == OTHER


def test_an_old_place_that_refuses_does_not_stop_a_login(settings: Any) -> None:
    """The new token is safe."""
    new, refusing = MemoryStore("new"), RefusingStore("refusing")
    settings.put_login("refusing")
    stores.store_token(settings, OTHER, new, opener(new, refusing))
    assert credentials.find_token(settings, opener(new)).value == OTHER


def test_removing_tokens(settings: Any) -> None:
    """Of one profile, for one origin or all of them; what is gone already does no harm."""
    store = MemoryStore()
    for profile, origin in (("work", "https://a:443"), ("work", "https://b:443"), ("work2", "https://a:443")):
        settings.profile, settings.origin = profile, origin
        stores.store_token(settings, TOKEN, store)
    folder = settings.config_dir
    assert stores.remove_tokens(folder, "work", "https://a:443", opener(store)) == ["the memory"]
    assert stores.remove_tokens(folder, "work", "https://a:443", no_store) == []
    assert list(store.tokens) == ["work@https://b:443", "work2@https://a:443"]
    assert stores.remove_tokens(folder, "work", open_store=opener(store)) == ["the memory"]
    assert stores.remove_tokens(folder, "work", open_store=no_store) == []
    store.tokens.clear()
    assert stores.remove_tokens(folder, "work2", open_store=opener(store)) == []
    assert settings.logins == {}


def test_refused_deletion_is_an_error_and_the_token_still_known(settings: Any) -> None:
    """Better than a token that nobody remembers."""
    settings.put_login("refusing")
    with pytest.raises(TokenStorage):
        stores.remove_tokens(settings.config_dir, "default", open_store=opener(RefusingStore("refusing")))
    assert settings.logins == {settings.origin: "refusing"}


@pytest.mark.posix
def test_folder_that_cannot_be_written_stores_nothing(settings: Any) -> None:
    """The keyring is not touched where nobody would remember that."""
    settings.config_dir = "/proc/dpx"
    store = MemoryStore()
    with pytest.raises(TokenStorage) as caught:
        stores.store_token(settings, TOKEN, store)
    assert store.tokens == {}
    assert "/proc/dpx/config.json.lock" in caught.value.message
    assert "DPX_CONFIG_DIR" in str(caught.value.hint)


@pytest.mark.parametrize("place", ["keyring:null", "cloud"])
def test_unknown_place_is_an_error(settings: Any, place: str) -> None:
    """A newer dpx may have written it."""
    settings.put_login(place)
    with pytest.raises(TokenStorage, match="place unknown to this version"):
        credentials.find_token(settings)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(TOKEN, "dpx_****wxyz"), ("dpx_short", "dpx_****"), ("dpx_" + "x" * 40, "dpx_****xxxx")],
)
def test_token_never_shows_in_full(value: str, shown: str) -> None:
    """Not in `repr`, `str` or a formatted text."""
    token = credentials.Token(value, "env", "DPX_TOKEN")
    assert token.masked == shown
    for text in (repr(token), str(token), f"{token}", repr([token])):
        assert value not in text
        assert shown in text
