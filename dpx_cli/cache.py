"""Remembered names: which ID a slug stood for, and what completion offers. Kept per API origin and token.

It is only a cache: if anything is wrong with it, the command works without it. Completion reads the same files
(`completion/names.py`).

One file, `names-<digest>.json`:
    {"origin": "https://deploxa.com:443", "profile": "default", "projects": {"storefront": "clm…", "acme/docs": "clm…"},
     "slugs": ["storefront", "docs"], "orgs": ["acme"], "keys": {"<project id>": ["DATABASE_URL"]},
     "deployments": [["clm…", "READY", "main", "2026-11-24T12:00:00.000Z"]]}

"profile" is there if the token is a stored one: completion, which may not ask the keyring, chooses by it.
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

MAX_NAMES = 5000  # of one sort; a cache is for names that are used, not a copy of the platform
MOST_BYTES = 4 * 1024 * 1024
ID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # what a damaged file says in an id's place is not asked for


class Names:
    """The remembered names of one token at one origin.

    Args:
        folder: gives the cache folder; may raise where there is none, which is then no matter.
        origin: scheme, host and port of the API.
        token: whose names they are; only a digest of it is kept.
        profile: gives the profile that the token is stored for; None for a token of the environment.
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
                self._read = _parsed(files.read_bytes(self._path(), "the name cache", MOST_BYTES + 1))
            except DpxError:
                self._read = {}
        return self._read

    def _store(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the file under its lock, in memory alone where it cannot be written."""
        try:
            path = self._path()
            content, is_new = self._changed(path, change)
            if is_new:
                with files.locked(path):
                    # Once more: another process may have written meanwhile.
                    content, _ = self._changed(path, change)
                    files.write_whole(path, json.dumps(content).encode())
            self._read = content
        except (DpxError, OSError):
            change(self._content())

    def _changed(self, path: str, change: Callable[[dict[str, Any]], None]) -> tuple[dict[str, Any], bool]:
        """The file's content after a change, and whether that is anything new."""
        before = files.read_bytes(path, "the name cache", MOST_BYTES + 1)
        content = _parsed(before)
        change(content)
        content["origin"] = self._origin
        if self._profile:
            content["profile"] = self._profile()
        return content, json.dumps(content).encode() != before

    def project_id(self, reference: str) -> str | None:
        """The remembered id of a slug or "org/slug"."""
        found = self._of("projects", dict).get(reference)
        return found if isinstance(found, str) and ID.fullmatch(found) else None

    def remember_project(self, reference: str, project_id: str) -> None:
        """Remember that a slug or "org/slug" stands for an id."""
        self._store(lambda content: _as(content, "projects", dict).update({reference: project_id}))

    def remember_projects(self, found: Mapping[str, str]) -> None:
        """Remember of several slugs which ids they stand for."""
        if found:
            self._store(lambda content: _as(content, "projects", dict).update(found))

    def forget_project(self, reference: str) -> None:
        """Forget a slug whose remembered id turned out wrong."""
        self._store(lambda content: _as(content, "projects", dict).pop(reference, None))

    def remember(self, sort: str, found: Iterable[Hashable], under: str | None = None) -> None:
        """Remember a list of names for completion, in its order.

        Args:
            sort: "slugs", "orgs", "deployments" or "keys".
            found: the names; of deployments tuples of ID, status, branch and when it was created.
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
    """The content of a cache file; a damaged one counts as empty and is written anew."""
    if not data or len(data) > MOST_BYTES:
        return {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
