"""`dpx deploy`: deploy and wait; list, get and follow deployments. The promises are kept in `deployment.py`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dpx_cli.commands import LIST, ONE, READ, WRITE, Typer, effect
from dpx_cli.commands.listing import show_pages
from dpx_cli.errors import DeploymentFailed, DpxError
from dpx_cli.output.columns import Column
from dpx_cli.output.format import duration_ms, relative, size_kb

if TYPE_CHECKING:
    from typing import Annotated, Any, Literal

    import typer

    from dpx_cli.api.transport import Deadline
    from dpx_cli.cli.options import Complete, Cursor, Deployment, Interval, Limit, Project, Status, Timeout, Watch
    from dpx_cli.commands.deploy.ci import Result
    from dpx_cli.commands.deploy.start import Starter
    from dpx_cli.session import Session


GROUP = Typer(name="deploy", help="Deploy a project and wait until it is there; list and follow deployments.")

WAIT = 900.0  # seconds; the default of --timeout
WATCHED = 20  # deployments; what --watch looks at without --limit

COLUMNS = (
    Column("Status", "status", status=True),
    Column("Branch", "branch"),
    Column("Domain", "deployment_domain", link=True),
    Column("Created", "created_at", show=relative),
    Column("Id", "id"),
)
DETAILS = (
    Column("Status", "status", status=True),
    Column("Branch", "branch"),
    Column("Build time", "buildDurationMs", show=duration_ms),
    Column("Bundle", "bundleSizeKb", show=size_kb),
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
            help="The branch; without it the last deployed one.",
            autocompletion=Complete.branch,
        ),
    ] = None,
    message: Annotated[
        str | None, typer.Option("--message", metavar="TEXT", help="A label; without it the commit's subject.")
    ] = None,
    sha: Annotated[str | None, typer.Option("--sha", metavar="SHA", help="The commit; without it HEAD's.")] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the id and do not wait.")] = False,
    timeout: Timeout = WAIT,
    no_git: Annotated[bool, typer.Option("--no-git", help="Ask neither git nor the CI's variables.")] = False,
    ci_output: Annotated[
        Literal["auto", "never", "github", "gitlab"],
        typer.Option(
            "--ci-output", metavar="MODE", help="Outputs, summary and annotations for the CI.", case_sensitive=False
        ),
    ] = "auto",
) -> None:
    """Deploy a project and wait until it is ready.

    Prints the site's URL on stdout and nothing else. Ends with 0 when the deployment is READY, 9 when it ended in
    ERROR, 8 when the wait ended first; the deployment is asked for once, whatever the network does.
    """
    from dpx_cli.commands.deploy import ci
    from dpx_cli.commands.deploy.start import site_url

    started = time.monotonic()
    title = session.projects.title(project)
    try:
        starter, created = _started(
            session, project, title, branch=branch, message=message, sha=sha, timeout=timeout, no_git=no_git
        )
    except DpxError as failure:
        _annotate(session, ci_output, ci.Result("", "", None, None, failure.message))
        raise
    deployment_id = created["id"]
    session.screen.done(f"deployment {deployment_id} of {title}{f' ({branch})' if branch else ''} started")
    if no_wait:
        _write_ci(session, ci_output, ci.Result(deployment_id, str(created.get("status", "")), None, None))
        if session.screen.format == "json":
            session.screen.item(created, DETAILS, key="id")
        else:
            session.screen.line(deployment_id)
        return
    result = ci.Result(deployment_id, "UNKNOWN", None, None)
    try:
        final = _followed(session, deployment_id, starter.deadline, status=str(created.get("status", "QUEUED")))
        result.status = str(final["status"])
        result.url = site_url(session.client, final, starter.project_id, certain=True)
        problem = _problem(final, deployment_id)
        result.problem = problem.message if problem else None
    except DpxError as failure:
        result.problem = failure.message
        raise
    finally:
        result.duration_seconds = time.monotonic() - started
        _write_ci(session, ci_output, result)
    _show_end(session, final, result.url, problem)


def _started(
    session: Session,
    project: str | None,
    title: str,
    *,
    branch: str | None,
    message: str | None,
    sha: str | None,
    timeout: float,
    no_git: bool,
) -> tuple[Starter, dict[str, Any]]:
    """Ask for a deployment, with what is to be said of its commit; gives who asked, and the deployment."""
    import shlex

    from dpx_cli.commands.deploy import preflight
    from dpx_cli.commands.deploy.start import Starter

    with session.screen.live() as live:
        if session.screen.format != "json":
            # What fails before the POST is one line there, for whoever parses it.
            live.update(f"asking for a deployment of {title}")

        def look(project_id: str) -> Starter:
            starter = Starter(session.client, project_id, timeout=timeout, say=live.update)
            starter.look()
            return starter

        starter = session.projects.on(project, look)
        fields = preflight.fields(
            session, branch=branch, message=message, sha=sha, no_git=no_git, last_branch=starter.last_branch
        )
        try:
            created = starter.start(fields)
        except BaseException as stop:
            if starter.may_have_started and not isinstance(stop, Exception):
                session.screen.warn("interrupted while the deployment was being asked for; it may have started")
                session.screen.done(f"hint: dpx deploy list --project {shlex.quote(starter.project_id)}")
            raise
    return starter, created


@GROUP.command("list", epilog="dpx deploy list --project storefront --status error --limit 5")
@effect(READ, prints=LIST)
def list_deployments(
    session: Session,
    project: Project = None,
    status: Annotated[
        Status | None,
        typer.Option("--status", metavar="STATUS", help="Only those in this state.", case_sensitive=False),
    ] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    watch: Watch = False,
    interval: Interval = None,
) -> None:
    """List a project's deployments, newest first.

    With --watch the newest ones (20, or --limit) are looked at until Ctrl-C.
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

    session.screen.item(deployments.get_deployment(session.client, deployment_id), DETAILS, key="id")


@GROUP.command("wait", epilog="dpx deploy wait $(dpx deploy list --project storefront --limit 1 --quiet)")
@effect(READ, prints=ONE)
def wait(session: Session, deployment_id: Deployment, timeout: Timeout = WAIT) -> None:
    """Wait until a deployment is READY or has ended in ERROR, as `dpx deploy` does."""
    from dpx_cli.api.transport import Deadline
    from dpx_cli.commands.deploy.start import site_url

    final = _followed(session, deployment_id, Deadline(timeout), status=None)
    url = None if session.screen.format == "json" else site_url(session.client, final, session.projects.known())
    _show_end(session, final, url, _problem(final, deployment_id))


def _followed(session: Session, deployment_id: str, deadline: Deadline, *, status: str | None) -> dict[str, Any]:
    """Follow a deployment with a live line; an interrupt tells how to go on. `status` is that of one just made."""
    from dpx_cli.commands.deploy.start import follow

    started = time.monotonic()
    try:
        with session.screen.live() as live:
            if status or session.screen.animates:
                live.tick(f"deployment {deployment_id}: {status or 'looking'}", started, key=status)

            def say(deployment: dict[str, Any] | None, fault: str | None) -> None:
                if deployment is None:
                    live.tick(f"deployment {deployment_id}: waiting out a fault: {fault}", started, key="fault")
                else:
                    now = str(deployment.get("status"))
                    live.tick(f"deployment {deployment_id}: {now}", started, key=now)

            return follow(session.client, deployment_id, deadline, say=say, created_now=status is not None)
    except BaseException as stop:
        # Ctrl-C or SIGTERM, which rise past every Exception.
        if not isinstance(stop, Exception):
            import shlex

            way = f"dpx deploy wait {shlex.quote(deployment_id)}"
            session.screen.done(f"deployment {deployment_id} goes on; to follow it: {way}")
        raise


def _problem(final: dict[str, Any], deployment_id: str) -> DeploymentFailed | None:
    """The error that a deployment which ended in ERROR is, or None."""
    if final["status"] != "ERROR":
        return None
    import shlex

    branch = f" of {final['branch']}" if isinstance(final.get("branch"), str) else ""
    return DeploymentFailed(
        f"deployment {deployment_id}{branch} ended in ERROR",
        hint=f"dpx deploy get {shlex.quote(deployment_id)} shows what is known of it",
    )


def _show_end(session: Session, final: dict[str, Any], url: str | None, problem: DeploymentFailed | None) -> None:
    """The final object under --json, the URL otherwise; then the failure, where it is one."""
    if session.screen.format == "json":
        session.screen.item(final, DETAILS, key="id")
    if problem:
        raise problem
    if session.screen.format != "json":
        took = final.get("buildDurationMs")
        session.screen.done(f"ready{f' after a build of {duration_ms(took)}' if took is not None else ''}")
        if url:
            session.screen.line(url)
        else:
            session.screen.warn("the API tells no URL for it; see dpx open --print")


def _write_ci(session: Session, mode: str, result: Result) -> None:
    from dpx_cli.commands.deploy import ci

    for trouble in ci.write_outputs(session.env, mode, result):
        session.screen.warn(trouble)
    _annotate(session, mode, result)


def _annotate(session: Session, mode: str, result: Result) -> None:
    from dpx_cli.commands.deploy import ci

    annotation = ci.annotation(session.env, mode, result)
    if annotation:
        session.screen.done(annotation)
