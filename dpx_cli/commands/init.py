"""`dpx init`: create the project of this directory, or take the one that is there, and name it in deploxa.toml."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.commands import CREATED, WRITE, Typer, effect
from dpx_cli.errors import Failed, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Annotated, Literal

    import typer

    from dpx_cli.api.projects import ProjectFields
    from dpx_cli.cli.options import AppType, Framework, Org, Yes
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

MAX_PACKAGE = 4 * 1024 * 1024  # bytes of package.json
# What a dependency says of the framework; the first one counts.
FRAMEWORKS = (("next", "NEXTJS"), ("vite", "VITE"), ("react-scripts", "REACTJS"), ("react", "REACTJS"))
# What a framework's build is served as.
APP_TYPES = {"NEXTJS": "NODEJS", "VITE": "STATIC", "REACTJS": "STATIC", "NODEJS": "NODEJS"}


class Proposal(NamedTuple):
    """A project to create.

    Attributes:
        name: its name.
        slug: what the name leads to.
        org: the organization's slug; None for the user's own.
        framework: None if it isn't known.
        app_type: likewise.
    """

    name: str
    slug: str
    org: str | None
    framework: str | None
    app_type: str | None

    @property
    def reference(self) -> str:
        """What deploxa.toml calls the project."""
        return f"{self.org}/{self.slug}" if self.org else self.slug


@ROOT.command("init", epilog="dpx init my-app --framework nextjs --yes")
@effect(WRITE, prints=CREATED)
def init(
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Project name. [default: that of package.json or the directory]"),
    ] = None,
    org: Org = None,
    framework: Annotated[
        Framework | None,
        typer.Option(
            "--framework", metavar="FRAMEWORK", help="Framework. [default: from package.json]", case_sensitive=False
        ),
    ] = None,
    app_type: Annotated[
        AppType | None,
        typer.Option("--app-type", metavar="TYPE", help="App type. [default: the framework's]", case_sensitive=False),
    ] = None,
    ci: Annotated[
        Literal["github", "gitlab"] | None,
        typer.Option("--ci", metavar="SYSTEM", help="Also write a workflow that deploys.", case_sensitive=False),
    ] = None,
    deploy: Annotated[bool, typer.Option("--deploy", help="Deploy and wait until it's live.")] = False,
    yes: Yes = False,
) -> None:
    """Create a project for this directory and write deploxa.toml, which names it.

    Reads package.json for the name and the framework, shows what it will create, and asks. If a project with the slug
    exists, it is taken instead.
    """
    check_directory(session)
    proposal = propose(read_package(session.cwd), session.cwd, name, session.org(org), framework, app_type)
    if not yes:
        session.screen.require_terminal()
    project = existing(session, proposal)
    if project is None:
        show(session, proposal)
        session.screen.require_yes("Create this project?", yes=yes)
        project = create(session, proposal)
    else:
        session.screen.done(f"The project {proposal.reference} exists already.")
        session.screen.require_yes("Use it for this directory?", yes=yes)
    slug = str(project.get("slug") or project["id"])
    reference = f"{proposal.org}/{slug}" if proposal.org else slug
    session.names.remember_project(reference, str(project["id"]))
    write(session, reference)
    if ci is not None:
        write_workflow(session, ci, reference)
    finish(session, project, reference, deploy=deploy)


def finish(session: Session, project: Mapping[str, Any], reference: str, *, deploy: bool) -> None:
    """Show the project, or deploy it."""
    if deploy:
        from dpx_cli.commands.deploy import deploy as deploy_project

        deploy_project(session, (reference,))
        return
    from dpx_cli.commands.projects import DETAILS

    session.screen.item(project, DETAILS, key="slug")
    session.screen.note("To deploy it, run: dpx deploy")


def check_directory(session: Session) -> None:
    """Check that the directory has no project yet, and that a file can be written.

    Raises:
        UsageError: it has one.
        Failed: nothing can be written there.
    """
    from dpx_cli.config.paths import PROJECT_FILE, link_file, project_file

    cwd = os.path.abspath(session.cwd)
    link = link_file(cwd)
    if link and os.path.dirname(os.path.dirname(link)) == cwd:
        raise UsageError(
            f"This directory is linked to a project already ({link}).", hint="To deploy it, run: dpx deploy"
        )
    file = project_file(cwd)
    if file and os.path.dirname(file) == cwd and names_project(file):
        raise UsageError(
            f"This directory has a project already: {file} names it.", hint="If it doesn't exist yet, run: dpx apply"
        )
    path = os.path.join(cwd, PROJECT_FILE)
    if os.path.islink(path):
        raise Failed(f"{path} is a symbolic link, and is not written through.", hint="Delete it, and try again.")
    if not os.access(cwd, os.W_OK):
        raise Failed(f"Can't write to {cwd}, where deploxa.toml goes.", hint="Change the directory's permissions.")


def names_project(path: str) -> bool:
    """Return whether a deploxa.toml names a project. Raises UsageError if it is not TOML."""
    import tomllib

    from dpx_cli.commands.state import document
    from dpx_cli.config import project_file

    data = project_file.load(path)
    try:
        project = tomllib.loads(data.decode("utf-8-sig")).get("project")
    except (ValueError, RecursionError):
        document.parse(data, path)  # raises, with every mistake
        raise
    return isinstance(project, dict) and "slug" in project


def read_package(cwd: str) -> dict[str, Any]:
    """Return package.json; {} if there is none.

    Raises:
        UsageError: it isn't a JSON object.
        Failed: it can't be read.
    """
    import json

    from dpx_cli.system import files

    path = os.path.join(cwd, "package.json")
    data = files.read_bytes(path, "the package", MAX_PACKAGE + 1) if os.path.isfile(path) else None
    if data is None:
        return {}
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or len(data) > MAX_PACKAGE:
        raise UsageError(f"{path} is not a JSON object.", hint="Fix or move it, and try again.")
    return found


def propose(
    package: Mapping[str, Any],
    cwd: str,
    name: str | None,
    org: str | None,
    framework: str | None,
    app_type: str | None,
) -> Proposal:
    """Return what to create.

    Args:
        package: package.json.
        cwd: the directory.
        name: as given; else the package's, else the directory's.
        org: the organization.
        framework: as given; else what the package's dependencies and scripts tell.
        app_type: as given; else the framework's.

    Raises:
        UsageError: no slug can be made of the name.
    """
    from dpx_cli.commands.state.plan import slug_of

    if name is None:
        packaged = package.get("name")
        # The scope is the owner's: "@acme/web".
        name = packaged.rpartition("/")[2] if isinstance(packaged, str) and slug_of(packaged) else ""
        name = name if slug_of(name) else os.path.basename(os.path.abspath(cwd))
    slug = slug_of(name)
    if not slug:
        raise UsageError("The project needs a name with letters or digits.", hint="Run: dpx init NAME")
    framework = framework or detect(package)
    return Proposal(name, slug, org, framework, app_type or APP_TYPES.get(framework or ""))


def detect(package: Mapping[str, Any]) -> str | None:
    """Return the framework of a package, or None."""
    dependencies: set[str] = set()
    for kind in ("dependencies", "devDependencies"):
        if isinstance(found := package.get(kind), dict):
            dependencies.update(found)
    for dependency, framework in FRAMEWORKS:
        if dependency in dependencies:
            return framework
    scripts = package.get("scripts")
    return "NODEJS" if isinstance(scripts, dict) and "start" in scripts else None


def existing(session: Session, proposal: Proposal) -> dict[str, Any] | None:
    """Return the project that has the slug already, or None.

    Raises:
        NotFound: there is no such organization.
        UsageError: several projects have the slug.
    """
    from dpx_cli.api import projects

    try:
        found = session.projects.look_up(proposal.reference)
    except NotFound as missing:
        if missing.request is None:
            return None
        raise
    return projects.get_project(session.client, found.id)


def show(session: Session, proposal: Proposal) -> None:
    """Say what will be created."""
    rows = (
        ("Project", proposal.name),
        ("Slug", proposal.slug),
        ("Organization", proposal.org),
        ("Framework", proposal.framework),
        ("App type", proposal.app_type),
        ("File", os.path.join(session.cwd, "deploxa.toml")),
    )
    for title, text in rows:
        if text:
            session.screen.done(f"{title + ':':14}{text}")


def create(session: Session, proposal: Proposal) -> dict[str, Any]:
    """Create the project, once."""
    from dpx_cli.commands.state.creation import create_once

    given = {"orgSlug": proposal.org, "framework": proposal.framework, "appType": proposal.app_type}
    fields: ProjectFields = {key: value for key, value in given.items() if value is not None}  # type: ignore[assignment]  # keys are the TypedDict's
    created = create_once(session, proposal.name, proposal.slug, fields)
    slug = created.get("slug", proposal.slug)
    if slug != proposal.slug:
        session.screen.warn(f"Deploxa named the project {slug}, not {proposal.slug}.")
    session.screen.done(f"Created {slug}.")
    return created


def write(session: Session, reference: str) -> None:
    """Name the project in deploxa.toml; comments and what else an existing file says stay."""
    from dpx_cli.commands.state import export
    from dpx_cli.config.paths import PROJECT_FILE
    from dpx_cli.system import files

    old = files.read_bytes(files.checkout_path(session.cwd, PROJECT_FILE), "the project file")
    text = export.name_project("" if old is None else old.decode("utf-8-sig"), reference)
    path = files.write_checkout(session.cwd, PROJECT_FILE, text.encode())
    session.screen.done(f"Wrote {path}.")


def write_workflow(session: Session, system: str, reference: str) -> None:
    """Write a workflow that deploys the project."""
    from dpx_cli.commands.ci import setup, workflow

    if setup.write(session, system, workflow(system, reference)):
        session.screen.done(setup.SECRETS[system])
