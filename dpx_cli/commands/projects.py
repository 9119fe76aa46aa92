"""`dpx projects`: list, get, create, update and delete projects. Requested in `api/projects.py`."""

from typing import TYPE_CHECKING, Annotated

from dpx_cli.declare import LIST, ONE, Argument, Group, Option
from dpx_cli.errors import UsageError
from dpx_cli.options import APP_TYPES, FRAMEWORKS, PROJECT, Cursor, Limit, Org, ProjectArgument, Yes
from dpx_cli.output.format import relative
from dpx_cli.output.screen import Column

if TYPE_CHECKING:
    from dpx_cli.session import Session

GROUP = Group("projects", "List, create, change and delete projects.")

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

Description = Annotated[str | None, Option("--description", metavar="TEXT", help="What the project is.")]


@GROUP.command("list", formats=LIST, example="dpx projects list --org acme")
def list_projects(session: "Session", org: Org = None, limit: Limit = None, cursor: Cursor = None) -> None:
    """List the projects you have access to.

    Without --org (or DPX_ORG, the link file or the profile) those of every organization.
    """
    from dpx_cli.api import projects

    org = session.org(org)
    pages = projects.list_projects(session.client, org=org, limit=limit, cursor=cursor)
    # Completion offers the projects of every organization, so one's own are no replacement.
    session.show_pages(pages, COLUMNS, key="slug", what="projects", remember=None if org else "slugs")


@GROUP.command("get", formats=ONE, example="dpx projects get storefront")
def get(session: "Session", project: ProjectArgument = None) -> None:
    """Show one project."""
    from dpx_cli.api import projects

    found = session.on_project(project, lambda project_id: projects.get_project(session.client, project_id))
    session.screen.item(found, DETAILS, key="slug")


@GROUP.command("create", formats=ONE, example="dpx projects create my-app --org acme --framework nextjs")
def create(
    session: "Session",
    name: Annotated[str, Argument("NAME", help="The project's name.")],
    org: Org = None,
    framework: Annotated[
        str | None, Option("--framework", metavar="FRAMEWORK", help="What it is built with.", choices=FRAMEWORKS)
    ] = None,
    app_type: Annotated[
        str | None, Option("--app-type", metavar="TYPE", help="What is served.", choices=APP_TYPES)
    ] = None,
    description: Description = None,
    link: Annotated[bool, Option("--link", help="Link this folder to the new project.")] = False,
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
        session.link_to(created, org_slug=fields.get("orgSlug"))


@GROUP.command("update", formats=ONE, example="dpx projects update storefront --build-command 'npm run build'")
def update(
    session: "Session",
    project: ProjectArgument = None,
    name: Annotated[str | None, Option("--name", metavar="NAME", help="The new name.")] = None,
    description: Description = None,
    build_command: Annotated[
        str | None, Option("--build-command", metavar="COMMAND", help="The command that builds it.")
    ] = None,
    install_command: Annotated[
        str | None, Option("--install-command", metavar="COMMAND", help="The command that installs what it needs.")
    ] = None,
    output_dir: Annotated[
        str | None, Option("--output-dir", metavar="FOLDER", help="Where the build puts its output.")
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
    updated = session.on_project(
        project, lambda project_id: projects.update_project(session.client, project_id, changes)
    )
    session.screen.item(updated, DETAILS, key="slug")


@GROUP.command("delete", formats=ONE, example="dpx projects delete docs --yes")
def delete(
    session: "Session",
    project: Annotated[str, PROJECT],
    yes: Yes = False,
) -> None:
    """Delete a project. Only its owner can, and nothing brings it back."""
    from dpx_cli.api import projects

    def delete_it(project_id: str) -> dict[str, object]:
        if not yes:
            slug = str(projects.get_project(session.client, project_id).get("slug") or project_id)
            session.require_typed(slug, f"type {slug} to delete it")
        return projects.delete_project(session.client, project_id)

    if not yes:
        session.require_somebody(f"delete {project}")
    answer = session.on_project(project, delete_it)
    if session.screen.format == "json":
        session.screen.item(answer, (), key="deleted")
    session.screen.done(f"deleted project {project}")
