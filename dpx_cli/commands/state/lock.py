"""deploxa.lock: digests of the values that `dpx apply` set: `dpx plan` compares with them what the API doesn't return.

A digest is an HMAC-SHA256 of the value, under a key that is derived from DPX_LOCK_KEY for the API's origin, the project
and the variable. It is removed before its variable is set and written again afterwards, so that a run that was killed
in between leaves "unknown", never "unchanged".
"""

from __future__ import annotations

import contextlib
import hmac
import os
import tomllib
from typing import TYPE_CHECKING

from dpx_cli.config import project_file
from dpx_cli.errors import Failed, UsageError
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dpx_cli.commands.state.document import Document
    from dpx_cli.session import Session

VERSION = 1
MIN_KEY = 32  # characters of DPX_LOCK_KEY
MAX_LOCK = 4 * 1024 * 1024  # bytes
HEAD = "# Digests of the values that `dpx apply` set, for `dpx plan`. Commit it, or cache it in CI: dpx help plan"
OTHER_KEY = "was written with another DPX_LOCK_KEY"


class Lock:
    """The lock beside a deploxa.toml; `path` is where, as messages show it. Raises UsageError for a short key."""

    def __init__(self, session: Session, document: Document) -> None:
        self.path = os.path.splitext(document.path)[0] + ".lock"
        self._folder = document.folder
        self._api = session.settings.origin
        self._key = os.fsencode(session.settings.variable("DPX_LOCK_KEY") or "")
        if self._key and len(self._key) < MIN_KEY:
            raise UsageError(
                f"DPX_LOCK_KEY has {len(self._key)} characters; it needs at least {MIN_KEY}.",
                hint="Make one with: openssl rand -hex 32",
            )
        self.read()

    def read(self) -> None:
        """Read the file. One that is damaged is no error: `compare` warns."""
        self._text: str | None = None  # None if there is no lock
        self._header: dict[str, object] = {}  # empty if it can't be read
        self._digests: dict[str, str] = {}
        path = os.path.join(self._folder, os.path.basename(self.path))
        if not os.path.lexists(path):
            return
        self._text = ""
        with contextlib.suppress(Failed, ValueError, AttributeError, RecursionError):
            text = (files.read_bytes(path, "the lock", MAX_LOCK) or b"").decode()
            project_file.check_depth(text)
            header = tomllib.loads(text)
            digests = header.pop("env", {}).items()
            self._digests = {key: digest for key, digest in digests if isinstance(digest, str)}
            self._text, self._header = text, header

    def compare(self, project_id: str, values: Mapping[str, str]) -> tuple[dict[str, bool], str | None]:
        """Return whether each value is the one that was set last, by key, where that is known; and a warning."""
        if not self._key or self._text is None:
            return {}, None
        if problem := self._find_problem(project_id):
            return {}, f"{self.path} {problem}: values can't be compared."
        return {
            key: hmac.compare_digest(self._digests[key].encode(), self._digest(project_id, key, values[key]).encode())
            for key in values.keys() & self._digests.keys()
        }, None

    def keep(self, project_id: str, keys: Collection[str]) -> None:
        """Remove the digests of all other variables: they are going to be changed, or have left the file."""
        kept = {key: digest for key, digest in self._digests.items() if key in keys}
        if kept != self._digests and self._find_problem(project_id) in (None, OTHER_KEY):
            self._write(project_id, kept, str(self._header.get("key")))

    def record(self, project_id: str, values: Mapping[str, str]) -> None:
        """Add the digests of values that were set; those of another project, API, key or version are dropped."""
        if not self._key:
            return
        kept = {} if self._find_problem(project_id) else self._digests
        digests = kept | {key: self._digest(project_id, key, value) for key, value in values.items()}
        self._write(project_id, digests, self._check(project_id))

    def _write(self, project_id: str, digests: dict[str, str], check: str) -> None:
        lines = [f"version = {VERSION}", f'api = "{self._api}"', f'project = "{project_id}"', f'key = "{check}"', ""]
        lines += ["[env]", *(f'{key} = "{digests[key]}"' for key in sorted(digests))]
        text = "\n".join([HEAD, *lines, ""])
        if text != self._text and (digests or self._text is not None):
            files.write_checkout(self._folder, os.path.basename(self.path), text.encode())
            self.read()

    def _find_problem(self, project_id: str) -> str | None:
        """Return why the digests don't count, None if they do or there are none."""
        if self._text is None:
            return None
        if not self._header:
            return "can't be read"
        if self._header.get("version") != VERSION:
            return f"is not of version {VERSION}"
        if (self._header.get("api"), self._header.get("project")) != (self._api, project_id):
            return "is for another project or API"
        return None if self._header.get("key") == self._check(project_id) else OTHER_KEY

    def _check(self, project_id: str) -> str:
        """Return what tells one key from another."""
        return _mac(self._key, "check", self._api, project_id).hex()[:16]

    def _digest(self, project_id: str, key: str, value: str) -> str:
        return _mac(_mac(self._key, "value", self._api, project_id, key), value).hex()


def _mac(key: bytes, *parts: str) -> bytes:
    # Each part with its length: no two lists of parts are the same bytes.
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return hmac.digest(key, b"".join(len(part).to_bytes(8, "big") + part for part in encoded), "sha256")
