"""One deployment, from the list before the POST to its end: what `dpx deploy` and `dpx deploy wait` do."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from dpx_cli.api import deployments, projects
from dpx_cli.api.deploy.create import Creator
from dpx_cli.api.deploy.follow import PollSchedule, follow, usual_seconds
from dpx_cli.api.retry import Deadline
from dpx_cli.api.sites import site_url
from dpx_cli.errors import DeploymentFailed, DpxError, NotFound, WaitTimeout
from dpx_cli.output.format import relative
from dpx_cli.reference import ENDED, ERROR, GRACE, READY
from dpx_cli.resolve import ID, Projects
from dpx_cli.rollout.plan import Commits
from dpx_cli.rollout.runner import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.rollout.plan import DeployOptions, Plan
    from dpx_cli.session import Session

    Row = dict[str, Any]

MAX_ASKED = 2  # past builds whose details are requested, to say how long one usually takes
_OUTPUT = threading.Lock()


class DeployTask(Task):
    """One deployment that is created and followed, or only followed.

    Args:
        session: the session.
        project: the project; None if only the deployment is known.
        options: what was asked for.
        needs: tasks that must have succeeded before it begins.
        commits: what git and the CI report, read once for all tasks; needed to create.
        deployment_id: an existing deployment, which is only followed.
        project_id: the project that this deployment may belong to.
        deadline: the end of it all; None for `options.timeout` from its beginning.
        before: called with the task's client before anything else.

    Attributes:
        project_id: the project's ID, once it is known.
        rows: the project's newest deployments before the POST.
        plan: what is going to be deployed.
        id: the deployment's ID, once it is known.
        deployment: the last object seen.
        url: the site's URL, if there is one, once the deployment is READY.
        branch: the branch, as far as it is known.
        sha: the commit, as far as it is known.
        find_missing: returns sentences about variables that the code here reads and production lacks.
    """

    def __init__(
        self,
        session: Session,
        project: ProjectRef | None,
        options: DeployOptions,
        *,
        needs: Sequence[Task] = (),
        commits: Commits | None = None,
        deployment_id: str | None = None,
        project_id: str | None = None,
        deadline: Deadline | None = None,
        before: Callable[[Client], object] | None = None,
    ) -> None:
        name = deployment_id if deployment_id is not None else project.name if project else ""
        super().__init__(session, name, needs)
        self.project = project
        self.options = options
        self.project_id = project.id if project else project_id
        self.rows: list[Row] = []
        self.plan: Plan | None = None
        self.id = deployment_id
        self.deployment: Row | None = None
        self.url: str | None = None
        self.branch: str | None = None
        self.sha: str | None = None
        self.find_missing: Callable[[DeployTask], list[str]] | None = None
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
        """Create the deployment, unless it exists, follow it to its end, and check the gates.

        Raises:
            DeploymentFailed: if it failed.
            WaitTimeout: if it didn't end in time.
            CheckFailed: if a gate doesn't hold.
            DpxError: as `Creator.create` and `follow` do.
        """
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
            self._check_gates()

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
        if self._slug is None:
            self._slug = self._find_slug()
        return self._slug

    def event(self, name: str) -> None:
        """Write an event of `--jsonl`: created, status, ready, error, timeout."""
        screen = self.session.screen
        if screen.format != "jsonl":
            return
        event = {
            "event": name,
            "project": self.slug(),
            "deployment": self.deployment,
            "elapsedSeconds": round(time.monotonic() - self.started, 1),
        }
        with _OUTPUT:
            screen.item(event, (), key="event")

    # Create

    def _create(self) -> bool:
        """Create the deployment, unless this is a dry run; return whether it was created."""
        if self.project is None:
            raise RuntimeError("a deployment needs a project")
        finder = Projects(lambda: self._client, lambda: self.session.names, self.session.settings)
        try:
            creator = finder.on(self.project, self._list_recent)
        except NotFound as missing:
            if self.project.source.endswith(".toml") and self.project.source not in missing.message:
                missing.message = f"{missing.message.rstrip('.')}, specified in {self.project.source}"
            raise
        self.project_id, self.rows = creator.project_id, creator.rows
        self._commits = self._commits or Commits(self.session, self.options)
        self.plan = plan = self._commits.plan(creator.last_branch, self.project)
        self.branch, self.sha = plan.branch, plan.fields.get("commitSha")
        if not self.options.dry_run:
            self.say(plan.sentence("Deploying", self.project))
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
        self.event("created")
        return True

    def _list_recent(self, project_id: str) -> Creator:
        self._creator = creator = Creator(
            self._client,
            project_id,
            deadline=self.deadline,
            check=self.session.command("deploy", "list", project=self.project),
            say=lambda text: self.show_state("checking", text),
            say_busy=self._say_busy,
            warn=self.warn,
            sleep=self.sleep,
        )
        creator.list_recent()
        return creator

    def _say_busy(self, text: str) -> None:
        self.row.state = "waiting for a slot"
        if not self.session.screen.animates:
            self.say(text)

    # Follow

    def _finish(self) -> None:
        """Wait for the end of the deployment, and find the URL of its site."""
        created = self.deployment
        if created:
            self._show(created, None)
        try:
            self.deployment = final = self._follow(str(self.id), created)
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

    def _follow(self, deployment_id: str, created: Row | None) -> Row:
        usual = usual_seconds(self.rows, self.branch)
        self.row.usual = usual
        schedule = PollSchedule(
            usual, ask=self._ask_for_past_builds if self.rows else None, watched=self.session.screen.animates
        )
        return follow(
            self._client,
            deployment_id,
            self.deadline,
            say=self._show,
            created=created,
            command=self.session.command("deploy", "wait", deployment_id),
            schedule=schedule,
            sleep=self.sleep,
        )

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

    def _check_gates(self) -> None:
        if not self.options.gates.are_set or self.deployment is None:
            return
        from dpx_cli.rollout.gates import check_gates

        check_gates(self, self.options.gates, self._client)

    def ready_before(self) -> list[Row]:
        """Return the branch's READY deployments before this one, newest first, as far as they are known."""
        return [row for row in self.rows if row.get("status") == READY and row.get("branch") == self.branch]

    def _failure(self) -> DeploymentFailed:
        """Return the error for a deployment that ended in ERROR: what was good last, and what to do next."""
        where = f" (branch {self.branch})" if self.branch else ""
        message = f"Deployment {self.id}{where} failed."
        if good := next(iter(self.ready_before()), None):
            when = f", created {relative(good['created_at'])}" if good.get("created_at") else ""
            message += f" The branch's last READY deployment is {good['id']}{when}."
        command = self.session.command
        again = command("deploy", "again", str(self.id), project=self.project)
        return DeploymentFailed(
            message, hint=f"See {command('deploy', 'get', str(self.id))}; to try again, run: {again}"
        )

    def _find_slug(self) -> str | None:
        ref, deployment = self.project, self.deployment or {}
        name = self.name if ref is None else (ref.slug or ref.given.rpartition("/")[2])
        # A link file may say any slug beside its ID.
        if ref and ref.source != "link" and name.islower() and not ID.fullmatch(name) and name != self.project_id:
            return name
        project_id = self.project_id or deployment.get("projectId") or deployment.get("project_id")
        try:
            slug = projects.get_project(self._client, str(project_id)).get("slug") if project_id else None
        except DpxError:
            slug = None
        return slug if isinstance(slug, str) else (name if ref else None)
