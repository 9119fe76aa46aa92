"""Which token is used, what is loaded to find it, and that no token shows."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from memory_store import MemoryStore

from dpx_cli import credentials
from dpx_cli.credentials import index, logins, stores
from dpx_cli.errors import NotLoggedIn, TokenStorage

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"
OTHER = "dpx_other56789abcdefghijklmnopqrstuvwxyz"
KEY = "default@https://deploxa.com:443"


class ForgetfulStore(MemoryStore):
    """A keyring that takes everything and keeps nothing, as a null backend does."""

    def set(self, key: str, token: str) -> None:
        """Say yes."""


class ManglingStore(MemoryStore):
    """A keyring that cuts what it is given."""

    def set(self, key: str, token: str) -> None:
        """Keep half of it."""
        super().set(key, token if token == OTHER else token[:20])


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
    return lambda place, _folder: by_place[place]


def no_store(place: str, _folder: str) -> Any:
    """Stand for a store that must not be opened."""
    pytest.fail(f"{place} was opened")


def loaded_by(code: str, *arguments: object) -> set[str]:
    """Give the modules that a fresh interpreter has after running `code`."""
    command = [sys.executable, "-c", code + "\nimport sys; print(*sys.modules)", *map(str, arguments)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_environment_goes_first_and_nothing_else_is_asked(settings: Any) -> None:
    """White space around it, as files and CI systems leave it, is not part of it."""
    index.save(settings.config_dir, {KEY: "memory"})
    settings.env = {"DPX_TOKEN": f" {TOKEN}\r\n"}
    found = credentials.token_for(settings, no_store)
    assert (found.value, found.source) == (TOKEN, "env")


NO_TOKENS = [
    *("dpx_a b", "dpx_a\nX-Evil: 1", "dpx_é", "dpx_\x7f", "dpx_" + "d" * 5000),
    *("ghp_0123456789abcdefghijklmnopqrstuvwxyz", "canary", "Bearer dpx_canary", "dpx_", '{"token": "dpx_canary"}'),
]


@pytest.mark.parametrize("value", NO_TOKENS)
@pytest.mark.parametrize("source", ["env", "file", "stored"])
def test_what_cannot_be_a_token_is_not_sent_or_shown(settings: Any, tmp_path: Path, value: str, source: str) -> None:
    """It may be another service's; the message names where it is."""
    store = MemoryStore()
    if source == "env":
        settings.env = {"DPX_TOKEN": value}
    elif source == "file":
        (tmp_path / "token").write_text(value)
        settings.env = {"DPX_TOKEN_FILE": str(tmp_path / "token")}
    else:
        store.tokens[KEY] = value
        index.save(settings.config_dir, {KEY: "memory"})
    with pytest.raises(NotLoggedIn) as caught:
        credentials.token_for(settings, opener(store))
    assert caught.value.exit_code == 4
    assert value not in (caught.value.message + str(caught.value.hint)) or value == "dpx_"
    assert {"env": "DPX_TOKEN", "file": "DPX_TOKEN_FILE", "stored": store.title}[source] in caught.value.message


def test_a_token_file_comes_after_the_variable_and_before_a_stored_token(settings: Any, tmp_path: Path) -> None:
    """A mounted secret usually ends with a newline."""
    index.save(settings.config_dir, {KEY: "memory"})
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings.env = {"DPX_TOKEN": " ", "DPX_TOKEN_FILE": str(tmp_path / "token")}
    found = credentials.token_for(settings, no_store)
    assert (found.value, found.source) == (TOKEN, "file")
    settings.env["DPX_TOKEN"] = OTHER
    found = credentials.token_for(settings, no_store)
    assert (found.value, found.source) == (OTHER, "env")


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "empty", "binary", "endless"])
def test_a_token_file_that_gives_no_token_never_falls_back_to_the_stored_one(
    settings: Any, tmp_path: Path, kind: str
) -> None:
    """It is exit 4, at once."""
    index.save(settings.config_dir, {KEY: "memory"})
    path = tmp_path / "token"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind in ("empty", "binary"):
        path.write_bytes(b"" if kind == "empty" else bytes(range(256)))
    settings.env = {"DPX_TOKEN_FILE": str(path)}
    with pytest.raises((NotLoggedIn, TokenStorage)) as caught:
        credentials.token_for(settings, no_store)
    assert caught.value.exit_code == 4
    assert "DPX_TOKEN_FILE" in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_empty_environment_counts_as_none(settings: Any, value: str) -> None:
    """A CI system sets a missing secret to the empty text."""
    settings.env = {"DPX_TOKEN": value}
    with pytest.raises(NotLoggedIn) as caught:
        credentials.token_for(settings, no_store)
    assert caught.value.message == "Not logged in to https://deploxa.com as profile default."
    assert caught.value.hint == "Set DPX_TOKEN, or run: dpx auth login"


@pytest.mark.parametrize("folder", ["/nowhere/at/all", "/dev/null/below"])
def test_no_place_for_files_is_not_logged_in(settings: Any, folder: str) -> None:
    """Nothing is written to find that out."""
    settings.config_dir = folder
    with pytest.raises(NotLoggedIn):
        credentials.token_for(settings, no_store)


def test_token_is_bound_to_profile_and_origin(settings: Any) -> None:
    """It is for neither another one; the error says for whom there is one."""
    store = MemoryStore()
    logins.store(settings, TOKEN, store)
    assert credentials.token_for(settings, opener(store)).value == TOKEN
    settings.profile = "work"
    with pytest.raises(NotLoggedIn) as caught:
        credentials.token_for(settings, no_store)
    assert caught.value.hint == "Set DPX_TOKEN, or run: dpx auth login --profile work"
    settings.profile = "default"
    for origin, shown in (
        ("http://deploxa.com:80", "http://deploxa.com"),
        ("https://deploxa.com:8443", "https://deploxa.com:8443"),
        ("https://deploxa.com.evil.example:443", "https://deploxa.com.evil.example"),
    ):
        settings.origin = origin
        with pytest.raises(NotLoggedIn) as caught:
            credentials.token_for(settings, no_store)
        assert caught.value.message == (
            f"Not logged in to {shown} as profile default (there is a token for https://deploxa.com)."
        )


def test_without_a_stored_token_no_store_s_code_is_loaded(tmp_path: Path) -> None:
    """Neither with DPX_TOKEN nor without any token; with it not even the index."""
    code = """
import sys
from dpx_cli import credentials
class Settings:
    env = {"DPX_TOKEN": sys.argv[2]}; profile = "default"; origin = "https://a:443"; config_dir = sys.argv[1]
try:
    credentials.token_for(Settings)
except credentials.NotLoggedIn:
    pass
"""
    stores_code = {"keyring", "jeepney", "secretstorage", "threading"}
    ours = {f"dpx_cli.credentials.{name}" for name in ("keyring_store", "secret_service", "stores", "logins")}
    assert not (stores_code | ours) & loaded_by(code, tmp_path, "")
    assert not (stores_code | ours | {"dpx_cli.credentials.index", "json"}) & loaded_by(code, tmp_path, TOKEN)


def test_reading_a_token_file_loads_no_keyring_code(settings: Any) -> None:
    """The index says where the token is."""
    logins.store(settings, TOKEN, stores.open_store("file", settings.config_dir))
    code = """
import sys
from dpx_cli import credentials
class Settings:
    env = {}; profile = "default"; origin = "https://deploxa.com:443"; config_dir = sys.argv[1]
assert credentials.token_for(Settings).source == "file"
"""
    loaded = loaded_by(code, settings.config_dir)
    assert not {"keyring", "jeepney", "dpx_cli.credentials.keyring_store"} & loaded


def test_token_gone_from_its_place_is_not_logged_in(settings: Any) -> None:
    """Somebody removed it in the keyring's own window."""
    store = MemoryStore()
    logins.store(settings, TOKEN, store)
    store.tokens.clear()
    with pytest.raises(NotLoggedIn) as caught:
        credentials.token_for(settings, opener(store))
    assert caught.value.message == "The token of profile default is no longer in the memory."


@pytest.mark.parametrize("make", [ForgetfulStore, ManglingStore])
def test_store_that_does_not_give_back_is_left_as_it_was(settings: Any, make: type[MemoryStore]) -> None:
    """Nothing is left behind: no line in the index, no part of the token."""
    store = make()
    with pytest.raises(TokenStorage) as caught:
        logins.store(settings, TOKEN, store)
    assert caught.value.message == "Can't read back what was stored in the memory."
    assert store.tokens == {}
    assert index.load(settings.config_dir) == {}


def test_failed_login_keeps_the_old_token(settings: Any) -> None:
    """The one that worked still does."""
    store = ManglingStore()
    logins.store(settings, OTHER, store)
    with pytest.raises(TokenStorage):
        logins.store(settings, TOKEN, store)
    assert credentials.token_for(settings, opener(store)).value == OTHER


def test_login_elsewhere_takes_the_old_token_away(settings: Any) -> None:
    """From the keyring to the file, say; an old place that refuses does not stop it."""
    old, new, refusing = MemoryStore("old"), MemoryStore("new"), RefusingStore("refusing")
    everywhere = opener(old, new, refusing)
    logins.store(settings, OTHER, old)
    logins.store(settings, TOKEN, new, everywhere)
    assert (old.tokens, new.tokens) == ({}, {KEY: TOKEN})
    index.save(settings.config_dir, {KEY: "refusing"})
    logins.store(settings, OTHER, new, everywhere)
    assert credentials.token_for(settings, everywhere).value == OTHER


def test_forgetting_is_for_one_profile_and_origin(settings: Any) -> None:
    """Twice does no harm."""
    store = MemoryStore()
    logins.store(settings, TOKEN, store)
    settings.origin = "https://two:443"
    logins.store(settings, OTHER, store)
    assert logins.forget(settings, opener(store)) == "the memory"
    assert logins.forget(settings, no_store) is None
    assert store.tokens == {KEY: TOKEN}
    assert logins.origins(settings.config_dir) == {"default": ["https://deploxa.com:443"]}


def test_forgetting_what_is_gone_already(settings: Any) -> None:
    """The line in the index goes too."""
    store = MemoryStore()
    logins.store(settings, TOKEN, store)
    store.tokens.clear()
    assert logins.forget(settings, opener(store)) is None
    assert index.load(settings.config_dir) == {}


def test_refused_deletion_is_an_error_and_the_token_still_known(settings: Any) -> None:
    """Better than a token that nobody remembers."""
    index.save(settings.config_dir, {KEY: "refusing"})
    with pytest.raises(TokenStorage):
        logins.forget(settings, opener(RefusingStore("refusing")))
    assert index.load(settings.config_dir) == {KEY: "refusing"}


def test_forgetting_a_profile_takes_its_tokens_for_all_origins(settings: Any) -> None:
    """And no other profile's, whatever its name begins with."""
    store = MemoryStore()
    for profile, origin in (("work", "https://a:443"), ("work", "https://b:443"), ("work2", "https://a:443")):
        settings.profile, settings.origin = profile, origin
        logins.store(settings, TOKEN, store)
    assert logins.forget_profile(settings.config_dir, "work", opener(store)) == 2
    assert logins.forget_profile(settings.config_dir, "work", no_store) == 0
    assert list(store.tokens) == ["work2@https://a:443"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"tokens": []}', '{"tokens": {"a": 1}}', "[" * 100_000, "\xff"])
def test_damaged_index_is_named_and_never_overwritten(settings: Any, tmp_path: Path, text: str) -> None:
    """Not by a login either."""
    settings.config_dir = str(tmp_path)
    path = tmp_path / "credentials.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(TokenStorage) as caught:
        credentials.token_for(settings, no_store)
    assert caught.value.message.startswith(f"Can't understand the list of stored tokens in {path}: ")
    with pytest.raises(TokenStorage):
        logins.store(settings, TOKEN, MemoryStore())
    with pytest.raises(TokenStorage):
        logins.forget(settings)
    assert path.read_bytes() == text.encode("latin-1")


def test_folder_that_cannot_be_written_stores_nothing(settings: Any) -> None:
    """The keyring is not touched where nobody would remember that."""
    settings.config_dir = "/proc/dpx"
    store = MemoryStore()
    with pytest.raises(TokenStorage) as caught:
        logins.store(settings, TOKEN, store)
    assert store.tokens == {}
    assert "/proc/dpx/credentials.json.lock" in caught.value.message
    assert "DPX_CONFIG_DIR" in str(caught.value.hint)


@pytest.mark.parametrize("place", ["keyring:null", "keyring:", "cloud", "", "keyring:../x"])
def test_unknown_place_is_an_error(settings: Any, place: str) -> None:
    """A newer dpx may have written it."""
    index.save(settings.config_dir, {KEY: place})
    with pytest.raises(TokenStorage, match="place that this version of dpx doesn't know"):
        credentials.token_for(settings)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(TOKEN, "dpx_****wxyz"), ("dpx_short", "dpx_****"), ("dpx_" + "x" * 40, "dpx_****xxxx")],
)
def test_token_never_shows_in_full(value: str, shown: str) -> None:
    """Not in `repr`, `str` or a formatted text."""
    token = credentials.Token(value, "env")
    assert token.masked == shown
    for text in (repr(token), str(token), f"{token}", repr([token])):
        assert value not in text
        assert shown in text


def test_given_token_is_stripped() -> None:
    """Of what copying and files add."""
    assert credentials.check_token(f"\t {TOKEN} \r\n", "the file") == TOKEN


@pytest.mark.parametrize(
    "text", ["", " \n", "dpx_", "ghp_abc", "DPX_abc", "dpx_a b", "dpx_a\nb", "dpx_ä", "dpx_\x1b[m"]
)
def test_given_text_that_is_no_token_is_refused_unseen(text: str) -> None:
    """The error says what a token looks like."""
    with pytest.raises(NotLoggedIn) as caught:
        credentials.check_token(text, "the file")
    said = f"{caught.value.message} {caught.value.hint}"
    assert not text.strip() or text == "dpx_" or text not in said
    assert "/settings/tokens" in said
