"""The projects of a repository that `dpx deploy` deploys in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands.state.document import read_all
from dpx_cli.commands.state.select import find_project_files, order, read_documents
from dpx_cli.errors import UsageError
from dpx_cli.rollout import launch
from dpx_cli.rollout.commits import find_cwd
from dpx_cli.system import git
from dpx_cli.system.files import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.rollout.plan import DeployOptions
    from dpx_cli.rollout.runner import Task
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session


def make_tasks(session: Session, base: str, options: DeployOptions) -> list[DeployTask]:
    """Return a task for each project that has changed since a base, each after those that it needs."""
    documents = read_documents(session, (), recursive=False, changed=base)
    if not documents:
        session.screen.note(f"Nothing to deploy: no project has changed since {base}.")
        return []
    refs = session.projects.refs([each.slug for each in documents], keep_missing=True)
    if len(refs) < len(documents):
        files = ", ".join(each.path for each in documents)
        raise UsageError(f"Two of these files are for the same project: {files}", hint="Remove one of the two.")
    refs = [ref._replace(source=each.path) for ref, each in zip(refs, documents, strict=True)]
    tasks = launch.make_tasks(session, refs, options)
    order(tasks, documents)
    return tasks


def order_tasks(session: Session, tasks: Sequence[Task]) -> None:
    """Have each task, named as its project, follow those that its deploxa.toml in the repository needs."""
    if len(tasks) > 1 and (cwd := find_cwd(session)) and (top := git.toplevel(cwd)):
        paths = find_project_files(top, git.tracked(top) or ())
        slugs = [task.name.rpartition("/")[2].casefold() for task in tasks]
        known = [(task, paths[slug]) for task, slug in zip(tasks, slugs, strict=True) if slug in paths]
        order([task for task, _ in known], read_all([short(path, cwd) for _, path in known]))
