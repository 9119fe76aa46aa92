"""One deployment, from the list before the POST to its end: what `dpx deploy` and `dpx deploy wait` do."""

from __future__ import annotations

import shlex
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from dpx_cli.api.sites import site_url
from dpx_cli.commands.deploy.follow import follow
from dpx_cli.errors import DeploymentFailed, DpxError
from dpx_cli.output.format import relative
from dpx_cli.reference import ENDED, ERROR, READY
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpx_cli.api.client import Client
    from dpx_cli.api.transport import Deadline
    from dpx_cli.commands.deploy.preflight import Commits, Plan
    from dpx_cli.commands.deploy.start import Starter
    from dpx_cli.resolve import Projects
    from dpx_cli.session import Session


class Wanted(NamedTuple):
    """What the user asked for; None is what they left out."""

    branch: str | None = None
    message: str | None = None
    sha: str | None = None
    no_git: bool = False
    source: str | None = None  # of the branch, if it isn't --branch


class View(Protocol):
    """Where a job tells how it is going."""

    def working(self, text: str) -> None:
        """Tell what is waited for."""

    def state(self, text: str, started: float, key: str) -> None:
        """Tell a state; `key` changes when it does."""

    def done(self, text: str) -> None:
        """Tell what was done."""

    def warn(self, text: str) -> None:
        """Tell what may be wrong."""


class Job:
    """One deployment that is being created or waited for.

    Args:
        session: the session.
        client: the API; one for each job that runs at the same time.
        deadline: the end of the whole job.
        view: where it tells how it is going.
        sleep: called to wait.

    Attributes:
        title: what the user calls the project; "" if it isn't known.
        source: where the project comes from: "--project", "DPX_PROJECT", or a file's path.
        project_id: the project's ID, once it is known.
        rows: the project's newest deployments before the POST; set by `prepare`.
        id: the deployment's ID, once it is known.
        deployment: the last object seen.
        url: the site's URL, if there is one, once the deployment is READY.
        error: what ended the job, if it failed.
        branch: the branch, as far as it is known.
        sha: the commit, as far as it is known.
        plan: what is going to be deployed; set by `prepare`.
        started: a moment of `time.monotonic()`.
    """

    def __init__(
        self,
        session: Session,
        client: Client,
        deadline: Deadline,
        *,
        view: View,
        sleep: Callable[[float], None] = signals.sleep,
    ) -> None:
        self.title = self.source = ""
        self.rows: list[dict[str, Any]] = []
        self.project_id: str | None = None
        self.id: str | None = None
        self.deployment: dict[str, Any] | None = None
        self.url: str | None = None
        self.error: DpxError | None = None
        self.branch: str | None = None
        self.sha: str | None = None
        self.started = time.monotonic()
        self._session = session
        self._client = client
        self._deadline = deadline
        self._view = view
        self._sleep = sleep
        self.plan: Plan | None = None
        self._given: str | None = None
        self._starter: Starter | None = None
        # What is begun at the deadline may be finished, and no more.
        client.until = deadline.at + 1.5

    @contextmanager
    def followable(self) -> Iterator[None]:
        """Tell how to follow the deployment if anything but an error of dpx ends the context: a signal, a bug.

        Everything from the POST to the last line of output belongs into one such context.
        """
        try:
            yield
        except (DpxError, BrokenPipeError) as ended:
            self.error = ended if isinstance(ended, DpxError) else None
            raise
        except BaseException:
            if told := self.how_to_follow():
                self._session.screen.done(told)
            raise

    def how_to_follow(self) -> str | None:
        """Return a line with the state and the command to run next; None if nothing was sent."""
        if self.id:
            state = f"is {self.deployment.get('status')}" if self.deployment and self.ended else "is still running"
            return f"Deployment {self.id} {state}. To follow it, run: {self._wait_command(self.id)}"
        if self._starter and self._starter.may_have_started:
            project = shlex.quote(self._starter.project_id)
            return f"The deployment may have started. To check, run: dpx deploy list --project {project}"
        return None

    @property
    def ended(self) -> bool:
        """Whether the deployment was followed to its end."""
        return self.deployment is not None and self.deployment.get("status") in ENDED

    def prepare(self, projects: Projects, given: str | None, commits: Commits) -> Plan:
        """Find the project, list its deployments, and tell what is going to be deployed.

        Args:
            projects: finds the project, with the job's own client.
            given: `--project`, or None.
            commits: what the user asked for, and what git and the CI tell.

        Raises:
            DpxError: as `start.Starter.look` does.
        """
        from dpx_cli.commands.deploy import preflight

        self._given = given
        self.title = projects.title(given)
        starter = projects.on(given, self._look)
        self.project_id, self.rows = starter.project_id, starter.rows
        self.plan = plan = commits.plan(starter.last_branch, project=given)
        self.branch = plan.branch
        self.sha = plan.fields.get("commitSha")
        self.source = source = preflight.project_source(self._session, given)
        # A slug in a file says nothing of the ID beside it, which is what counts.
        name = self.title if source.isupper() or source.startswith("-") else f"{self.title} [{self.project_id}]"
        self._view.done(plan.told(f"{name} ({source})"))
        for warning in plan.warnings:
            self._view.warn(warning)
        return plan

    def create(self) -> None:
        """Create the deployment, once.

        Raises:
            DpxError: as `start.Starter.start` does.
        """
        if self.plan is None or self._starter is None:
            raise RuntimeError("prepare comes first")
        self.deployment = self._starter.start(self.plan.fields)
        self.id = str(self.deployment["id"])
        self._view.done(f"Deployment {self.id} of {self.title} started.")

    def adopt(self, deployment_id: str, project_id: str | None) -> None:
        """Take an existing deployment, and the project that it may belong to."""
        self.id = deployment_id
        self.project_id = project_id

    def finish(self) -> None:
        """Wait for the end of the deployment, and find the URL of its site.

        Raises:
            DeploymentFailed: if it failed.
            WaitTimeout: at the deadline.
            DpxError: as `follow.follow` does.
        """
        deployment_id, created = str(self.id), self.deployment
        if created:
            self._say(created, None)
        final = follow(
            self._client,
            deployment_id,
            self._deadline,
            say=self._say,
            created=created,
            command=self._wait_command(deployment_id),
            sleep=self._sleep,
        )
        self.deployment = final
        if isinstance(final.get("branch"), str):
            self.branch = final["branch"]
        if final["status"] == ERROR:
            raise self._failed(deployment_id)
        if created or self._session.screen.format != "json":
            self.url = site_url(self._client, final, self.project_id, certain=created is not None)

    def _look(self, project_id: str) -> Starter:
        from dpx_cli.commands.deploy.start import Starter

        self._starter = starter = Starter(
            self._client,
            project_id,
            deadline=self._deadline,
            say=self._view.working,
            warn=self._view.warn,
            sleep=self._sleep,
        )
        starter.look()
        return starter

    def _say(self, found: dict[str, Any] | None, fault: str | None) -> None:
        if found is None:
            text = f"Deployment {self.id}: temporary error, retrying: {fault}"
            self._view.state(text, self.started, "fault")
        else:
            self.deployment = found
            status = str(found.get("status"))
            self._view.state(f"Deployment {self.id}: {status}", self.started, status)

    def _failed(self, deployment_id: str) -> DeploymentFailed:
        """Return the error for a deployment that ended in ERROR: what was good last, and what to do next."""
        of = f" of {self.branch}" if self.branch else ""
        message = f"Deployment {deployment_id}{of} failed."
        if good := self._last_good():
            when = f", created {relative(good['created_at'])}" if good.get("created_at") else ""
            message += f" The last READY deployment{of} is {good['id']}{when}."
        words = ["dpx", "deploy", "again", deployment_id]
        words += ["--project", self._given or self.project_id] if self._starter and self.project_id else []
        details = f"dpx deploy get {shlex.quote(deployment_id)}"
        return DeploymentFailed(message, hint=f"See {details}; to try again, run: {shlex.join(words)}")

    def _last_good(self) -> dict[str, Any] | None:
        """Return the branch's READY deployment before this one, as far as it was listed before the POST."""
        return next((row for row in self.rows if row.get("status") == READY and row.get("branch") == self.branch), None)

    def _wait_command(self, deployment_id: str) -> str:
        return f"dpx deploy wait {shlex.quote(deployment_id)}"
