"""`dpx status`: the current deployment of one project, or of each."""

from typing import TYPE_CHECKING, Annotated, Any

from dpx_cli.declare import LIST, Group, Option
from dpx_cli.errors import CheckFailed, UsageError
from dpx_cli.options import Org, ProjectArgument
from dpx_cli.output.format import relative
from dpx_cli.output.screen import Column

if TYPE_CHECKING:
    from dpx_cli.session import Session

ROOT = Group("", "")

COLUMNS = (
    Column("Project", "slug"),
    Column("Status", "current_deployment.status", status=True),
    Column("Branch", "current_deployment.branch"),
    Column("Domain", "current_deployment.deployment_domain"),
    Column("Created", "current_deployment.created_at", show=relative),
)


@ROOT.command("status", formats=LIST, example="dpx status --all")
def status(
    session: "Session",
    project: ProjectArgument = None,
    org: Org = None,
    every: Annotated[bool, Option("--all", help="Each project you have access to.")] = False,
    fail_on: Annotated[
        str | None,
        Option("--fail-on", metavar="STATE", help="Exit 10 where a deployment is in it.", choices=("error",)),
    ] = None,
) -> None:
    """Show the current deployment of a project, of an organization's projects, or of all."""
    if sum((project is not None, org is not None, every)) > 1:
        raise UsageError("PROJECT, --org and --all exclude each other", hint="give one of them")
    failing: list[str] = []
    if org is not None or every:
        _show_each(session, org, failing)
    else:
        _show_one(session, project, failing)
    if fail_on and failing:
        raise CheckFailed(f"in ERROR: {', '.join(failing)}", hint=f"dpx deploy list --project {failing[0]} --limit 5")


def _show_one(session: "Session", project: str | None, failing: list[str]) -> None:
    from dpx_cli.api import projects

    found = session.on_project(project, lambda project_id: projects.get_project(session.client, project_id))
    session.screen.item(found, COLUMNS, key="slug")
    _note_failure(found, failing)


def _show_each(session: "Session", org: str | None, failing: list[str]) -> None:
    from dpx_cli.api import projects

    pages = projects.list_projects(session.client, org=org)

    def noted() -> Any:
        for page in pages:
            for project in page:
                _note_failure(project, failing)
            yield page

    session.screen.rows(noted(), COLUMNS, key="slug", empty="no projects")


def _note_failure(project: dict[str, Any], failing: list[str]) -> None:
    current = project.get("current_deployment")
    if isinstance(current, dict) and current.get("status") == "ERROR":
        failing.append(str(project.get("slug") or project.get("id")))
