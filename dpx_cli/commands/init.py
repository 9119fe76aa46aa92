"""`dpx init`. Every other path to a new project (`dpx link`, `dpx deploy`, the pickers) goes through `set_up`, too."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dpx_cli.api.client import is_name
from dpx_cli.commands import CREATED, WRITE, Typer, detect, effect, new_project
from dpx_cli.commands.projects import DETAILS
from dpx_cli.config import project_file
from dpx_cli.config.paths import PROJECT_FILE, link_file
from dpx_cli.errors import Failed, UsageError
from dpx_cli.system import files

if TYPE_CHECKING:
    from typing import Annotated, Literal

    from dpx_cli.cli.options import AppType, Framework, Org, Yes, argument, flag, option
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

MAX_APPS = 10  # of a monorepo that are listed
NEW_FILE = """\
# This directory's project on https://deploxa.com. To add settings and variables, see: dpx plan --help
[project]
"""


@ROOT.command("init", epilog="dpx init my-app --framework nextjs --yes")
@effect(WRITE, prints=CREATED)
def init(
    session: Session,
    name: Annotated[
        str | None, argument("NAME", "Project name. [default: that of package.json or the directory]")
    ] = None,
    org: Org = None,
    framework: Annotated[
        Framework | None, option("--framework", "FRAMEWORK", "Framework. [default: from package.json]")
    ] = None,
    app_type: Annotated[AppType | None, option("--app-type", "TYPE", "App type. [default: the framework's]")] = None,
    ci: Annotated[
        Literal["github", "gitlab"] | None, option("--ci", "SYSTEM", "Also write a workflow that deploys.")
    ] = None,
    link: Annotated[bool, flag("--link", "Use a project with that slug if it exists.")] = False,
    deploy: Annotated[bool, flag("--deploy", "Deploy and wait until it's live.")] = False,
    yes: Yes = False,
) -> None:
    """Create a project for this directory and write deploxa.toml.

    Reads package.json for the name and the framework, shows what it will create, and asks. If a project with that slug
    exists, it is used instead; with --yes only if you pass --link.
    """
    project, reference = set_up(session, name, org, framework, app_type, link=link, yes=yes)
    if ci is not None:
        from dpx_cli.commands.ci import workflow

        if workflow.write(session, ci, workflow.render(ci, reference, plan=True)):
            session.screen.info(workflow.SECRETS[ci])
    if deploy:
        from dpx_cli.commands.deploy import deploy as deploy_project

        deploy_project(session, (reference,))
        return
    session.screen.item(project, DETAILS, key="slug")
    session.screen.note(f"To deploy it, run: {session.command('deploy')}")


def set_up(
    session: Session,
    name: str | None = None,
    org: str | None = None,
    framework: str | None = None,
    app_type: str | None = None,
    *,
    link: bool = False,
    yes: bool = False,
) -> tuple[dict[str, Any], str]:
    """Create the project of the working directory, or use the one that has the slug, and write deploxa.toml.

    Shows what it will create and asks, unless `yes`; then a project that exists is used only with `link`. Returns the
    project, with its ID, and its slug or org/slug.
    """
    _check_directory(session)
    if apps := detect.find_apps(session.cwd):
        names = ", ".join(apps[:MAX_APPS]) + (", …" if len(apps) > MAX_APPS else "")
        session.screen.note(
            f"This directory is the root of a monorepo. Apps with their own package.json: {names}. "
            f"For one of them, run in its directory: {session.command('init')}"
        )
    proposal = detect.propose(session.cwd, name, session.org(org), framework, app_type)
    if not yes:
        session.screen.require_terminal()
    project = new_project.find(session, proposal.reference)
    if project is None:
        titles = ("Project", "Slug", "Organization", "Framework", "App type", "File")
        for title, text in zip(titles, (*proposal, PROJECT_FILE), strict=True):
            if text:
                session.screen.info(f"{title + ':':14}{text}")
        session.screen.require_yes("Create this project?", yes=yes)
        name, slug, org, framework, app_type = proposal
        with new_project.hold_file(session, os.path.join(session.cwd, PROJECT_FILE)):
            project = new_project.create(session, name, slug, orgSlug=org, framework=framework, appType=app_type)
        if project.get("slug", slug) != slug:
            session.screen.warn(f"Deploxa named the project {project['slug']}, not {slug}.")
        session.screen.info(f"Created {project.get('slug', slug)}.")
    elif yes and not link:
        raise UsageError(
            f"Project {proposal.reference} already exists.",
            hint=f"To use it for this directory, pass --link. For a new one: {session.command('init', 'NAME')}",
        )
    else:
        session.screen.info(f"Project {proposal.reference} already exists.")
        session.screen.require_yes("Use it for this directory?", yes=link)
    slug = project["slug"] if is_name(project.get("slug")) else project["id"]
    reference = f"{proposal.org}/{slug}" if proposal.org else slug
    session.names.remember_project(reference, project["id"])
    _write(session, reference)
    return project, reference


def _check_directory(session: Session) -> None:
    """Raise UsageError if the directory has a project, Failed if deploxa.toml can't be written there."""
    cwd = os.path.abspath(session.cwd)
    link = link_file(cwd)
    if link and os.path.dirname(os.path.dirname(link)) == cwd:
        raise UsageError(
            f"This directory is already linked to a project ({files.short(link, cwd)}).",
            hint=f"To deploy it, run: {session.command('deploy')}",
        )
    path = os.path.join(cwd, PROJECT_FILE)
    if os.path.lexists(path) and project_file.read(path).slug:
        raise UsageError(
            f"This directory already has a project ({PROJECT_FILE}).",
            hint=f"If it doesn't exist yet, run: {session.command('apply')}",
        )
    files.checkout_path(cwd, PROJECT_FILE)
    if not os.access(cwd, os.W_OK):
        raise Failed(f"Can't write to {cwd}, where {PROJECT_FILE} goes.", hint="Change the directory's permissions.")


def _write(session: Session, reference: str) -> None:
    """Write deploxa.toml, or only its slug: comments and everything else stay."""
    import tomlkit

    old = files.read_bytes(files.checkout_path(session.cwd, PROJECT_FILE), "the project file")
    document = tomlkit.parse((old or b"").decode("utf-8-sig") or NEW_FILE)
    if "project" not in document:
        document.add("project", tomlkit.table())
    document["project"]["slug"] = reference
    files.write_checkout(session.cwd, PROJECT_FILE, tomlkit.dumps(document).encode())
    session.screen.info(f"Wrote {PROJECT_FILE}.")
