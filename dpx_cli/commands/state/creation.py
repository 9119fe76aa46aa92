"""Create a project once: if the answer to the request is lost, the list tells whether it was created."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import DpxError, InvalidResponse, OutcomeUnknown, ServerError

if TYPE_CHECKING:
    from dpx_cli.api.projects import ProjectFields
    from dpx_cli.session import Session

LOOKS = (0.0, 1.0, 2.0)  # seconds before each look at the list, which may lag


def create_once(session: Session, name: str, slug: str, fields: ProjectFields) -> dict[str, Any]:
    """Create a project and return it. The server may have given it another slug.

    Args:
        session: the session.
        name: its name.
        slug: the slug that the name leads to.
        fields: what else is sent.

    Raises:
        OutcomeUnknown: the answer was lost, and the list doesn't tell.
    """
    from dpx_cli.api import projects

    org = fields.get("orgSlug")
    before = {project["id"] for project in _with_slug(session, slug, org)}
    try:
        created = projects.create_project(session.client, name, fields)
    except (OutcomeUnknown, ServerError, InvalidResponse) as lost:
        created = _found(session, slug, org, before, lost)
        session.screen.warn(f"The answer was lost, but the list has the new project {slug}.")
    if not isinstance(created.get("id"), str):
        raise InvalidResponse("POST /projects: the response has no ID.", request="POST /projects")
    return created


def _with_slug(session: Session, slug: str, org: str | None) -> list[dict[str, Any]]:
    from dpx_cli.api import projects

    pages = projects.list_projects(session.client, org=org)
    return [item for page in pages for item in page if item.get("slug") == slug and isinstance(item.get("id"), str)]


def _found(session: Session, slug: str, org: str | None, before: set[str], lost: DpxError) -> dict[str, Any]:
    """Return the one project that is new in the list. Raise `lost` if there is none, or several."""
    for pause in LOOKS:
        time.sleep(pause)
        new = [project for project in _with_slug(session, slug, org) if project["id"] not in before]
        if len(new) == 1:
            return new[0]
        if new:
            break
    raise lost
