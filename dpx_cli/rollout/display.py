"""What tasks leave on stdout when all have ended: URLs, IDs, or objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.errors import CheckFailed, DeploymentFailed, WaitTimeout
from dpx_cli.output.columns import Column, plain
from dpx_cli.output.format import duration_ms, relative, size_kb
from dpx_cli.reference import ENDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.errors import DpxError
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session

DETAILS = (
    Column("Status", "status", status=True),
    Column("Branch", "branch"),
    Column("Build time", "buildDurationMs", show=duration_ms),
    Column("Bundle", "bundleSizeKb", show=size_kb),
    Column("Domain", "deployment_domain", link=True),
    Column("Created", "created_at", show=relative),
    Column("ID", "id"),
)
SEVERAL = (Column("Project", "project"), Column("Exit code", "exitCode"), Column("URL", "url", link=True))
ERROR_KEYS = ("code", "message", "hint", "status", "request")


def _show_running(rows: Any) -> str:
    return ", ".join(f"{row.get('id')} ({row.get('status')})" for row in rows)


PLANS = (
    Column("Project", "project.name"),
    Column("Branch", "branch.name"),
    Column("Project from", "project.source"),
    Column("Branch from", "branch.source"),
    Column("Commit", "request.commitSha"),
    Column("Message", "request.commitMessage"),
    Column("Under way", "underWay", show=_show_running),
    Column("Project ID", "project.id"),
    Column("API", "api"),
    Column("Profile", "profile"),
)


def show_one(session: Session, task: DeployTask) -> None:
    """Show how one task ended: the URL, the ID or the object; nothing of one that failed without an object."""
    screen = session.screen
    if screen.format == "jsonl":
        return
    if screen.shows_objects:
        if task.deployment and (
            task.error is None or isinstance(task.error, DeploymentFailed | WaitTimeout | CheckFailed)
        ):
            screen.item(with_url(task), DETAILS, key="id")
    elif task.error is None and (screen.format == "quiet" or not task.has_ended):
        screen.line(str(task.id))
    elif task.error is None:
        took = (task.deployment or {}).get("buildDurationMs")
        screen.done(f"Ready{f' after a build of {duration_ms(took)}' if took is not None else ''}.")
        if task.url:
            screen.line(task.url)
        else:
            screen.warn(f"The API returned no URL. Run: {session.command('open', '--print', project=task.project)}")


def show_several(session: Session, tasks: Sequence[DeployTask]) -> None:
    """Show how tasks ended: documents, IDs, or a line `slug<TAB>url` for each that has succeeded."""
    screen = session.screen
    if screen.format == "jsonl":
        return
    if screen.shows_objects:
        screen.items([document(task) for task in tasks], SEVERAL, key="project")
    elif screen.format == "quiet":
        show_lines(session, [str(task.id) for task in tasks if task.id])
    else:
        ready = [task for task in tasks if task.id and task.error is None]
        rows = [(task.slug() or task.name, task.url if task.has_ended else task.id) for task in ready]
        show_lines(session, [f"{plain(name)}\t{plain(value)}" for name, value in rows])


def show_waited(session: Session, tasks: Sequence[DeployTask]) -> None:
    """Show deployments that were only followed: their objects, IDs, or a line `ID<TAB>url` for each that is READY."""
    screen = session.screen
    if screen.format == "jsonl":
        return
    if screen.shows_objects:
        screen.items([with_url(task) if task.deployment else {"id": task.id} for task in tasks], DETAILS, key="id")
        return
    ready = [task for task in tasks if task.error is None]
    show_lines(
        session, [str(task.id) if screen.format == "quiet" else f"{task.id}\t{plain(task.url)}" for task in ready]
    )


def show_plans(session: Session, tasks: Sequence[DeployTask], *, several: bool) -> None:
    """Show what `--dry-run` found out: a sentence for one project, a table for several and in the data formats."""
    planned = [describe_plan(session, task) for task in tasks if task.plan]
    if several:
        session.screen.items(planned, PLANS, key="project.id")
    elif planned:
        session.screen.item(planned[0], PLANS, key="project.id")


def describe_plan(session: Session, task: DeployTask) -> dict[str, Any]:
    """Return what would be sent, and to whom."""
    plan, project = task.plan, task.project
    return {
        "api": session.settings.api_url,
        "profile": session.settings.profile,
        "project": {"id": task.project_id, "name": task.name, "source": project.source if project else None},
        "branch": {"name": plan and plan.branch, "source": plan and plan.source},
        "request": dict(plan.fields) if plan else {},
        "underWay": [row for row in task.rows if row.get("status") not in ENDED],
    }


def document(task: DeployTask) -> dict[str, Any]:
    """Return what became of a task, as --json shows it."""
    return {
        "project": task.slug() if task.started else task.name,
        "exitCode": task.exit_code,
        "url": task.url,
        "deployment": task.deployment,
        "error": _describe_error(task.error),
    }


def with_url(task: DeployTask) -> dict[str, Any]:
    """Return the last object seen of a deployment, with its site's URL."""
    deployment = task.deployment or {}
    return {**deployment, "url": deployment.get("url") or task.url}


def show_lines(session: Session, lines: Sequence[str]) -> None:
    """Write lines to stdout in one piece."""
    session.screen.raw("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))


def _describe_error(error: DpxError | None) -> dict[str, Any] | None:
    return None if error is None else {key: getattr(error, key) for key in ERROR_KEYS}
