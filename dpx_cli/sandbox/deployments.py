"""Deployments: `/projects/:id/deployments` and `/deployments/:id` of the reference. `course.py` moves them on."""

from __future__ import annotations

import re
from typing import Any

from dpx_cli.reference import STATUSES
from dpx_cli.sandbox import course, projects
from dpx_cli.sandbox.call import Call, Refused
from dpx_cli.sandbox.store import timestamp
from dpx_cli.sandbox.webhooks import BOTH

DEFAULT_BRANCH = "main"
_WITH_SLUG = "SELECT d.*, p.slug FROM deployments d JOIN projects p ON p.seq = d.project"
FAILING = re.compile(r"fail/.*", re.DOTALL)

_AT_STATUS = {
    "QUEUED": "d.building_at > ?",
    "BUILDING": "d.building_at <= ? AND d.ended_at > ?",
    "READY": "d.ended_at <= ? AND d.outcome = 'READY'",
    "ERROR": "d.ended_at <= ? AND d.outcome = 'ERROR'",
}


def list_(call: Call) -> tuple[int, dict[str, Any]]:
    """GET /projects/:id/deployments: newest first."""
    project = projects.visible(call, call.path["id"])
    where, values = "d.project = ?", [project["seq"]]
    if "status" in call.query:
        if call.query["status"] not in STATUSES:
            raise Refused(400, f"status must be one of {', '.join(STATUSES)}")
        condition = _AT_STATUS[call.query["status"]]
        where = f"{where} AND {condition}"
        values += [call.now] * condition.count("?")
    rows, pagination = call.page(
        "SELECT d.* FROM deployments d",
        where,
        values,
        key="d.seq",
        scope=f"deployments {project['seq']}",
        newest_first=True,
    )
    data = [
        {
            "id": row["id"],
            "status": course.status(row, call.now),
            "branch": row["branch"],
            "deployment_domain": projects.domain(project["slug"]),
            "created_at": timestamp(row["created_at"]),
        }
        for row in rows
    ]
    return 200, {"data": data, "pagination": pagination}


def get(call: Call) -> tuple[int, dict[str, Any]]:
    """GET /deployments/:id. Build time and bundle size are there once it is READY."""
    row = call.state.store.find(
        f"{_WITH_SLUG} WHERE d.id = ? AND {projects.VISIBLE}",
        (call.path["id"], call.user, call.user),
    )
    if row is None:
        raise Refused(404, "Deployment not found")
    now_status = course.status(row, call.now)
    data = {
        "id": row["id"],
        "status": now_status,
        "branch": row["branch"],
        "deployment_domain": projects.domain(row["slug"]),
        "created_at": timestamp(row["created_at"]),
    }
    if now_status == "READY":
        data |= {"buildDurationMs": row["build_ms"], "bundleSizeKb": row["bundle_kb"]}
    return 200, {"data": data}


def create(call: Call) -> tuple[int, dict[str, Any]]:
    """POST /projects/:id/deployments. Without a branch it is the last deployed one's."""
    project = projects.visible(call, call.path["id"])
    branch = call.text("branch", empty=False)
    message = call.text("commitMessage")
    sha = call.text("commitSha")
    with call.state.store.change() as db:
        slots = call.state.behavior.slots
        if slots is not None:
            busy = db.execute("SELECT count(*) FROM deployments WHERE ended_at > ?", (call.now,)).fetchone()[0]
            if busy >= slots:
                raise Refused(429, f"No build slot free: {busy} of {slots} in use")
        if branch is None:
            last = db.execute("SELECT branch FROM deployments WHERE seq = ?", (project["newest"],)).fetchone()
            branch = DEFAULT_BRANCH if last is None else last["branch"]
        deployment = course.add(
            db,
            project["seq"],
            branch,
            call.now,
            seconds=call.state.behavior.build_seconds,
            scale=call.state.behavior.time_scale,
            fails=call.fails or FAILING.fullmatch(branch) is not None,
            message=message,
            sha=sha,
            untold=BOTH if call.state.webhooks is not None else 0,
        )
    if call.state.webhooks is not None:
        call.state.webhooks.follow(deployment)
    return 201, {"data": {"id": deployment, "status": "QUEUED"}}
