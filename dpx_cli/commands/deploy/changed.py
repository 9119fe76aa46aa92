"""`dpx deploy --changed BASE`: a task for each project of a repository that has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands.state.changed import find_documents
from dpx_cli.rollout import launch

if TYPE_CHECKING:
    from dpx_cli.rollout.plan import DeployOptions
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session


def make_tasks(session: Session, base: str, options: DeployOptions) -> list[DeployTask]:
    """Return a task for each project that has changed since a base; see `find_documents`."""
    paths = {document.slug: document.path for document in find_documents(session, base)}
    if not paths:
        session.screen.note(f"Nothing to deploy: no project has changed since {base}.")
        return []
    refs = session.projects.refs(list(paths), keep_missing=True)
    return launch.make_tasks(session, [ref._replace(source=paths[ref.given]) for ref in refs], options)
