"""Create a project exactly once, for `init`, `apply` and the pickers."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING, Any

from dpx_cli.api import projects
from dpx_cli.api.client import is_name
from dpx_cli.api.once import Candidates, Texts, create_once
from dpx_cli.api.retry import Deadline
from dpx_cli.config.paths import PROJECT_FILE
from dpx_cli.errors import InvalidResponse
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpx_cli.session import Session

LOCK_TIMEOUT = 60.0  # seconds: another dpx may wait for a response


@contextlib.contextmanager
def hold_file(session: Session, path: str) -> Iterator[None]:
    """Hold the lock of a deploxa.toml, which need not exist, against every other dpx of this machine.

    The lock lies in the cache, not in the checkout. Without a cache that can be written nothing is locked.

    Raises:
        Failed: another dpx held it for a minute.
    """
    folder = session.settings.cache_dir
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    if not folder or not os.access(folder, os.W_OK | os.X_OK):
        yield
        return
    digest = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]
    with files.locked(os.path.join(folder, f"file-{digest}"), LOCK_TIMEOUT):
        yield


def create(session: Session, name: str, slug: str, fields: projects.ProjectFields, *, folder: str) -> dict[str, Any]:
    """Create a project and return it, or the one with this slug that appeared since the caller looked.

    The slug is the one that the name leads to; the server may choose another. The lock of the deploxa.toml in the
    folder is held from the look to the POST, so that two dpx on one machine don't create two.

    Raises:
        OutcomeUnknown: the response was lost, and the list doesn't show the project.
        Failed: see `hold_file`.
    """
    org = fields.get("orgSlug")

    def look() -> dict[str, dict[str, Any]]:
        pages = projects.list_projects(session.client, org=org)
        rows = (row for page in pages for row in page if row.get("slug") == slug and is_name(row.get("id")))
        return {row["id"]: row for row in rows}

    def find() -> Candidates:
        rows = [row for project_id, row in look().items() if project_id not in before]
        return Candidates(rows, sure=len(rows) == 1)

    with hold_file(session, os.path.join(folder, PROJECT_FILE)):
        before = look()
        if len(before) == 1:
            (project,) = before.values()
            session.screen.warn(f"Project {slug} was created since dpx looked. It is used.")
            return project
        check = session.command("projects", "list", "--search", slug, org=org)
        project = create_once(
            lambda: projects.create_project(session.client, name, fields),
            find,
            Texts("project", "POST /projects", check),
            deadline=Deadline(session.settings.timeout),
            warn=session.screen.warn,
            say=session.screen.done,
        )
    if not is_name(project.get("id")):
        raise InvalidResponse("POST /projects: the response has no ID.", request="POST /projects")
    return project
