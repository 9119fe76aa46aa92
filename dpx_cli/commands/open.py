"""`dpx open`: a project's site in a browser, or its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import ONE, READ, Typer, effect
from dpx_cli.errors import NotFound

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from dpx_cli.cli.options import ProjectArgument
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")


@ROOT.command("open", epilog="dpx open storefront --print")
@effect(READ, prints=ONE)
def open_site(
    session: Session,
    project: ProjectArgument = None,
    print_url: Annotated[bool, typer.Option("--print", help="Print the URL; open nothing.")] = False,
) -> None:
    """Open a project's site in a browser. Where there is none (ssh, CI) its URL is printed."""
    from dpx_cli.api import projects
    from dpx_cli.api.sites import project_url
    from dpx_cli.system import browser

    found = session.projects.on(project, lambda project_id: projects.get_project(session.client, project_id))
    url = project_url(session.client, found)
    if url is None:
        raise NotFound(
            f"the API tells no URL of {found.get('slug') or found.get('id')}", hint="deploy it first: dpx deploy"
        )
    if session.screen.shows_objects:
        session.screen.item({"url": url}, (), key="url")
    elif print_url:
        session.screen.line(url)
    elif browser.open_url(url, session.env):
        session.screen.done(f"opened {url}")
    else:
        session.screen.note("there is no browser here")
        session.screen.line(url)
