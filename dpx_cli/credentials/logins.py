"""Store and forget tokens, for `auth login`, `auth logout` and `profile remove`.

The index is changed under its lock, and before the keyring: a process that is killed in between leaves a line that
points at nothing, never a secret that is listed nowhere.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dpx_cli.credentials import index, interface, stores
from dpx_cli.errors import Failed, TokenStorage
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpx_cli.credentials import Settings
    from dpx_cli.credentials.interface import TokenStore

    OpenStore = Callable[[str, str], TokenStore]


def store(settings: Settings, token: str, to: TokenStore, open_store: OpenStore = stores.open_store) -> None:
    """Store a token for this profile and origin, and read it back. The one stored before is removed.

    Args:
        settings: profile, origin and folder.
        token: as `check_token` returned it.
        to: the place.
        open_store: opens the place of an earlier token.

    Raises:
        TokenStorage: the place did not take it or did not give it back; everything is as it was.
    """
    config_dir = settings.config_dir
    key = index.key(settings.profile, settings.origin)
    with _locked(config_dir):
        before = index.load(config_dir)
        previous = to.get(key)  # fails, if the place does not respond, before anything is written
        index.save(config_dir, {**before, key: to.place})
        try:
            interface.keep(to, key, token)
        except BaseException:
            with contextlib.suppress(TokenStorage):
                index.save(config_dir, before)
            with contextlib.suppress(TokenStorage):
                if previous is None:
                    to.delete(key)
                else:
                    to.set(key, previous)
            raise
        old = before.get(key, to.place)
        if old != to.place:
            with contextlib.suppress(TokenStorage):  # the new token is safe; an old keyring may no longer be there
                open_store(old, config_dir).delete(key)


def forget(settings: Settings, open_store: OpenStore = stores.open_store) -> str | None:
    """Delete the token of this profile and origin.

    Returns:
        The title of the place it was in, or None if there was none.

    Raises:
        TokenStorage: the place refuses; the token is still in the index.
    """
    config_dir = settings.config_dir
    key = index.key(settings.profile, settings.origin)
    if key not in index.load(config_dir):
        return None
    with _locked(config_dir):
        return _delete(config_dir, key, open_store)


def forget_profile(config_dir: str, profile: str, open_store: OpenStore = stores.open_store) -> int:
    """Delete the tokens of a profile, of every origin, and return how many there were."""
    keys = [key for key in index.load(config_dir) if index.split(key)[0] == profile]
    if not keys:
        return 0
    with _locked(config_dir):
        return sum(_delete(config_dir, key, open_store) is not None for key in keys)


def origins(config_dir: str) -> dict[str, list[str]]:
    """Return the origins that each profile has a token for. Only the index is read."""
    found: dict[str, list[str]] = {}
    for key in index.load(config_dir):
        profile, origin = index.split(key)
        found.setdefault(profile, []).append(origin)
    return found


def _delete(config_dir: str, key: str, open_store: OpenStore) -> str | None:
    """Delete one token, then its line in the index. The caller holds the lock."""
    entries = index.load(config_dir)
    place = entries.pop(key, None)
    if place is None:
        return None
    where = open_store(place, config_dir)
    found = where.delete(key)
    index.save(config_dir, entries)
    return where.title if found else None


@contextlib.contextmanager
def _locked(config_dir: str) -> Iterator[None]:
    """Hold the lock of the index. Here a folder that can't be written is a problem of token storage."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.locked(index.path_in(config_dir)))
        except Failed as exc:
            hint = exc.hint or "Set DPX_CONFIG_DIR to a folder that you may write, or set DPX_TOKEN."
            raise TokenStorage(exc.message, hint=hint) from None
        yield
