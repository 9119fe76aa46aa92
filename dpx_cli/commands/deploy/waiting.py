"""Carry out `dpx deploy wait`: of one deployment, or of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api.retry import Deadline
from dpx_cli.commands.deploy import several, single
from dpx_cli.commands.deploy.job import GRACE, Job
from dpx_cli.output.columns import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.commands.deploy.several import Member
    from dpx_cli.session import Session


def bounded(session: Session, timeout: float) -> Deadline:
    """Return the end of a wait, and let no request of the session's client outlast it."""
    deadline = Deadline(timeout)
    session.client.until = deadline.at + GRACE
    return deadline


def one(session: Session, deployment_id: str, project_id: str | None, deadline: Deadline) -> None:
    """Wait for one deployment.

    Args:
        session: the session.
        deployment_id: the deployment.
        project_id: the project that it may belong to.
        deadline: the end of the wait.
    """
    view = single.LineView(session.screen)
    job = Job(session, session.client, deadline, view=view)
    job.adopt(deployment_id, project_id)
    single.run(session.screen, job, view, [job.finish])


def many(session: Session, deployment_ids: Sequence[str], project_id: str | None, timeout: float) -> None:
    """Wait for several deployments at the same time; see `one`."""

    def steps(member: Member) -> None:
        member.begun.adopt(member.name, project_id)
        member.begun.finish()

    members = [several.Member(session, deployment_id, steps) for deployment_id in dict.fromkeys(deployment_ids)]
    try:
        several.run(session, members, timeout=timeout, parallel=len(members), fail_fast=False)
    except BaseException:
        several.tell_interrupted(session, members)
        raise
    screen = session.screen
    if screen.shows_objects and screen.format != "jsonl":
        found = [(member.job and member.job.deployment) or {"id": member.name} for member in members]
        screen.items(found, single.DETAILS, key="id")
    elif screen.format != "jsonl":
        ready = [member for member in members if member.job and not member.job.error]
        lines = [
            member.name if screen.format == "quiet" else f"{plain(member.name)}\t{plain(member.begun.url)}"
            for member in ready
        ]
        screen.raw("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
    if error := several.first_failure(members):
        raise error
