"""`dpx ci`: what a CI needs to deploy. The texts are `workflows.py`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LOCAL, Typer, effect

if TYPE_CHECKING:
    from typing import Annotated, Literal

    import typer

    from dpx_cli.cli.options import Project
    from dpx_cli.session import Session

GROUP = Typer(name="ci", help="Deploy from GitHub Actions or GitLab.")


@GROUP.command("print-workflow", epilog="dpx ci print-workflow github --project acme/storefront")
@effect(LOCAL)
def print_workflow(
    session: Session,
    system: Annotated[
        Literal["github", "gitlab"], typer.Argument(metavar="SYSTEM", help="Which CI.", case_sensitive=False)
    ],
    project: Project = None,
) -> None:
    """Print a workflow that deploys this repository.

    It names the project given by --project, DPX_PROJECT or the link file; without one, the project that is called as
    the repository is. Nothing is sent and no token is needed to print it.
    """
    from dpx_cli import __version__
    from dpx_cli.commands.ci.workflows import WORKFLOWS

    named = _project(session, project)
    # Mends come, changes of behavior do not.
    version = ".".join([*__version__.split(".")[:2], "*"])
    session.screen.raw(WORKFLOWS[system](version, named).encode())
    if named is None:
        session.screen.note("it deploys the project that is called as the repository is; give --project for another")


def _project(session: Session, given: str | None) -> str | None:
    """What the workflow calls the project: its slug where the link file knows it, since people will read it."""
    import re

    from dpx_cli.errors import UsageError

    link = None if given is not None or session.env.get("DPX_PROJECT") else session.settings.link
    named: str | None
    if link is not None and link.project_slug:
        named = f"{link.org_slug}/{link.project_slug}" if link.org_slug else link.project_slug
    else:
        named = given if given is not None else session.settings.project
    # The link file comes with a checkout: nothing in it may mean something to YAML, a CI or a shell.
    if named is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?", named):
        raise UsageError(f"not a project that a workflow can name: {named!r}", hint="give --project with an id or slug")
    return named
