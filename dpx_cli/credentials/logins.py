"""Store and remove tokens, for `auth login`, `auth logout` and `profile remove`.

The profile is changed before a token is stored and after it is removed: a process that is killed in between leaves a
login that points at nothing, never a token that no profile knows.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dpx_cli.config import profiles
from dpx_cli.credentials import keyring_store, stores
from dpx_cli.errors import Failed, TokenStorage

if TYPE_CHECKING:
    from dpx_cli.config.settings import Settings
    from dpx_cli.credentials.stores import OpenStore, TokenStore


def store(settings: Settings, token: str, to: TokenStore, open_store: OpenStore = stores.open_store) -> None:
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
        raise TokenStorage(f"Can't read back what was stored in {to.title}.", hint=keyring_store.WITHOUT_KEYRING)


def remove(
    config_dir: str, profile: str, origin: str | None = None, open_store: OpenStore = stores.open_store
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
    try:
        profiles.update(config_dir, lambda changed: changed.put_login(profile, origin, place))
    except Failed as problem:
        raise TokenStorage(problem.message, hint=problem.hint) from None
