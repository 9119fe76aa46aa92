"""Deployments over time.

Nothing runs while a deployment builds. Its times are stored when it is created, and its status is a function of the
clock: QUEUED for the first fifth of the build seconds, then BUILDING, then READY or ERROR. So it survives a restart.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dpx_cli.sandbox.store import new_id, timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

QUEUED_SHARE = 0.2
BUILD_FIELDS = ("buildDurationMs", "bundleSizeKb")


def domain(slug: str) -> str:
    """Return where a project's site is, without the scheme."""
    return f"{slug}.deploxa.com"


def status(row: sqlite3.Row, now: float) -> str:
    """Return a deployment's status at a time."""
    if now >= row["ended_at"]:
        outcome: str = row["outcome"]
        return outcome
    return "BUILDING" if now >= row["building_at"] else "QUEUED"


def show(row: sqlite3.Row, now: float, hidden: Sequence[str] = ()) -> dict[str, Any]:
    """Return a deployment as lists and GET show it; build time and bundle size once it is READY."""
    document = json.loads(row["document"])
    current = status(row, now)
    if current != "READY":
        hidden = BUILD_FIELDS
    return {
        "id": row["id"],
        "status": current,
        **{name: value for name, value in document.items() if name not in hidden},
    }


def add(
    db: sqlite3.Connection,
    project: Mapping[str, Any],
    branch: str,
    now: float,
    *,
    seconds: float,
    fails: bool = False,
    message: str | None = None,
    sha: str | None = None,
) -> str:
    """Store a new deployment and return its ID.

    Args:
        db: the transaction.
        project: `seq` and `slug` of its project.
        branch: the deployed branch.
        now: when it starts, in seconds since 1970.
        seconds: from QUEUED to its end.
        fails: whether it ends in ERROR.
        message: `commitMessage`.
        sha: `commitSha`.
    """
    deployment = {"id": new_id(), "branch": branch, "commitMessage": message, "commitSha": sha}
    outcome = "ERROR" if fails else "READY"
    insert(db, project, deployment, now, building_at=now + seconds * QUEUED_SHARE, seconds=seconds, outcome=outcome)
    return str(deployment["id"])


def insert(
    db: sqlite3.Connection,
    project: Mapping[str, Any],
    deployment: Mapping[str, Any],
    created_at: float,
    *,
    building_at: float,
    seconds: float,
    outcome: str,
) -> None:
    """Store a deployment, an object of the API, with its times, and make it its project's current one."""
    identity = deployment["id"]
    document = {
        "branch": "main",
        "commitMessage": None,
        "commitSha": None,
        "deployment_domain": domain(project["slug"]),
        "created_at": timestamp(created_at),
        "buildDurationMs": round(seconds * 1000),
        # A size that differs between deployments and is the same at each request.
        "bundleSizeKb": 1024 + sum(identity.encode()) * 7 % 512,
        **{name: value for name, value in deployment.items() if name not in ("id", "status")},
    }
    row = db.execute(
        "INSERT INTO deployments (id, project, document, outcome, created_at, building_at, ended_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (identity, project["seq"], json.dumps(document), outcome, created_at, building_at, created_at + seconds),
    )
    db.execute("UPDATE projects SET newest = ? WHERE seq = ?", (row.lastrowid, project["seq"]))
