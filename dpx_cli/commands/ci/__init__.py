"""`dpx ci`: print or write CI workflows that deploy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LOCAL, Typer, effect

if TYPE_CHECKING:
    from typing import Annotated, Literal

    import typer

    from dpx_cli.cli.options import ChangedProjects, Project, Yes
    from dpx_cli.session import Session

GROUP = Typer(name="ci", help="Deploy from GitHub Actions or GitLab.")


@GROUP.command("print-workflow", epilog="dpx ci print-workflow github --project acme/storefront")
@effect(LOCAL)
def print_workflow(
    session: Session,
    system: Annotated[
        Literal["github", "gitlab"], typer.Argument(metavar="SYSTEM", help="CI system.", case_sensitive=False)
    ],
    project: Project = None,
    changed: ChangedProjects = False,
) -> None:
    """Print a workflow that deploys this repository.

    It deploys the project that --project, DPX_PROJECT, deploxa.toml or the link file specify, else the project with the
    repository's name. With --changed it deploys the projects of a monorepo whose directories a push changed: those that
    have a deploxa.toml. Nothing is sent, and no token is needed.
    """
    session.screen.raw(_workflow(session, system, project, changed=changed).encode())


@GROUP.command("setup", epilog="dpx ci setup github --project acme/storefront --yes")
@effect(LOCAL)
def setup_github(
    session: Session,
    system: Annotated[
        Literal["github"], typer.Argument(metavar="SYSTEM", help="CI system: github.", case_sensitive=False)
    ],
    project: Project = None,
    changed: ChangedProjects = False,
    yes: Yes = False,
) -> None:
    """Write a workflow that deploys this repository, and tell how to set its secret.

    Writes .github/workflows/deploy.yml and asks before it replaces another one. With --yes it replaces it, and sets the
    secret DPX_TOKEN to your token if the GitHub CLI (gh) is installed.
    """
    from dpx_cli.commands.ci import setup
    from dpx_cli.errors import UsageError

    if not setup.write(session, system, _workflow(session, system, project, changed=changed), yes=yes):
        raise UsageError("The workflow was not changed.", hint="To replace it, pass --yes.")
    if yes:
        setup.set_secret(session)
    else:
        session.screen.done(setup.SECRETS[system])


def _workflow(session: Session, system: str, project: str | None, *, changed: bool) -> str:
    """Return the workflow for the options of a command, and note what it deploys."""
    from dpx_cli.errors import UsageError

    if changed and project is not None:
        raise UsageError("--changed and --project can't be used together.", hint="Pass one of them.")
    named = None if changed else _project(session, project)
    if named is None and not changed:
        session.screen.note(
            "The workflow deploys the project with the name of the repository. For another one, pass --project."
        )
    return workflow(system, named, changed=changed)


def workflow(system: str, project: str | None, *, changed: bool = False) -> str:
    """Return a workflow of "github" or "gitlab" that installs this version of dpx and deploys."""
    from dpx_cli import __version__
    from dpx_cli.commands.ci.workflows import WORKFLOWS

    # Allow patch releases only.
    version = ".".join([*__version__.split(".")[:2], "*"])
    return WORKFLOWS[system](version, project, changed=changed)


def _project(session: Session, given: str | None) -> str | None:
    """Return what the workflow calls the project: its slug if the link file has it, because people will read it."""
    import re

    from dpx_cli.errors import UsageError

    is_named = given is not None or session.env.get("DPX_PROJECT") or session.settings.project_file
    link = None if is_named else session.settings.link
    named: str | None
    if link is not None and link.project_slug:
        named = f"{link.org_slug}/{link.project_slug}" if link.org_slug else link.project_slug
    else:
        named = given if given is not None else session.settings.project
    # The link file comes with a checkout: nothing in it may mean something to YAML, a CI or a shell.
    if named is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?", named):
        raise UsageError(f"A workflow can't name the project {named!r}.", hint="Pass --project with an ID or slug.")
    return named
