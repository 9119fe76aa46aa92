"""Which token is used, what is loaded to find it, and that no token shows."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from memory_store import MemoryStore

from dpx_cli import credentials
from dpx_cli.credentials import logins, stores
from dpx_cli.errors import Failed, NotLoggedIn, TokenStorage

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
    return lambda place, _folder, _on_wait: by_place[place]


def no_store(place: str, _folder: str, _on_wait: object) -> Any:
    """Stand for a store that must not be opened."""
    pytest.fail(f"{place} was opened")


def loaded_by(code: str, *arguments: object) -> set[str]:
    """Give the modules that a fresh interpreter has after running `code`."""
    command = [sys.executable, "-c", code + "\nimport sys; print(*sys.modules)", *map(str, arguments)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_environment_goes_first_and_nothing_else_is_asked(settings: Any) -> None:
    """White space around it, as files and CI systems leave it, is not part of it."""
    settings.put_login("memory")
    settings.env = {"DPX_TOKEN": f" {TOKEN}\r\n"}
    found = credentials.find_token(settings, no_store)
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
        (tmp_path / "token").write_text(value, encoding="utf-8")
        settings.env = {"DPX_TOKEN_FILE": str(tmp_path / "token")}
    else:
        store.tokens[KEY] = value
        settings.put_login("memory")
    with pytest.raises(NotLoggedIn) as caught:
        credentials.find_token(settings, opener(store))
    assert caught.value.exit_code == 4
    assert value not in (caught.value.message + str(caught.value.hint)) or value == "dpx_"
    assert {"env": "DPX_TOKEN", "file": "DPX_TOKEN_FILE", "stored": store.title}[source] in caught.value.message


def test_a_token_file_comes_after_the_variable_and_before_a_stored_token(settings: Any, tmp_path: Path) -> None:
    """A mounted secret usually ends with a newline."""
    settings.put_login("memory")
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    settings.env = {"DPX_TOKEN": " ", "DPX_TOKEN_FILE": str(tmp_path / "token")}
    found = credentials.find_token(settings, no_store)
    assert (found.value, found.source) == (TOKEN, "file")
    settings.env["DPX_TOKEN"] = OTHER
    found = credentials.find_token(settings, no_store)
    assert (found.value, found.source) == (OTHER, "env")


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "empty", "binary", "endless"])
def test_a_token_file_that_gives_no_token_never_falls_back_to_the_stored_one(
    settings: Any, tmp_path: Path, kind: str
) -> None:
    """It is exit 4, at once."""
    settings.put_login("memory")
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
        credentials.find_token(settings, no_store)
    assert caught.value.exit_code == 4
    assert "DPX_TOKEN_FILE" in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_empty_variable_is_said_and_no_stored_token_is_used(settings: Any, value: str) -> None:
    """A CI system sets a missing secret to the empty text; the runner's own login is somebody else's."""
    settings.put_login("memory")
    settings.env = {"DPX_TOKEN": value}
    with pytest.raises(NotLoggedIn) as caught:
        credentials.find_token(settings, no_store)
    assert caught.value.message == "DPX_TOKEN is set but empty."
    assert caught.value.hint == "Set it to a token, or unset it."


@pytest.mark.parametrize("folder", ["/nowhere/at/all", "/dev/null/below"])
def test_no_place_for_files_is_not_logged_in(settings: Any, folder: str) -> None:
    """Nothing is written to find that out."""
    settings.config_dir = folder
    with pytest.raises(NotLoggedIn):
        credentials.find_token(settings, no_store)


def test_token_is_bound_to_profile_and_origin(settings: Any) -> None:
    """It is for neither another one; the error says for whom there is one."""
    store = MemoryStore()
    logins.store(settings, TOKEN, store)
    assert credentials.find_token(settings, opener(store)).value == TOKEN
    settings.profile = "work"
    with pytest.raises(NotLoggedIn) as caught:
        credentials.find_token(settings, no_store)
    assert caught.value.hint == "Set DPX_TOKEN, or run: dpx auth login --profile work"
    settings.profile = "default"
    for origin, shown in (
        ("http://deploxa.com:80", "http://deploxa.com"),
        ("https://deploxa.com:8443", "https://deploxa.com:8443"),
        ("https://deploxa.com.evil.example:443", "https://deploxa.com.evil.example"),
    ):
        settings.origin = origin
        with pytest.raises(NotLoggedIn) as caught:
            credentials.find_token(settings, no_store)
        assert caught.value.message == (
            f"Not logged in to {shown} as profile default (there is a token for https://deploxa.com)."
        )


def test_without_a_stored_token_no_store_s_code_is_loaded(tmp_path: Path) -> None:
    """Neither with DPX_TOKEN nor without any token; with it not even the profiles."""
    code = """
import sys
from dpx_cli import credentials
from dpx_cli.config.settings import Settings
settings = Settings({"DPX_CONFIG_DIR": sys.argv[1], **dict.fromkeys(sys.argv[2:], "dpx_0123456789")})
try:
    credentials.find_token(settings)
except credentials.NotLoggedIn:
    pass
"""
    stores_code = {"keyring", "jeepney", "secretstorage", "threading"}
    ours = {f"dpx_cli.credentials.{name}" for name in ("keyring_store", "native", "stores", "logins")}
    assert not (stores_code | ours) & loaded_by(code, tmp_path)
    assert not (stores_code | ours | {"dpx_cli.config.profiles", "json"}) & loaded_by(code, tmp_path, "DPX_TOKEN")


def test_reading_a_token_file_loads_no_keyring_code(settings: Any) -> None:
    """The profile says where the token is."""
    logins.store(settings, TOKEN, stores.open_store("file", settings.config_dir))
    code = """
import sys
from dpx_cli import credentials
from dpx_cli.config.settings import Settings
settings = Settings({"DPX_CONFIG_DIR": sys.argv[1]})
assert credentials.find_token(settings).source == "file"
"""
    loaded = loaded_by(code, settings.config_dir)
    assert not {"keyring", "jeepney", "dpx_cli.credentials.keyring_store"} & loaded


def test_token_gone_from_its_place_is_not_logged_in(settings: Any) -> None:
    """Somebody removed it in the keyring's own window."""
    store = MemoryStore()
    logins.store(settings, TOKEN, store)
    store.tokens.clear()
    with pytest.raises(NotLoggedIn) as caught:
        credentials.find_token(settings, opener(store))
    assert caught.value.message == "The token of profile default is no longer in the memory."


@pytest.mark.parametrize("make", [ForgetfulStore, ManglingStore])
def test_store_that_does_not_give_back_is_left_as_it_was(settings: Any, make: type[MemoryStore]) -> None:
    """Nothing is left behind: no login in the profile, no part of the token."""
    store = make()
    with pytest.raises(TokenStorage) as caught:
        logins.store(settings, TOKEN, store)
    assert caught.value.message == "Can't read back what was stored in the memory."
    assert store.tokens == {}
    assert settings.logins == {}


def test_failed_login_keeps_the_old_token(settings: Any) -> None:
    """The one that worked still does."""
    store = ManglingStore()
    logins.store(settings, OTHER, store)
    with pytest.raises(TokenStorage):
        logins.store(settings, TOKEN, store)
    assert credentials.find_token(settings, opener(store)).value == OTHER


def test_login_elsewhere_takes_the_old_token_away(settings: Any) -> None:
    """From the keyring to the file, say; an old place that refuses does not stop it."""
    old, new, refusing = MemoryStore("old"), MemoryStore("new"), RefusingStore("refusing")
    everywhere = opener(old, new, refusing)
    logins.store(settings, OTHER, old)
    logins.store(settings, TOKEN, new, everywhere)
    assert (old.tokens, new.tokens) == ({}, {KEY: TOKEN})
    settings.put_login("refusing")
    logins.store(settings, OTHER, new, everywhere)
    assert credentials.find_token(settings, everywhere).value == OTHER


def test_forgetting_is_for_one_profile_and_origin(settings: Any) -> None:
    """Twice does no harm."""
    store = MemoryStore()
    logins.store(settings, TOKEN, store)
    settings.origin = "https://two:443"
    logins.store(settings, OTHER, store)
    assert logins.remove(settings, opener(store)) == "the memory"
    assert logins.remove(settings, no_store) is None
    assert store.tokens == {KEY: TOKEN}
    assert list(settings.logins) == ["https://deploxa.com:443"]


def test_forgetting_what_is_gone_already(settings: Any) -> None:
    """The profile's login goes too."""
    store = MemoryStore()
    logins.store(settings, TOKEN, store)
    store.tokens.clear()
    assert logins.remove(settings, opener(store)) is None
    assert settings.logins == {}


def test_refused_deletion_is_an_error_and_the_token_still_known(settings: Any) -> None:
    """Better than a token that nobody remembers."""
    settings.put_login("refusing")
    with pytest.raises(TokenStorage):
        logins.remove(settings, opener(RefusingStore("refusing")))
    assert settings.logins == {settings.origin: "refusing"}


def test_forgetting_a_profile_takes_its_tokens_for_all_origins(settings: Any) -> None:
    """And no other profile's, whatever its name begins with."""
    store = MemoryStore()
    for profile, origin in (("work", "https://a:443"), ("work", "https://b:443"), ("work2", "https://a:443")):
        settings.profile, settings.origin = profile, origin
        logins.store(settings, TOKEN, store)
    assert logins.remove_all(settings.config_dir, "work", opener(store)) == 2
    assert logins.remove_all(settings.config_dir, "work", no_store) == 0
    assert list(store.tokens) == ["work2@https://a:443"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "[" * 100_000, "\xff", '{"profiles": []}', '{"profiles": {"default": 1}}'),
        *('{"profiles": {"default": {"logins": []}}}', '{"profiles": {"default": {"logins": {"a": 1}}}}'),
    ],
)
def test_damaged_profiles_are_named_and_never_overwritten(settings: Any, tmp_path: Path, text: str) -> None:
    """Not by a login either."""
    settings.config_dir = str(tmp_path)
    path = tmp_path / "config.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Failed) as caught:
        credentials.find_token(settings, no_store)
    assert caught.value.message.startswith(f"Can't understand the profiles in {path}: ")
    with pytest.raises(Failed):
        logins.store(settings, TOKEN, MemoryStore())
    with pytest.raises(Failed):
        logins.remove(settings)
    assert path.read_bytes() == text.encode("latin-1")


def test_folder_that_cannot_be_written_stores_nothing(settings: Any) -> None:
    """The keyring is not touched where nobody would remember that."""
    settings.config_dir = "/proc/dpx"
    store = MemoryStore()
    with pytest.raises(TokenStorage) as caught:
        logins.store(settings, TOKEN, store)
    assert store.tokens == {}
    assert "/proc/dpx/config.json.lock" in caught.value.message
    assert "DPX_CONFIG_DIR" in str(caught.value.hint)


@pytest.mark.parametrize("place", ["keyring:null", "keyring:", "cloud", "", "keyring:../x"])
def test_unknown_place_is_an_error(settings: Any, place: str) -> None:
    """A newer dpx may have written it."""
    settings.put_login(place)
    with pytest.raises(TokenStorage, match="place that this version of dpx doesn't know"):
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


def test_given_token_is_stripped(settings: Any) -> None:
    """Of what copying and files add."""
    assert credentials.check_token(f"\t {TOKEN} \r\n", "The file", settings) == TOKEN


@pytest.mark.parametrize(
    "text", ["", " \n", "dpx_", "ghp_abc", "DPX_abc", "dpx_a b", "dpx_a\nb", "dpx_ä", "dpx_\x1b[m"]
)
def test_given_text_that_is_no_token_is_refused_unseen(settings: Any, text: str) -> None:
    """The error says what a token looks like."""
    with pytest.raises(NotLoggedIn) as caught:
        credentials.check_token(text, "The file", settings)
    said = f"{caught.value.message} {caught.value.hint}"
    assert not text.strip() or text == "dpx_" or text not in said
    assert "https://deploxa.com/settings/tokens" in said
