"""Cache of names, per API origin and token: the ID of each slug, and the names that completion offers.

If anything is wrong with it, commands work without it. Completion reads the same files (`completion/names.py`).

One file, `names-<digest>.json`:
    {"origin": "https://deploxa.com:443", "profile": "default", "projects": {"storefront": "clm…", "acme/docs": "clm…"},
     "slugs": ["storefront", "docs"], "orgs": ["acme"], "keys": {"<project id>": ["DATABASE_URL"]},
     "deployments": [["clm…", "READY", "main", "2026-11-24T12:00:00.000Z"]]}

"profile" is set if the token is a stored one: completion, which can't ask the keyring, chooses the file by it.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from dpx_cli.config.paths import names_file
from dpx_cli.errors import DpxError
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

MAX_NAMES = 5000  # of one sort
MAX_BYTES = 4 * 1024 * 1024
ID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # anything else comes from a damaged file


class Names:
    """The cached names of one token at one origin.

    Args:
        folder: returns the cache folder; may raise DpxError, and then nothing is cached.
        origin: scheme, host and port of the API.
        token: the token; only its digest is kept.
        profile: returns the profile that the token is stored for; None for a token of the environment.
    """

    def __init__(
        self, folder: Callable[[], str], origin: str, token: str, profile: Callable[[], str] | None = None
    ) -> None:
        self._folder = folder
        self._origin = origin
        self._token = token
        self._profile = profile
        self._read: dict[str, Any] | None = None

    def _path(self) -> str:
        return os.path.join(self._folder(), names_file(self._origin, self._token))

    def _content(self) -> dict[str, Any]:
        if self._read is None:
            try:
                self._read = _parsed(files.read_bytes(self._path(), "the name cache", MAX_BYTES + 1))
            except DpxError:
                self._read = {}
        return self._read

    def _store(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the file under its lock, or only the memory if the file can't be written."""
        try:
            path = self._path()
            content, is_new = self._changed(path, change)
            if is_new:
                with files.locked(path):
                    # Read it again: another process may have written meanwhile.
                    content, _ = self._changed(path, change)
                    files.write_whole(path, json.dumps(content).encode())
            self._read = content
        except (DpxError, OSError):
            change(self._content())

    def _changed(self, path: str, change: Callable[[dict[str, Any]], None]) -> tuple[dict[str, Any], bool]:
        """Return the file's content after a change, and whether it differs from before."""
        before = files.read_bytes(path, "the name cache", MAX_BYTES + 1)
        content = _parsed(before)
        change(content)
        content["origin"] = self._origin
        if self._profile:
            content["profile"] = self._profile()
        return content, json.dumps(content).encode() != before

    def project_id(self, reference: str) -> str | None:
        """Return the cached id of a slug or "org/slug"; None if there isn't a valid one."""
        found = self._of("projects", dict).get(reference)
        return found if isinstance(found, str) and ID.fullmatch(found) else None

    def remember_project(self, reference: str, project_id: str) -> None:
        """Remember the id of a slug or "org/slug"."""
        self._store(lambda content: _as(content, "projects", dict).update({reference: project_id}))

    def remember_projects(self, found: Mapping[str, str]) -> None:
        """Remember the ids of several slugs."""
        if found:
            self._store(lambda content: _as(content, "projects", dict).update(found))

    def forget_project(self, reference: str) -> None:
        """Forget a slug whose cached id is wrong."""
        self._store(lambda content: _as(content, "projects", dict).pop(reference, None))

    def remember(self, sort: str, found: Iterable[Hashable], under: str | None = None) -> None:
        """Remember a list of names for completion, in its order.

        Args:
            sort: "slugs", "orgs", "deployments" or "keys".
            found: the names; for deployments tuples of ID, status, branch and creation time.
            under: the project id, for "keys".
        """
        listed = list(dict.fromkeys(found))[:MAX_NAMES]
        if under is None:
            self._store(lambda content: content.update({sort: listed}))
        else:
            self._store(lambda content: _as(content, sort, dict).update({under: listed}))

    def _of(self, sort: str, kind: type) -> Any:
        return _as(self._content(), sort, kind)


def _as(content: dict[str, Any], sort: str, kind: type) -> Any:
    if not isinstance(content.get(sort), kind):
        content[sort] = kind()
    return content[sort]


def _parsed(data: bytes | None) -> dict[str, Any]:
    """Return the content of a cache file; a damaged one counts as empty and is replaced."""
    if not data or len(data) > MAX_BYTES:
        return {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
