"""What the sandbox was asked: kept for tests, and written to the file of `--log`. Holds no token and no value.

Floor 1, under `app.py`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import Failed, reason

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT = 10_000
MASK = "********"
# Whatever may carry a credential; the rest of a request's headers is what tests want to see.
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-deploxa-signature"})


@dataclass
class Recorded:
    """One request.

    Attributes:
        time: when it came, in seconds since 1970.
        method: GET, POST …
        path: below the API root, decoded: "/projects"; whole where it is not below it.
        query: its parameters; of one that is given twice, the first.
        headers: names in lower case, without those that carry credentials.
        body: the JSON object with a variable's value masked; None where there is none, or where it is no JSON.
        status: of the answer; None while there is none, and where a fault took it away.
        fault: the scripted fault that struck it, as it was written.
        milliseconds: how long the answer took.
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


class Journal:
    """The last requests, and the log file.

    Args:
        log: the file; "-" for stderr; None for none.

    Raises:
        Failed: the log file cannot be opened.
    """

    def __init__(self, log: str | None = None) -> None:
        self._lock = threading.Lock()
        self._requests: deque[Recorded] = deque(maxlen=KEPT)
        self._log: int | None = None
        if log is not None:
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                self._log = os.dup(2) if log == "-" else os.open(log, flags, 0o600)
            except OSError as error:
                raise Failed(f"cannot open the log {log}: {reason(error)}") from error

    def arrive(self, method: str, path: str, query: dict[str, str], headers: Iterable[tuple[str, str]]) -> Recorded:
        """Record a request at its arrival, so that it is there whatever becomes of it."""
        seen = {name: value for name, value in headers if name not in SECRET_HEADERS}
        record = Recorded(time.time(), method, path, query, seen)
        with self._lock:
            self._requests.append(record)
        return record

    def leave(self, record: Recorded, status: int | None) -> None:
        """Complete a record, before its answer is sent: who has the answer finds the record complete."""
        record.milliseconds = round((time.time() - record.time) * 1000, 3)
        record.status = status
        self.write(
            {
                "time": record.time,
                "method": record.method,
                "path": record.path,
                "query": record.query,
                "status": status,
                "milliseconds": record.milliseconds,
                "fault": record.fault,
            }
        )

    def write(self, line: dict[str, Any]) -> None:
        """One JSON line to the log; a full disk is no reason to answer differently."""
        if self._log is not None:
            try:
                os.write(self._log, json.dumps(line).encode() + b"\n")
            except OSError:
                return

    def requests(self) -> list[Recorded]:
        """The last 10,000 requests, oldest first."""
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        """Forget the requests."""
        with self._lock:
            self._requests.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """The requests as `GET /__sandbox__/requests` shows them."""
        return [asdict(record) for record in self.requests()]

    def close(self) -> None:
        """Close the log file."""
        if self._log is not None:
            os.close(self._log)
            self._log = None


def masked(body: Any) -> Any:
    """A JSON body in which nothing named "value" shows what it is."""
    if isinstance(body, dict):
        return {key: MASK if key == "value" else masked(value) for key, value in body.items()}
    if isinstance(body, list):
        return [masked(value) for value in body]
    return body
