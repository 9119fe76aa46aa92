"""`dpx status`: the current deployment of one project, or of each."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from dpx_cli.api import projects
from dpx_cli.commands import LIST, READ, Typer, effect
from dpx_cli.errors import CheckFailed, either, exclusive
from dpx_cli.output.columns import Column
from dpx_cli.output.format import relative
from dpx_cli.reference import ERROR
from dpx_cli.rollout.commits import describe_ahead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Annotated, Any, Literal

    import typer

    from dpx_cli.cli.options import Interval, Org, Project, ProjectArgument, Watch
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

COLUMNS = (
    Column("Project", "slug"),
    Column("Status", "current_deployment.status", status=True, missing="never deployed"),
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
    org: Org = None,
    every: Annotated[bool, typer.Option("--all", help="Show every project you have access to.")] = False,
    fail_on: Annotated[
        Literal["error"] | None,
        typer.Option(
            "--fail-on", metavar="STATE", help="Exit 10 if a deployment is in this state.", case_sensitive=False
        ),
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
        if many:
            return _note_failures(projects.list_projects(session.client, org=org), failing)
        return _note_failures([[session.projects.get(project)]], failing)

    def check() -> None:
        if fail_on and failing:
            hint = f"Run: {session.command('deploy', 'list', '--limit', '5', project=failing[0])}"
            raise CheckFailed(f"In ERROR: {', '.join(failing)}", hint=hint)

    if watch or interval is not None:
        from dpx_cli.output import watch as watching

        seconds = watching.check_flags(session.screen, watch=watch, interval=interval)
        watching.watch(
            session.screen,
            lambda: [*chain(*look())],
            COLUMNS,
            key="slug",
            interval=seconds,
            empty="No projects.",
            shown=check,
        )
    elif many:
        session.screen.rows(look(), COLUMNS, key="slug", empty="No projects.")
    else:
        ((row,),) = look()
        session.screen.item(row, COLUMNS, key="slug")
        if session.screen.format in ("table", "tsv") and (ahead := describe_ahead(session, row)):
            session.screen.note(f"{ahead} Run: {session.command('deploy', 'diff', project=project)}")
    check()


def _note_failures(pages: Iterable[list[dict[str, Any]]], failing: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Pass pages on and note which projects' deployments have failed."""
    for page in pages:
        for project in page:
            current = project.get("current_deployment")
            if isinstance(current, dict) and current.get("status") == ERROR:
                failing.append(str(project.get("slug") or project.get("id")))
        yield page
