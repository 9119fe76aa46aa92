"""Create a project exactly once, for `init`, `apply` and the pickers."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING, Any

from dpx_cli.api import projects
from dpx_cli.api.client import is_name
from dpx_cli.config.paths import PROJECT_FILE
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
    with hold_file(session, os.path.join(folder, PROJECT_FILE)):
        pages = projects.list_projects(session.client, org=fields.get("orgSlug"))
        rows = [row for page in pages for row in page if row.get("slug") == slug and is_name(row.get("id"))]
        if len(rows) == 1:
            session.screen.warn(f"Project {slug} was created since dpx looked. It is used.")
            return rows[0]
        return projects.create_project(session.client, name, fields)
