"""Deployments: `/projects/:id/deployments` and `/deployments/:id` of the reference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dpx_cli.reference import STATUSES
from dpx_cli.sandbox import course, projects
from dpx_cli.sandbox.request import Refused, SandboxRequest
from dpx_cli.sandbox.sites import domain
from dpx_cli.sandbox.store import more, timestamp
from dpx_cli.sandbox.webhooks import BOTH

if TYPE_CHECKING:
    import sqlite3

DEFAULT_BRANCH = "main"
_WITH_SLUG = "SELECT d.*, p.slug FROM deployments d JOIN projects p ON p.seq = d.project"
FAILING = re.compile(r"fail/.*", re.DOTALL)

_AT_STATUS = {
    "QUEUED": "d.building_at > ?",
    "BUILDING": "d.building_at <= ? AND d.ended_at > ?",
    "READY": "d.ended_at <= ? AND d.outcome = 'READY'",
    "ERROR": "d.ended_at <= ? AND d.outcome = 'ERROR'",
}


def list_(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer GET /projects/:id/deployments, newest first."""
    project = projects.visible(request, request.path["id"])
    where, values = "d.project = ?", [project["seq"]]
    if "status" in request.query:
        if request.query["status"] not in STATUSES:
            raise Refused(400, f"status must be one of {', '.join(STATUSES)}")
        condition = _AT_STATUS[request.query["status"]]
        where = f"{where} AND {condition}"
        values += [request.now] * condition.count("?")
    rows, pagination = request.page(
        "SELECT d.* FROM deployments d",
        where,
        values,
        key="d.seq",
        scope=f"deployments {project['seq']}",
        newest_first=True,
    )
    data = [_shown(row, project["slug"], request.now) for row in rows]
    return 200, {"data": data, "pagination": pagination}


def get(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer GET /deployments/:id."""
    row = request.state.store.find(
        f"{_WITH_SLUG} WHERE d.id = ? AND {projects.VISIBLE}",
        (request.path["id"], request.user, request.user),
    )
    if row is None:
        raise Refused(404, "Deployment not found")
    return 200, {"data": _shown(row, row["slug"], request.now)}


def create(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer POST /projects/:id/deployments. Without a branch it is the last deployed one."""
    project = projects.visible(request, request.path["id"])
    branch = request.text("branch", empty=False)
    message = request.text("commitMessage")
    sha = request.text("commitSha")
    with request.state.store.change() as db:
        slots = request.state.behavior.slots
        if slots is not None:
            busy = db.execute("SELECT count(*) FROM deployments WHERE ended_at > ?", (request.now,)).fetchone()[0]
            if busy >= slots:
                raise Refused(429, f"No build slot free: {busy} of {slots} in use")
        if branch is None:
            last = db.execute("SELECT branch FROM deployments WHERE seq = ?", (project["newest"],)).fetchone()
            branch = DEFAULT_BRANCH if last is None else last["branch"]
        deployment = course.add(
            db,
            project["seq"],
            branch,
            request.now,
            seconds=request.state.behavior.build_seconds,
            scale=request.state.behavior.time_scale,
            fails=request.fails or FAILING.fullmatch(branch) is not None,
            message=message,
            sha=sha,
            untold=BOTH if request.state.webhooks is not None else 0,
        )
    if request.state.webhooks is not None:
        request.state.webhooks.follow(deployment)
    request.state.journal.change("deploy", project["slug"], branch)
    return 201, {"data": {"id": deployment, "status": "QUEUED"}}


def _shown(row: sqlite3.Row, slug: str, now: float) -> dict[str, Any]:
    """Return a deployment as lists and GET show it; build time and bundle size once it is READY."""
    status = course.status(row, now)
    shown = {
        "id": row["id"],
        "status": status,
        "branch": row["branch"],
        "commitMessage": row["commit_message"],
        "commitSha": row["commit_sha"],
        "deployment_domain": domain(slug),
        "created_at": timestamp(row["created_at"]),
    }
    if status == "READY":
        shown |= {"buildDurationMs": row["build_ms"], "bundleSizeKb": row["bundle_kb"]}
    return shown | more(row)
