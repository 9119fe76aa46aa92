"""`dpx deploy --dry-run`: what would be sent, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.output.columns import Column
from dpx_cli.reference import ENDED

if TYPE_CHECKING:
    from dpx_cli.commands.deploy.job import Job
    from dpx_cli.session import Session


def _named(rows: Any) -> str:
    return ", ".join(f"{row.get('id')} ({row.get('status')})" for row in rows)


COLUMNS = (
    Column("API", "api"),
    Column("Profile", "profile"),
    Column("Project", "project.name"),
    Column("Project from", "project.source"),
    Column("Project ID", "project.id"),
    Column("Branch", "branch.name"),
    Column("Branch from", "branch.source"),
    Column("Commit", "request.commitSha"),
    Column("Message", "request.commitMessage"),
    Column("Under way", "underWay", show=_named),
)


def describe(session: Session, job: Job) -> dict[str, Any]:
    """Return what a prepared job would do.

    Keys: "api", "profile", "project" ("id", "name", "source"), "branch" ("name", "source"), "request" (the body that
    would be sent), "underWay" (deployments that have not ended).
    """
    plan = job.plan
    return {
        "api": session.settings.api_url,
        "profile": session.settings.profile,
        "project": {"id": job.project_id, "name": job.title, "source": job.source},
        "branch": {"name": plan and plan.branch, "source": plan and plan.source},
        "request": dict(plan.fields) if plan else {},
        "underWay": [row for row in job.rows if row.get("status") not in ENDED],
    }
