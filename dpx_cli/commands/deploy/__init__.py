"""`dpx deploy`: deploy and wait; list, get and wait for deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import EVENTS, LIST, ONE, READ, WRITE, Typer, effect
from dpx_cli.commands.listing import show_pages
from dpx_cli.errors import UsageError, exclusive
from dpx_cli.output.columns import Column
from dpx_cli.output.format import relative
from dpx_cli.reference import PARALLEL, WAIT

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

CHECK = 60.0  # seconds; the default of --check-timeout
WATCHED = 20  # deployments; what --watch looks at without --limit

COLUMNS = (
    Column("Status", "status", status=True),
    Column("Branch", "branch"),
    Column("Domain", "deployment_domain", link=True),
    Column("Created", "created_at", show=relative),
    Column("ID", "id"),
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
        bool, typer.Option("--scan", help="Warn about variables that the code reads but the project doesn't have.")
    ] = False,
    ci_output: CiOutput = "auto",
) -> None:
    """Deploy a project, or several, and wait until they're live.

    Prints only the site's URL on stdout; for several projects, one line each with slug and URL. Never creates a second
    deployment, even if the network fails. Exit codes: dpx help exit-codes.
    """
    from dpx_cli.commands.deploy import changed as changes
    from dpx_cli.commands.deploy.missing import find_missing
    from dpx_cli.resolve import split_list
    from dpx_cli.rollout import launch
    from dpx_cli.rollout.gates import Gates
    from dpx_cli.rollout.plan import DeployOptions

    options = DeployOptions(
        branch=branch,
        message=message,
        sha=sha,
        no_git=no_git,
        no_wait=no_wait,
        dry_run=dry_run,
        timeout=timeout,
        gates=Gates(check, check_timeout, max_build, max_bundle),
        parallel=parallel,
        fail_fast=fail_fast,
        scan=scan,
        ci_output=ci_output,
    )
    several = len(split_list(projects)) > 1
    exclusive(("--changed", changed), ("--project", tuple(projects)))
    if scan and (changed is not None or several):
        raise UsageError("--scan is for one project.", hint="Leave --scan out. Run: dpx env scan")
    options.check()
    launch.bound(session, timeout)
    if changed is not None:
        tasks = changes.make_tasks(session, changed, options)
    elif several:
        refs = session.projects.refs(projects, keep_missing=True)
        several = len(refs) > 1
        tasks = launch.make_tasks(session, refs, options)
    else:
        tasks = launch.make_tasks(session, session.projects.refs(projects), options)
    for task in tasks:
        task.find_missing = find_missing
    launch.deploy(session, tasks, options, several=several or changed is not None)


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
    from dpx_cli.commands.deploy import find
    from dpx_cli.rollout import launch

    ref = session.projects.ref(project)

    def find_earlier(project_id: str) -> dict[str, Any]:
        if deployment_id is None:
            return find.find_newest(session, project_id, project)
        return find.find_in_project(session.client, project_id, deployment_id, ref.name)

    row = session.projects.on(ref, find_earlier)
    details = deployments.get_deployment(session.client, str(row["id"]))
    options = launch.repeat_options({**row, **details})._replace(no_wait=no_wait, timeout=timeout, ci_output=ci_output)
    launch.deploy(session, launch.make_tasks(session, [ref], options), options, several=False)


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
    from dpx_cli.commands.deploy.find import Filters, Selection

    filters = Filters(statuses, branch, since)
    if watch or interval is not None:
        _watch(session, project, filters, limit=limit or WATCHED, cursor=cursor, watch=watch, interval=interval)
        return

    def show(project_id: str) -> None:
        selection = Selection(session.client, project_id, filters, limit=limit, cursor=cursor)
        show_pages(session, selection.pages, COLUMNS, key="id", what="deployments", remember="deployments")
        if selection.undated:
            session.screen.warn(f"{selection.undated} deployments without a creation time are left out.")

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
    from dpx_cli.commands.deploy.find import Selection
    from dpx_cli.output import watch as watching

    seconds = watching.check_flags(session, watch=watch, interval=interval, cursor=cursor)

    def read_newest(project_id: str) -> list[dict[str, Any]]:
        return [row for page in Selection(session.client, project_id, filters, limit=limit).pages for row in page]

    def look() -> list[dict[str, Any]]:
        return session.projects.on(project, read_newest)

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
    from dpx_cli.rollout.display import DETAILS

    identity = find.resolve_deployment_id(session, deployment_id, project, latest=latest, branch=branch)
    session.screen.item(deployments.get_deployment(session.client, identity), DETAILS, key="id")


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
    from dpx_cli.commands.deploy import find
    from dpx_cli.rollout import launch

    find.check_choice(bool(deployment_ids), latest=latest, branch=branch)
    deadline = launch.bound(session, timeout)
    project_id = session.projects.known(project)
    ids = deployment_ids or (find.resolve_deployment_id(session, None, project, latest=latest, branch=branch),)
    launch.wait(session, ids, project_id, deadline)
