"""The variables that the code here reads and a deployed project doesn't have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands.env import scan

if TYPE_CHECKING:
    from dpx_cli.rollout.task import DeployTask

MAX_VARIABLES = 10


def find_missing(task: DeployTask) -> list[str]:
    """Return a sentence for each variable that the working directory's code reads, and that production lacks."""
    rows = [row for row in scan.missing(task.session, task.project_id, ".", ("production",)) if not row.optional]
    lines = [
        f"{row.key} is read at {row.file}:{row.line}, but isn't set for production." for row in rows[:MAX_VARIABLES]
    ]
    if len(rows) > MAX_VARIABLES:
        command = task.session.command("env", "scan", project=task.project)
        lines.append(f"{len(rows) - MAX_VARIABLES} more variables are missing. Run: {command}")
    return lines
