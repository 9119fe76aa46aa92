"""Where tokens live: the environment, the operating system's keyring, an opt-in file.

Floor 1. This module is what every command asks: `token_for`. A token in the environment needs nothing else; a stored
one is bound to its profile and its API origin, and the index (`index.py`) says where it is, so that a machine without a
stored token loads no keyring code, and one with a token only that keyring's. `logins.py` stores and forgets tokens;
`stores.py` is the small protocol that the places share; `keyring_store.py`, `file_store.py` and `memory.py` fill it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.errors import NotLoggedIn, TokenStorage, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from dpx_cli.credentials.stores import TokenStore

    class Settings(Protocol):
        """The part of `settings.Settings` that credentials read."""

        @property
        def env(self) -> Mapping[str, str]:
            """The environment."""

        @property
        def profile(self) -> str:
            """The name of the profile in use."""

        @property
        def origin(self) -> str:
            """Scheme, host and port of the API in use."""

        @property
        def config_dir(self) -> str:
            """The folder of the index."""


VARIABLE = "DPX_TOKEN"
PREFIX = "dpx_"
_LONGEST = 4096  # characters; a header line much longer than this no server takes
_SHOW_END_FROM = 24  # characters a token must have before its last four may be shown


class Token:
    """A token and where it came from. Its `repr` and `str` never show it.

    Attributes:
        value: the token itself, printable ASCII without spaces.
        source: "env", "keyring" or "file".
    """

    __slots__ = ("source", "value")

    def __init__(self, value: str, source: str) -> None:
        self.value = value
        self.source = source

    @property
    def masked(self) -> str:
        """What may be shown: the prefix, and the last four characters of a token long enough to spare them."""
        start = PREFIX if self.value.startswith(PREFIX) else ""
        return f"{start}****{self.value[-4:] if len(self.value) >= _SHOW_END_FROM else ''}"

    def __repr__(self) -> str:
        return f"Token({self.masked!r}, source={self.source!r})"


def given(env: Mapping[str, str]) -> str:
    """The token that DPX_TOKEN gives, unchecked and without the white space around it; "" where there is none."""
    return env.get(VARIABLE, "").strip()


def token_for(settings: Settings, open_store: Callable[[str, str], TokenStore] | None = None) -> Token:
    """The token to use for this profile and this API.

    Args:
        settings: profile, origin, environment and folder.
        open_store: makes the store of a place in a folder; `stores.open_store` unless a test says otherwise.

    Raises:
        NotLoggedIn: there is none; nothing but the environment and the index was looked at.
        TokenStorage: there is one, and the keyring or the file does not give it.
        UsageError: DPX_TOKEN cannot be a token.
    """
    if from_env := given(settings.env):
        if not is_sendable(from_env):
            raise UsageError(f"{VARIABLE} is not a token: it has characters that no token has", hint=_WHERE_FROM)
        return Token(from_env, "env")
    from dpx_cli.credentials import index

    entries = index.load(settings.config_dir)
    key = index.key(settings.profile, settings.origin)
    place = entries.get(key)
    if place is None:
        raise _not_logged_in(
            settings, [origin for name, origin in map(index.split, entries) if name == settings.profile]
        )
    if open_store is None:
        from dpx_cli.credentials import stores

        open_store = stores.open_store
    store = open_store(place, settings.config_dir)
    stored = store.get(key)
    if stored is None:
        raise NotLoggedIn(
            f"the token of profile {settings.profile} is no longer in {store.title}", hint=_login(settings.profile)
        )
    if not is_sendable(stored):
        raise TokenStorage(f"what is stored in {store.title} is not a token", hint=_login(settings.profile))
    return Token(stored, store.source)


def is_sendable(text: str) -> bool:
    """Whether a text can stand in a header as it is: printable ASCII without spaces, of a length a server takes."""
    return 0 < len(text) <= _LONGEST and text.isascii() and text.isprintable() and " " not in text


def check_token(text: str) -> str:
    """A token that someone gave, without the white space around it.

    Raises:
        UsageError: it cannot be a token; the message does not show it.
    """
    token = text.strip()
    if not token:
        raise UsageError("the token is empty", hint=_WHERE_FROM)
    if not is_sendable(token):
        raise UsageError("the token has characters that no token has", hint=f"copy it again; {_WHERE_FROM}")
    if not token.startswith(PREFIX) or token == PREFIX:
        raise UsageError(f"a token starts with {PREFIX}, this one does not", hint=_WHERE_FROM)
    return token


_WHERE_FROM = "tokens are made on the page /settings/tokens of Deploxa"


def _login(profile: str) -> str:
    """The command that logs this profile in."""
    return "dpx auth login" if profile == "default" else f"dpx auth login --profile {profile}"


def renewal(token: Token, profile: str) -> str:
    """The hint for a token that was not accepted: how to put another in its place."""
    ways = {"env": f"set {VARIABLE} to it", "file": f"{_login(profile)} --insecure-storage"}
    return f"make a new token on the page /settings/tokens of Deploxa, then: {ways.get(token.source, _login(profile))}"


def _plain(origin: str) -> str:
    """An origin as people write it, without the port that goes without saying."""
    return origin.removesuffix(":443") if origin.startswith("https:") else origin.removesuffix(":80")


def _not_logged_in(settings: Settings, others: list[str]) -> NotLoggedIn:
    """Make the error; a token for another origin is worth a word, since the API URL may be what is wrong."""
    message = f"not logged in to {_plain(settings.origin)} as profile {settings.profile}"
    if others:
        message += f" (there is a token for {', '.join(map(_plain, others))})"
    return NotLoggedIn(message, hint=f"{_login(settings.profile)}, or set {VARIABLE}")
