"""Deployments: `/projects/:id/deployments` and `/deployments/:id` of the reference."""

from __future__ import annotations

import json
from typing import Any

from dpx_cli.reference import STATUSES
from dpx_cli.sandbox import projects, timeline
from dpx_cli.sandbox.request import Refused, SandboxRequest

DEFAULT_BRANCH = "main"
FAILING = "fail/"  # how the names of branches begin whose builds fail

_JOIN = "SELECT d.* FROM deployments d JOIN projects p ON p.seq = d.project"
_ONE = f"{_JOIN} WHERE d.id = ? AND {projects.VISIBLE}"
_AT_STATUS = {
    "QUEUED": "d.building_at > ?",
    "BUILDING": "d.building_at <= ? AND d.ended_at > ?",
    "READY": "d.ended_at <= ? AND d.outcome = 'READY'",
    "ERROR": "d.ended_at <= ? AND d.outcome = 'ERROR'",
}


def list_(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to GET /projects/:id/deployments, newest first."""
    project = projects.visible(request, request.path["id"])
    where, values = "d.project = ?", [project["seq"]]
    if "status" in request.query:
        if request.query["status"] not in STATUSES:
            raise Refused(400, f"status must be one of {', '.join(STATUSES)}")
        condition = _AT_STATUS[request.query["status"]]
        where = f"{where} AND {condition}"
        values += [request.now] * condition.count("?")
    rows, pagination = request.page("SELECT d.* FROM deployments d", where, values, key="d.seq", newest_first=True)
    return 200, {"data": [timeline.show(row, request.now) for row in rows], "pagination": pagination}


def get(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to GET /deployments/:id."""
    row = request.state.store.find(_ONE, (request.path["id"], request.user, request.user))
    if row is None:
        raise Refused(404, "Deployment not found")
    return 200, {"data": timeline.show(row, request.now)}


def create(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to POST /projects/:id/deployments. The default is the last deployed branch."""
    project = projects.visible(request, request.path["id"])
    branch = request.text("branch", empty=False)
    message = request.text("commitMessage")
    sha = request.text("commitSha")
    behavior = request.state.behavior
    with request.state.store.change() as db:
        if behavior.slots is not None:
            busy = db.execute("SELECT count(*) FROM deployments WHERE ended_at > ?", (request.now,)).fetchone()[0]
            if busy >= behavior.slots:
                raise Refused(429, f"No build slot free: {busy} of {behavior.slots} in use")
        if branch is None:
            last = db.execute("SELECT document FROM deployments WHERE seq = ?", (project["newest"],)).fetchone()
            branch = DEFAULT_BRANCH if last is None else json.loads(last["document"])["branch"]
        deployment = timeline.add(
            db,
            project,
            {"branch": branch, "commitMessage": message, "commitSha": sha},
            request.now,
            seconds=behavior.build_seconds,
            fails=request.fails or branch.startswith(FAILING),
        )
    if request.state.webhooks is not None:
        request.state.webhooks.follow(deployment, request.now + behavior.build_seconds)
    request.record("deploy", project["slug"], branch)
    return 201, {"data": {"id": deployment, "status": "QUEUED"}}
