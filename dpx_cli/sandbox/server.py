"""The sandbox as a whole: a Deploxa API on a loopback socket, in a thread of this process.

    with Sandbox(build_seconds=0.2) as sandbox:
        ...  # sandbox.url, sandbox.token

`dpx sandbox`, `dpx rehearse` and the pytest plugin run it, and so can any test.
"""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from dpx_cli.errors import Failed, UsageError, reason
from dpx_cli.sandbox import Behavior, timeline
from dpx_cli.sandbox import seed as seeds
from dpx_cli.sandbox.app import Application
from dpx_cli.sandbox.faults import API_ROOT, Faults
from dpx_cli.sandbox.journal import Change, RecordedRequest, SandboxJournal
from dpx_cli.sandbox.request import SandboxState
from dpx_cli.sandbox.seed import Seed
from dpx_cli.sandbox.store import Store, digest_of, new_id
from dpx_cli.sandbox.tokens import Rate, Tokens
from dpx_cli.sandbox.webhooks import DeliveryAttempt, Report, Webhooks
from dpx_cli.system.files import full_disk_hint
from dpx_cli.system.loopback.server import HOST, Server, bind
from dpx_cli.webhook.deliver import Endpoint

if TYPE_CHECKING:
    from dpx_cli.client import Client

# Longer than any test waits between two requests: a connection that closes by itself looks like a fault.
PATIENCE = 75
GRACE_SECONDS = 2
CONNECT_SECONDS = 2


class Sandbox(SandboxState):
    """A Deploxa API server, with the fields of `Behavior` as options.

    It starts with `seed` instead of the usual organizations and projects. `start` sets `url`, the API root for
    DPX_API_URL, and `page_url`, which has the page's key; the pytest fixture sets `client`. Raises UsageError for a
    wrong option; `start` raises it for a port in use, Failed if data or log can't be opened or the seed is incomplete.
    """

    client: Client

    def __init__(self, seed: Seed | None = None, on_delivery: Report = lambda _: None, **options: Any) -> None:
        self.behavior = behavior = Behavior(**options)
        self.scripted = Faults(behavior.faults)
        self.rate = None if behavior.rate is None else Rate(behavior.rate)
        url = behavior.webhook_url
        self._endpoint = None if url is None else Endpoint.parse(url, "--webhook-url")
        if url is not None and not behavior.webhook_secret:
            raise UsageError("No webhook secret specified.", hint="Pass --webhook-secret, or set DPX_WEBHOOK_SECRET.")
        if behavior.role not in seeds.PEOPLE:
            raise UsageError(f"--role must be one of {', '.join(seeds.PEOPLE)}.")
        self._seed = seed
        self._report = on_delivery
        self.origin = self.url = self.page_url = ""

    def __enter__(self) -> Self:
        """Start the server; return when it accepts connections. The port is bound before anything else."""
        behavior = self.behavior
        with contextlib.ExitStack() as undo:
            listening = undo.enter_context(bind(behavior.port, UsageError))
            try:
                self.store = Store(behavior.data)
                undo.callback(self.store.close)
                self.accepted = self._open(self.store)
            except (sqlite3.Error, OSError) as error:
                raise Failed(
                    f"Can't open the sandbox's data in {behavior.data}: {error}.",
                    hint=full_disk_hint(error) or "Pass another file with --data, or move this one away.",
                ) from error
            self.journal = SandboxJournal(behavior.log)
            undo.pop_all()
        self.closing = threading.Event()
        if self._endpoint is not None:
            secret = behavior.webhook_secret or ""
            self.webhooks = Webhooks(self._endpoint, secret, self.store, self.journal, self._report)
        self.origin = f"http://{HOST}:{listening.getsockname()[1]}"
        self.url = self.origin + API_ROOT
        application = Application(self)
        self.page_url = f"{self.origin}/#{application.page.key}"
        self._server = Server(listening, application.handle, patience=PATIENCE, keep_alive=True)
        return self

    def check_receiver(self) -> str:
        """Return why `webhook_url` can't be reached, in a few words; "" if it can."""
        endpoint = self._endpoint
        if endpoint is None:
            return ""
        try:
            socket.create_connection((endpoint.host, endpoint.port), timeout=CONNECT_SECONDS).close()
        except OSError as error:
            return f"{endpoint.host}:{endpoint.port}: {reason(error)}"
        return ""

    def __exit__(self, *_: object) -> None:
        """Stop, and leave nothing but the data file."""
        self.closing.set()
        self._server.close()
        if self.webhooks is not None:
            self.webhooks.close(GRACE_SECONDS)
        self.store.close()
        self.journal.close()

    def _open(self, store: Store) -> Tokens:
        """Fill a fresh store and return the accepted tokens."""
        behavior, now = self.behavior, time.time()
        if store.fresh and self._seed is not None:
            seeds.fill(store, self._seed, now, behavior.build_seconds)
        elif store.fresh:
            seeds.fill(store, seeds.usual_seed(now, behavior.projects), now, 0, person=None)
        people = seeds.PEOPLE if self._seed is None else dict.fromkeys(seeds.PEOPLE, seeds.ME)
        return Tokens(behavior, people=people, secret=store.secret, now=now)

    # For tests and for the programs that run a sandbox.

    @property
    def token(self) -> str:
        """The first accepted token."""
        return self.accepted.first

    @property
    def env(self) -> dict[str, str]:
        """The environment variables that point a client at this sandbox, without a proxy."""
        return {"DPX_API_URL": self.url, "DPX_TOKEN": self.token, "NO_PROXY": HOST, "no_proxy": HOST}

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests so far, oldest first."""
        return list(self.journal.requests)

    @property
    def deliveries(self) -> list[DeliveryAttempt]:
        """The attempts to deliver webhooks so far, oldest first."""
        return [] if self.webhooks is None else list(self.webhooks.deliveries)

    @property
    def changes(self) -> list[Change]:
        """The changes that requests have made so far, oldest first: (action, project, name)."""
        return list(self.journal.changes)

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self.journal.requests.clear()

    def fault(self, text: str) -> None:
        """Add a fault, like "POST /projects/*/deployments 429 x3"; see `faults.py`."""
        self.scripted.add(text)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.scripted.remove()

    def seed_projects(self, count: int, org: str = "acme") -> list[str]:
        """Add generated projects with one deployment each and return their slugs."""
        now = time.time()
        first = sum(slug.startswith("project-") for slug in self.projects()) + 1
        projects = seeds.generate_projects(first, count, org, now)
        with self.store.change() as db:
            return [seeds.add_project(db, project, now)["slug"] for project in projects]

    def seed_project(self, slug: str, org: str = "acme") -> str:
        """Add a project without deployments and return its ID. Several organizations may have the same slug."""
        project = {"id": new_id(), "slug": slug, "org": org}
        with self.store.change() as db:
            seeds.add_project(db, project, time.time())
        return str(project["id"])

    def seed_deployments(
        self, project: str, count: int, *, fails: bool = False, seconds: float = 30, **fields: Any
    ) -> list[str]:
        """Add deployments of a project, with the API's `fields`, that end now; return their IDs, oldest first."""
        row = dict(self._project(project))
        began = time.time() - seconds
        with self.store.change() as db:
            return [timeline.add(db, row, fields, began, seconds=seconds, fails=fails) for _ in range(count)]

    def project_id(self, project: str) -> str:
        """Return the id of a project, by its slug or "org/slug"."""
        return str(self._project(project)["id"])

    def projects(self) -> list[str]:
        """Return the slugs of all projects that a token's person may see, oldest first."""
        rows = self.store.all(
            "SELECT slug FROM projects WHERE org IS NULL OR org IN (SELECT m.org FROM members m JOIN users u"
            " ON u.seq = m.user WHERE u.email IN (?, ?)) ORDER BY seq",
            (seeds.ME, seeds.PEOPLE["owner"]),
        )
        return [row["slug"] for row in rows]

    def deployments(self, project: str) -> list[dict[str, Any]]:
        """Return the deployments of a project, newest first, as the API's objects, with `created_at` in seconds."""
        rows = self._all("SELECT * FROM deployments WHERE project = ? ORDER BY seq DESC", project)
        return [timeline.show(row, time.time()) | {"created_at": row["created_at"]} for row in rows]

    def env_keys(self, project: str) -> list[str]:
        """Return the keys of a project's variables, in alphabetical order."""
        return [row["key"] for row in self._all("SELECT key FROM env_vars WHERE project = ? ORDER BY key", project)]

    def env_is(self, project: str, key: str, value: str) -> bool:
        """Return whether a variable has this value. Only its salted digest is known, so it can't be read."""
        rows = self._all("SELECT * FROM env_vars WHERE project = ?", project)
        return any(row["key"] == key and digest_of(value, row["salt"]) == row["digest"] for row in rows)

    def _all(self, sql: str, project: str) -> list[sqlite3.Row]:
        return self.store.all(sql, (self._project(project)["seq"],))

    def _project(self, name: str) -> sqlite3.Row:
        org, _, slug = name.rpartition("/")
        row: sqlite3.Row | None = self.store.find(
            "SELECT p.* FROM projects p LEFT JOIN orgs o ON o.seq = p.org WHERE p.slug = ? AND (? = '' OR o.slug = ?)",
            (slug, org, org),
        )
        if row is None:
            raise LookupError(f"No project {name} in the sandbox.")
        return row
