"""Deployments over time.

Nothing runs while a deployment builds. Its times are stored when it is created, and its status is a function of the
clock: QUEUED for the first fifth of the build seconds, then BUILDING, then READY or ERROR. So it survives a restart.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from dpx_cli.sandbox.store import new_id, timestamp

QUEUED_SHARE = 0.2
BUILD_FIELDS = ("buildDurationMs", "bundleSizeKb")


def domain(slug: str) -> str:
    """Return where a project's site is, without the scheme."""
    return f"{slug}.deploxa.com"


def status(row: sqlite3.Row, now: float) -> str:
    """Return a deployment's status at a time."""
    if now >= row["ended_at"]:
        return str(row["outcome"])
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
    project: Mapping[str, Any] | sqlite3.Row,
    deployment: Mapping[str, Any],
    created_at: float,
    *,
    seconds: float,
    fails: bool = False,
) -> str:
    """Store a deployment, an object of the API, make it its project's current one, and return its ID.

    `project` has `seq` and `slug`. `created_at` is in seconds since 1970, and `seconds` is from then to its end.
    """
    identity = deployment.get("id") or new_id()
    document = {
        "commitMessage": None,
        "commitSha": None,
        "deployment_domain": domain(project["slug"]),
        "created_at": timestamp(created_at),
        "buildDurationMs": round(seconds * 1000),
        # A size that differs between deployments and is the same at each request.
        "bundleSizeKb": 1024 + sum(identity.encode()) * 7 % 512,
        **{name: value for name, value in deployment.items() if name not in ("id", "status")},
    }
    document["branch"] = document.get("branch") or "main"
    times = (created_at, created_at + seconds * QUEUED_SHARE, created_at + seconds)
    row = db.execute(
        "INSERT INTO deployments (id, project, document, outcome, created_at, building_at, ended_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (identity, project["seq"], json.dumps(document), "ERROR" if fails else "READY", *times),
    )
    db.execute("UPDATE projects SET newest = ? WHERE seq = ?", (row.lastrowid, project["seq"]))
    return str(identity)
