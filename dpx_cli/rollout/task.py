"""One deployment, from the list before the POST to its end: what `dpx deploy` and `dpx deploy wait` do."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dpx_cli.api import deployments, projects
from dpx_cli.api.deploy.create import Creator
from dpx_cli.api.deploy.follow import PollSchedule, follow, usual_seconds
from dpx_cli.api.retry import Deadline
from dpx_cli.api.sites import site_url
from dpx_cli.errors import DeploymentFailed, DpxError, NotFound, WaitTimeout
from dpx_cli.output.format import relative
from dpx_cli.reference import ENDED, ERROR, GRACE, READY
from dpx_cli.resolve import ID
from dpx_cli.rollout.commits import KnownCommits, read_commit
from dpx_cli.rollout.gates import check_gates
from dpx_cli.rollout.plan import Commits
from dpx_cli.rollout.runner import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpx_cli.api.client import Client
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.rollout.plan import DeployOptions, Plan
    from dpx_cli.session import Session

    Row = dict[str, Any]

MAX_ASKED = 2  # past builds whose details are requested, to say how long one usually takes
_OUTPUT = threading.Lock()


class DeployTask(Task):
    """One deployment that is created and followed.

    With `deployment_id` it exists, may belong to `project_id`, and is only followed. `commits` is what git and the CI
    report, `deadline` the end of it all (None: `options.timeout` from its beginning). `before` is called with the
    task's client before anything else.
    """

    def __init__(
        self,
        session: Session,
        project: ProjectRef | None,
        options: DeployOptions,
        *,
        commits: Commits | None = None,
        deployment_id: str | None = None,
        project_id: str | None = None,
        deadline: Deadline | None = None,
        before: Callable[[Client], object] | None = None,
    ) -> None:
        name = deployment_id if deployment_id is not None else project.name if project else ""
        super().__init__(session, name)
        self.project = project
        self.options = options
        self.project_id = project.id if project else project_id
        self.rows: list[Row] = []  # the project's newest deployments before this one
        self.plan: Plan | None = None
        self.id = deployment_id
        self.deployment: Row | None = None  # the last object seen
        self.url: str | None = None  # the site's, once the deployment is READY
        self.branch: str | None = None
        self.sha: str | None = None
        # Sentences about variables that the code here reads and production lacks, and about what may have broken it.
        self.find_missing: Callable[[DeployTask], list[str]] | None = None
        self.explain: Callable[[DeployTask], list[str]] | None = None
        self.count_new: Callable[[DeployTask], int | None] = lambda _: None
        self.suspects: list[str] = []  # of a failed one: what changed since the last READY one
        self._commits = commits
        self._deadline = deadline
        self._before = before
        self._creator: Creator | None = None
        self._slug: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the deployment was followed to its end."""
        return self.deployment is not None and self.deployment.get("status") in ENDED

    def work(self, client: Client) -> None:
        """Create the deployment, unless it exists, follow it to its end, and check the gates."""
        self._client = client
        self.deadline = self._deadline or Deadline(self.options.timeout)
        client.until = self.deadline.at + GRACE
        self.row.state = "looking"
        if self._before:
            self._before(client)
        if self.id is None and not self._create():
            return
        if not self.options.no_wait:
            self._finish()
            check_gates(self, self.options.gates, client, self.deployment or {}, self.url, self.ready_before())

    def interruption(self) -> str | None:
        """Return a line with the state and the command to run next; None if nothing was sent."""
        command = self.session.command
        if self.id:
            state = f"is {self.deployment.get('status')}" if self.deployment and self.has_ended else "is still running"
            return f"Deployment {self.id} {state}. To follow it, run: {command('deploy', 'wait', self.id)}"
        if self._creator and self._creator.may_have_started:
            check = command("deploy", "list", project=self.project)
            return f"The deployment may have started. To check, run: {check}"
        return None

    def slug(self) -> str | None:
        """Return the project's slug; a request may be needed, and where it fails, what the user calls it."""
        if self._slug is not None:
            return self._slug
        ref, deployment = self.project, self.deployment or {}
        name = (ref.slug or ref.given.rpartition("/")[2]) if ref else None
        project_id = self.project_id or deployment.get("projectId") or deployment.get("project_id")
        # A link file may say any slug beside its ID.
        is_slug = name and name.islower() and not ID.fullmatch(name) and name != project_id
        self._slug = name
        if project_id and not (is_slug and ref and ref.source != "link"):
            with suppress(DpxError):
                slug = projects.get_project(self._client, str(project_id)).get("slug")
                self._slug = slug if isinstance(slug, str) else name
        return self._slug

    def event(self, name: str) -> None:
        """Write an event of `--jsonl`, or pass it on: created, status, ready, error, timeout."""
        screen, on_event = self.session.screen, self.session.on_event
        if screen.format != "jsonl" and on_event is None:
            return
        event = {
            "event": name,
            "project": self.slug(),
            "deployment": self.deployment,
            "elapsedSeconds": round(time.monotonic() - self.started, 1),
        }
        if on_event:
            on_event(event)
            return
        with _OUTPUT:
            screen.item(event, (), key="event")

    # Create

    def _create(self) -> bool:
        """Create the deployment, unless this is a dry run; return whether it was created."""
        if self.project is None:
            raise RuntimeError("a deployment needs a project")
        try:
            creator = self.session.projects_by(lambda: self._client).on(self.project, self._list_recent)
        except NotFound as missing:
            if self.project.source.endswith(".toml") and self.project.source not in missing.message:
                missing.message = f"{missing.message.rstrip('.')}, specified in {self.project.source}"
            raise
        self.project_id, self.rows = creator.project_id, creator.rows
        self._commits = self._commits or Commits(self.session, self.options)
        self.plan = plan = self._commits.plan(creator.last_branch, self.project)
        self.branch, self.sha = plan.branch, plan.fields.get("commitSha")
        verb = "Would deploy" if self.options.dry_run else "Deploying"
        self.say(plan.sentence(verb, self.project, prefixed=bool(self.prefix)))
        for warning in plan.warnings:
            self.warn(warning)
        if self.options.scan and self.find_missing:
            for line in self.find_missing(self):
                self.warn(line)
        if self.options.dry_run:
            return False
        self.deployment = creator.create(plan.fields)
        self.id = str(self.deployment["id"])
        self.say(f"Deployment {self.id} started.")
        if self.sha and read_commit(self.deployment) is None:
            KnownCommits(self.session, self.project_id).remember(self.id, self.sha)
        self.event("created")
        return True

    def _list_recent(self, project_id: str) -> Creator:
        self._creator = creator = Creator(
            self._client,
            project_id,
            deadline=self.deadline,
            check=self.session.command("deploy", "list", project=self.project),
            show=self.show_state,
            warn=self.warn,
        )
        creator.list_recent()
        return creator

    # Follow

    def _finish(self) -> None:
        created = self.deployment
        if created:
            self._show(created, None)
        self.row.usual = usual_seconds(self.rows, self.branch)
        ask = self._ask_for_past_builds if self.rows else None
        try:
            self.deployment = final = follow(
                self._client,
                str(self.id),
                self.deadline,
                say=self._show,
                created=created,
                command=self.session.command("deploy", "wait", str(self.id)),
                schedule=PollSchedule(self.row.usual, ask=ask, watched=self.session.screen.animates),
            )
        except WaitTimeout:
            self.event("timeout")
            raise
        self.row.state = str(final["status"])
        if isinstance(final.get("branch"), str):
            self.branch = final["branch"]
        if final["status"] == ERROR:
            self.event("error")
            raise self._failure()
        self.event("ready")
        if created or self.session.screen.format != "jsonl":  # no event of a wait has the URL
            self.url = site_url(self._client, final, self.project_id, certain=created is not None)

    def _ask_for_past_builds(self) -> float | None:
        """Return how long the last READY builds took; the rows of the list may lack it."""
        ready = [row for row in self.rows if row.get("status") == READY and isinstance(row.get("id"), str)]
        ready.sort(key=lambda row: row.get("branch") != self.branch)
        try:
            details = [deployments.get_deployment(self._client, row["id"]) for row in ready[:MAX_ASKED]]
        except DpxError:
            return None
        self.row.usual = usual_seconds(details, self.branch)
        return self.row.usual

    def _show(self, seen: Row | None, fault: str | None) -> None:
        if seen is None:
            self.show_state("temporary error", f"Deployment {self.id}: temporary error, retrying: {fault}")
            return
        before, self.deployment = (self.deployment or {}).get("status"), seen
        if seen.get("status") != before:
            self.event("status")
        self.show_state(str(seen.get("status")), f"Deployment {self.id}: {seen.get('status')}")

    def ready_before(self) -> list[Row]:
        """Return the branch's READY deployments before this one, newest first, as far as they are known."""
        return [row for row in self.rows if row.get("status") == READY and row.get("branch") == self.branch]

    def _failure(self) -> DeploymentFailed:
        """Return the error for a deployment that ended in ERROR: what was good last, what changed, what to do next."""
        self._list_earlier()
        where = f" (branch {self.branch})" if self.branch else ""
        origin = "/".join(self.session.settings.api_url.split("/")[:3])
        page = f" The project's page: {origin}/projects/{slug}" if (slug := self.slug()) else ""
        details = [f"The API has no build log.{page}"]
        if good := next(iter(self.ready_before()), None):
            when = f", created {relative(good['created_at'])}" if good.get("created_at") else ""
            details.append(f"The branch's last READY deployment is {good['id']}{when}.")
        if self.explain:
            details += self.explain(self)
        command = self.session.command
        again = command("deploy", "again", str(self.id), project=self.project or slug or "PROJECT")
        hint = f"See {command('deploy', 'get', str(self.id))}; to try again, run: {again}"
        return DeploymentFailed(f"Deployment {self.id}{where} failed.", details=details, hint=hint)

    def _list_earlier(self) -> None:
        """List what was deployed before, if the deployment was only followed."""
        if self._creator is None and self.project_id:
            with suppress(DpxError):
                rows = deployments.list_newest(self._client, self.project_id)
                ids = [row.get("id") for row in rows]
                if self.id in ids:
                    self.rows = rows[ids.index(self.id) + 1 :]
                else:
                    self.project_id = None  # it belongs to another project
