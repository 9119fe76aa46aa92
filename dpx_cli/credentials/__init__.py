"""Find the token: in the environment, the operating system's keyring, or a file that the user asked for.

A token in the environment needs nothing else. A stored one is bound to its profile and its API origin, and the index
(`index.py`) says where it is, so that a machine without a stored token loads no keyring code. `logins.py` stores and
forgets tokens; `stores.py` opens the places (`keyring_store.py`, `file_store.py`), which share `interface.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.errors import NotLoggedIn, TokenStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from dpx_cli.credentials.interface import TokenStore

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
FILE_VARIABLE = "DPX_TOKEN_FILE"
PREFIX = "dpx_"
MAX_TOKEN = 4096  # characters; servers take header lines little longer than this
MAX_FILE = 64 * 1024  # bytes of a file that should hold one token
_SHOW_END_FROM = 24  # characters that a token must have before its last four are shown
_WHERE_FROM = "Tokens are created on the page /settings/tokens of Deploxa."


class Token:
    """A token and where it came from. Its `repr` and `str` never show it.

    Attributes:
        value: the token itself: "dpx_" and printable ASCII without spaces.
        source: "env", "keyring" or "file".
        variable: the variable that names it or its file; None for a stored one.
    """

    __slots__ = ("source", "value", "variable")

    def __init__(self, value: str, source: str, variable: str | None = None) -> None:
        self.value = value
        self.source = source
        self.variable = variable

    @property
    def masked(self) -> str:
        """What may be shown: the prefix, and the last four characters of a long token."""
        return f"{PREFIX}****{self.value[-4:] if len(self.value) >= _SHOW_END_FROM else ''}"

    def __repr__(self) -> str:
        return f"Token({self.masked!r}, source={self.source!r})"


def given(env: Mapping[str, str]) -> str:
    """Return the variable that has the token, DPX_TOKEN or DPX_TOKEN_FILE; "" if none does."""
    return VARIABLE if env.get(VARIABLE, "").strip() else FILE_VARIABLE if env.get(FILE_VARIABLE) else ""


def token_for(settings: Settings, open_store: Callable[[str, str], TokenStore] | None = None) -> Token:
    """Return the token to use for this profile and this API.

    Args:
        settings: profile, origin, environment and folder.
        open_store: opens a place by its name, in a folder. [default: `stores.open_store`]

    Raises:
        NotLoggedIn: there is none, or what is there is not a token.
        TokenStorage: there is one, and the keyring or the file does not give it.
    """
    variable = given(settings.env)
    if variable == VARIABLE:
        return Token(check_token(settings.env[VARIABLE], VARIABLE), "env", VARIABLE)
    if variable:
        path = settings.env[FILE_VARIABLE]
        return Token(check_token(_read(path), f"the file in {FILE_VARIABLE}"), "file", FILE_VARIABLE)
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
            f"The token of profile {settings.profile} is no longer in {store.title}.",
            hint=f"Run: {_login(settings.profile)}",
        )
    return Token(check_token(stored, store.title, hint=f"Run: {_login(settings.profile)}"), store.source)


def _read(path: str) -> str:
    """Return the text of the file that DPX_TOKEN_FILE names. Raise TokenStorage if it can't be read."""
    from dpx_cli.errors import Failed
    from dpx_cli.system import files

    hint = f"Check {FILE_VARIABLE}, or unset it."
    try:
        data = files.read_bytes(path, "the token", MAX_FILE)
    except Failed as problem:
        raise TokenStorage(problem.message, hint=hint) from None
    if data is None:
        raise TokenStorage(f"{FILE_VARIABLE} names a file that doesn't exist: {path}", hint=hint)
    return data.decode("utf-8-sig", "replace")


def check_token(text: str, source: str, *, hint: str = _WHERE_FROM) -> str:
    """Return a token without the white space around it.

    Args:
        text: what was given.
        source: where it came from, for the message.
        hint: how to get a token.

    Raises:
        NotLoggedIn: it is not a token: it may be another service's. The message does not show it.
    """
    token = text.strip()
    if not token.startswith(PREFIX) or token == PREFIX:
        raise NotLoggedIn(f"What is in {source} is not a Deploxa token: a token begins with {PREFIX}.", hint=hint)
    if len(token) > MAX_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise NotLoggedIn(f"What is in {source} is not a token: it contains invalid characters.", hint=hint)
    return token


def _login(profile: str) -> str:
    """Return the command that logs a profile in."""
    return "dpx auth login" if profile == "default" else f"dpx auth login --profile {profile}"


def renewal(token: Token, profile: str) -> str:
    """Return the hint for a token that was refused: how to replace it."""
    if token.variable == VARIABLE:
        return f"Create a token on the page /settings/tokens of Deploxa, and set {VARIABLE} to it."
    if token.variable:
        return f"Create a token on the page /settings/tokens of Deploxa, and write it to the file in {FILE_VARIABLE}."
    flag = " --insecure-storage" if token.source == "file" else ""
    return f"Create a token on the page /settings/tokens of Deploxa. Then run: {_login(profile)}{flag}"


def _plain(origin: str) -> str:
    """Return an origin without its default port."""
    return origin.removesuffix(":443") if origin.startswith("https:") else origin.removesuffix(":80")


def _not_logged_in(settings: Settings, others: list[str]) -> NotLoggedIn:
    """Return the error. It names other origins that there is a token for, since the API URL may be wrong."""
    message = f"Not logged in to {_plain(settings.origin)} as profile {settings.profile}."
    if others:
        message = f"{message[:-1]} (there is a token for {', '.join(map(_plain, others))})."
    return NotLoggedIn(message, hint=f"Set {VARIABLE}, or run: {_login(settings.profile)}")
