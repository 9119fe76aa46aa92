"""Environment variables: `/projects/:id/env-vars` of the reference. Only a salted digest of each value is kept."""

from __future__ import annotations

import json
from typing import Any

from dpx_cli.reference import KEY, TARGETS, is_key
from dpx_cli.sandbox import projects, seed
from dpx_cli.sandbox.request import Refused, SandboxRequest
from dpx_cli.sandbox.store import new_id


def list_(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to GET /projects/:id/env-vars, oldest first."""
    project = projects.visible(request, request.path["id"])["seq"]
    rows, pagination = request.page("SELECT v.* FROM env_vars v", "v.project = ?", (project,), key="v.seq")
    return 200, {"data": [json.loads(row["document"]) for row in rows], "pagination": pagination}


def upsert(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to POST …/env-vars. A new variable is for every target; an update keeps what the body omits."""
    project = projects.visible(request, request.path["id"])
    key = request.required_text("key")
    if not is_key(key):
        raise Refused(400, f"key must match {KEY}")
    value = request.required_text("value")
    changes: dict[str, Any] = {"key": key}
    if "targets" in request.body:
        changes["targets"] = _parse_targets(request.body["targets"])
    if "sensitive" in request.body:
        changes["sensitive"] = request.body["sensitive"]
        if not isinstance(changes["sensitive"], bool):
            raise Refused(400, "sensitive must be true or false")
    with request.state.store.change() as db:
        old = db.execute(
            "SELECT document FROM env_vars WHERE project = ? AND key = ?", (project["seq"], key)
        ).fetchone()
        before = {"id": new_id(), "key": key, "targets": list(TARGETS), "sensitive": False}
        variable = (before if old is None else json.loads(old["document"])) | changes
        seed.store_variable(db, project["seq"], variable, value)
    request.record("set", project["slug"], key)
    shown = {name: variable[name] for name in ("id", "key", "targets")}
    return 201 if old is None else 200, {"data": shown}


def delete(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to DELETE /projects/:id/env-vars/:key."""
    project = projects.visible(request, request.path["id"])
    key = request.path["key"]
    with request.state.store.change() as db:
        count = db.execute("DELETE FROM env_vars WHERE project = ? AND key = ?", (project["seq"], key)).rowcount
    if not count:
        raise Refused(404, "Environment variable not found")
    request.record("remove", project["slug"], key)
    return 200, {"deleted": True}


def _parse_targets(value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name in TARGETS for name in value):
        raise Refused(400, f"targets must be a list of {', '.join(TARGETS)}")
    return [name for name in TARGETS if name in value]
