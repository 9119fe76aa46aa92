"""`dpx projects`: list, get, create, update and delete projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api import projects
from dpx_cli.commands import CREATED, DELETE, LIST, ONE, READ, WRITE, Typer, effect
from dpx_cli.commands.listing import show_pages
from dpx_cli.errors import UsageError, either
from dpx_cli.output.columns import Column, get_path
from dpx_cli.output.format import relative
from dpx_cli.reference import slug_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Any

    from dpx_cli.cli import options
    from dpx_cli.session import Session


GROUP = Typer(name="projects", help="List, create, change and delete projects.")

COLUMNS = (
    Column("Slug", "slug"),
    Column("Name", "name"),
    Column("Framework", "framework"),
    Column("Status", "current_deployment.status", status=True),
    Column("ID", "id"),
)
DETAILS = (
    *COLUMNS,
    Column("Description", "description"),
    Column("Domains", "domains"),
    Column("Build", "build_command"),
    Column("Install", "install_command"),
    Column("Output", "output_dir"),
    Column("Created", "created_at", show=relative),
)


@GROUP.command("list", epilog="dpx projects list --org acme --status ready,building")
@effect(READ, prints=LIST)
def list_projects(
    session: Session,
    org: options.Org = None,
    search: Annotated[
        str | None, options.option("--search", "TEXT", "Show projects with TEXT in their slug or name.")
    ] = None,
    statuses: options.Statuses = (),
    limit: options.Limit = None,
    cursor: options.Cursor = None,
) -> None:
    """List the projects you have access to.

    Without --org, DPX_ORG, deploxa.toml, a link file or a profile's organization, lists those of all organizations.
    """
    org = session.org(org)
    if search is None and not statuses:
        pages = projects.list_projects(session.client, org=org, limit=limit, cursor=cursor)
        # Completion offers the projects of every organization, which those of one must not replace.
        show_pages(session, pages, COLUMNS, key="slug", what="projects", remember=None if org else "slugs")
        return
    everything = projects.list_projects(session.client, org=org, cursor=cursor)
    chosen = everything.filter(lambda project: _fits(project, search, statuses), limit)
    show_pages(session, chosen, COLUMNS, key="slug", what="projects")


def _fits(project: Mapping[str, Any], search: str | None, statuses: Sequence[str]) -> bool:
    """Return whether a project has a text in its slug or name, in any case, and a deployment in one of some states."""
    names = [name.casefold() for key in ("slug", "name") if isinstance(name := project.get(key), str)]
    if search is not None and not any(search.casefold() in name for name in names):
        return False
    return not statuses or get_path(project, projects.STATUS) in statuses


@GROUP.command("get", epilog="dpx projects get storefront")
@effect(READ, prints=ONE)
def get(session: Session, project: options.ProjectArgument = None, named: options.Project = None) -> None:
    """Show one project."""
    session.screen.item(session.projects.get(either(project, named)), DETAILS, key="slug")


@GROUP.command("create", epilog="dpx projects create my-app --org acme --framework nextjs")
@effect(WRITE, prints=CREATED)
def create(
    session: Session,
    name: Annotated[str, options.argument("NAME", "Project name.")],
    org: options.Org = None,
    framework: Annotated[options.Framework | None, options.option("--framework", "FRAMEWORK", "Framework.")] = None,
    app_type: Annotated[options.AppType | None, options.option("--app-type", "TYPE", "App type.")] = None,
    description: options.Description = None,
    link: Annotated[bool, options.flag("--link", "Link this directory to the new project.")] = False,
) -> None:
    """Create a project."""
    from dpx_cli.config.link import check_writable

    if not name.strip():
        raise UsageError("The project's name is empty.", hint=f"Run: {session.command('projects', 'create', 'NAME')}")
    if link:
        check_writable(session.cwd)
    settings = {"orgSlug": session.org(org), "framework": framework, "appType": app_type, "description": description}
    fields = {key: value for key, value in settings.items() if value is not None}
    created = projects.create_project(session.client, name, fields)
    session.screen.item(created, DETAILS, key="slug")
    expected, slug = slug_of(name), created.get("slug")
    if isinstance(slug, str) and slug not in (expected, name):
        session.screen.note(f"The project's slug is {slug}, not {expected or name}.")
    if link:
        session.link_to(created, org_slug=fields.get("orgSlug"))


@GROUP.command("update", epilog="dpx projects update storefront --build-command 'npm run build'")
@effect(WRITE, prints=ONE)
def update(
    session: Session,
    project: options.ProjectArgument = None,
    named: options.Project = None,
    name: Annotated[str | None, options.option("--name", "NAME", "New name.")] = None,
    description: options.Description = None,
    build_command: Annotated[str | None, options.option("--build-command", "COMMAND", "Build command.")] = None,
    install_command: Annotated[str | None, options.option("--install-command", "COMMAND", "Install command.")] = None,
    output_dir: Annotated[str | None, options.option("--output-dir", "DIR", "Output directory of the build.")] = None,
) -> None:
    """Change a project's settings.

    An empty string ('') clears a setting.
    """
    settings = [("name", name), ("description", description), ("build_command", build_command)]
    settings += [("install_command", install_command), ("output_dir", output_dir)]
    changes = {key: value for key, value in settings if value is not None}
    if not changes:
        hint = f"Pass an option like --name. Run: {session.command('projects', 'update', '--help')}"
        raise UsageError("Nothing to change.", hint=hint)
    client, given = session.client, either(project, named)
    row = session.projects.on(given, lambda project_id: projects.update_project(client, project_id, changes))
    session.screen.item(row, DETAILS, key="slug")


@GROUP.command("delete", epilog="dpx projects delete docs --yes")
@effect(DELETE, prints=ONE)
def delete(
    session: Session,
    project: options.ProjectArgument = None,
    named: options.ProjectWithoutDefault = None,
    yes: options.Yes = False,
) -> None:
    """Delete a project. Only the owner can delete it, and it can't be undone.

    Name the project explicitly: DPX_PROJECT, deploxa.toml and links are ignored.
    """
    given = either(project, named)
    if given is None:
        hint = f"Run: {session.command('projects', 'delete', 'PROJECT')}"
        raise UsageError("No project specified.", hint=hint)

    def delete_it(project_id: str) -> dict[str, object]:
        if not yes:
            slug = str(projects.get_project(session.client, project_id).get("slug") or project_id)
            session.screen.require_typed(slug, f"Type {slug} to delete it")
        return projects.delete_project(session.client, project_id)

    if not yes:
        session.screen.require_terminal()
    response = session.projects.on(given, delete_it)
    if session.screen.shows_objects:
        session.screen.item(response, (), key="deleted")
    session.screen.info(f"Deleted project {given}.")
