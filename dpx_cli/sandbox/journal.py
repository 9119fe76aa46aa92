"""The requests that a sandbox got and the changes they made, for tests and `--log`. Holds no token and no value."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from dpx_cli.errors import Failed, reason

MAX_REQUESTS = 10_000
MAX_CHANGES = 100_000
LOGGED = ("time", "method", "path", "query", "status", "milliseconds", "fault")
# Headers that may carry a credential; tests can see the others.
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-deploxa-signature"})


@dataclass
class RecordedRequest:
    """One request: `path` is below the API root ("/projects"), `query` has the first value of each parameter.

    `headers` are without credentials, and `body`, if it is JSON, without variables' values. `status` is None until the
    response is sent, and if `fault`, a scripted one, lost it.
    """

    time: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None
    status: int | None = None
    fault: str | None = None
    milliseconds: float | None = None


class Change(NamedTuple):
    """One change that a request made. Refused requests make none; lost responses don't undo theirs.

    `action` is create, update, delete (a project), deploy, set or remove (a variable), `project` a slug, and `name` the
    name of the project, field, branch or variable.
    """

    action: str
    project: str
    name: str


class SandboxJournal:
    """The last requests and changes, oldest first, and the log file ("-" for stderr).

    Raises Failed if it can't be opened.
    """

    def __init__(self, log: str | None = None) -> None:
        self._lock = threading.Lock()
        self.requests: deque[RecordedRequest] = deque(maxlen=MAX_REQUESTS)
        self.changes: deque[Change] = deque(maxlen=MAX_CHANGES)
        self._log: int | None = None
        if log is not None:
            try:
                # Without O_BINARY, Windows would write CRLF.
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
                self._log = os.dup(2) if log == "-" else os.open(log, flags, 0o600)
            except OSError as error:
                raise Failed(f"Can't open the log {log}: {reason(error)}.") from error

    def start(
        self, method: str, path: str, query: dict[str, str], headers: Iterable[tuple[str, str]]
    ) -> RecordedRequest:
        """Record a request when it arrives, even if it never gets a response."""
        seen = {name: value for name, value in headers if name not in SECRET_HEADERS}
        record = RecordedRequest(time.time(), method, path, query, seen)
        self.requests.append(record)
        return record

    def finish(self, record: RecordedRequest, status: int | None) -> None:
        """Complete a record, before its response is sent: a client that has it finds the record complete."""
        record.milliseconds = round((time.time() - record.time) * 1000, 3)
        record.status = status
        self.write({name: getattr(record, name) for name in LOGGED})

    def write(self, line: dict[str, Any]) -> None:
        """Write one JSON line to the log; a full disk doesn't change the response."""
        with self._lock, contextlib.suppress(OSError):
            if self._log is not None:
                os.write(self._log, json.dumps(line).encode() + b"\n")

    def close(self) -> None:
        """Close the log file."""
        with self._lock:
            if self._log is not None:
                os.close(self._log)
                self._log = None
