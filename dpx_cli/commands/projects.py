"""`dpx projects`: list, get, create, update and delete projects. Requested in `api/projects.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import CREATED, DELETE, LIST, ONE, READ, WRITE, Typer, effect
from dpx_cli.commands.listing import show_pages
from dpx_cli.errors import UsageError
from dpx_cli.output.columns import Column
from dpx_cli.output.format import relative

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from dpx_cli.cli.options import (
        AppType,
        Cursor,
        Description,
        Framework,
        Limit,
        Org,
        ProjectArgument,
        RequiredProject,
        Yes,
    )
    from dpx_cli.session import Session


GROUP = Typer(name="projects", help="List, create, change and delete projects.")

COLUMNS = (
    Column("Slug", "slug"),
    Column("Name", "name"),
    Column("Framework", "framework"),
    Column("Status", "current_deployment.status", status=True),
    Column("Id", "id"),
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


@GROUP.command("list", epilog="dpx projects list --org acme")
@effect(READ, prints=LIST)
def list_projects(session: Session, org: Org = None, limit: Limit = None, cursor: Cursor = None) -> None:
    """List the projects you have access to.

    Without --org (or DPX_ORG, the link file or the profile) those of every organization.
    """
    from dpx_cli.api import projects

    org = session.org(org)
    pages = projects.list_projects(session.client, org=org, limit=limit, cursor=cursor)
    # Completion offers the projects of every organization, so one's own are no replacement.
    show_pages(session, pages, COLUMNS, key="slug", what="projects", remember=None if org else "slugs")


@GROUP.command("get", epilog="dpx projects get storefront")
@effect(READ, prints=ONE)
def get(session: Session, project: ProjectArgument = None) -> None:
    """Show one project."""
    from dpx_cli.api import projects

    found = session.projects.on(project, lambda project_id: projects.get_project(session.client, project_id))
    session.screen.item(found, DETAILS, key="slug")


@GROUP.command("create", epilog="dpx projects create my-app --org acme --framework nextjs")
@effect(WRITE, prints=CREATED)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The project's name.")],
    org: Org = None,
    framework: Annotated[
        Framework | None,
        typer.Option("--framework", metavar="FRAMEWORK", help="What it is built with.", case_sensitive=False),
    ] = None,
    app_type: Annotated[
        AppType | None, typer.Option("--app-type", metavar="TYPE", help="What is served.", case_sensitive=False)
    ] = None,
    description: Description = None,
    link: Annotated[bool, typer.Option("--link", help="Link this folder to the new project.")] = False,
) -> None:
    """Create a project."""
    from dpx_cli.api import projects

    if not name.strip():
        raise UsageError("a project's name cannot be empty", hint="dpx projects create NAME")
    given = {"orgSlug": session.org(org), "framework": framework, "appType": app_type, "description": description}
    fields = projects.ProjectFields(**{key: value for key, value in given.items() if value is not None})  # type: ignore[typeddict-item]  # keys are the TypedDict's
    created = projects.create_project(session.client, name, fields)
    session.screen.item(created, DETAILS, key="slug")
    if link:
        from dpx_cli.commands.link import link_to

        link_to(session, created, org_slug=fields.get("orgSlug"))


@GROUP.command("update", epilog="dpx projects update storefront --build-command 'npm run build'")
@effect(WRITE, prints=ONE)
def update(
    session: Session,
    project: ProjectArgument = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The new name.")] = None,
    description: Description = None,
    build_command: Annotated[
        str | None, typer.Option("--build-command", metavar="COMMAND", help="The command that builds it.")
    ] = None,
    install_command: Annotated[
        str | None,
        typer.Option("--install-command", metavar="COMMAND", help="The command that installs what it needs."),
    ] = None,
    output_dir: Annotated[
        str | None, typer.Option("--output-dir", metavar="FOLDER", help="Where the build puts its output.")
    ] = None,
) -> None:
    """Change a project's settings. An empty text ('') is a value and is sent."""
    from dpx_cli.api import projects

    given = {
        "name": name,
        "description": description,
        "build_command": build_command,
        "install_command": install_command,
        "output_dir": output_dir,
    }
    changes = projects.ProjectChanges(**{key: value for key, value in given.items() if value is not None})  # type: ignore[typeddict-item]  # keys are the TypedDict's
    if not changes:
        raise UsageError("nothing to change was given", hint="dpx projects update --help lists what can be changed")
    updated = session.projects.on(
        project, lambda project_id: projects.update_project(session.client, project_id, changes)
    )
    session.screen.item(updated, DETAILS, key="slug")


@GROUP.command("delete", epilog="dpx projects delete docs --yes")
@effect(DELETE, prints=ONE)
def delete(
    session: Session,
    project: RequiredProject,
    yes: Yes = False,
) -> None:
    """Delete a project. Only its owner can, and nothing brings it back."""
    from dpx_cli.api import projects

    def delete_it(project_id: str) -> dict[str, object]:
        if not yes:
            slug = str(projects.get_project(session.client, project_id).get("slug") or project_id)
            session.screen.require_typed(slug, f"Type {slug} to delete it")
        return projects.delete_project(session.client, project_id)

    if not yes:
        session.screen.require_terminal()
    answer = session.projects.on(project, delete_it)
    if session.screen.shows_objects:
        session.screen.item(answer, (), key="deleted")
    session.screen.done(f"deleted project {project}")
