"""`--changed BASE`: the projects of a repository in whose directories something has changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.commands.state.document import read_all
from dpx_cli.config.paths import PROJECT_FILE
from dpx_cli.errors import UsageError
from dpx_cli.system import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dpx_cli.commands.state.document import Document
    from dpx_cli.session import Session


def find_documents(session: Session, base: str) -> list[Document]:
    """Return the deploxa.toml of each project in whose directories `git diff BASE...HEAD` has a change.

    A project has the directory of its deploxa.toml, and its `paths`. Those without a change are noted on stderr.
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
    paths = sorted(name for name in tracked if os.path.basename(name) == PROJECT_FILE)
    if not paths:
        raise UsageError(f"No {PROJECT_FILE} is tracked here or below.", hint="Run: dpx init")
    documents = read_all(paths)
    changed: list[Document] = []
    unchanged: list[str] = []
    for each in documents:
        if _has_change([_below(top, each.folder, path) for path in ("", *each.paths)], changes):
            changed.append(each)
        else:
            unchanged.append(each.slug)
    if unchanged:
        session.screen.note(f"Not changed since {base}: {', '.join(unchanged)}")
    return changed


def _below(top: str, folder: str, path: str) -> str | None:
    """Return a directory relative to the top of the repository, "" for the top itself; None if it's outside."""
    below = os.path.relpath(os.path.join(os.path.realpath(folder), path), os.path.realpath(top)).replace(os.sep, "/")
    if below == ".":
        return ""
    return None if below == ".." or below.startswith("../") else below


def _has_change(folders: Iterable[str | None], changes: Sequence[str]) -> bool:
    prefixes = [f"{folder}/" if folder else "" for folder in folders if folder is not None]
    return any(change.startswith(prefix) for change in changes for prefix in prefixes)
