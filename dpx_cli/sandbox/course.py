"""The course of a deployment over time.

Nothing runs while a deployment builds. Its course is stored when it is created, and its status is a function of the
clock: QUEUED for the first fifth of the build seconds, then BUILDING, then READY or ERROR. So it survives a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.sandbox.store import new_id

if TYPE_CHECKING:
    import sqlite3

QUEUED_SHARE = 0.2


def status(row: sqlite3.Row, now: float) -> str:
    """Return a deployment's status at a time."""
    if now >= row["ended_at"]:
        outcome: str = row["outcome"]
        return outcome
    return "BUILDING" if now >= row["building_at"] else "QUEUED"


def add(
    db: sqlite3.Connection,
    project: int,
    branch: str,
    now: float,
    *,
    seconds: float,
    scale: float = 1.0,
    fails: bool = False,
    message: str | None = None,
    sha: str | None = None,
    untold: int = 0,
    identity: str | None = None,
) -> str:
    """Store a deployment and its course.

    Args:
        db: the transaction.
        project: `seq` of its project.
        branch: the deployed branch.
        now: when it starts, in seconds since 1970.
        seconds: from QUEUED to its end, as the deployment reports it.
        scale: speed multiplier.
        fails: whether it ends in ERROR.
        message: `commitMessage`.
        sha: `commitSha`.
        untold: how many webhook events to send.
        identity: its id; None generates one.

    Returns:
        Its id.
    """
    identity = identity or new_id()
    row = db.execute(
        "INSERT INTO deployments (id, project, branch, commit_message, commit_sha, outcome, created_at, building_at,"
        " ended_at, build_ms, bundle_kb, untold) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            identity,
            project,
            branch,
            message,
            sha,
            "ERROR" if fails else "READY",
            now,
            now + seconds * QUEUED_SHARE / scale,
            now + seconds / scale,
            round(seconds * 1000),
            # A size that differs between deployments and is the same at each request.
            1024 + sum(identity.encode()) * 7 % 512,
            untold,
        ),
    )
    db.execute("UPDATE projects SET newest = ? WHERE seq = ?", (row.lastrowid, project))
    return identity
