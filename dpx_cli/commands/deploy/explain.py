"""What may have broken a deployment: the commits since the last READY one, and variables that aren't set."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dpx_cli.commands.deploy.diff import find_commit, find_scope, sort_files
from dpx_cli.commands.env import scan
from dpx_cli.errors import DpxError, NotFound, UsageError
from dpx_cli.rollout.commits import SHORT, KnownCommits, count_commits, find_cwd
from dpx_cli.system import git

if TYPE_CHECKING:
    from dpx_cli.rollout.task import DeployTask

MAX_VARIABLES = 10
MAX_COMMITS, MAX_FILES = 3, 4  # of a failed deployment


def find_missing(task: DeployTask) -> list[str]:
    """Return a sentence for each variable that the working directory's code reads, and that production lacks."""
    rows = [row for row in scan.missing(task.session, task.project_id, ".", ("production",)) if not row["optional"]]
    text = "{key} is read at {file}:{line}, but isn't set for production."
    lines = [text.format_map(row) for row in rows[:MAX_VARIABLES]]
    if len(rows) > MAX_VARIABLES:
        command = task.session.command("env", "scan", project=task.project)
        lines.append(f"{len(rows) - MAX_VARIABLES} more variables are missing. Run: {command}")
    return lines


def find_suspects(task: DeployTask) -> list[str]:
    """Return up to five lines on what changed since the branch's last READY deployment; none where that isn't known."""
    session, before = task.session, next(iter(task.ready_before()), None)
    if before is None:
        return []
    try:
        known = KnownCommits(session, task.project_id)
        until = task.sha or known.find(task.deployment or {})
        until = git.commit(session.cwd, until) if until else None
        since = find_commit(session, known, before)
        changes = None
        if until:
            paths = find_scope(git.toplevel(session.cwd), task.project) if task.project else ()
            changes = git.read_range(session.cwd, since, until, paths, limit=MAX_COMMITS)
    except (NotFound, UsageError):
        return []
    if changes is None or not changes.total:
        return ["It deployed the same commit, so the code hasn't changed since."] if until == since else []
    files = sort_files(changes.files)
    more = f" and {len(files) - MAX_FILES} more" if len(files) > MAX_FILES else ""
    count = count_commits(changes.total)
    lines = [f"Since then {count} changed {', '.join(files[:MAX_FILES])}{more}:" if files else f"Since then {count}:"]
    lines += [f"  {commit.sha[:SHORT]} {commit.subject} ({commit.author})" for commit in changes.commits]
    if changes.total > len(changes.commits) or more:
        command = session.command("deploy", "diff", str(task.id), project=task.project)
        lines.append(f"  For all of them, run: {command}")
    return lines


def count_new(task: DeployTask) -> int | None:
    """Return how many commits are new since the branch's READY deployment before, where that is known here."""
    session, before = task.session, next(iter(task.ready_before()), None)
    since = KnownCommits(session, task.project_id).find(before) if before else None
    if not since or not task.sha or not task.project or not (cwd := find_cwd(session)) or not git.find_top(cwd):
        return None
    return git.count_between(cwd, since, task.sha, find_scope(git.toplevel(cwd), task.project))


def explain(task: DeployTask) -> list[str]:
    """Return what may have broken a deployment, as lines."""
    task.suspects = find_suspects(task)
    lines = [*task.suspects]
    if _is_here(task):
        with suppress(DpxError):
            lines += find_missing(task)
    return lines


def _is_here(task: DeployTask) -> bool:
    settings = task.session.settings
    with suppress(DpxError):
        if task.project and settings.project_file:
            return settings.project_file.slug.rpartition("/")[2] == task.slug()
        return settings.link is not None and settings.link.project_id == task.project_id
    return False
