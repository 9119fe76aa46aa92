"""`--changed BASE`: the projects of a repository in whose directories something has changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.commands.state import document
from dpx_cli.errors import UsageError
from dpx_cli.system import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dpx_cli.session import Session

NAME = "deploxa.toml"


class Found(NamedTuple):
    """A project of the repository.

    Attributes:
        reference: its slug, or org/slug.
        path: its deploxa.toml.
    """

    reference: str
    path: str


def find(session: Session, base: str) -> list[Found]:
    """Return the projects, from the working directory down, in whose directories `git diff BASE...HEAD` has a change.

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
    changed: list[Found] = []
    unchanged: list[Found] = []
    for path in paths:
        known = document.read(path)
        project = Found(known.slug, os.path.relpath(path, cwd))
        folders = [_below(top, known.folder, folder) for folder in ("", *known.paths)]
        (changed if _has_change(folders, changes) else unchanged).append(project)
    if unchanged:
        session.screen.note(f"Not changed since {base}: {', '.join(project.reference for project in unchanged)}")
    return changed


def _below(top: str, folder: str, path: str) -> str | None:
    """Return a directory relative to the top of the repository, "" for the top itself; None if it's outside."""
    found = os.path.relpath(os.path.join(os.path.realpath(folder), path), os.path.realpath(top)).replace(os.sep, "/")
    if found == ".":
        return ""
    return None if found == ".." or found.startswith("../") else found


def _has_change(folders: Iterable[str | None], changes: Sequence[str]) -> bool:
    prefixes = [f"{folder}/" if folder else "" for folder in folders if folder is not None]
    return any(change.startswith(prefix) for change in changes for prefix in prefixes)
