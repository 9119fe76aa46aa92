"""What the listener reports about a delivery, and the last deliveries that it holds in memory."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpx_cli.system.loopback.guard import Header
    from dpx_cli.webhook.deliver import Reply

MAX_DELIVERIES = 100
MAX_BYTES = 16 * 1024 * 1024  # of their bodies
MAX_SHOWN = 64 * 1024  # bytes of a body on the page

# A proxy may add these.
_SECRET = (b"authorization", b"cookie", b"proxy-authorization")


class DeliveryResult(NamedTuple):
    """What became of a delivery: the sender's status, a sentence, the receiver's response, and what to do."""

    answer: int
    result: str
    reply: Reply | None = None
    hint: str = ""


class RecordedDelivery(NamedTuple):
    """A delivery with everything that came with it."""

    delivery: dict[str, Any]  # as `--json` prints it: see `describe`
    outcome: DeliveryResult
    headers: Sequence[Header]  # all, as they came
    forwarded_headers: Sequence[Header]  # those that are sent when it is replayed
    body: bytes
    number: int = 0  # 1 for the first of this run

    def as_json(self) -> dict[str, Any]:
        """Return it as the page shows it. Invalid UTF-8 is replaced, credentials are masked."""
        reply = self.outcome.reply
        return {
            "number": self.number,
            "delivery": self.delivery,
            "replay": self.delivery["verified"],
            "hint": self.outcome.hint,
            "headers": [
                [name.decode("latin-1"), "********" if name in _SECRET else value.decode("latin-1")]
                for name, value in self.headers
            ],
            "body": self.body[:MAX_SHOWN].decode("utf-8", "replace"),
            "size": len(self.body),
            "cut": len(self.body) > MAX_SHOWN,
            "response": reply and {**reply.as_json(), "body": reply.body.decode("utf-8", "replace")},
        }


class History:
    """The last deliveries, in bounded memory."""

    def __init__(self) -> None:
        self._deliveries: deque[RecordedDelivery] = deque()
        self._bytes = 0
        self._count = 0
        self._lock = threading.Lock()

    def add(self, recorded: RecordedDelivery) -> None:
        """Number a delivery and add it; the oldest ones are dropped."""
        with self._lock:
            self._count += 1
            self._deliveries.append(recorded._replace(number=self._count))
            self._bytes += len(recorded.body)
            while len(self._deliveries) > MAX_DELIVERIES or (self._bytes > MAX_BYTES and len(self._deliveries) > 1):
                self._bytes -= len(self._deliveries.popleft().body)

    def after(self, number: int) -> list[RecordedDelivery]:
        """Return the deliveries that came after this one, oldest first."""
        with self._lock:
            return [recorded for recorded in self._deliveries if recorded.number > number]

    def find(self, number: int) -> RecordedDelivery | None:
        """Return a delivery that can be replayed: one that was verified and is still here."""
        return next((recorded for recorded in self.after(number - 1)[:1] if recorded.delivery["verified"]), None)


def parse(body: bytes) -> dict[str, Any]:
    """Parse a verified body; {} for anything but a JSON object."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def text(payload: Any, *path: str) -> str | None:
    """Return the string at a path of a payload; None for anything else there."""
    for name in path:
        payload = payload.get(name) if isinstance(payload, dict) else None
    return payload if isinstance(payload, str) else None


def describe(payload: Mapping[str, Any], outcome: DeliveryResult, began: float) -> dict[str, Any]:
    """Return the record of a delivery that arrived at `began` (monotonic); its payload is {} if it is invalid.

    `forwarded` is the receiver's HTTP status; `answer` is the one sent to the sender, after `milliseconds`.
    """
    from datetime import UTC, datetime

    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": text(payload, "event"),
        "project": text(payload, "project", "slug") or text(payload, "project", "name"),
        "branch": text(payload, "deployment", "branch"),
        "status": text(payload, "deployment", "status"),
        "deployment_id": text(payload, "deployment", "id"),
        "verified": bool(payload),
        "forwarded": outcome.reply and outcome.reply.status,
        "answer": outcome.answer,
        "result": outcome.result,
        "milliseconds": round((time.monotonic() - began) * 1000),
    }
