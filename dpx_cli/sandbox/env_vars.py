"""Environment variables: `/projects/:id/env-vars` of the reference. Of a value only a salted digest is kept."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from dpx_cli.reference import TARGETS
from dpx_cli.sandbox import projects
from dpx_cli.sandbox.call import Call, Refused
from dpx_cli.sandbox.store import digest_of, new_id

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SALT_BYTES = 16


def list_(call: Call) -> tuple[int, dict[str, Any]]:
    """GET /projects/:id/env-vars, in the order they were made."""
    project = projects.visible(call, call.path["id"])["seq"]
    rows, pagination = call.page(
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


def upsert(call: Call) -> tuple[int, dict[str, Any]]:
    """POST /projects/:id/env-vars. Made anew, it is for every target; updated, it keeps what the body leaves out."""
    project = projects.visible(call, call.path["id"])["seq"]
    key = call.required_text("key")
    if not KEY.fullmatch(key):
        raise Refused(400, "key must match [A-Za-z_][A-Za-z0-9_]*")
    value = call.required_text("value")
    targets = _targets(call.body["targets"]) if "targets" in call.body else None
    sensitive = call.body.get("sensitive")
    if "sensitive" in call.body and not isinstance(sensitive, bool):
        raise Refused(400, "sensitive must be true or false")
    salt = secrets.token_bytes(SALT_BYTES)
    digest = digest_of(value, salt)
    with call.state.store.change() as db:
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
    return 201 if old is None else 200, {"data": {"id": identity, "key": key, "targets": targets}}


def delete(call: Call) -> tuple[int, dict[str, Any]]:
    """DELETE /projects/:id/env-vars/:key."""
    project = projects.visible(call, call.path["id"])["seq"]
    with call.state.store.change() as db:
        gone = db.execute("DELETE FROM env_vars WHERE project = ? AND key = ?", (project, call.path["key"])).rowcount
    if not gone:
        raise Refused(404, "Environment variable not found")
    return 200, {"deleted": True}


def _targets(value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name in TARGETS for name in value):
        raise Refused(400, f"targets must be a list of {', '.join(TARGETS)}")
    return [name for name in TARGETS if name in value]
