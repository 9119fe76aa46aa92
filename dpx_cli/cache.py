"""Cache of names, per API origin and token: the ID of each slug, and the names that completion offers.

If anything is wrong with it, commands work without it. One file, `names-<digest>.json`:
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
    from collections.abc import Callable, Hashable, Iterable

    from dpx_cli.config.settings import Settings

MAX_NAMES = 5000  # of one kind
MAX_BYTES = 4 * 1024 * 1024
ID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # anything else comes from a damaged file


class Names:
    """The cached names of one token, of which only a digest is kept, at one origin; nothing for a user without a home.

    `is_stored` says whether the token is stored for the profile, and not from the environment.
    """

    def __init__(self, settings: Settings, token: str, *, is_stored: bool = False) -> None:
        self._settings = settings
        self._token = token
        self._is_stored = is_stored
        self._read: dict[str, Any] | None = None

    def _path(self) -> str:
        return os.path.join(self._settings.cache_dir, names_file(self._settings.origin, self._token))

    def _load(self) -> dict[str, Any]:
        """Read the file; a damaged one counts as empty and is replaced."""
        try:
            return files.read_json(self._path(), "the name cache", MAX_BYTES) or {}
        except DpxError:
            return {}

    def _content(self) -> dict[str, Any]:
        if self._read is None:
            self._read = self._load()
        return self._read

    def _store(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the file under its lock, or only the memory if the file can't be written."""
        try:
            path = self._path()
            with files.locked(path):
                content = self._load()  # again: another process may have written in between
                before = json.dumps(content)
                change(content)
                content["origin"] = self._settings.origin
                if self._is_stored:
                    content["profile"] = self._settings.profile
                if (text := json.dumps(content)) != before:
                    files.write_whole(path, text.encode())
            self._read = content
        except (DpxError, OSError):
            change(self._content())

    def project_id(self, reference: str) -> str | None:
        """Return the cached ID of a slug or "org/slug"; None if there isn't a valid one."""
        project_id = _dict_in(self._content(), "projects").get(reference)
        return project_id if isinstance(project_id, str) and ID.fullmatch(project_id) else None

    def reference(self, project_id: str) -> str:
        """Return the cached slug or "org/slug" of a project, else its ID."""
        cached = _dict_in(self._content(), "projects")
        return next((name for name, known in cached.items() if known == project_id), project_id)

    def remember_project(self, reference: str, project_id: str) -> None:
        """Remember the ID of a slug or "org/slug"."""
        self._store(lambda content: _dict_in(content, "projects").update({reference: project_id}))

    def forget_project(self, reference: str) -> None:
        """Forget a slug whose cached ID is wrong."""
        self._store(lambda content: _dict_in(content, "projects").pop(reference, None))

    def remember(self, kind: str, names: Iterable[Hashable], under: str | None = None) -> None:
        """Remember names of a kind for completion, in their order; "keys" are `under` a project ID."""
        listed = list(dict.fromkeys(names))[:MAX_NAMES]
        if under is None:
            self._store(lambda content: content.update({kind: listed}))
        else:
            self._store(lambda content: _dict_in(content, kind).update({under: listed}))


def _dict_in(content: dict[str, Any], key: str) -> dict[str, Any]:
    part = content.get(key)
    content[key] = part = part if isinstance(part, dict) else {}
    return part
