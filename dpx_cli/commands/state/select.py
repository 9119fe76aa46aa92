"""Which files `dpx plan` and `dpx apply` read: the nearest, files, directories, all below, those that changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.commands.state import document
from dpx_cli.commands.state.changed import build_git_refusal, find_documents
from dpx_cli.config.paths import PROJECT_FILE, project_file
from dpx_cli.errors import NotFound, exclusive
from dpx_cli.rollout import runner
from dpx_cli.system import git

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
        documents = document.read_all(list(unique.values()))
    tasks = {each.identity: runner.Task(session, each.slug) for each in documents}
    for each in documents:
        tasks[each.identity].needs = [tasks[need] for need in each.needs if need in tasks]
    runner.check_order(list(tasks.values()))
    return documents


def _find_paths(session: Session, files: Sequence[str]) -> Iterator[str]:
    for file in files:
        yield os.path.join(file, PROJECT_FILE) if os.path.isdir(file) else file
    if not files:
        path = project_file(session.cwd)
        if path is None:
            raise NotFound(f"No {PROJECT_FILE} in this directory or above.", hint=f"Run: {session.command('init')}")
        yield os.path.relpath(path, session.cwd)


def _find_recursively(folders: Sequence[str]) -> Iterator[str]:
    """Yield every tracked deploxa.toml of some directories."""
    for folder in folders:
        problems: list[git.Problem] = []
        tracked = git.tracked(folder, seconds=git.PATIENT, problems=problems) if os.path.isdir(folder) else None
        if tracked is None:
            what = f"--recursive needs a directory in a git repository ({folder})"
            raise build_git_refusal(what, problems, "Pass the files, or commit them first.")
        names = sorted(name for name in tracked if os.path.basename(name) == PROJECT_FILE)
        paths = [os.path.normpath(os.path.join(folder, name)) for name in names]
        if not paths:
            raise NotFound(f"No {PROJECT_FILE} is tracked in {folder} or below.", hint="Commit the files first.")
        yield from filter(os.path.lexists, paths)  # a sparse checkout leaves some out
