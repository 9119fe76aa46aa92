"""`dpx link` and `dpx unlink`: which project a folder belongs to. The file is `link.py`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LOCAL, Typer, effect
from dpx_cli.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from dpx_cli.cli.options import ProjectArgument
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")


@ROOT.command("link", epilog="dpx link acme/storefront")
@effect(LOCAL)
def link(session: Session, project: ProjectArgument = None) -> None:
    """Link this folder to a project, so that commands below it need no --project.

    On a terminal, without PROJECT, one can be picked from a list.
    """
    from dpx_cli.api import projects

    reference = project if project is not None else _pick(session)
    found = session.projects.on(reference, lambda project_id: projects.get_project(session.client, project_id))
    org, slash, _ = reference.rpartition("/")
    link_to(session, found, org_slug=org if slash else session.settings.variable("DPX_ORG"))


@ROOT.command("unlink", epilog="dpx link storefront && dpx unlink")
@effect(LOCAL)
def unlink(session: Session) -> None:
    """Take the link of this folder away."""
    from dpx_cli.config import link as link_file

    found = session.settings.link
    if found is None:
        raise NotFound("this folder is not linked to a project", hint="dpx link PROJECT")
    link_file.remove(found)
    session.screen.done(f"unlinked {found.path}")


def link_to(session: Session, project: Mapping[str, Any], *, org_slug: str | None) -> None:
    """Link the working directory to a project, and say so."""
    from dpx_cli.config import link as link_file

    slug = project.get("slug")
    path = link_file.write(session.cwd, str(project["id"]), slug if isinstance(slug, str) else None, org_slug)
    session.screen.done(f"Linked this directory to {slug or project['id']} ({path}).")


def _pick(session: Session) -> str:
    """Let a person pick a project; gives its id."""
    from dpx_cli.api import projects

    if not session.screen.can_ask:
        raise UsageError("no project is named, and nobody can be asked", hint="dpx link PROJECT")
    pages = projects.list_projects(session.client, org=session.settings.variable("DPX_ORG"))
    found = [project for page in pages for project in page if isinstance(project.get("id"), str)]
    if not found:
        raise NotFound("there is no project to link to", hint="dpx projects create NAME --link")
    slugs = [str(project.get("slug") or project["id"]) for project in found]
    # The same slug in two organizations is told apart by the id: the API does not say whose a project is.
    names = [
        slug if slugs.count(slug) == 1 else f"{slug} ({project['id']})"
        for slug, project in zip(slugs, found, strict=True)
    ]
    return str(found[session.screen.choose("link this folder to", names)]["id"])
