"""Which files `dpx plan` and `dpx apply` read: the nearest, files, directories, all below, those that changed."""

from __future__ import annotations

import os
import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from dpx_cli.commands.state.document import read_all
from dpx_cli.commands.state.workspaces import Workspaces
from dpx_cli.config import project_file
from dpx_cli.config.paths import PROJECT_FILE
from dpx_cli.config.paths import project_file as find_project_file
from dpx_cli.errors import DpxError, NotFound, UsageError, exclusive
from dpx_cli.rollout import runner
from dpx_cli.system import git
from dpx_cli.system.files import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dpx_cli.commands.state.document import Document
    from dpx_cli.session import Session


def read_documents(session: Session, files: Sequence[str], *, recursive: bool, changed: str | None) -> list[Document]:
    """Read every file, each once, in the order given. Raises UsageError for mistakes, and if files need each other."""
    exclusive(("--changed", changed), ("FILE", tuple(files)))
    exclusive(("--changed", changed), ("--recursive", recursive))
    if changed is not None:
        documents = find_documents(session, changed)
    else:
        unique: dict[str, str] = {}
        for path in _find_recursively(files or (".",)) if recursive else _find_paths(session, files):
            unique.setdefault(os.path.realpath(path), path)
        documents = read_all(list(unique.values()))
    order([runner.Task(session, each.slug) for each in documents], documents)
    return documents


def order(tasks: Sequence[runner.Task], documents: Sequence[Document]) -> None:
    """Have each task follow those that its document needs. Raises UsageError if they need each other."""
    by_file = {each.identity: task for each, task in zip(documents, tasks, strict=True)}
    for each, task in zip(documents, tasks, strict=True):
        task.needs = [by_file[need] for need in each.needs if need in by_file]
    runner.check_order(tasks)


def _find_paths(session: Session, files: Sequence[str]) -> Iterator[str]:
    for file in files:
        yield posixpath.join(file, PROJECT_FILE) if os.path.isdir(file) else file
    if not files:
        path = find_project_file(session.cwd)
        if path is None:
            raise NotFound(f"No {PROJECT_FILE} in this directory or above.", hint=f"Run: {session.command('init')}")
        yield short(path, session.cwd)


def _find_recursively(folders: Sequence[str]) -> Iterator[str]:
    for folder in folders:
        problems: list[git.Problem] = []
        tracked = git.tracked(folder, seconds=git.PATIENT, problems=problems) if os.path.isdir(folder) else None
        if tracked is None:
            what = f"--recursive needs a directory in a git repository ({folder})"
            raise git.build_refusal(what, problems, "Pass the files, or commit them first.")
        paths = _list_project_files(folder, tracked)
        if not paths:
            raise NotFound(f"No {PROJECT_FILE} is tracked in {folder} or below.", hint="Commit the files first.")
        yield from (os.path.normpath(path).replace(os.sep, "/") for path in paths)


def _list_project_files(folder: str, tracked: Iterable[str]) -> list[str]:
    """Return the paths of the tracked deploxa.toml files in a directory, without those that a sparse checkout lacks."""
    paths = [os.path.join(folder, name) for name in sorted(tracked) if os.path.basename(name) == PROJECT_FILE]
    return [path for path in paths if os.path.lexists(path)]


def find_documents(session: Session, base: str) -> list[Document]:
    """Return the deploxa.toml of each project of the repository that has changed since a base: `git diff BASE...HEAD`.

    A project has the directory of its deploxa.toml, its `paths`, and the workspace packages that it depends on. Those
    without a change are noted on stderr. On a first push there is nothing to compare with: every project is returned.
    """
    cwd = os.path.realpath(session.cwd)
    problems: list[git.Problem] = []
    top = git.toplevel(cwd, seconds=git.PATIENT, problems=problems)
    tracked = git.tracked(top, seconds=git.PATIENT, problems=problems) if top else None
    if top is None or tracked is None:
        raise git.build_refusal("--changed needs a git repository", problems, "Run dpx in a checkout.")
    is_first = _is_first_push(cwd, base)
    changes = [] if is_first else git.changes(cwd, base, seconds=git.PATIENT, problems=problems)
    if changes is None:
        hint = "Pass a commit or branch in this checkout. In CI, fetch the whole history (fetch-depth: 0)."
        raise git.build_refusal(f"git can't compare HEAD with {base!r}", problems, hint)
    documents = read_all([short(path, cwd) for path in _list_project_files(top, tracked)])
    if not documents:
        raise UsageError(f"The repository has no tracked {PROJECT_FILE}.", hint=f"Run: {session.command('init')}")
    if is_first:
        session.screen.note(f"There is no commit to compare with ({base}), so every project counts as changed.")
        return documents
    workspaces = Workspaces(top, tracked)
    changed: list[Document] = []
    for each in documents:
        folders = [_below(top, each.folder, path) for path in ("", *each.paths)]
        folders += workspaces.find_dependencies(folders[0] or "")
        prefixes = tuple(f"{folder}/" if folder else "" for folder in folders if folder is not None)
        if any(change.startswith(prefixes) for change in changes):
            changed.append(each)
    if unchanged := [each.slug for each in documents if each not in changed]:
        session.screen.note(f"Not changed since {base}: {', '.join(unchanged)}")
    return changed


def find_project_files(top: str, tracked: Iterable[str]) -> dict[str, str]:
    """Return the paths of a repository's tracked deploxa.toml files by the slugs that they specify, in lower case."""
    paths: dict[str, str] = {}
    for path in _list_project_files(top, tracked):
        with suppress(DpxError):
            paths.setdefault(project_file.read(path).slug.rpartition("/")[2].casefold(), path)
    return paths


def _is_first_push(cwd: str, base: str) -> bool:
    """Return whether a base is what a CI passes on a first push: zeros, or the parent of a commit that has none."""
    if base and not base.strip("0"):
        return True
    return base in ("HEAD^", "HEAD~", "HEAD~1") and git.commit(cwd, base) is None and git.is_root(cwd)


def _below(top: str, folder: str, path: str) -> str | None:
    """Return a directory relative to the top of the repository, "" for the top itself; None if it's outside."""
    below = os.path.relpath(os.path.join(os.path.realpath(folder), path), os.path.realpath(top)).replace(os.sep, "/")
    if below == ".":
        return ""
    return None if below == ".." or below.startswith("../") else below
