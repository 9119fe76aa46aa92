"""What the listener reports about a delivery, and the last deliveries that it keeps in memory."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpx_cli.system.loopback.request import Header

MAX_KEPT = 100  # deliveries
MAX_KEPT_BYTES = 16 * 1024 * 1024  # of their bodies
MAX_SHOWN = 64 * 1024  # bytes of a body on the page

# A proxy may add these.
_SECRET = (b"authorization", b"cookie", b"proxy-authorization")


class Delivery(TypedDict):
    """One delivery, as `--json` prints it. The body's fields are null if the signature is invalid.

    `status` is the deployment's; `forwarded` is the receiver's HTTP status, null if nothing was forwarded or no
    response came; `answer` is the status sent to the sender; `milliseconds` is from the request to that answer.
    """

    time: str
    event: str | None
    project: str | None
    branch: str | None
    status: str | None
    deployment_id: str | None
    verified: bool
    forwarded: int | None
    answer: int
    result: str
    milliseconds: int


class DeliveryResult(NamedTuple):
    """What became of a delivery: the sender's answer, the receiver's status, and both in words."""

    answer: int
    result: str
    forwarded: int | None = None


class Kept(NamedTuple):
    """A delivery with everything that came with it.

    Attributes:
        number: 1 for the first of this run.
        delivery: the record.
        headers: all headers, as they came.
        carried: those that are sent when it is repeated.
        body: as it came.
    """

    number: int
    delivery: Delivery
    headers: Sequence[Header]
    carried: Sequence[Header]
    body: bytes


class History:
    """The last deliveries, in bounded memory."""

    def __init__(self) -> None:
        self._kept: deque[Kept] = deque(maxlen=MAX_KEPT)
        self._bytes = 0
        self._count = 0
        self._lock = threading.Lock()

    def add(self, delivery: Delivery, headers: Sequence[Header], carried: Sequence[Header], body: bytes) -> None:
        """Keep a delivery; the oldest ones are dropped."""
        with self._lock:
            self._count += 1
            if len(self._kept) == MAX_KEPT:
                self._bytes -= len(self._kept[0].body)
            self._kept.append(Kept(self._count, delivery, headers, carried, body))
            self._bytes += len(body)
            while self._bytes > MAX_KEPT_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popleft().body)

    def after(self, number: int) -> list[Kept]:
        """Return the deliveries that came after this one, oldest first."""
        with self._lock:
            return [kept for kept in self._kept if kept.number > number]

    def find(self, number: int) -> Kept | None:
        """Return a delivery that can be repeated: one that was verified and is still kept."""
        return next((kept for kept in self.after(number - 1)[:1] if kept.delivery["verified"]), None)


def shown(kept: Kept) -> dict[str, Any]:
    """Return a delivery as the page shows it. Invalid UTF-8 is replaced, credentials are masked."""
    return {
        "number": kept.number,
        "delivery": kept.delivery,
        "replay": kept.delivery["verified"],
        "headers": [
            [name.decode("latin-1"), "********" if name in _SECRET else value.decode("latin-1")]
            for name, value in kept.headers
        ],
        "body": kept.body[:MAX_SHOWN].decode("utf-8", "replace"),
        "size": len(kept.body),
        "cut": len(kept.body) > MAX_SHOWN,
    }


def parse(body: bytes) -> dict[str, Any]:
    """Parse a verified body; {} for anything but a JSON object."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def text(value: Any) -> str | None:
    """Return a value of a payload if it is a string."""
    return value if isinstance(value, str) else None


def describe(payload: Mapping[str, Any], outcome: DeliveryResult, *, verified: bool, began: float) -> Delivery:
    """Return the record of a delivery; its time is UTC, to the millisecond.

    Args:
        payload: the verified body; {} if its signature is invalid.
        outcome: what became of it.
        verified: whether the signature is valid.
        began: when the request arrived, on the monotonic clock.
    """
    from datetime import UTC, datetime

    deployment, project = _object(payload.get("deployment")), _object(payload.get("project"))
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": text(payload.get("event")),
        "project": text(project.get("slug")) or text(project.get("name")),
        "branch": text(deployment.get("branch")),
        "status": text(deployment.get("status")),
        "deployment_id": text(deployment.get("id")),
        "verified": verified,
        "forwarded": outcome.forwarded,
        "answer": outcome.answer,
        "result": outcome.result,
        "milliseconds": round((time.monotonic() - began) * 1000),
    }


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
