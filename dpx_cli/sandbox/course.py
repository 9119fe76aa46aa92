"""How a deployment moves with time.

Nothing runs while a deployment builds. Its course is written down when it is made, and its status is read off the
clock: QUEUED for the first fifth of the build seconds, then BUILDING, then READY or ERROR. So it survives whatever
happens to the server. Floor 1, under the resources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.sandbox.store import new_id

if TYPE_CHECKING:
    import sqlite3

QUEUED_SHARE = 0.2


def status(row: sqlite3.Row, now: float) -> str:
    """What a deployment's status is at a time."""
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
    """Write down a deployment and its whole course.

    Args:
        db: the transaction.
        project: `seq` of its project.
        branch: what is deployed.
        now: when it begins, in seconds since 1970.
        seconds: from QUEUED to its end, as the deployment itself tells it.
        scale: how many times as fast the clock on the wall sees it.
        fails: it ends in ERROR.
        message: `commitMessage`.
        sha: `commitSha`.
        untold: how many webhook events there are to send of it.
        identity: its id; None makes one.

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
            # Something that differs from one to the next and is the same at each reading.
            1024 + sum(identity.encode()) * 7 % 512,
            untold,
        ),
    )
    db.execute("UPDATE projects SET newest = ? WHERE seq = ?", (row.lastrowid, project))
    return identity
