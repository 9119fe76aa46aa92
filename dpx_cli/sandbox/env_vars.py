"""Environment variables: `/projects/:id/env-vars` of the reference. Only a salted digest of each value is kept."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from dpx_cli.reference import TARGETS
from dpx_cli.sandbox import projects
from dpx_cli.sandbox.request import Refused, SandboxRequest
from dpx_cli.sandbox.store import digest_of, new_id

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SALT_BYTES = 16


def list_(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer GET /projects/:id/env-vars, oldest first."""
    project = projects.visible(request, request.path["id"])["seq"]
    rows, pagination = request.page(
        "SELECT v.* FROM env_vars v", "v.project = ?", (project,), key="v.seq", scope=f"env-vars {project}"
    )
    data = [
        {
            "id": row["id"],
            "key": row["key"],
            "targets": json.loads(row["targets"]),
            "sensitive": bool(row["sensitive"]),
        }
        for row in rows
    ]
    return 200, {"data": data, "pagination": pagination}


def upsert(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer POST /projects/:id/env-vars. A new variable is for every target; an update keeps what the body omits."""
    row = projects.visible(request, request.path["id"])
    project = row["seq"]
    key = request.required_text("key")
    if not KEY.fullmatch(key):
        raise Refused(400, "key must match [A-Za-z_][A-Za-z0-9_]*")
    value = request.required_text("value")
    targets = _targets(request.body["targets"]) if "targets" in request.body else None
    sensitive = request.body.get("sensitive")
    if "sensitive" in request.body and not isinstance(sensitive, bool):
        raise Refused(400, "sensitive must be true or false")
    salt = secrets.token_bytes(SALT_BYTES)
    digest = digest_of(value, salt)
    with request.state.store.change() as db:
        old = db.execute("SELECT * FROM env_vars WHERE project = ? AND key = ?", (project, key)).fetchone()
        if old is None:
            identity, targets = new_id(), targets or list(TARGETS)
            db.execute(
                "INSERT INTO env_vars (id, project, key, targets, sensitive, salt, digest)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (identity, project, key, json.dumps(targets), bool(sensitive), salt, digest),
            )
        else:
            identity, targets = old["id"], targets or json.loads(old["targets"])
            db.execute(
                "UPDATE env_vars SET targets = ?, sensitive = ?, salt = ?, digest = ? WHERE seq = ?",
                (
                    json.dumps(targets),
                    old["sensitive"] if sensitive is None else sensitive,
                    salt,
                    digest,
                    old["seq"],
                ),
            )
    request.state.journal.change("set", row["slug"], key)
    return 201 if old is None else 200, {"data": {"id": identity, "key": key, "targets": targets}}


def delete(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer DELETE /projects/:id/env-vars/:key."""
    project = projects.visible(request, request.path["id"])
    key = request.path["key"]
    with request.state.store.change() as db:
        gone = db.execute("DELETE FROM env_vars WHERE project = ? AND key = ?", (project["seq"], key)).rowcount
    if not gone:
        raise Refused(404, "Environment variable not found")
    request.state.journal.change("remove", project["slug"], key)
    return 200, {"deleted": True}


def _targets(value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name in TARGETS for name in value):
        raise Refused(400, f"targets must be a list of {', '.join(TARGETS)}")
    return [name for name in TARGETS if name in value]
