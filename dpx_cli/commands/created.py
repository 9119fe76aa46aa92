"""What follows when a project was created: its slug is told, and the directory is linked to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from dpx_cli.session import Session


def note_slug(session: Session, name: str, created: Mapping[str, Any]) -> None:
    """Say so if the slug of a new project is not the one that its name leads to."""
    import re

    expected = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    slug = created.get("slug")
    if isinstance(slug, str) and slug not in (expected, name):
        session.screen.note(f"The project's slug is {slug}, not {expected or name}.")


def link_to(session: Session, project: Mapping[str, Any], *, org_slug: str | None) -> None:
    """Link the working directory to a project, and say so.

    Raises:
        InvalidResponse: if the project has no valid ID; nothing is written.
    """
    from dpx_cli.api.client import is_name
    from dpx_cli.config import link as link_file

    identity, slug = usable_id(project), project.get("slug")
    path = link_file.write(session.cwd, identity, slug if is_name(slug) else None, org_slug)
    session.screen.done(f"Linked this directory to {slug or identity} ({path}).")


def usable_id(project: Mapping[str, Any]) -> str:
    """Return the ID of a project that the API has returned.

    Raises:
        InvalidResponse: if it has none, or one that could change a request's path.
    """
    import shlex

    from dpx_cli.api.client import is_name
    from dpx_cli.errors import InvalidResponse

    identity, slug = project.get("id"), project.get("slug")
    if not is_name(identity):
        hint = f"Run: dpx link {shlex.quote(str(slug))}" if is_name(slug) else "Run: dpx projects list"
        raise InvalidResponse("The API returned no valid ID of the project.", hint=hint)
    return str(identity)
