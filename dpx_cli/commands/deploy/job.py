"""One deployment, from the list before the POST to its end: what `dpx deploy` and `dpx deploy wait` do."""

from __future__ import annotations

import shlex
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from dpx_cli.api.deploying import pace
from dpx_cli.api.deploying.follow import follow
from dpx_cli.api.sites import site_url
from dpx_cli.errors import DeploymentFailed, DpxError, OutcomeUnknown, WaitTimeout
from dpx_cli.output.format import relative
from dpx_cli.reference import ENDED, ERROR, READY
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpx_cli.api.client import Client
    from dpx_cli.api.deploying.start import Starter
    from dpx_cli.api.deploying.turns import Turn
    from dpx_cli.api.retry import Deadline
    from dpx_cli.commands.deploy.gates import Gates
    from dpx_cli.commands.deploy.preflight import Commits, Plan
    from dpx_cli.resolve import Projects
    from dpx_cli.session import Session

    Row = dict[str, Any]

GRACE = 1.5  # seconds after the deadline in which what was begun may be finished


class Wanted(NamedTuple):
    """What the user asked for; None is what they left out."""

    branch: str | None = None
    message: str | None = None
    sha: str | None = None
    no_git: bool = False
    source: str | None = None  # of the branch, if it isn't --branch


class View(Protocol):
    """The view to which a job reports its progress."""

    def working(self, text: str) -> None:
        """Report what the job waits for."""

    def state(self, job: Job, text: str, key: str) -> None:
        """Report a state; `key` changes when it does."""

    def done(self, text: str) -> None:
        """Report what was done."""

    def warn(self, text: str) -> None:
        """Report what may be wrong."""

    def event(self, name: str, job: Job) -> None:
        """Report an event: created, status, ready, error, timeout."""


class Job:
    """One deployment that is being created or waited for.

    Args:
        session: the session.
        client: the API; one for each job that runs at the same time.
        deadline: the end of the whole job.
        view: receives the progress.
        sleep: called to wait.
        turn: its place among the jobs that wait for a build slot; None if it's the only one.

    Attributes:
        title: what the user calls the project; "" if it isn't known.
        source: where the project comes from: "--project", "DPX_PROJECT", or a file's path.
        project_id: the project's ID, once it is known.
        rows: the project's newest deployments before the POST; set by `prepare`.
        plan: what is going to be deployed; set by `prepare`.
        id: the deployment's ID, once it is known.
        deployment: the last object seen.
        url: the site's URL, if there is one, once the deployment is READY.
        error: what ended the job, if it failed.
        branch: the branch, as far as it is known.
        sha: the commit, as far as it is known.
        usual: how long a build usually takes, in seconds; None if past builds don't show it.
        seconds: from the beginning to the end; None before the end.
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
        turn: Turn | None = None,
    ) -> None:
        self.title = self.source = ""
        self.project_id: str | None = None
        self.rows: list[Row] = []
        self.plan: Plan | None = None
        self.id: str | None = None
        self.deployment: Row | None = None
        self.url: str | None = None
        self.error: DpxError | None = None
        self.branch: str | None = None
        self.sha: str | None = None
        self.usual: float | None = None
        self.seconds: float | None = None
        self.started = time.monotonic()
        self._session = session
        self._client = client
        self._deadline = deadline
        self._view = view
        self._sleep = sleep
        self._turn = turn
        self._given: str | None = None
        self._starter: Starter | None = None
        self._status: object = None
        client.until = deadline.at + GRACE

    @property
    def ended(self) -> bool:
        """Whether the deployment was followed to its end."""
        return self.deployment is not None and self.deployment.get("status") in ENDED

    @contextmanager
    def followable(self) -> Iterator[None]:
        """Write how to follow the deployment if anything but an error of dpx ends the context: a signal, a bug.

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
            return f"Deployment {self.id} {state}. To follow it, run: {self._command('wait', self.id)}"
        if self._starter and self._starter.may_have_started:
            command = self._command("list", "--project", self._starter.project_id)
            return f"The deployment may have started. To check, run: {command}"
        return None

    def prepare(self, projects: Projects, given: str | None, commits: Commits, *, source: str | None = None) -> Plan:
        """Find the project, list its deployments, and report what is going to be deployed.

        Args:
            projects: finds the project, with the job's own client.
            given: `--project`, or None.
            commits: what the user asked for, and what git and the CI report.
            source: where `given` comes from, if it isn't `--project`.

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
        self.source = source = source or preflight.project_source(self._session, given)
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
        try:
            self.deployment = self._starter.start(self.plan.fields)
        except OutcomeUnknown as unknown:
            profile = self._session.settings.profile_flag
            unknown.hint = f"{unknown.hint} --profile {shlex.quote(profile)}" if profile else unknown.hint
            raise
        self.id = str(self.deployment["id"])
        self._status = self.deployment.get("status")
        self._view.done(f"Deployment {self.id} of {self.title} started.")
        self._view.event("created", self)

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
        created = self.deployment
        if created:
            self._say(created, None)
        try:
            final = self._followed(str(self.id), created)
        except WaitTimeout:
            self._view.event("timeout", self)
            raise
        finally:
            self.seconds = time.monotonic() - self.started
        self.deployment = final
        if isinstance(final.get("branch"), str):
            self.branch = final["branch"]
        if final["status"] == ERROR:
            self._view.event("error", self)
            raise self._failed(str(self.id))
        self._view.event("ready", self)
        if created or not self._session.screen.shows_objects:
            self.url = site_url(self._client, final, self.project_id, certain=created is not None)

    def check(self, gates: Gates) -> None:
        """Check the gates of a deployment that is READY.

        Raises:
            CheckFailed: if one doesn't hold.
        """
        if not gates.are_set or self.deployment is None:
            return
        from dpx_cli.commands.deploy.gates import Watchman

        watchman = Watchman(self._session, gates, warn=self._view.warn, sleep=self._sleep)
        watchman.check(self.deployment, self._good_before, self.url)

    def _good_before(self) -> Row | None:
        """Return the branch's READY deployment before this one with its details."""
        from dpx_cli.api import deployments
        from dpx_cli.commands.deploy.gates import details

        row = self._last_good()
        if row is None:
            return None
        return details(self._session, lambda: deployments.get_deployment(self._client, str(row["id"])), row)

    def slug(self) -> str | None:
        """Return the project's slug; a request may be needed, and where it fails, what the user calls it."""
        from dpx_cli.api import projects
        from dpx_cli.resolve import ID

        name = self.title.rpartition("/")[2]
        # A link file may say any slug beside its ID.
        if name.islower() and not ID.fullmatch(name) and name != self.project_id and not self.source.endswith(".json"):
            return name
        told = self.deployment or {}
        project_id = self.project_id or told.get("projectId") or told.get("project_id")
        try:
            found = projects.get_project(self._client, str(project_id)) if project_id else {}
        except DpxError:
            found = {}
        slug = found.get("slug")
        return slug if isinstance(slug, str) else (self.title or None)

    def _look(self, project_id: str) -> Starter:
        from dpx_cli.api.deploying.start import Starter

        self._starter = starter = Starter(
            self._client,
            project_id,
            deadline=self._deadline,
            say=self._view.working,
            warn=self._view.warn,
            sleep=self._sleep,
            turn=self._turn,
        )
        starter.look()
        return starter

    def _followed(self, deployment_id: str, created: Row | None) -> Row:
        interval = pace.Pace(pace.of_rows(self.rows, self.branch), ask=self._past_builds if self.rows else None)
        self.usual = interval.usual
        return follow(
            self._client,
            deployment_id,
            self._deadline,
            say=self._say,
            created=created,
            command=self._command("wait", deployment_id),
            pace=interval,
            sleep=self._sleep,
        )

    def _past_builds(self) -> list[float]:
        """Ask how long the last READY builds took; the rows of the list may lack it."""
        from dpx_cli.api import deployments

        details = []
        for deployment_id in pace.to_ask(self.rows, self.branch):
            try:
                details.append(deployments.get_deployment(self._client, deployment_id))
            except DpxError:
                break
        found = pace.of_rows(details, self.branch)
        self.usual = pace.Pace(found).usual
        return found

    def _say(self, found: Row | None, fault: str | None) -> None:
        if found is None:
            self._view.state(self, f"Deployment {self.id}: temporary error, retrying: {fault}", "fault")
            return
        self.deployment = found
        status = found.get("status")
        if status != self._status:
            self._view.event("status", self)
        self._status = status
        self._view.state(self, f"Deployment {self.id}: {status}", str(status))

    def _failed(self, deployment_id: str) -> DeploymentFailed:
        """Return the error for a deployment that ended in ERROR: what was good last, and what to do next."""
        of = f" of {self.branch}" if self.branch else ""
        message = f"Deployment {deployment_id}{of} failed."
        if good := self._last_good():
            when = f", created {relative(good['created_at'])}" if good.get("created_at") else ""
            message += f" The last READY deployment{of} is {good['id']}{when}."
        project = ["--project", self._given or self.project_id] if self._starter and self.project_id else []
        again = self._command("again", deployment_id, *project)
        return DeploymentFailed(message, hint=f"See {self._command('get', deployment_id)}; to try again, run: {again}")

    def _last_good(self) -> Row | None:
        """Return the branch's READY deployment before this one, as far as it was listed before the POST."""
        ready = (row for row in self.rows if row.get("status") == READY and row.get("branch") == self.branch)
        return next(ready, None)

    def _command(self, *words: str) -> str:
        profile = self._session.settings.profile_flag
        return shlex.join(["dpx", "deploy", *words, *(["--profile", profile] if profile else [])])
