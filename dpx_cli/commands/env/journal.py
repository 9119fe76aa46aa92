"""What an interrupted rotation has done, so that the next one with the same value does the rest.

Of the value only an HMAC-SHA256 under the token is kept: without the token, the file tells nothing about it. One file a
key, `rotation-<digest>`, with one line an event; a line that is not complete is ignored:

    <digest of the value>
    set <project ID>
    deploying <project ID> <ID of the newest deployment before, or ->
    deployed <project ID> <deployment ID>
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import threading
import time
from typing import TYPE_CHECKING

from dpx_cli.api.client import is_name
from dpx_cli.errors import DpxError
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from dpx_cli.session import Session

PREFIX = "rotation-"
MAX_AGE = 86400.0  # seconds; later, everything is set again
MAX_BYTES = 16 * 1024 * 1024
SET, DEPLOYING, DEPLOYED = "set", "deploying", "deployed"
NONE = "-"


class Journal:
    """The journal of one rotation. It never stops one: without a place to write, it remembers nothing.

    Args:
        session: the session.
        key: the variable.
        value: its new value.
    """

    def __init__(self, session: Session, key: str, value: str) -> None:
        self._events: dict[str, dict[str, str]] = {SET: {}, DEPLOYING: {}, DEPLOYED: {}}
        self._header = _digest(session, "value", key, value)
        self._path = ""
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        with contextlib.suppress(DpxError, OSError):
            self._path = _path(session, key)
            self._read(files.read_bytes(self._path, "the journal", MAX_BYTES) or b"")

    def __contains__(self, project_id: object) -> bool:
        """Return whether an interrupted rotation has set this value in a project."""
        return project_id in self._events[SET]

    def deploying(self, project_id: str) -> str | None:
        """Return the ID of the newest deployment before one was to be created, `NONE` if there was none."""
        return self._events[DEPLOYING].get(project_id)

    def deployed(self, project_id: str) -> str | None:
        """Return the ID of the deployment that was created for a project."""
        return self._events[DEPLOYED].get(project_id)

    def note(self, event: str, project_id: str, detail: str = NONE) -> None:
        """Record an event, in one write. May be called in several threads."""
        with self._lock, contextlib.suppress(OSError, ValueError, DpxError):
            self._events[event][project_id] = detail
            if self._file is not None:
                self._file.write(f"{event} {project_id} {detail}\n".encode())
            elif self._path:
                self._begin()

    def close(self, *, done: bool) -> None:
        """Close the file; remove it if everything is done."""
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
            if done and self._path:
                os.unlink(self._path)

    def _begin(self) -> None:
        """Write what is known so far, whole, and open the file for more."""
        lines = [
            f"{event} {project} {detail}\n"
            for event, found in self._events.items()
            for project, detail in found.items()
        ]
        files.write_whole(self._path, "".join([self._header, "\n", *lines]).encode())
        self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - closed by `close`

    def _read(self, data: bytes) -> None:
        lines = data.decode("ascii", "replace").split("\n")[:-1]
        if not lines or lines[0] != self._header or time.time() - os.path.getmtime(self._path) > MAX_AGE:
            return
        for line in lines[1:]:
            event, _, rest = line.partition(" ")
            project_id, _, detail = rest.partition(" ")
            if event in self._events and is_name(project_id) and is_name(detail):
                self._events[event][project_id] = detail


def forget(session: Session, keys: Iterable[str]) -> None:
    """Remove the journals of some keys: their values are no longer what a rotation has set."""
    with contextlib.suppress(DpxError, OSError):
        there = {name for name in os.listdir(session.settings.cache_dir) if name.startswith(PREFIX)}
        for key in keys if there else ():
            path = _path(session, key)
            if os.path.basename(path) in there:
                os.unlink(path)


def _path(session: Session, key: str) -> str:
    return os.path.join(session.settings.cache_dir, PREFIX + _digest(session, "key", key)[:32])


def _digest(session: Session, *parts: str) -> str:
    text = json.dumps([session.settings.origin, *parts])
    return hmac.new(session.token().encode(), text.encode("ascii"), hashlib.sha256).hexdigest()
