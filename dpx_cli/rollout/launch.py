"""Run deployments, report them to the CI, show them on stdout, and raise the first failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.api.retry import Deadline
from dpx_cli.errors import CheckFailed, DeploymentFailed, WaitTimeout
from dpx_cli.output.columns import plain
from dpx_cli.output.format import duration_ms
from dpx_cli.reference import ENDED, GRACE
from dpx_cli.rollout.columns import DETAILS, PLANS, SEVERAL
from dpx_cli.rollout.plan import Commits, DeployOptions
from dpx_cli.rollout.report import report
from dpx_cli.rollout.runner import raise_first, reporting_interruption, run
from dpx_cli.rollout.task import DeployTask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session

ERROR_KEYS = ("code", "message", "hint", "status", "request")


def make_tasks(
    session: Session, refs: Sequence[ProjectRef], options: DeployOptions, deadline: Deadline | None = None
) -> list[DeployTask]:
    """Return a task for each project; git and the CI are asked for commits once for all."""
    options.check()
    commits = Commits(session, options)
    return [DeployTask(session, ref, options, commits=commits, deadline=deadline) for ref in refs]


def deploy(session: Session, tasks: Sequence[DeployTask], options: DeployOptions, *, several: bool) -> None:
    """Deploy projects, each at most once. With `several` they show as several, even if it's one or none."""
    if options.dry_run:
        run(session, tasks, limit=1, fail_fast=options.fail_fast, several=several)
        plans = [_describe_plan(session, task) for task in tasks if task.plan]
        if several:
            session.screen.rows([plans], PLANS, key="project.name")
        elif plans and session.screen.format != "table":  # the sentence on stderr says it all
            session.screen.item(plans[0], PLANS, key="project.name")
    else:
        with reporting_interruption(session, tasks), report(session, options, tasks, several=several):
            run(session, tasks, limit=options.parallel, fail_fast=options.fail_fast, several=several)
        _show(session, tasks, _describe if several else None)
    raise_first(tasks)


def bound(session: Session, timeout: float) -> Deadline:
    """Return the end of a wait or a deployment, and let no request of the session's client outlast it."""
    deadline = Deadline(timeout)
    session.client.until = deadline.at + GRACE
    return deadline


def wait(
    session: Session,
    ids: Sequence[str],
    project_id: str | None,
    deadline: Deadline,
    explain: Callable[[DeployTask], list[str]],
) -> None:
    """Wait for deployments, all at the same time; `project_id` is the project that they may belong to."""
    options = DeployOptions(timeout=deadline.seconds)
    tasks = [
        DeployTask(session, None, options, deployment_id=each, project_id=project_id, deadline=deadline)
        for each in dict.fromkeys(ids)
    ]
    for task in tasks:
        task.explain = explain
    run(session, tasks, limit=len(tasks))
    _show(session, tasks, _add_url if len(tasks) > 1 else None)
    raise_first(tasks)


def _show(
    session: Session, tasks: Sequence[DeployTask], describe: Callable[[DeployTask], dict[str, Any]] | None
) -> None:
    """Show how one task ended, or several (`describe`): the URL or ID with a name, or the object."""
    screen = session.screen
    with reporting_interruption(session, tasks):
        if screen.format == "jsonl":
            return  # its events are out already
        if describe is None:
            _show_one(session, tasks[0])
        elif screen.shows_objects:
            columns, key = (SEVERAL, "project") if describe is _describe else (DETAILS, "id")
            screen.rows([[describe(task) for task in tasks]], columns, key=key)
        else:
            quiet = screen.format == "quiet"
            lines = [
                plain(task.id) if quiet else f"{plain(_name(task))}\t{plain(task.url if task.has_ended else task.id)}"
                for task in tasks
                if task.id and (task.error is None or (quiet and task.project))
            ]
            screen.raw("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))


def _name(task: DeployTask) -> str:
    return (task.slug() if task.project else None) or task.name


def _show_one(session: Session, task: DeployTask) -> None:
    """Show how one task ended: the URL, the ID or the object; nothing of one that failed without an object."""
    screen = session.screen
    if screen.shows_objects:
        if task.error is None or isinstance(task.error, DeploymentFailed | WaitTimeout | CheckFailed):
            screen.item(_add_url(task), DETAILS, key="id")
    elif task.error is None and (screen.format == "quiet" or not task.has_ended):
        screen.line(str(task.id))
    elif task.error is None:
        took = (task.deployment or {}).get("buildDurationMs")
        screen.info(f"Ready{f' after a build of {duration_ms(took)}' if took is not None else ''}.")
        if task.url:
            screen.line(task.url)
        else:
            screen.warn(f"The API returned no URL. Run: {session.command('open', '--print', project=task.project)}")


def _describe_plan(session: Session, task: DeployTask) -> dict[str, Any]:
    plan, project = task.plan, task.project
    return {
        "api": session.settings.api_url,
        "profile": session.settings.profile,
        "project": {"id": task.project_id, "name": task.name, "source": project and project.source},
        "branch": {"name": plan and plan.branch, "source": plan and plan.source},
        "request": dict(plan.fields) if plan else {},
        "underWay": [row for row in task.rows if row.get("status") not in ENDED],
    }


def _describe(task: DeployTask) -> dict[str, Any]:
    return {
        "project": task.slug() if task.started else task.name.rpartition("/")[2],
        "exitCode": task.exit_code,
        "url": task.url,
        "deployment": task.deployment,
        "error": task.error and {key: getattr(task.error, key) for key in ERROR_KEYS},
    }


def _add_url(task: DeployTask) -> dict[str, Any]:
    """Return the last object seen of a deployment, with its site's URL."""
    deployment = task.deployment or {"id": task.id}
    return {**deployment, "url": deployment.get("url") or task.url}
