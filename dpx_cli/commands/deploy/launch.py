"""Carry out `dpx deploy`: one project, several, or those that have changed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.api.retry import Deadline
from dpx_cli.commands.deploy import dry, report, several, single
from dpx_cli.commands.deploy.gates import Gates, check_target
from dpx_cli.commands.deploy.job import Job, Wanted
from dpx_cli.commands.deploy.preflight import Commits
from dpx_cli.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpx_cli.commands.deploy.several import Member
    from dpx_cli.session import Session


MAX_WARNINGS = 10  # of --scan


class Order(NamedTuple):
    """What `dpx deploy` was asked to do, apart from the projects.

    Attributes:
        wanted: branch, commit and message.
        timeout: seconds, of each deployment.
        no_wait: don't wait for the end.
        dry_run: only show what would be deployed.
        ci_output: what is reported to the CI; see `report.report`.
        gates: what must hold afterwards.
        parallel: deployments at a time.
        fail_fast: begin no further deployment after a failure.
        scan: warn of variables that the code here reads and the project lacks.
    """

    wanted: Wanted
    timeout: float
    no_wait: bool = False
    dry_run: bool = False
    ci_output: str = "auto"
    gates: Gates = Gates()
    parallel: int = several.PARALLEL
    fail_fast: bool = False
    scan: bool = False

    def check(self) -> None:
        """Raise UsageError for what can't be done."""
        if self.no_wait and self.gates.are_set:
            raise UsageError("--no-wait and a gate can't be used together.", hint="Leave one of them out.")
        check_target(self.gates.check)


class Target(NamedTuple):
    """One of several projects: what it's called, how it is found, and where that comes from."""

    name: str
    reference: str
    source: str = "--project"


def one(session: Session, project: str | None, order: Order) -> None:
    """Deploy one project."""
    commits = Commits(session, order.wanted)
    view = single.LineView(session.screen)
    job = Job(session, session.client, Deadline(order.timeout), view=view)
    if order.dry_run:
        job.prepare(session.projects, project, commits)
        if order.scan:
            _warn_of_missing(session, project)
        session.screen.item(dry.describe(session, job), dry.COLUMNS, key="project.id")
        return
    steps: list[Callable[[], object]] = [lambda: job.prepare(session.projects, project, commits)]
    if order.scan:
        steps.append(lambda: _warn_of_missing(session, project))
    steps.append(job.create)
    if not order.no_wait:
        steps += [job.finish, lambda: job.check(order.gates)]
    with report.report(session, order.ci_output, [job]):
        single.run(session.screen, job, view, steps)


def many(session: Session, targets: Sequence[Target], order: Order) -> None:
    """Deploy several projects, each at most once. Show them as several, even if it's one or none."""
    commits = Commits(session, order.wanted)

    def steps(target: Target, member: Member) -> None:
        job = member.begun
        try:
            job.prepare(member.projects, target.reference, commits, source=target.source)
        except NotFound as missing:
            if target.source != "--project":
                raise NotFound(f"{missing.message.rstrip('.')}, named by {target.source}", hint=missing.hint) from None
            raise
        if order.dry_run:
            return
        job.create()
        if not order.no_wait:
            job.finish()
            job.check(order.gates)

    members = [several.Member(session, target.name, partial(steps, target)) for target in targets]
    if order.dry_run:
        several.run(session, members, timeout=order.timeout, parallel=1, fail_fast=order.fail_fast)
        plans = [dry.describe(session, member.job) for member in members if member.job and member.job.plan]
        session.screen.items(plans, dry.COLUMNS, key="project.id")
        _raise_first(members)
        return
    jobs: list[Job] = []
    with report.report(session, order.ci_output, jobs, several=True):
        try:
            several.run(session, members, timeout=order.timeout, parallel=order.parallel, fail_fast=order.fail_fast)
        except BaseException:
            several.tell_interrupted(session, members)
            raise
        finally:
            jobs += [member.job for member in members if member.job]
        several.show(session, members)
    _raise_first(members)


def changed(session: Session, base: str, order: Order) -> None:
    """Deploy the projects of the repository that have changed since a base."""
    from dpx_cli.commands.deploy import changed as changes

    found = changes.find(session, base)
    if not found:
        session.screen.note(f"Nothing to deploy: no project has changed since {base}.")
    targets = {project.reference: Target(project.reference, project.reference, project.path) for project in found}
    many(session, list(targets.values()), order)


def _warn_of_missing(session: Session, project: str | None) -> None:
    """Warn of the variables that the code in the working directory reads, and that production lacks."""
    from dpx_cli.commands.env import scan

    missing = [row for row in scan.missing(session, project, ".", ("production",)) if not row.optional]
    for row in missing[:MAX_WARNINGS]:
        session.screen.warn(f"{row.key} is read at {row.file}:{row.line}, but isn't set for production.")
    if len(missing) > MAX_WARNINGS:
        session.screen.warn(f"{len(missing) - MAX_WARNINGS} more variables are missing. Run: dpx env scan")


def _raise_first(members: Sequence[Member]) -> None:
    if error := several.first_failure(members):
        raise error
