"""Find a project, or create it exactly once, for `init`, `plan`, `apply` and the pickers."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING, Any

from dpx_cli.api import projects
from dpx_cli.api.client import is_name
from dpx_cli.config.paths import folder as cache_folder
from dpx_cli.errors import Failed, NotFound
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpx_cli.session import Session

QUIET_SECONDS = 1.0  # of waiting, before it is said
LOCK_TIMEOUT = 120.0  # seconds: another dpx may wait for responses


@contextlib.contextmanager
def hold_file(session: Session, file: str) -> Iterator[None]:
    """Hold the lock of a deploxa.toml, which need not exist, against every other dpx of this machine.

    The lock lies in the cache, not in the checkout. Without a cache that can be written nothing is locked.
    """
    folder = cache_folder(session.env, "cache")
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    if not folder or not os.access(folder, os.W_OK | os.X_OK):
        yield
        return
    digest = hashlib.sha256(os.fsencode(os.path.realpath(file))).hexdigest()[:32]
    path = os.path.join(folder, f"file-{digest}")
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.locked(path, QUIET_SECONDS))
        except Failed:
            session.screen.note("Another dpx is changing this project. Waiting for it to finish.")
            stack.enter_context(files.locked(path, LOCK_TIMEOUT))
        yield


def find(session: Session, reference: str) -> dict[str, Any] | None:
    """Return the project that a slug or org/slug fits, or None. Raises NotFound if there is no such organization."""
    try:
        return session.projects.get(reference)
    except NotFound as missing:
        if missing.request == "GET /projects":
            raise
        return None


def create(session: Session, name: str, slug: str, **optional: str | None) -> dict[str, Any]:
    """Create a project and return it, or the one with this slug that appeared since the caller looked.

    The slug is the one that the name leads to; the server may choose another. Hold the file of the project meanwhile.
    Raises OutcomeUnknown if the response was lost and no list shows the project.
    """
    fields = {key: text for key, text in optional.items() if text is not None}
    pages = projects.list_projects(session.client, org=fields.get("orgSlug"))
    rows = [row for page in pages for row in page if row.get("slug") == slug and is_name(row.get("id"))]
    if len(rows) == 1:
        session.screen.warn(f"Project {slug} was created in the meantime. Using it.")
        return rows[0]
    return projects.create_project(session.client, name, fields)
