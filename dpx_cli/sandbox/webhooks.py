"""Send deployment events to `--webhook-url`: signed, in order, and with a few attempts.

It runs in the server's event loop, one task per deployment. The store keeps which events of a deployment are due, so a
sandbox that was killed sends them when it runs again.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.sandbox import course
from dpx_cli.sandbox.sites import domain
from dpx_cli.webhook import events, signature

if TYPE_CHECKING:
    import sqlite3

    import httpx

    from dpx_cli.sandbox.journal import SandboxJournal
    from dpx_cli.sandbox.store import Store

BOTH, LAST = 2, 1
TRIES = 4
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 10
TICK_SECONDS = 0.02
MAX_ATTEMPTS_KEPT = 10_000
ENDS = {"READY": "deployment.ready", "ERROR": "deployment.failed"}


class DeliveryAttempt(NamedTuple):
    """One attempt to deliver an event.

    Attributes:
        event: like "deployment.ready".
        deployment: its id.
        attempt: 1 for the first one.
        status: of the receiver's response; None if there was none.
        error: why there was none.
    """

    event: str
    deployment: str
    attempt: int
    status: int | None
    error: str | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver accepted it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - the range of success


class Webhooks:
    """Send the events of every deployment to one receiver.

    Args:
        url: of the receiver.
        secret: signs each body; never shown.
        store: has the events that are due.
        journal: gets a line for each attempt.
        scale: speed multiplier of the pauses between attempts.
    """

    def __init__(self, url: str, secret: str, *, store: Store, journal: SandboxJournal, scale: float) -> None:
        self._url = url
        self._secret = secret.encode()
        self._store = store
        self._journal = journal
        self._scale = scale
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._delivering = 0
        self.deliveries: deque[DeliveryAttempt] = deque(maxlen=MAX_ATTEMPTS_KEPT)

    def start(self) -> None:
        """Send what an earlier run left unsent. Called in the event loop, as everything here."""
        import httpx

        # No proxy and no redirect: a signed body goes only to the configured receiver.
        self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT_SECONDS)
        for row in self._store.all("SELECT id FROM deployments WHERE untold > 0 ORDER BY seq"):
            self.follow(row["id"])

    def follow(self, deployment: str) -> None:
        """Send the remaining events of a deployment when they are due."""
        task = asyncio.get_running_loop().create_task(self._tell(deployment))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, grace: float) -> None:
        """Wait at most this many seconds for events that are due; the others stay unsent."""
        now = time.time()
        deadline = asyncio.get_running_loop().time() + grace
        due = "SELECT 1 FROM deployments WHERE untold > 0 AND ended_at <= ?"
        while self._tasks and (self._delivering or self._store.find(due, (now,))):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            await asyncio.wait(self._tasks, timeout=min(left, TICK_SECONDS), return_when=asyncio.FIRST_COMPLETED)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _tell(self, deployment: str) -> None:
        row = self._find(deployment)
        if row is not None and row["untold"] == BOTH:
            await self._deliver("deployment.started", row, "QUEUED")
            self._told(deployment, LAST)
        if row is not None:
            await asyncio.sleep(max(0.0, row["ended_at"] - time.time()))
        row = self._find(deployment)  # its project may have been deleted
        if row is not None:
            status = course.status(row, max(time.time(), row["ended_at"]))
            await self._deliver(ENDS[status], row, status)
            self._told(deployment, 0)

    def _find(self, deployment: str) -> sqlite3.Row | None:
        return self._store.find(
            "SELECT d.*, p.id AS project_id, p.name, p.slug FROM deployments d JOIN projects p ON p.seq = d.project"
            " WHERE d.id = ?",
            (deployment,),
        )

    def _told(self, deployment: str, untold: int) -> None:
        with self._store.change() as db:
            db.execute("UPDATE deployments SET untold = ? WHERE id = ?", (untold, deployment))

    async def _deliver(self, event: str, row: sqlite3.Row, status: str) -> None:
        body = events.encode(payload(event, row, status))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "dpx-sandbox",
            "X-Deploxa-Event": event,
            "X-Deploxa-Signature": signature.sign(body, self._secret),
        }
        self._delivering += 1
        try:
            await self._insist(event, row["id"], body, headers)
        finally:
            self._delivering -= 1

    async def _insist(self, event: str, deployment: str, body: bytes, headers: dict[str, str]) -> None:
        for attempt in range(1, TRIES + 1):
            delivery = await self._try(event, deployment, attempt, body, headers)
            self.deliveries.append(delivery)
            self._journal.write(
                {
                    "time": time.time(),
                    "webhook": event,
                    "deployment": delivery.deployment,
                    "attempt": attempt,
                    "status": delivery.status,
                    "error": delivery.error,
                }
            )
            if delivery.delivered:
                return
            if attempt < TRIES:
                await asyncio.sleep(PAUSE_SECONDS * 2 ** (attempt - 1) / self._scale)

    async def _try(
        self, event: str, deployment: str, attempt: int, body: bytes, headers: dict[str, str]
    ) -> DeliveryAttempt:
        import httpx

        if self._client is None:
            raise RuntimeError("not started")
        try:
            # Only the status is needed; the body is not read.
            async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                return DeliveryAttempt(event, deployment, attempt, answer.status_code)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return DeliveryAttempt(event, deployment, attempt, None, f"{type(error).__name__}: {error}")


def payload(event: str, row: sqlite3.Row, status: str) -> events.Payload:
    """Return the body of an event, as in the reference's example."""
    return events.payload(
        event,
        {"id": row["id"], "status": status, "branch": row["branch"], "url": f"https://{domain(row['slug'])}"},
        {"id": row["project_id"], "name": row["name"], "slug": row["slug"]},
    )
