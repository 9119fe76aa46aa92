"""`dpx deploy`: deploy and wait; list, get and wait for deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import EVENTS, LIST, ONE, READ, WRITE, Typer, effect
from dpx_cli.commands.listing import show_pages
from dpx_cli.errors import UsageError
from dpx_cli.output.columns import Column
from dpx_cli.output.format import relative

if TYPE_CHECKING:
    from typing import Annotated, Any

    import typer

    from dpx_cli.cli.options import (
        Changed,
        Check,
        CheckTimeout,
        CiOutput,
        Complete,
        Cursor,
        DeploymentIds,
        FailFast,
        Interval,
        Latest,
        LatestBranch,
        Limit,
        MaxBuild,
        MaxBundle,
        NoWait,
        OptionalDeployment,
        Parallel,
        Project,
        Projects,
        Statuses,
        Timeout,
        Watch,
        duration,
    )
    from dpx_cli.commands.deploy.find import Filters
    from dpx_cli.session import Session


GROUP = Typer(name="deploy", help="Deploy a project and wait until it's live; list and follow deployments.")

WAIT = 900.0  # seconds; the default of --timeout, as in `api/deploying/follow.py`
CHECK = 60.0  # seconds; the default of --check-timeout
PARALLEL = 4  # deployments at a time; the default of --parallel
WATCHED = 20  # deployments; what --watch looks at without --limit

COLUMNS = (
    Column("Status", "status", status=True),
    Column("Branch", "branch"),
    Column("Domain", "deployment_domain", link=True),
    Column("Created", "created_at", show=relative),
    Column("Id", "id"),
)


@GROUP.command("", epilog="dpx deploy --project storefront --branch main")
@effect(WRITE, prints=EVENTS)
def deploy(
    session: Session,
    projects: Projects = (),
    changed: Changed = None,
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
    sha: Annotated[
        str | None, typer.Option("--sha", metavar="SHA", help="Commit, as git names it. [default: HEAD]")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deployed, and change nothing.")
    ] = False,
    no_wait: NoWait = False,
    timeout: Timeout = WAIT,
    no_git: Annotated[bool, typer.Option("--no-git", help="Don't read git or CI metadata.")] = False,
    parallel: Parallel = PARALLEL,
    fail_fast: FailFast = False,
    check: Check = None,
    check_timeout: CheckTimeout = CHECK,
    max_build: MaxBuild = None,
    max_bundle: MaxBundle = None,
    scan: Annotated[
        bool, typer.Option("--scan", help="Warn of variables that the code here reads and the project lacks.")
    ] = False,
    ci_output: CiOutput = "auto",
) -> None:
    """Deploy a project, or several, and wait until they're live.

    Prints only the site's URL on stdout; of several projects a line with slug and URL each. Exits 0 if the deployment
    is READY, 9 if it failed, 8 if the wait timed out, and 10 if a gate (--check, --max-build, --max-bundle) doesn't
    hold. Never creates a second deployment, even if the network fails.
    """
    from dpx_cli.commands.deploy import launch, several
    from dpx_cli.commands.deploy.gates import Gates
    from dpx_cli.commands.deploy.job import Wanted
    from dpx_cli.commands.link import given_or_picked

    wanted = Wanted(branch, message, sha, no_git)
    gates = Gates(check, check_timeout, max_build, max_bundle)
    order = launch.Order(wanted, timeout, no_wait, dry_run, ci_output, gates, parallel, fail_fast, scan)
    order.check()
    if scan and (changed is not None or len(set(projects)) > 1):
        raise UsageError("--scan is for one project.", hint="Leave --scan out. Run: dpx env scan")
    if changed is not None:
        if projects:
            raise UsageError("--changed and --project can't be used together.", hint="Leave one of them out.")
        launch.changed(session, changed, order)
    elif len(set(projects)) > 1:
        names = several.targets(session, projects)
        launch.many(session, [launch.Target(name, name) for name in names], order)
    else:
        launch.one(session, given_or_picked(session, next(iter(projects), None), "Deploy project"), order)


@GROUP.command("again", epilog="dpx deploy again --project storefront")
@effect(WRITE, prints=EVENTS)
def again(
    session: Session,
    deployment_id: OptionalDeployment = None,
    project: Project = None,
    no_wait: NoWait = False,
    timeout: Timeout = WAIT,
    ci_output: CiOutput = "auto",
) -> None:
    """Deploy the branch and commit of an earlier deployment once more. It's a new build, not a rollback."""
    from dpx_cli.api import deployments
    from dpx_cli.commands.deploy import find, launch

    def earlier(project_id: str) -> dict[str, Any]:
        if deployment_id is None:
            return find.newest(session, project_id, project)
        return find.in_project(session.client, project_id, deployment_id)

    row = session.projects.on(project, earlier)
    details = deployments.get_deployment(session.client, str(row["id"]))
    order = launch.Order(find.as_wanted({**row, **details}), timeout, no_wait, ci_output=ci_output)
    launch.one(session, project, order)


@GROUP.command("list", epilog="dpx deploy list --project storefront --status error --limit 5")
@effect(READ, prints=LIST)
def list_deployments(
    session: Session,
    project: Project = None,
    statuses: Statuses = (),
    branch: Annotated[
        str | None,
        typer.Option("--branch", metavar="BRANCH", help="Filter by branch.", autocompletion=Complete.branch),
    ] = None,
    since: Annotated[
        float | None,
        typer.Option("--since", metavar="TIME", help="Show only those created since, like 12h or 7d.", parser=duration),
    ] = None,
    limit: Limit = None,
    cursor: Cursor = None,
    watch: Watch = False,
    interval: Interval = None,
) -> None:
    """List a project's deployments, newest first.

    --limit counts what the filters leave. With --watch the newest 20 (or --limit) are watched until you press Ctrl-C.
    """
    from dpx_cli.api.deployments import path_of
    from dpx_cli.commands.deploy.find import Filtered, Filters

    filters = Filters(statuses, branch, since)
    if watch or interval is not None:
        _watch(session, project, filters, limit=limit or WATCHED, cursor=cursor, watch=watch, interval=interval)
        return

    def show(project_id: str) -> None:
        pages = Filtered(session.client, path_of(project_id), filters, limit=limit, cursor=cursor)
        show_pages(session, pages, COLUMNS, key="id", what="deployments", remember="deployments")
        if pages.undated:
            session.screen.warn(f"{pages.undated} deployments without a creation time are left out.")
        if pages.more and session.screen.format != "quiet":
            session.screen.note("More deployments match. Pass a larger --limit.")

    session.projects.on(project, show)


def _watch(
    session: Session,
    project: str | None,
    filters: Filters,
    *,
    limit: int,
    cursor: str | None,
    watch: bool,
    interval: float | None,
) -> None:
    from dpx_cli.api.deployments import path_of
    from dpx_cli.commands.deploy.find import Filtered
    from dpx_cli.output import watch as watching

    seconds = watching.check_flags(session, watch=watch, interval=interval, cursor=cursor)

    def newest(project_id: str) -> list[dict[str, Any]]:
        pages = Filtered(session.client, path_of(project_id), filters, limit=limit)
        return [deployment for page in pages for deployment in page]

    def look() -> list[dict[str, Any]]:
        return session.projects.on(project, newest)

    watching.watch(session, look, COLUMNS, key="id", interval=seconds, empty="No deployments.")


@GROUP.command("get", epilog="dpx deploy get --latest --project storefront")
@effect(READ, prints=ONE)
def get(
    session: Session,
    deployment_id: OptionalDeployment = None,
    latest: Latest = False,
    branch: LatestBranch = None,
    project: Project = None,
) -> None:
    """Show one deployment."""
    from dpx_cli.api import deployments
    from dpx_cli.commands.deploy import find
    from dpx_cli.commands.deploy.single import DETAILS

    found = find.meant(session, deployment_id, project, latest=latest, branch=branch)
    session.screen.item(deployments.get_deployment(session.client, found), DETAILS, key="id")


@GROUP.command("wait", epilog="dpx deploy wait --latest --project storefront")
@effect(READ, prints=EVENTS)
def wait(
    session: Session,
    deployment_ids: DeploymentIds = (),
    latest: Latest = False,
    branch: LatestBranch = None,
    project: Project = None,
    timeout: Timeout = WAIT,
) -> None:
    """Wait until deployments are READY or have failed, as `dpx deploy` does."""
    from dpx_cli.commands.deploy import find, waiting

    find.check_choice(bool(deployment_ids), latest=latest, branch=branch)
    deadline = waiting.bounded(session, timeout)
    known = session.projects.known(project)
    if len(deployment_ids) > 1:
        waiting.many(session, deployment_ids, known, timeout)
    else:
        given = next(iter(deployment_ids), None)
        waiting.one(session, find.meant(session, given, project, latest=latest, branch=branch), known, deadline)
