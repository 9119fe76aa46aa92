"""`dpx deploy`: deploy and wait; list, get and wait for deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LIST, ONE, READ, WRITE, Typer, effect
from dpx_cli.commands.listing import show_pages
from dpx_cli.output.columns import Column
from dpx_cli.output.format import relative

if TYPE_CHECKING:
    from typing import Annotated, Any, Literal

    import typer

    from dpx_cli.cli.options import Complete, Cursor, Deployment, Interval, Limit, Project, Status, Timeout, Watch
    from dpx_cli.session import Session


GROUP = Typer(name="deploy", help="Deploy a project and wait until it's live; list and follow deployments.")

WAIT = 900.0  # seconds; the default of --timeout
WATCHED = 20  # deployments; what --watch looks at without --limit

COLUMNS = (
    Column("Status", "status", status=True),
    Column("Branch", "branch"),
    Column("Domain", "deployment_domain", link=True),
    Column("Created", "created_at", show=relative),
    Column("Id", "id"),
)


@GROUP.command("", epilog="dpx deploy --project storefront --branch main")
@effect(WRITE, prints=ONE)
def deploy(
    session: Session,
    project: Project = None,
    branch: Annotated[
        str | None,
        typer.Option(
            "--branch",
            metavar="BRANCH",
            help="Branch to deploy. [default: the last deployed branch]",
            autocompletion=Complete.branch,
        ),
    ] = None,
    message: Annotated[
        str | None, typer.Option("--message", metavar="TEXT", help="Message. [default: the commit's subject]")
    ] = None,
    sha: Annotated[str | None, typer.Option("--sha", metavar="SHA", help="Commit SHA. [default: HEAD]")] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the ID and don't wait.")] = False,
    timeout: Timeout = WAIT,
    no_git: Annotated[bool, typer.Option("--no-git", help="Don't read git or CI metadata.")] = False,
    ci_output: Annotated[
        Literal["auto", "never", "github", "gitlab"],
        typer.Option(
            "--ci-output",
            metavar="MODE",
            help="Write outputs, a summary and annotations for the CI.",
            case_sensitive=False,
        ),
    ] = "auto",
) -> None:
    """Deploy a project and wait until it's live.

    Prints only the site's URL on stdout. Exits 0 if the deployment is READY, 9 if it failed, and 8 if the wait timed
    out. Never creates a second deployment, even if the network fails.
    """
    from dpx_cli.api.transport import Deadline
    from dpx_cli.commands.deploy import ci, single
    from dpx_cli.commands.deploy.job import Job, Wanted

    wanted = Wanted(branch, message, sha, no_git, no_wait)
    view = single.LineView(session.screen)
    job = Job(session, session.client, Deadline(timeout), view=view)

    def steps() -> None:
        job.create(session.projects, project, wanted)
        if not no_wait:
            job.finish()

    with ci.report(session, ci_output, job):
        single.run(session.screen, job, view, steps)


@GROUP.command("list", epilog="dpx deploy list --project storefront --status error --limit 5")
@effect(READ, prints=LIST)
def list_deployments(
    session: Session,
    project: Project = None,
    status: Annotated[
        Status | None,
        typer.Option("--status", metavar="STATUS", help="Filter by status.", case_sensitive=False),
    ] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    watch: Watch = False,
    interval: Interval = None,
) -> None:
    """List a project's deployments, newest first.

    With --watch the newest 20 (or --limit) are watched until you press Ctrl-C.
    """
    from dpx_cli.api import deployments

    if watch or interval is not None:
        _watch(session, project, status=status, limit=limit or WATCHED, cursor=cursor, watch=watch, interval=interval)
        return

    def show(project_id: str) -> None:
        pages = deployments.list_deployments(session.client, project_id, status=status, limit=limit, cursor=cursor)
        show_pages(session, pages, COLUMNS, key="id", what="deployments", remember="deployments")

    session.projects.on(project, show)


def _watch(
    session: Session,
    project: str | None,
    *,
    status: str | None,
    limit: int,
    cursor: str | None,
    watch: bool,
    interval: float | None,
) -> None:
    from dpx_cli.api import deployments
    from dpx_cli.output import watch as watching

    seconds = watching.check_flags(session, watch=watch, interval=interval, cursor=cursor)

    def newest(project_id: str) -> list[dict[str, Any]]:
        pages = deployments.list_deployments(session.client, project_id, status=status, limit=limit)
        return [deployment for page in pages for deployment in page]

    def look() -> list[dict[str, Any]]:
        return session.projects.on(project, newest)

    watching.watch(session, look, COLUMNS, key="id", interval=seconds, empty="no deployments")


@GROUP.command("get", epilog="dpx deploy get $(dpx deploy list --project storefront --limit 1 --quiet)")
@effect(READ, prints=ONE)
def get(session: Session, deployment_id: Deployment) -> None:
    """Show one deployment."""
    from dpx_cli.api import deployments
    from dpx_cli.commands.deploy.single import DETAILS

    session.screen.item(deployments.get_deployment(session.client, deployment_id), DETAILS, key="id")


@GROUP.command("wait", epilog="dpx deploy wait $(dpx deploy list --project storefront --limit 1 --quiet)")
@effect(READ, prints=ONE)
def wait(session: Session, deployment_id: Deployment, timeout: Timeout = WAIT) -> None:
    """Wait until a deployment is READY or has failed, as `dpx deploy` does."""
    from dpx_cli.api.transport import Deadline
    from dpx_cli.commands.deploy import single
    from dpx_cli.commands.deploy.job import Job

    view = single.LineView(session.screen)
    job = Job(session, session.client, Deadline(timeout), view=view)
    job.adopt(deployment_id, session.projects.known())
    single.run(session.screen, job, view, job.finish)
