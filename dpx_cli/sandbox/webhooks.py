"""Send deployment events to `--webhook-url`: signed, in order, and with a few attempts; a thread per deployment."""

from __future__ import annotations

import json
import sqlite3
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from dpx_cli.sandbox import timeline
from dpx_cli.sandbox.journal import SandboxJournal
from dpx_cli.sandbox.store import Store
from dpx_cli.webhook import deliver, events, signature
from dpx_cli.webhook.deliver import Endpoint, NotDelivered

TRIES = 4
FIRST_PAUSE = 0.5  # seconds; each one after it is twice as long
TIMEOUT_SECONDS = 10
MAX_ATTEMPTS = 10_000  # that are kept
ENDS = {"READY": "deployment.ready", "ERROR": "deployment.failed"}


class DeliveryAttempt(NamedTuple):
    """One attempt to deliver an event. `status` is the receiver's; without a response `error` says why."""

    time: float
    event: str
    deployment: str
    project: str
    attempt: int
    status: int | None
    error: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether there is no other attempt after it: the receiver accepted it, or the tries are used up."""
        return self.attempt == TRIES or (self.status is not None and self.status // 100 == 2)  # noqa: PLR2004 - 2xx


Report = Callable[[DeliveryAttempt], None]


class Webhooks:
    """Send the events of every deployment to one receiver; report each attempt, one at a time."""

    def __init__(self, endpoint: Endpoint, secret: str, store: Store, journal: SandboxJournal, report: Report) -> None:
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
        for thread, due in self._threads.items():
            if due <= time.time():
                thread.join(max(0.0, deadline - time.monotonic()))
        self._closing.set()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _send_events(self, deployment: str, ended_at: float) -> None:
        if row := self._find(deployment):
            self._send(row, "deployment.started", "QUEUED")
        if self._closing.wait(max(0.0, ended_at - time.time())):
            return
        if row := self._find(deployment):  # its project may have been deleted
            status = timeline.status(row, ended_at)
            self._send(row, ENDS[status], status)

    def _find(self, deployment: str) -> Any:
        return self._store.find(
            "SELECT d.*, p.id AS project_id, p.document AS project_document, p.slug"
            " FROM deployments d JOIN projects p ON p.seq = d.project WHERE d.id = ?",
            (deployment,),
        )

    def _send(self, row: sqlite3.Row, event: str, status: str) -> None:
        """Send one event, with the keys of its body in the reference's order and with a few attempts."""
        branch, url = json.loads(row["document"])["branch"], f"https://{timeline.domain(row['slug'])}"
        project = {"id": row["project_id"], "name": json.loads(row["project_document"])["name"], "slug": row["slug"]}
        deployment = {"id": row["id"], "status": status, "branch": branch, "url": url}
        body = events.encode({"event": event, "deployment": deployment, "project": project})
        headers = deliver.headers(signature.sign(body, self._secret), event)
        for attempt in range(1, TRIES + 1):
            began, answer, error = time.time(), None, None
            context = ssl.create_default_context
            try:
                answer = deliver.deliver(self._endpoint, body, headers, context, TIMEOUT_SECONDS).status
            except NotDelivered as exc:
                error = exc.reason
            delivery = DeliveryAttempt(began, event, row["id"], row["slug"], attempt, answer, error)
            with self._lock:
                self.deliveries.append(delivery)
                logged = delivery._asdict()
                self._journal.write({"time": logged.pop("time"), "webhook": logged.pop("event"), **logged})
                self._report(delivery)
            if delivery.is_last or self._closing.wait(FIRST_PAUSE * 2 ** (attempt - 1)):
                return
