"""`dpx ci`: write or print CI workflows that plan and deploy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dpx_cli.commands import LOCAL, WRITE, Typer, effect
from dpx_cli.commands.ci import workflow
from dpx_cli.errors import UsageError, exclusive

if TYPE_CHECKING:
    from typing import Annotated, Literal

    from dpx_cli.cli.options import ChangedProjects, Drift, Install, Project, Yes, argument, flag
    from dpx_cli.session import Session

GROUP = Typer(name="ci", help="Deploy from GitHub Actions or GitLab.")


@GROUP.command("print-workflow", epilog="dpx ci print-workflow github --project acme/storefront")
@effect(LOCAL)
def print_workflow(
    session: Session,
    system: Annotated[Literal["github", "gitlab"], argument("SYSTEM", "CI system.")],
    project: Project = None,
    changed: ChangedProjects = False,
    drift: Drift = False,
    install: Install = "pip",
) -> None:
    """Print a workflow that deploys this repository; the same as `dpx ci setup SYSTEM --print`."""
    session.screen.raw(_render(session, system, project, install, changed=changed, drift=drift).encode())


@GROUP.command("setup", epilog="dpx ci setup github --project acme/storefront --yes")
@effect(WRITE)
def setup(
    session: Session,
    system: Annotated[Literal["github", "gitlab"], argument("SYSTEM", "CI system.")],
    project: Project = None,
    changed: ChangedProjects = False,
    drift: Drift = False,
    install: Install = "pip",
    print_only: Annotated[bool, flag("--print", "Print the workflow instead of writing it.")] = False,
    yes: Yes = False,
) -> None:
    """Write a workflow that deploys this repository, and explain how to set its secret.

    It deploys the project in --project, DPX_PROJECT, deploxa.toml or the link file, else the one with the repository's
    name. With --changed it deploys the projects of a monorepo whose directories a push changed. If there is a
    deploxa.toml, it also comments on pull requests with what they would change. An existing workflow is replaced only
    with --yes, which also sets the secret DPX_TOKEN to your token if the GitHub CLI (gh) is installed.
    """
    text = _render(session, system, project, install, changed=changed, drift=drift)
    if print_only:
        session.screen.raw(text.encode())
        return
    if not workflow.write(session, system, text, yes=yes):
        raise UsageError("The workflow was not changed.", hint="To replace it, pass --yes.")
    if yes and system == "github":
        workflow.set_secret(session)
    else:
        session.screen.info(workflow.SECRETS[system])


def _render(session: Session, system: str, project: str | None, install: str, *, changed: bool, drift: bool) -> str:
    exclusive(("--changed", changed), ("--project", project))
    if install == "action" and system != "github":
        raise UsageError("The setup action is for GitHub Actions.", hint="Leave --install out.")
    named = None if changed else _find_project(session, project)
    if named is None and not changed:
        session.screen.note(
            "The workflow deploys the project with the name of the repository. For another one, pass --project."
        )
    has_plan = changed or drift or session.settings.project_file is not None
    return workflow.render(system, named, install, changed=changed, plan=has_plan, drift=drift)


def _find_project(session: Session, project: str | None) -> str | None:
    """Return what the workflow calls the project: its slug if the link file has it, because people will read it."""
    is_specified = project is not None or session.env.get("DPX_PROJECT") or session.settings.project_file
    link = None if is_specified else session.settings.link
    if link is not None and link.project_slug:
        name: str | None = f"{link.org_slug}/{link.project_slug}" if link.org_slug else link.project_slug
    else:
        name = project if project is not None else session.settings.project
    # The link file comes with a checkout: nothing in it may mean something to YAML, a CI or a shell.
    if name is not None and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?", name):
        raise UsageError(f"A workflow can't contain the project {name!r}.", hint="Pass --project with an ID or slug.")
    return name
