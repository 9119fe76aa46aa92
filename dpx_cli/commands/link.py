"""`dpx link` and `dpx unlink`: which project a directory belongs to; and the lists to pick a project from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api.projects import list_usable
from dpx_cli.commands import LOCAL, Typer, effect, init
from dpx_cli.config import link as link_file
from dpx_cli.config import paths
from dpx_cli.errors import NotFound, UsageError, either
from dpx_cli.resolve import LINK, PICKED, ProjectRef
from dpx_cli.system import files

if TYPE_CHECKING:
    from dpx_cli.cli.options import Project, ProjectArgument
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

CREATE = "Create a new project"


@ROOT.command("link", epilog="dpx link acme/storefront")
@effect(LOCAL)
def link(session: Session, project: ProjectArgument = None, named: Project = None) -> None:
    """Link this directory to a project: commands in and below it don't need --project.

    On a terminal, without PROJECT, lets you pick one from a list, or create one.
    """
    if (given := either(project, named)) is not None:
        ref = session.projects.ref(given)
    elif not session.screen.can_ask:
        hint = f"Pass its ID or slug. Run: {session.command('link', 'PROJECT')}"
        raise UsageError("No project specified.", hint=hint)
    elif (picked := _pick(session, "Link to project", other=CREATE)) is None:
        init.set_up(session)
        return
    else:
        ref = picked
    session.link_to(session.projects.get(ref), org_slug=ref.org or session.settings.variable("DPX_ORG"))


@ROOT.command("unlink", epilog="dpx link storefront && dpx unlink")
@effect(LOCAL)
def unlink(session: Session) -> None:
    """Unlink this directory."""
    path = paths.link_file(session.cwd)
    if path is None:
        hint = f"Run: {session.command('link', 'PROJECT')}"
        raise NotFound("This directory is not linked to a project.", hint=hint)
    link_file.remove(path)
    session.screen.info(f"Removed {files.short(path, session.cwd)}.")


def pick(session: Session, *, create: bool) -> ProjectRef:
    """Let the user pick a project or, with `create`, create one as `dpx init` does; see `Session.pick`."""
    if (ref := _pick(session, "Project", other=CREATE if create else None)) is None:
        project, reference = init.set_up(session)
        return ProjectRef(project["id"], reference.rpartition("/")[2], session.org(None), reference, PICKED)
    # The next command need not ask.
    if session.screen.confirm(f"Link this directory to {ref.name}?"):
        session.link_to({"id": ref.id, "slug": ref.slug}, org_slug=ref.org)
        return ref._replace(source=LINK, given=str(ref.id))
    return ref


def _pick(session: Session, question: str, *, other: str | None) -> ProjectRef | None:
    """Return the project that the user picks from all, or None for the other choice."""
    from dpx_cli.output import picker
    from dpx_cli.output.display import StatusLine

    org = session.settings.variable("DPX_ORG")
    with StatusLine(session.screen) as live:
        live.update("Loading projects")
        listed = list_usable(session.client, org)
    slugs = [str(project.get("slug") or project["id"]) for project in listed]
    # The same slug in two organizations is told apart by the ID: the API doesn't say whose a project is.
    names = [
        slug if slugs.count(slug) == 1 else f"{slug} ({project['id']})"
        for slug, project in zip(slugs, listed, strict=True)
    ]
    chosen = picker.choose(session.screen, question, names, other=other)
    if chosen is None:
        return None
    project_id, slug = listed[chosen]["id"], slugs[chosen]
    return ProjectRef(project_id, slug, org, slug if slugs.count(slug) == 1 else project_id, PICKED)
