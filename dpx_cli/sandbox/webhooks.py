"""Send deployment events to `--webhook-url`: signed, in order, and with a few attempts; a thread per deployment."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.sandbox import timeline
from dpx_cli.webhook import deliver, events, signature
from dpx_cli.webhook.deliver import NotDelivered

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from dpx_cli.sandbox.journal import SandboxJournal
    from dpx_cli.sandbox.store import Store
    from dpx_cli.webhook.deliver import Endpoint

TRIES = 4
FIRST_PAUSE = 0.5  # seconds; each one after it is twice as long
TIMEOUT_SECONDS = 10
MAX_ATTEMPTS = 10_000  # that are kept
ENDS = {"READY": "deployment.ready", "ERROR": "deployment.failed"}


class DeliveryAttempt(NamedTuple):
    """One attempt to deliver an event.

    Attributes:
        time: when it began, in seconds since 1970.
        event: like "deployment.ready".
        deployment: its ID.
        project: the slug.
        attempt: 1 for the first one.
        status: of the receiver's response; None if there was none.
        error: why there was none.
    """

    time: float
    event: str
    deployment: str
    project: str
    attempt: int
    status: int | None
    error: str | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver accepted it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - the range of success

    @property
    def is_last(self) -> bool:
        """Whether there is no other attempt after it."""
        return self.delivered or self.attempt == TRIES


class Webhooks:
    """Send the events of every deployment to one receiver.

    Args:
        endpoint: the receiver.
        secret: signs each body; never shown.
        store: has the deployments.
        journal: gets a line for each attempt.
        report: called with each attempt, one at a time.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        secret: str,
        *,
        store: Store,
        journal: SandboxJournal,
        report: Callable[[DeliveryAttempt], None] | None,
    ) -> None:
        self._endpoint = endpoint
        self._secret = secret.encode("utf-8", "surrogateescape")
        self._store = store
        self._journal = journal
        self._report = report
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._threads: dict[threading.Thread, float] = {}  # and when the last event is due
        self.deliveries: deque[DeliveryAttempt] = deque(maxlen=MAX_ATTEMPTS)

    def follow(self, deployment: str, ended_at: float) -> None:
        """Send the events of a new deployment when they are due."""
        thread = threading.Thread(target=self._send_events, args=(deployment, ended_at), daemon=True)
        with self._lock:
            self._threads = {other: due for other, due in self._threads.items() if other.is_alive()}
            self._threads[thread] = ended_at
            thread.start()

    def close(self, grace: float) -> None:
        """Wait at most this many seconds for events that are due; the others are not sent."""
        deadline = time.monotonic() + grace
        with self._lock:
            threads = dict(self._threads)
        for thread, due in threads.items():
            if due <= time.time():
                thread.join(max(0.0, deadline - time.monotonic()))
        self._closing.set()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _send_events(self, deployment: str, ended_at: float) -> None:
        self._send(deployment, "deployment.started", "QUEUED")
        if not self._closing.wait(max(0.0, ended_at - time.time())):
            status = self._status(deployment, ended_at)
            if status is not None:
                self._send(deployment, ENDS[status], status)

    def _status(self, deployment: str, ended_at: float) -> str | None:
        """Return how a deployment ended; None if its project was deleted before."""
        row = self._find(deployment)
        return None if row is None else timeline.status(row, ended_at)

    def _find(self, deployment: str) -> sqlite3.Row | None:
        return self._store.find(
            "SELECT d.*, p.id AS project_id, p.document AS project_document, p.slug"
            " FROM deployments d JOIN projects p ON p.seq = d.project WHERE d.id = ?",
            (deployment,),
        )

    def _send(self, deployment: str, event: str, status: str) -> None:
        """Send one event with a few attempts."""
        row = self._find(deployment)
        if row is None:
            return
        body = events.encode(payload(event, row, status))
        headers = deliver.headers(signature.sign(body, self._secret), event)
        pause = FIRST_PAUSE
        for attempt in range(1, TRIES + 1):
            began = time.time()
            answer, error = None, None
            try:
                answer = deliver.deliver(
                    self._endpoint, body, headers, ssl.create_default_context, TIMEOUT_SECONDS
                ).status
            except NotDelivered as exc:
                error = exc.reason
            delivery = DeliveryAttempt(began, event, deployment, row["slug"], attempt, answer, error)
            self._add(delivery)
            if delivery.is_last or self._closing.wait(pause):
                return
            pause *= 2

    def _add(self, delivery: DeliveryAttempt) -> None:
        with self._lock:
            self.deliveries.append(delivery)
            self._journal.write(
                {
                    "time": delivery.time,
                    "webhook": delivery.event,
                    "deployment": delivery.deployment,
                    "attempt": delivery.attempt,
                    "status": delivery.status,
                    "error": delivery.error,
                }
            )
            if self._report is not None:
                self._report(delivery)


def payload(event: str, row: sqlite3.Row, status: str) -> events.Payload:
    """Return the body of an event, as in the reference's example."""
    branch = json.loads(row["document"])["branch"]
    name = json.loads(row["project_document"])["name"]
    return events.payload(
        event,
        {"id": row["id"], "status": status, "branch": branch, "url": f"https://{timeline.domain(row['slug'])}"},
        {"id": row["project_id"], "name": name, "slug": row["slug"]},
    )
