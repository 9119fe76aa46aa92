"""Find the token: in the environment, the operating system's keyring, or a file that the user asked for.

A stored token is bound to its profile and its API origin. The profile says where it is, so that a machine without a
stored token loads no keyring code.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from dpx_cli.errors import Failed, NotLoggedIn, TokenStorage, UsageError
from dpx_cli.system import shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dpx_cli.config.settings import Settings
    from dpx_cli.credentials.stores import OpenStore

VARIABLE = "DPX_TOKEN"
FILE_VARIABLE = "DPX_TOKEN_FILE"
PREFIX = "dpx_"
MAX_TOKEN = 4096  # characters; servers accept header lines little longer than this
MAX_FILE = 64 * 1024  # bytes of a file that should hold one token
SHOW_END_FROM = 24  # characters that a token must have before its last four are shown


class Token:
    """A token and where it came from. Its `repr` and `str` never show it."""

    def __init__(self, value: str, source: str, location: str, variable: str | None = None) -> None:
        self.value = value
        self.source = source
        self.location = location
        self.variable = variable

    @property
    def masked(self) -> str:
        """What may be shown: the prefix, and the last four characters of a long token."""
        return f"{PREFIX}****{self.value[-4:] if len(self.value) >= SHOW_END_FROM else ''}"

    def __repr__(self) -> str:
        return f"Token({self.masked!r}, source={self.source!r})"


def token_variable(env: Mapping[str, str]) -> str:
    """Return the variable that is to provide the token: DPX_TOKEN, DPX_TOKEN_FILE, or "" if none does."""
    if env.get(VARIABLE, "").strip():
        return VARIABLE
    return FILE_VARIABLE if env.get(FILE_VARIABLE) else VARIABLE if VARIABLE in env else ""


def find_token(
    settings: Settings, open_store: OpenStore | None = None, on_wait: Callable[[str], None] | None = None
) -> Token:
    """Return the token to use for this profile and this API.

    `on_wait` tells a person, who may be asked for a password, that dpx waits for the keyring.
    """
    variable = token_variable(settings.env)
    if variable == VARIABLE:
        if not settings.env[VARIABLE].strip():
            raise NotLoggedIn(f"{VARIABLE} is set but empty.", hint="Set it to a token, or unset it.")
        return Token(check_token(settings.env[VARIABLE], VARIABLE, settings), "env", VARIABLE, VARIABLE)
    if variable:
        path = settings.env[FILE_VARIABLE]
        return Token(check_token(_read(path), f"The file in {FILE_VARIABLE}", settings), "file", path, FILE_VARIABLE)
    profile, origin = settings.profile, settings.origin
    logins = settings.profiles.logins(profile)
    place = logins.get(origin)
    if place is None:
        others = f" (there is a token for {', '.join(map(show_origin, logins))})" if logins else ""
        raise NotLoggedIn(
            f"Not logged in to {show_origin(origin)} as profile {profile}{others}.",
            hint=f"Set {VARIABLE}, or run: {_login(profile)}",
        )
    from dpx_cli.credentials import stores

    store = (open_store or stores.open_store)(place, settings.config_dir, on_wait)
    stored = store.get(f"{profile}@{origin}")
    if stored is None:
        raise NotLoggedIn(
            f"The token of profile {profile} is no longer in {store.title}.", hint=f"Run: {_login(profile)}"
        )
    return Token(check_token(stored, f"The entry in {store.title}", settings), store.source, store.location)


def readable_tokens(settings: Settings) -> list[str]:
    """Return the tokens that can be read without a keyring, which may ask for a password; of every profile."""
    from dpx_cli.credentials.file_store import FileStore

    tokens = [settings.env.get(VARIABLE, "")]
    with contextlib.suppress(TokenStorage):
        tokens.append(_read(settings.env.get(FILE_VARIABLE) or os.devnull))
    with contextlib.suppress(TokenStorage, UsageError):  # a user without a home has no stored file
        tokens += FileStore(settings.config_dir).load().values()
    return [token.strip() for token in tokens if token.strip()]


@contextlib.contextmanager
def storing(hint: str | None = None) -> Iterator[None]:
    """Raise TokenStorage for a file that can't be read or written."""
    try:
        yield
    except Failed as problem:
        raise TokenStorage(problem.message, hint=hint or problem.hint) from None


def _read(path: str) -> str:
    """Return the text of the file in DPX_TOKEN_FILE. Raise TokenStorage if it can't be read."""
    from dpx_cli.system import files

    hint = f"Check {FILE_VARIABLE}, or unset it."
    with storing(hint):
        data = files.read_bytes(path, "the token", MAX_FILE)
    if data is None:
        raise TokenStorage(f"The file in {FILE_VARIABLE} doesn't exist: {path}", hint=hint)
    return data.decode("utf-8-sig", "replace")


def check_token(text: str, source: str, settings: Settings) -> str:
    """Return a token without the white space around it."""
    token = text.strip()
    problem = ""
    if not token.startswith(PREFIX) or token == PREFIX:
        problem = f"isn't a Deploxa token: tokens begin with {PREFIX}."
    elif len(token) > MAX_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        problem = "isn't a Deploxa token: it contains invalid characters."
    if problem:
        raise NotLoggedIn(f"{source} {problem}", hint=f"Create a token at {token_page(settings)}")
    return token


def token_page(settings: Settings) -> str:
    """Return the URL of the page where tokens are created."""
    return f"{show_origin(settings.origin)}/settings/tokens"


def describe_renewal(token: Token, settings: Settings) -> str:
    """Return the hint for a token that was refused: how to replace it."""
    create = f"Create a token at {token_page(settings)}"
    if token.variable == VARIABLE:
        return f"{create} and set {VARIABLE}."
    if token.variable:
        return f"{create} and write it to the file in {FILE_VARIABLE}."
    flag = " --insecure-storage" if token.source == "file" else ""
    return f"{create}. Then run: {_login(settings.profile)}{flag}"


def show_origin(origin: str) -> str:
    """Return an origin without its default port."""
    return origin.removesuffix(":443") if origin.startswith("https:") else origin.removesuffix(":80")


def _login(profile: str) -> str:
    return shell.command("auth", "login", profile=None if profile == "default" else profile)
