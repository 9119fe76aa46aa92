"""`dpx open`: a project's site in a browser, or its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api.sites import project_url
from dpx_cli.commands import ONE, READ, Typer, effect
from dpx_cli.errors import NotFound, either
from dpx_cli.system import browser

if TYPE_CHECKING:
    from typing import Annotated

    from dpx_cli.cli.options import Project, ProjectArgument, flag
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")


@ROOT.command("open", epilog="dpx open storefront --print")
@effect(READ, prints=ONE)
def open_site(
    session: Session,
    project: ProjectArgument = None,
    named: Project = None,
    print_url: Annotated[bool, flag("--print", "Print the URL instead of opening it.")] = False,
) -> None:
    """Open a project's site in a browser.

    Prints the URL if there is no browser, like over SSH or in CI.
    """
    row = session.projects.get(either(project, named))
    url = project_url(session.client, row)
    if url is None:
        name = str(row.get("slug") or row.get("id"))
        hint = f"Deploy it first. Run: {session.command('deploy', project=name)}"
        raise NotFound(f"The API returned no URL for {name}.", hint=hint)
    if session.screen.shows_objects:
        session.screen.item({"url": url}, (), key="url")
    elif print_url:
        session.screen.line(url)
    elif browser.open_url(url, session.env):
        session.screen.info(f"Opened {url}.")
    else:
        session.screen.note("No browser found.")
        session.screen.line(url)
