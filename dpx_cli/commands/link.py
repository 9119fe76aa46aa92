"""`dpx link` and `dpx unlink`: which project a directory belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LOCAL, Typer, effect
from dpx_cli.commands.created import link_to, note_slug, usable_id
from dpx_cli.errors import NotFound, UsageError

if TYPE_CHECKING:
    from dpx_cli.cli.options import Project, ProjectArgument
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")


@ROOT.command("link", epilog="dpx link acme/storefront")
@effect(LOCAL)
def link(session: Session, project: ProjectArgument = None, named: Project = None) -> None:
    """Link this directory to a project, so that commands in it and below need no --project.

    On a terminal, without PROJECT, lets you pick one from a list, or create one.
    """
    from dpx_cli.api import projects
    from dpx_cli.resolve import either

    reference = either(project, named)
    if reference is None:
        reference = pick_project(session, "Link to project")
    found = session.projects.on(reference, lambda project_id: projects.get_project(session.client, project_id))
    org, slash, _ = reference.rpartition("/")
    link_to(session, found, org_slug=org if slash else session.settings.variable("DPX_ORG"))


@ROOT.command("unlink", epilog="dpx link storefront && dpx unlink")
@effect(LOCAL)
def unlink(session: Session) -> None:
    """Unlink this directory."""
    from dpx_cli.config import link as link_file
    from dpx_cli.config import paths

    path = paths.link_file(session.cwd)
    if path is None:
        raise NotFound("This directory is not linked to a project.", hint="Run: dpx link PROJECT")
    link_file.remove(path)
    session.screen.done(f"Removed {path}.")


def given_or_picked(session: Session, given: str | None, question: str) -> str | None:
    """Return the project that was given. If none is known and the user can be asked, return the one they pick."""
    if given is None and session.screen.can_ask and session.settings.project is None:
        return pick_project(session, question)
    return given


def pick_project(session: Session, question: str) -> str:
    """Ask which project is meant, or create one, and return its ID.

    Args:
        session: the session.
        question: what it is for, like "Link to project".

    Raises:
        UsageError: if the user can't be asked.
    """
    from dpx_cli.api import projects
    from dpx_cli.api.client import is_name
    from dpx_cli.output import picker
    from dpx_cli.output.display import StatusLine

    if not session.screen.can_ask:
        raise UsageError("No project specified.", hint="Pass its ID or slug. Run: dpx link PROJECT")
    with StatusLine(session.screen) as live:
        live.update("Loading projects")
        pages = projects.list_projects(session.client, org=session.settings.variable("DPX_ORG"))
        found = [project for page in pages for project in page if is_name(project.get("id"))]
    slugs = [str(project.get("slug") or project["id"]) for project in found]
    # The same slug in two organizations is told apart by the ID: the API doesn't say whose a project is.
    names = [
        slug if slugs.count(slug) == 1 else f"{slug} ({project['id']})"
        for slug, project in zip(slugs, found, strict=True)
    ]
    chosen = picker.choose(session.screen, question, names, other="Create a new project")
    return _create(session) if chosen is None else str(found[chosen]["id"])


def _create(session: Session) -> str:
    """Ask for the name of a new project, create it, and return its ID."""
    from dpx_cli.api import projects

    name = session.screen.ask("Name of the new project")
    if not name:
        raise UsageError("No name given; nothing was created.", hint="Run: dpx projects create NAME --link")
    org = session.org(None)
    created = projects.create_project(session.client, name, projects.ProjectFields(orgSlug=org) if org else {})
    identity = usable_id(created)
    session.screen.done(f"Created project {created.get('slug') or identity}.")
    note_slug(session, name, created)
    return identity
