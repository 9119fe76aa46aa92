"""The sandbox as a whole: a Deploxa API on a loopback socket, in a thread of this process.

    with Sandbox(build_seconds=0.2) as sandbox:
        ...  # sandbox.url, sandbox.token

`dpx sandbox`, `dpx rehearse` and the pytest plugin run it, and so can any test.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from dpx_cli.errors import Failed, UsageError
from dpx_cli.sandbox import course, seed, snapshot
from dpx_cli.sandbox.app import Application
from dpx_cli.sandbox.faults import API_ROOT, Faults
from dpx_cli.sandbox.journal import Change, RecordedRequest, SandboxJournal
from dpx_cli.sandbox.rate import Rate
from dpx_cli.sandbox.state import Behavior, SandboxState
from dpx_cli.sandbox.store import Store, digest_of
from dpx_cli.sandbox.tokens import Tokens
from dpx_cli.sandbox.webhooks import DeliveryAttempt, Webhooks
from dpx_cli.system.loopback.server import HOST, Server, bind
from dpx_cli.webhook.deliver import Endpoint

if TYPE_CHECKING:
    import sqlite3
    from types import TracebackType

    from dpx_cli.sandbox.snapshot import Seed

# Longer than any test waits between two requests: a connection that closes by itself looks like a fault.
KEEP_ALIVE = 75
START_SECONDS = 10
GRACE_SECONDS = 2


class Sandbox:
    """A Deploxa API server.

    Args:
        seed: what it starts with, instead of the usual organizations and projects; see `snapshot.Seed`.
        options: the fields of `Behavior`.

    Attributes:
        behavior: its options.
        url: the API root, for DPX_API_URL. Set by `start`, as is `origin`.
        origin: scheme, host and port.

    Raises:
        UsageError: an option is wrong, or (by `start`) the port is in use.
        Failed: by `start`: the data or the log can't be opened.
        ValueError: by `start`: the seed is incomplete.
    """

    def __init__(self, seed: Seed | None = None, **options: Any) -> None:
        self.behavior = Behavior(**options)
        _check(self.behavior)
        self._seed = seed
        self._thread: threading.Thread | None = None
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
        """Start the server; return when it accepts connections. The port is bound before anything else."""
        faults = Faults(self.behavior.faults)
        rate = None if self.behavior.rate is None else Rate(self.behavior.rate)
        with contextlib.ExitStack() as undo:
            listening = undo.enter_context(bind(self.behavior.port, UsageError))
            store = Store(self.behavior.data)
            undo.callback(store.close)
            tokens = self._open(store)
            journal = SandboxJournal(self.behavior.log)
            undo.pop_all()
        self._state = SandboxState(
            behavior=self.behavior,
            store=store,
            tokens=tokens,
            faults=faults,
            rate=rate,
            journal=journal,
            webhooks=self._webhooks(store, journal),
        )
        self.origin = f"http://{HOST}:{listening.getsockname()[1]}"
        self.url = self.origin + API_ROOT
        started = threading.Event()
        self._server = Server(
            Application(self._state, self._reset),
            ready=lambda: self._on_start(started),
            stopped=self._on_stop,
            keep_alive=KEEP_ALIVE,
            grace=1,
        )
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._server.serve([listening]),), name="dpx-sandbox", daemon=True
        )
        self._thread.start()
        if not started.wait(START_SECONDS):
            raise Failed("The sandbox didn't start.")

    def close(self) -> None:
        """Stop, and leave nothing but the data file."""
        if self._thread is None:
            return
        self._server.stop()
        self._thread.join()
        self._thread = None
        self._state.store.close()
        self._state.journal.close()

    def _open(self, store: Store) -> Tokens:
        """Fill a fresh store and return the accepted tokens."""
        behavior, now = self.behavior, time.time()
        if store.fresh and self._seed is not None:
            snapshot.fill(store, self._seed, now, behavior.build_seconds / behavior.time_scale)
        elif store.fresh:
            seed.seed(store, now, behavior.projects)
        mine = store.find("SELECT 1 FROM users WHERE email = ?", (snapshot.ME,)) is not None
        return Tokens(
            behavior.tokens,
            people=dict.fromkeys(seed.PEOPLE, snapshot.ME) if mine else seed.PEOPLE,
            role=behavior.role,
            secret=store.secret,
            now=now,
            ttl=behavior.token_ttl,
            scale=behavior.time_scale,
        )

    def _webhooks(self, store: Store, journal: SandboxJournal) -> Webhooks | None:
        url, secret = self.behavior.webhook_url, self.behavior.webhook_secret
        if url is None or secret is None:
            return None
        return Webhooks(
            Endpoint.parse(url, "--webhook-url").url,
            secret,
            store=store,
            journal=journal,
            scale=self.behavior.time_scale,
        )

    def _reset(self, client: tuple[str, int]) -> None:
        self._server.reset(client)

    def _on_start(self, started: threading.Event) -> None:
        if self._state.webhooks is not None:
            self._state.webhooks.start()
        started.set()

    async def _on_stop(self) -> None:
        if self._state.webhooks is not None:
            await self._state.webhooks.close(GRACE_SECONDS)

    # For tests and for the programs that run a sandbox.

    @property
    def token(self) -> str:
        """The first accepted token."""
        return self._state.tokens.plain[0]

    @property
    def tokens(self) -> list[str]:
        """The accepted tokens, in the order given."""
        return list(self._state.tokens.plain)

    @property
    def env(self) -> dict[str, str]:
        """The environment variables that point a client at this sandbox, without a proxy."""
        return {"DPX_API_URL": self.url, "DPX_TOKEN": self.token, "NO_PROXY": HOST, "no_proxy": HOST}

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, oldest first."""
        return self._state.journal.requests()

    @property
    def deliveries(self) -> list[DeliveryAttempt]:
        """The attempts to deliver webhooks so far, oldest first."""
        return [] if self._state.webhooks is None else list(self._state.webhooks.deliveries)

    @property
    def changes(self) -> list[Change]:
        """The changes that requests have made so far, oldest first: (action, project, name)."""
        return self._state.journal.changes()

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._state.journal.clear()

    def fault(self, text: str) -> None:
        """Add a fault, like "POST /projects/*/deployments 429 x3"; see `faults.py`."""
        self._state.faults.add(text)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._state.faults.clear()

    def expire(self, token: str | None = None) -> None:
        """Expire a token, by default the first one."""
        self._state.tokens.expire(token or self.token)

    def seed_projects(self, count: int, org: str = "acme") -> list[str]:
        """Add made-up projects with one deployment each and return their slugs."""
        with self._state.store.change() as db:
            return seed.make_up(db, count, org, time.time())

    def seed_project(self, slug: str, org: str = "acme", framework: str | None = None) -> str:
        """Add a project without deployments and return its id. Several organizations may have the same slug."""
        with self._state.store.change() as db:
            seq = seed.project(db, slug, org, time.time(), framework=framework)
        identity: str = self._state.store.one("SELECT id FROM projects WHERE seq = ?", (seq,))["id"]
        return identity

    def seed_deployments(
        self,
        project: str,
        count: int,
        *,
        branch: str = "main",
        fails: bool = False,
        seconds: float = 30,
        sha: str | None = None,
        message: str | None = None,
    ) -> list[str]:
        """Add deployments of a project that end now and return their ids, oldest first."""
        seq = self._project(project)["seq"]
        now = time.time()
        with self._state.store.change() as db:
            return [
                course.add(db, seq, branch, now - seconds, seconds=seconds, fails=fails, sha=sha, message=message)
                for _ in range(count)
            ]

    def project_id(self, project: str) -> str:
        """Return the id of a project, by its slug or "org/slug"."""
        identity: str = self._project(project)["id"]
        return identity

    def projects(self) -> list[str]:
        """Return the slugs of all projects that a token's person may see, oldest first."""
        rows = self._state.store.all(
            "SELECT slug FROM projects WHERE org IS NULL OR org IN (SELECT m.org FROM members m JOIN users u"
            " ON u.seq = m.user WHERE u.email IN (?, ?)) ORDER BY seq",
            (snapshot.ME, seed.PEOPLE["owner"]),
        )
        return [row["slug"] for row in rows]

    def deployments(self, project: str) -> list[dict[str, Any]]:
        """Return the deployments of a project, newest first.

        Each has id, status, branch, commit_message, commit_sha and created_at (seconds since 1970).
        """
        rows = self._state.store.all(
            "SELECT * FROM deployments WHERE project = ? ORDER BY seq DESC", (self._project(project)["seq"],)
        )
        now = time.time()
        shown = ("id", "branch", "commit_message", "commit_sha", "created_at")
        return [{"status": course.status(row, now)} | {name: row[name] for name in shown} for row in rows]

    def env_keys(self, project: str) -> list[str]:
        """Return the keys of a project's variables, in alphabetical order."""
        rows = self._state.store.all(
            "SELECT key FROM env_vars WHERE project = ? ORDER BY key", (self._project(project)["seq"],)
        )
        return [row["key"] for row in rows]

    def env_is(self, project: str, key: str, value: str) -> bool:
        """Return whether a variable has this value. Only its salted digest is known, so it can't be read."""
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
            raise LookupError(f"No project {name} in the sandbox.")
        return row


def _check(behavior: Behavior) -> None:
    Faults(behavior.faults)
    if not 0 <= behavior.build_seconds < float("inf"):
        raise UsageError("--build-seconds must not be negative.")
    if not 0 < behavior.time_scale < float("inf"):
        raise UsageError("--time-scale must be greater than 0.")
    if behavior.slots is not None and behavior.slots < 0:
        raise UsageError("--slots must not be negative.")
    if behavior.webhook_url is not None:
        Endpoint.parse(behavior.webhook_url, "--webhook-url")
        if not behavior.webhook_secret:
            raise UsageError("No webhook secret specified.", hint="Pass --webhook-secret, or set DPX_WEBHOOK_SECRET.")
    if behavior.role not in seed.PEOPLE:
        raise UsageError(f"--role must be one of {', '.join(seed.PEOPLE)}.")
