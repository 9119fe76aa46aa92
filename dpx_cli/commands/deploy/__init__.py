"""`dpx deploy`: deploy and wait; list, get and wait for deployments."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dpx_cli.api import deployments
from dpx_cli.commands import EVENTS, LIST, ONE, READ, WRITE, Typer, effect
from dpx_cli.commands.deploy import find
from dpx_cli.commands.listing import show_pages
from dpx_cli.errors import NotFound, UsageError, exclusive
from dpx_cli.output.columns import Column
from dpx_cli.output.format import relative
from dpx_cli.reference import PARALLEL, WAIT
from dpx_cli.rollout.columns import DETAILS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Annotated, Any, TypeVar

    from dpx_cli.cli import options
    from dpx_cli.cli.options import duration, flag, option
    from dpx_cli.commands.deploy.several import Merged
    from dpx_cli.session import Session

    T = TypeVar("T")


GROUP = Typer(name="deploy", help="Deploy a project and wait until it's live; list and follow deployments.")

WATCHED = 20  # deployments; what --watch looks at without --limit

COLUMNS = (
    Column("Status", "status", status=True, required=True),
    Column("Branch", "branch"),
    Column("Domain", "deployment_domain", link=True),
    Column("Created", "created_at", show=relative),
    Column("ID", "id"),
)


@GROUP.command("", epilog="dpx deploy --project storefront --branch main")
@effect(WRITE, prints=EVENTS)
def deploy(
    session: Session,
    projects: options.Projects = (),
    changed: options.Changed = None,
    branch: Annotated[
        str | None,
        option("--branch -b", "BRANCH", "Branch to deploy. [default: last deployed]", complete="branch"),
    ] = None,
    message: Annotated[str | None, option("--message -m", "TEXT", "Message. [default: the commit's subject]")] = None,
    sha: Annotated[str | None, option("--sha", "SHA", "Commit: a SHA or any git revision. [default: HEAD]")] = None,
    dry_run: Annotated[bool, flag("--dry-run", "Show what would be deployed, and change nothing.")] = False,
    no_wait: options.NoWait = False,
    timeout: options.Timeout = WAIT,
    no_git: Annotated[bool, flag("--no-git", "Don't read git or CI metadata.")] = False,
    parallel: options.Parallel = PARALLEL,
    fail_fast: options.FailFast = False,
    check: options.Check = None,
    check_timeout: options.CheckTimeout = 60.0,  # as in Gates
    max_build: options.MaxBuild = None,
    max_bundle: options.MaxBundle = None,
    scan: Annotated[bool, flag("--scan", "Warn if the code reads variables that aren't set.")] = False,
    summary: Annotated[str | None, option("--summary", "FILE", "Write a summary in Markdown.", complete="file")] = None,
    ci_output: options.CiOutput = "auto",
) -> None:
    """Deploy a project, or several, and wait until they're live.

    Prints only the site's URL on stdout; for several projects, one line each with slug and URL. Never creates a second
    deployment, even if the network fails. Exit codes: dpx help exit-codes.
    """
    from dpx_cli.commands.deploy import changed as changes
    from dpx_cli.commands.deploy.explain import count_new, explain, find_missing
    from dpx_cli.rollout import launch
    from dpx_cli.rollout.gates import Gates
    from dpx_cli.rollout.plan import DeployOptions
    from dpx_cli.rollout.runner import Task

    exclusive(("--changed", changed), ("--project", tuple(projects)))
    gates = Gates(check, check_timeout, max_build, max_bundle)
    chosen = DeployOptions(branch, message, sha, None, no_git, no_wait, dry_run, timeout, gates, parallel, fail_fast)
    chosen = chosen._replace(scan=scan, ci_output=ci_output, summary=summary)
    chosen.check()
    launch.bound(session, timeout)
    if changed is not None:
        tasks = changes.make_tasks(session, changed, chosen)
    else:
        # Refuse a cycle before the projects are looked up.
        changes.order_tasks(session, [Task(session, name) for name in projects])
        tasks = launch.make_tasks(session, session.projects.refs(projects, keep_missing=True), chosen)
        changes.order_tasks(session, tasks)
    several = len(tasks) > 1 or changed is not None
    if scan and several:
        raise UsageError("--scan is for one project.", hint="Leave --scan out. Run: dpx env scan")
    for task in tasks:
        task.find_missing, task.explain, task.count_new = find_missing, explain, count_new
    launch.deploy(session, tasks, chosen, several=several)


@GROUP.command("again", epilog="dpx deploy again --project storefront")
@effect(WRITE, prints=EVENTS)
def again(
    session: Session,
    deployment_id: options.OptionalDeployment = None,
    project: options.Project = None,
    dry_run: Annotated[bool, flag("--dry-run", "Show what would be deployed, and change nothing.")] = False,
    no_wait: options.NoWait = False,
    timeout: options.Timeout = WAIT,
    ci_output: options.CiOutput = "auto",
) -> None:
    """Deploy the branch and commit of an earlier deployment again. It's a new build, not a rollback."""
    from dpx_cli.commands.deploy.explain import explain
    from dpx_cli.rollout import launch
    from dpx_cli.rollout.plan import DeployOptions

    deadline = launch.bound(session, timeout)
    ref = session.projects.ref(project)
    row = session.projects.on(ref, lambda project_id: find.find_earlier(session, ref, project_id, deployment_id))
    branch, sha = row.get("branch"), row.get("commitSha")
    if not isinstance(branch, str):
        raise NotFound("The API doesn't return the deployment's branch.", hint="Run: dpx deploy --branch BRANCH")
    chosen = DeployOptions(
        branch,
        sha=sha if isinstance(sha, str) and sha else None,
        branch_source=f"same as deployment {row['id']}",
        no_git=True,
        no_wait=no_wait,
        dry_run=dry_run,
        timeout=timeout,
        ci_output=ci_output,
    )
    tasks = launch.make_tasks(session, [ref], chosen, deadline)
    tasks[0].explain = explain
    launch.deploy(session, tasks, chosen, several=False)


@GROUP.command("list", epilog="dpx deploy list --project storefront --status error --limit 5")
@effect(READ, prints=LIST)
def list_deployments(
    session: Session,
    projects: options.Projects = (),
    org: options.EveryOf = None,
    every: options.Every = False,
    statuses: options.Statuses = (),
    branch: Annotated[str | None, option("--branch", "BRANCH", "Filter by branch.", complete="branch")] = None,
    since: Annotated[
        float | None,
        option("--since", "TIME", "Show only deployments from the last TIME, like 12h or 7d.", parser=duration),
    ] = None,
    sha: options.CommitSha = None,
    limit: options.Limit = None,
    cursor: options.Cursor = None,
    watch: options.Watch = False,
    interval: options.Interval = None,
) -> None:
    """List deployments, newest first, of one project or several.

    --limit applies after the filters. With --watch the newest 20 (or --limit) are watched until you press Ctrl-C.
    """
    filters = find.Filters(statuses, branch, since, _resolve(session, sha))
    refs = find.list_refs(session, projects, org, every=every, cursor=cursor)
    columns = COLUMNS if refs is None else (find.PROJECT, *COLUMNS)

    def on_selection(most: int | None, action: Callable[[find.Selection | Merged], T]) -> T:
        if refs is not None:
            from dpx_cli.commands.deploy.several import Merged

            return action(Merged(session, refs, filters, most))
        project = projects[0] if projects else None
        return session.projects.on(
            project, lambda identity: action(find.Selection(session, identity, filters, limit=most, cursor=cursor))
        )

    def show(selection: find.Selection | Merged) -> None:
        remember = "deployments" if refs is None else None
        show_pages(session, selection.pages, columns, key="id", what="deployments", remember=remember)
        selection.warn()

    if watch or interval is not None:
        from dpx_cli.output import watch as watching

        seconds = watching.check_flags(session.screen, watch=watch, interval=interval, cursor=cursor)

        def read(selection: find.Selection | Merged) -> list[dict[str, Any]]:
            rows = [row for page in selection.pages for row in page]
            selection.raise_first()
            return rows

        look = partial(on_selection, limit or WATCHED, read)
        watching.watch(session.screen, look, columns, key="id", interval=seconds, empty="No deployments.")
        return
    on_selection(limit, show)


@GROUP.command("get", epilog="dpx deploy get --latest --project storefront")
@effect(READ, prints=ONE)
def get(
    session: Session,
    deployment_id: options.OptionalDeployment = None,
    latest: options.Latest = False,
    branch: options.LatestBranch = None,
    sha: options.CommitSha = None,
    project: options.Project = None,
) -> None:
    """Show one deployment."""
    choice = find.Choice((deployment_id,) if deployment_id is not None else (), latest, branch, _resolve(session, sha))
    choice.check()
    identity = find.resolve_deployment_id(session, choice, project)
    session.screen.item(deployments.get_deployment(session.client, identity), DETAILS, key="id")


@GROUP.command("wait", epilog="dpx deploy wait --latest --project storefront")
@effect(READ, prints=EVENTS)
def wait(
    session: Session,
    deployment_ids: options.DeploymentIds = (),
    latest: options.Latest = False,
    branch: options.LatestBranch = None,
    sha: options.CommitSha = None,
    appear: Annotated[
        float | None,
        option("--appear", "TIME", "With --sha: how long it may take to appear. [default: 5m]", parser=duration),
    ] = None,
    project: options.Project = None,
    timeout: options.Timeout = WAIT,
) -> None:
    """Wait until deployments are READY or have failed.

    With --sha, waits for the newest deployment of a commit, no matter who started it, and prints its URL.
    """
    from dpx_cli.commands.deploy.explain import explain
    from dpx_cli.rollout import launch

    choice = find.Choice(deployment_ids, latest, branch, _resolve(session, sha))
    choice.check()
    if appear is not None and sha is None:
        raise UsageError("--appear needs --sha.", hint="Add --sha, or leave --appear out.")
    patience = launch.bound(session, find.APPEAR if appear is None else appear) if sha is not None else None
    deadline = launch.bound(session, timeout) if patience is None else None
    ids = deployment_ids or (find.resolve_deployment_id(session, choice, project, patience),)
    launch.wait(session, ids, session.projects.known(project), deadline or launch.bound(session, timeout), explain)


def _resolve(session: Session, sha: str | None) -> str | None:
    if sha is None:
        return None
    from dpx_cli.rollout.commits import find_cwd, resolve_sha

    return resolve_sha(find_cwd(session), sha)
