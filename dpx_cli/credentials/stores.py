"""Places for tokens, by the name that a profile has for them: "file", or "keyring:" and a name in `keyring_store`.

The profile is changed before a token is stored and after it is removed: a process that is killed in between leaves a
login that points at nothing, never a token that no profile knows.
"""

from __future__ import annotations

import contextlib

from dpx_cli.config import profiles
from dpx_cli.credentials import storing
from dpx_cli.errors import TokenStorage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from dpx_cli.config.settings import Settings
    from dpx_cli.credentials.keyring_store import OnWait

    class TokenStore(Protocol):
        """A place for tokens. Every method raises `TokenStorage` if the place refuses or does not respond."""

        place: str  # its name in a profile: "keyring:SecretService"
        source: str  # "keyring" or "file"
        location: str  # what `auth status` calls it: "SecretService", or the path of the file
        title: str  # what a sentence calls it: "the keyring (SecretService)"

        def get(self, key: str) -> str | None:
            """Return the token stored under a name, None without one."""

        def set(self, key: str, token: str) -> None:
            """Store a token under a name, in place of any other."""

        def delete(self, key: str) -> bool:
            """Remove the token of a name. Return whether there was one."""

    OpenStore = Callable[[str, str, OnWait], TokenStore]


def open_store(place: str, config_dir: str, on_wait: OnWait = None) -> TokenStore:
    """Return the store that a profile names; it is not used yet."""
    if place == "file":
        from dpx_cli.credentials.file_store import FileStore

        return FileStore(config_dir)
    from dpx_cli.credentials.keyring_store import BACKENDS, KeyringStore

    kind, _, backend = place.partition(":")
    if kind != "keyring" or backend not in BACKENDS:
        raise TokenStorage(
            f"The token is in a place unknown to this version of dpx: {place}", hint="Run: dpx auth login"
        )
    return KeyringStore(backend, on_wait)


def store_token(settings: Settings, token: str, to: TokenStore, open_store: OpenStore = open_store) -> None:
    """Store a token for this profile and origin, and read it back. The one stored before is removed."""
    profile, origin, config_dir = settings.profile, settings.origin, settings.config_dir
    key = f"{profile}@{origin}"
    previous = to.get(key)  # fails, if the place does not respond, before anything is written
    before = settings.profiles.logins(profile).get(origin)
    _put(config_dir, profile, origin, to.place)
    try:
        _set(to, key, token)
    except BaseException:
        with contextlib.suppress(TokenStorage):
            _put(config_dir, profile, origin, before)
        with contextlib.suppress(TokenStorage):
            if previous is None:
                to.delete(key)
            else:
                to.set(key, previous)
        raise
    if before is not None and before != to.place:
        with contextlib.suppress(TokenStorage):  # the new token is safe; an old keyring may no longer be there
            open_store(before, config_dir, None).delete(key)


def _set(to: TokenStore, key: str, token: str) -> None:
    """Store a token and read it back: a null keyring "succeeds"."""
    to.set(key, token)
    if to.get(key) != token:
        from dpx_cli.credentials.keyring_store import WITHOUT_KEYRING

        raise TokenStorage(f"Can't read back what was stored in {to.title}.", hint=WITHOUT_KEYRING)


def remove_tokens(
    config_dir: str, profile: str, origin: str | None = None, open_store: OpenStore = open_store
) -> list[str]:
    """Delete the tokens of a profile for one origin, or for all; return the titles of their places."""
    titles = []
    for each, place in dict(profiles.load(config_dir).logins(profile)).items():
        if origin in (None, each):
            where = open_store(place, config_dir, None)
            if where.delete(f"{profile}@{each}"):
                titles.append(where.title)
            _put(config_dir, profile, each, None)
    return titles


def _put(config_dir: str, profile: str, origin: str, place: str | None) -> None:
    """Change a login in the profile. A folder that can't be written is a problem of token storage here."""
    with storing():
        profiles.update(config_dir, lambda changed: changed.put_login(profile, origin, place))
