"""`--changed BASE`: the projects of a repository in whose directories something has changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.commands.state import document
from dpx_cli.errors import UsageError
from dpx_cli.rollout import launch
from dpx_cli.system import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dpx_cli.rollout.plan import DeployOptions
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session

NAME = "deploxa.toml"


def make_tasks(session: Session, base: str, options: DeployOptions) -> list[DeployTask]:
    """Return a task for each project in whose directories `git diff BASE...HEAD` has a change.

    A project has the directory of its deploxa.toml, and its `paths`. Those without a change are noted on stderr.

    Raises:
        UsageError: if this is no repository, BASE is no commit of it, or a deploxa.toml is wrong.
    """
    cwd = os.path.realpath(session.cwd)
    top, tracked = git.toplevel(cwd), git.tracked(cwd)
    if top is None or tracked is None:
        raise UsageError("--changed needs a git repository.", hint="Run dpx in a checkout, with git 2.31 or later.")
    changes = git.changes(cwd, base)
    if changes is None:
        raise UsageError(
            f"git can't compare HEAD with {base!r}.",
            hint="Pass a commit or branch that the checkout has; in CI fetch the whole history (fetch-depth: 0).",
        )
    paths = sorted(os.path.join(cwd, name) for name in tracked if os.path.basename(name) == NAME)
    if not paths:
        raise UsageError(f"No {NAME} is tracked here or below.", hint="Run: dpx init")
    changed: dict[str, str] = {}
    unchanged: list[str] = []
    for path in paths:
        known = document.read(path)
        folders = [_below(top, known.folder, folder) for folder in ("", *known.paths)]
        if _has_change(folders, changes):
            changed[known.slug] = os.path.relpath(path, cwd)
        else:
            unchanged.append(known.slug)
    if unchanged:
        session.screen.note(f"Not changed since {base}: {', '.join(unchanged)}")
    if not changed:
        session.screen.note(f"Nothing to deploy: no project has changed since {base}.")
        return []
    refs = session.projects.refs(list(changed), keep_missing=True)
    return launch.make_tasks(session, [ref._replace(source=changed[ref.given]) for ref in refs], options)


def _below(top: str, folder: str, path: str) -> str | None:
    """Return a directory relative to the top of the repository, "" for the top itself; None if it's outside."""
    below = os.path.relpath(os.path.join(os.path.realpath(folder), path), os.path.realpath(top)).replace(os.sep, "/")
    if below == ".":
        return ""
    return None if below == ".." or below.startswith("../") else below


def _has_change(folders: Iterable[str | None], changes: Sequence[str]) -> bool:
    prefixes = [f"{folder}/" if folder else "" for folder in folders if folder is not None]
    return any(change.startswith(prefix) for change in changes for prefix in prefixes)
