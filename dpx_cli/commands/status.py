"""`dpx status`: the current deployment of one project, or of each."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from dpx_cli.api import projects
from dpx_cli.commands import LIST, READ, Typer, effect
from dpx_cli.errors import CheckFailed, either, exclusive
from dpx_cli.output.columns import Column, get_path
from dpx_cli.output.format import relative
from dpx_cli.reference import ERROR
from dpx_cli.rollout.commits import describe_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Annotated, Any, Literal

    from dpx_cli.cli.options import Every, EveryOf, Interval, Project, ProjectArgument, Watch, option
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

COLUMNS = (
    Column("Project", "slug"),
    Column("Status", "current_deployment.status", status=True, missing="never deployed", required=True),
    Column("Branch", "current_deployment.branch"),
    Column("Domain", "current_deployment.deployment_domain", link=True),
    Column("Created", "current_deployment.created_at", show=relative),
)


@ROOT.command("status", epilog="dpx status --all")
@effect(READ, prints=LIST)
def status(
    session: Session,
    project: ProjectArgument = None,
    named: Project = None,
    org: EveryOf = None,
    every: Every = False,
    fail_on: Annotated[
        Literal["error"] | None, option("--fail-on", "STATE", "Exit 10 if a deployment is in this state.")
    ] = None,
    watch: Watch = False,
    interval: Interval = None,
) -> None:
    """Show the current deployment of one project, several, or all.

    --watch ends with Ctrl-C or, with --fail-on, as soon as a deployment is in that state.
    """
    project = either(project, named)
    exclusive(("PROJECT", project), ("--org", org), ("--all", every))
    failing: list[str] = []
    many = org is not None or every

    def look() -> Iterator[list[dict[str, Any]]]:
        failing.clear()
        for page in projects.list_projects(session.client, org=org) if many else [[session.projects.get(project)]]:
            failed = [row for row in page if get_path(row, projects.STATUS) == ERROR]
            failing.extend(str(row.get("slug") or row.get("id")) for row in failed)
            yield page

    def check() -> None:
        if fail_on and failing:
            hint = f"Run: {session.command('deploy', 'list', '--limit', '5', project=failing[0])}"
            raise CheckFailed(f"In ERROR: {', '.join(failing)}", hint=hint)

    if watch or interval is not None:
        from dpx_cli.output import watch as watching

        screen, empty = session.screen, "No projects."
        seconds = watching.check_flags(screen, watch=watch, interval=interval)
        watching.watch(
            screen, lambda: [*chain(*look())], COLUMNS, key="slug", interval=seconds, empty=empty, shown=check
        )
    elif many:
        session.screen.rows(look(), COLUMNS, key="slug", empty="No projects.")
    else:
        ((row,),) = look()
        session.screen.item(row, COLUMNS, key="slug")
        if session.screen.format in ("table", "tsv") and (ahead := describe_ahead(session, row)):
            session.screen.note(f"{ahead} Run: {session.command('deploy', 'diff', project=project)}")
    check()
