"""The sandbox as a whole: a Deploxa API on a loopback socket, in a thread of this process.

    with Sandbox(build_seconds=0.2) as box:
        ...  # box.url, box.token

Floor 1. `dpx sandbox` and the pytest plugin run it; so may any test.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dpx_cli.config import urls
from dpx_cli.errors import Failed, UsageError, reason
from dpx_cli.sandbox import course, seed
from dpx_cli.sandbox.app import Application
from dpx_cli.sandbox.faults import API_ROOT, Faults
from dpx_cli.sandbox.journal import Journal, Recorded
from dpx_cli.sandbox.rate import Rate
from dpx_cli.sandbox.state import Behavior, State
from dpx_cli.sandbox.store import Store, digest_of
from dpx_cli.sandbox.tokens import Tokens
from dpx_cli.sandbox.webhooks import Delivery, Webhooks

if TYPE_CHECKING:
    import sqlite3
    from types import TracebackType

HOST = "127.0.0.1"
# Longer than any test waits between two requests: a connection that closes by itself looks like a fault.
KEEP_ALIVE = 75
START_SECONDS = 10
GRACE_SECONDS = 2


class Sandbox:
    """A Deploxa API of one's own.

    Takes the fields of `Behavior` as keyword arguments.

    Attributes:
        behavior: how it was asked to behave.
        url: the API root, for DPX_API_URL. There once it is started, as is `origin`.
        origin: scheme, host and port.

    Raises:
        UsageError: an option is wrong, or the port is taken.
        Failed: the data or the log cannot be opened.
    """

    def __init__(self, **options: Any) -> None:
        self.behavior = Behavior(**options)
        _check(self.behavior)
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._connections: dict[tuple[str, int], asyncio.Transport] = {}
        self.origin = ""
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Begin to listen; returns when it does. The port is bound before anything else, so nobody can take it."""
        behavior = self.behavior
        faults = Faults(behavior.faults)
        rate = None if behavior.rate is None else Rate(behavior.rate)
        try:
            listener = socket.create_server((HOST, behavior.port))
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"cannot listen on port {behavior.port}: {reason(error)}",
                hint="choose another port, or 0 for any that is free",
            ) from error
        with contextlib.ExitStack() as undo:
            undo.callback(listener.close)
            store = Store(behavior.data)
            undo.callback(store.close)
            now = time.time()
            if store.fresh:
                seed.seed(store, now, behavior.projects)
            tokens = Tokens(
                behavior.tokens,
                role=behavior.role,
                secret=store.secret,
                now=now,
                ttl=behavior.token_ttl,
                scale=behavior.time_scale,
            )
            journal = Journal(behavior.log)
            undo.pop_all()
        webhooks = None
        if behavior.webhook_url is not None and behavior.webhook_secret is not None:
            webhooks = Webhooks(
                behavior.webhook_url,
                behavior.webhook_secret,
                store=store,
                journal=journal,
                scale=behavior.time_scale,
            )
        self._state = State(
            behavior=behavior,
            store=store,
            tokens=tokens,
            faults=faults,
            rate=rate,
            journal=journal,
            webhooks=webhooks,
        )
        self.origin = f"http://{HOST}:{listener.getsockname()[1]}"
        self.url = self.origin + API_ROOT
        # Without a handler, what uvicorn says of a client's broken request would end up on stderr.
        logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())
        self._server = _Server(
            uvicorn.Config(
                Application(self._state, self._cut),
                http=self._protocol(),
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=1,
            ),
            self._started,
            webhooks,
        )
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._server.serve([listener]),), name="dpx-sandbox", daemon=True
        )
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise Failed("the sandbox did not start")

    def close(self) -> None:
        """Stop, and leave nothing but the data file."""
        if self._thread is None:
            return
        self._server.should_exit = True
        self._server.wake()
        self._thread.join()
        self._thread = None
        self._state.store.close()
        self._state.journal.close()

    def _protocol(self) -> type[asyncio.Protocol]:
        connections = self._connections

        class Protocol(H11Protocol):
            """Uvicorn's, which also remembers which connection is whose, so that a fault can reset it."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
                connections[transport.get_extra_info("peername")[:2]] = transport
                # Uvicorn writes head and body apart, and asyncio leaves Nagle's algorithm on for a socket it was given:
                # together with the client's delayed acknowledgement that is 40 ms an answer.
                transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    connections.pop(self.client, None)
                super().connection_lost(exc)

        return Protocol

    def _cut(self, client: tuple[str, int]) -> None:
        transport = self._connections.get(client)
        if transport is not None:
            # Lingering for no time makes the kernel send a reset instead of an orderly end.
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()

    # What a test asks for.

    @property
    def token(self) -> str:
        """The first accepted token."""
        return self._state.tokens.plain[0]

    @property
    def tokens(self) -> list[str]:
        """Every accepted token, in the order they were given."""
        return list(self._state.tokens.plain)

    @property
    def env(self) -> dict[str, str]:
        """The environment variables that point a client at this sandbox, and keep a proxy out of the way."""
        return {"DPX_API_URL": self.url, "DPX_TOKEN": self.token, "NO_PROXY": HOST, "no_proxy": HOST}

    @property
    def requests(self) -> list[Recorded]:
        """The requests so far, oldest first."""
        return self._state.journal.requests()

    @property
    def deliveries(self) -> list[Delivery]:
        """Every try to deliver a webhook so far, oldest first."""
        return [] if self._state.webhooks is None else list(self._state.webhooks.deliveries)

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._state.journal.clear()

    def fault(self, text: str) -> None:
        """Script a fault, like "POST /projects/*/deployments 429 x3"; `faults.py` says what there is."""
        self._state.faults.add(text)

    def clear_faults(self) -> None:
        """Take all faults away."""
        self._state.faults.clear()

    def expire(self, token: str | None = None) -> None:
        """Accept a token (the first) no longer."""
        self._state.tokens.expire(token or self.token)

    def seed_projects(self, count: int, org: str = "acme") -> list[str]:
        """Add made-up projects of an organization, with one deployment each; returns their slugs."""
        with self._state.store.change() as db:
            return seed.make_up(db, count, org, time.time())

    def seed_project(self, slug: str, org: str = "acme", framework: str | None = None) -> str:
        """Add one project without deployments; returns its id. The same slug may be in several organizations."""
        with self._state.store.change() as db:
            seq = seed.project(db, slug, org, time.time(), framework=framework)
        identity: str = self._state.store.one("SELECT id FROM projects WHERE seq = ?", (seq,))["id"]
        return identity

    def seed_deployments(
        self, project: str, count: int, *, branch: str = "main", fails: bool = False, seconds: float = 30
    ) -> list[str]:
        """Add ended deployments of a project, now; returns their ids, oldest first."""
        seq = self._project(project)["seq"]
        now = time.time()
        with self._state.store.change() as db:
            return [course.add(db, seq, branch, now - seconds, seconds=seconds, fails=fails) for _ in range(count)]

    def project_id(self, project: str) -> str:
        """The id of a project, by its slug or "org/slug"."""
        identity: str = self._project(project)["id"]
        return identity

    def projects(self) -> list[str]:
        """The slugs of all projects that a token's person may see, oldest first."""
        rows = self._state.store.all("SELECT slug FROM projects WHERE org IS NOT 3 ORDER BY seq")
        return [row["slug"] for row in rows]

    def deployments(self, project: str) -> list[dict[str, Any]]:
        """The deployments of a project, newest first.

        Each has id, status, branch, commit_message, commit_sha and created_at (seconds since 1970).
        """
        rows = self._state.store.all(
            "SELECT * FROM deployments WHERE project = ? ORDER BY seq DESC", (self._project(project)["seq"],)
        )
        now = time.time()
        shown = ("id", "branch", "commit_message", "commit_sha", "created_at")
        return [{"status": course.status(row, now)} | {name: row[name] for name in shown} for row in rows]

    def env_keys(self, project: str) -> list[str]:
        """The keys of a project's variables, in alphabetical order."""
        rows = self._state.store.all(
            "SELECT key FROM env_vars WHERE project = ? ORDER BY key", (self._project(project)["seq"],)
        )
        return [row["key"] for row in rows]

    def env_is(self, project: str, key: str, value: str) -> bool:
        """Whether a variable has this value. Only its salted digest is known, so it can be compared and not read."""
        row = self._state.store.find(
            "SELECT salt, digest FROM env_vars WHERE project = ? AND key = ?", (self._project(project)["seq"], key)
        )
        return row is not None and digest_of(value, row["salt"]) == row["digest"]

    def _project(self, name: str) -> sqlite3.Row:
        org, _, slug = name.rpartition("/")
        row = self._state.store.find(
            "SELECT p.* FROM projects p LEFT JOIN orgs o ON o.seq = p.org WHERE p.slug = ? AND (? = '' OR o.slug = ?)",
            (slug, org, org),
        )
        if row is None:
            raise LookupError(f"no project {name} in the sandbox")
        return row


class _Server(uvicorn.Server):
    """Uvicorn's, which says when it listens and stops at once when it is told to."""

    def __init__(self, config: uvicorn.Config, started: threading.Event, webhooks: Webhooks | None) -> None:
        super().__init__(config)
        self._webhooks = webhooks
        self._said = started
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        if self._webhooks is not None:
            self._webhooks.start()
        self._said.set()

    async def main_loop(self) -> None:
        """Keep the Date header right, until told to stop."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), 0.5)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen no longer, and see to it that what is due is told."""
        await super().shutdown(sockets)
        if self._webhooks is not None:
            await self._webhooks.close(GRACE_SECONDS)

    def wake(self) -> None:
        """Look whether to stop, from another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._woken.set)


def _check(behavior: Behavior) -> None:
    if not 0 <= behavior.build_seconds < float("inf"):
        raise UsageError("build-seconds must not be negative")
    if not 0 < behavior.time_scale < float("inf"):
        raise UsageError("time-scale must be greater than 0")
    if behavior.slots is not None and behavior.slots < 0:
        raise UsageError("slots must not be negative")
    if behavior.webhook_url is not None:
        hint = "give one like http://127.0.0.1:4400/webhook"
        if urls.split(behavior.webhook_url, "webhook-url", hint=hint).scheme not in ("http", "https"):
            raise UsageError("webhook-url must be an http or https URL", hint=hint)
        if not behavior.webhook_secret:
            raise UsageError(
                "webhooks need a secret to be signed with", hint="give --webhook-secret, or set DPX_WEBHOOK_SECRET"
            )
    if behavior.role not in seed.PEOPLE:
        raise UsageError(f"role must be one of {', '.join(seed.PEOPLE)}")
