"""Run deployments, report them to the CI, show them, and raise the first failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api.retry import Deadline
from dpx_cli.errors import NotFound
from dpx_cli.reference import GRACE
from dpx_cli.rollout import display
from dpx_cli.rollout.plan import Commits, DeployOptions
from dpx_cli.rollout.report import report
from dpx_cli.rollout.runner import raise_first, reporting_interruption, run
from dpx_cli.rollout.task import DeployTask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session


def make_tasks(session: Session, refs: Sequence[ProjectRef], options: DeployOptions) -> list[DeployTask]:
    """Return a task for each project; git and the CI are asked for commits once for all."""
    options.check()
    commits = Commits(session, options)
    return [DeployTask(session, ref, options, commits=commits) for ref in refs]


def deploy(session: Session, tasks: Sequence[DeployTask], options: DeployOptions, *, several: bool) -> None:
    """Deploy projects, each at most once. With `several` they show as several, even if it's one or none."""
    if options.dry_run:
        run(session, tasks, limit=1, fail_fast=options.fail_fast, several=several)
        display.show_plans(session, tasks, several=several)
        raise_first(tasks)
        return
    with report(session, options.ci_output, tasks, several=several):
        run(session, tasks, limit=options.parallel, fail_fast=options.fail_fast, several=several)
    with reporting_interruption(session, tasks):
        if several:
            display.show_several(session, tasks)
        else:
            display.show_one(session, tasks[0])
    raise_first(tasks)


def repeat_options(deployment: dict[str, Any]) -> DeployOptions:
    """Return the options that deploy a deployment's branch, and its commit if the API returns it, once more.

    Raises:
        NotFound: if the API doesn't return the branch.
    """
    branch, sha = deployment.get("branch"), deployment.get("commitSha")
    if not isinstance(branch, str):
        raise NotFound("The API doesn't return the deployment's branch.", hint="Run: dpx deploy --branch BRANCH")
    source = f"same as deployment {deployment['id']}"
    return DeployOptions(branch, sha=sha if isinstance(sha, str) and sha else None, no_git=True, branch_source=source)


def bound(session: Session, timeout: float) -> Deadline:
    """Return the end of a wait or a deployment, and let no request of the session's client outlast it."""
    deadline = Deadline(timeout)
    session.client.until = deadline.at + GRACE
    return deadline


def wait(session: Session, ids: Sequence[str], project_id: str | None, deadline: Deadline) -> None:
    """Wait for deployments, all at the same time; `project_id` is the project that they may belong to."""
    options = DeployOptions(timeout=deadline.seconds)
    tasks = [
        DeployTask(session, None, options, deployment_id=each, project_id=project_id, deadline=deadline)
        for each in dict.fromkeys(ids)
    ]
    run(session, tasks, limit=len(tasks))
    with reporting_interruption(session, tasks):
        if len(tasks) > 1:
            display.show_waited(session, tasks)
        else:
            display.show_one(session, tasks[0])
    raise_first(tasks)
