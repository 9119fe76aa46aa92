"""`dpx deploy stats`: statistics of the last deployments."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from dpx_cli.api import deployments
from dpx_cli.api.client import is_name
from dpx_cli.api.deploy.figures import amounts, median
from dpx_cli.commands import ONE, READ, effect
from dpx_cli.commands.deploy import GROUP, several
from dpx_cli.commands.deploy.find import PROJECT, Filters, Selection, list_refs
from dpx_cli.durations import DAY, epoch
from dpx_cli.errors import NotFound, exclusive
from dpx_cli.output.columns import Column
from dpx_cli.output.display import Progress
from dpx_cli.output.format import duration_ms, size_kb
from dpx_cli.reference import ENDED, ERROR, READY, STATUSES
from dpx_cli.rollout.commits import KnownCommits, find_cwd
from dpx_cli.system import git

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Any

    from dpx_cli.api.client import Client
    from dpx_cli.cli.options import Every, EveryOf, Projects, count, duration, option
    from dpx_cli.errors import DpxError
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session

LAST = 20  # deployments; the default of --last
DETAILS = ("buildDurationMs", "bundleSizeKb")
LEAD = "leadMs"
MAX_COMMITS = 2000
BLOCKS = "▁▂▃▄▅▆▇█"


def _percent(share: Any) -> str:
    return f"{share * 100:.0f}%" if isinstance(share, int | float) else ""


COLUMNS = (
    Column("Deployments", "deployments"),
    Column("Per week", "per_week"),
    Column("Succeeded", "success_rate", show=_percent),
    Column("Failed builds", "failure_rate", show=_percent),
    Column("Median build", "build_ms_p50", show=duration_ms),
    Column("Bundle", "bundle_kb_latest", show=size_kb),
    Column("ERROR to READY", "error_to_ready_ms_p50", show=duration_ms),
    Column("Commit to READY", "commit_to_ready_ms_p50", show=duration_ms),
)
SEVERAL = (PROJECT, *(column for column in COLUMNS if column.title not in ("Succeeded", "Bundle")))
METRICS = (Column("Metric", "metric"), Column("Value", "value"))


@GROUP.command("stats", epilog="dpx deploy stats --project storefront --last 50")
@effect(READ, prints=ONE)
def stats(
    session: Session,
    projects: Projects = (),
    org: EveryOf = None,
    every: Every = False,
    last: Annotated[
        int | None, option("--last", "N", "Use the last N deployments. [default: 20]", parser=count)
    ] = None,
    since: Annotated[
        float | None, option("--since", "TIME", "Use the deployments from the last TIME, like 30d.", parser=duration)
    ] = None,
) -> None:
    """Show how the last deployments went: success, build time, bundle size, time to recover, lead time.

    Off a terminal, each figure is one line: its name, a tab, its value. For several projects, each project is one row,
    and the last row is the total.
    """
    exclusive(("--last", last), ("--since", since))
    limit = LAST if last is None and since is None else last
    refs = list_refs(session, projects, org, every=every)
    if refs is not None:
        groups, failures = read_deployments(session, refs, limit, since)
        if groups:
            figures = [{"project": ref.name, **summarize([rows], since)} for ref, rows in groups.items()]
            figures.append({"project": None, **summarize([*groups.values()], since)})
            session.screen.rows([figures], SEVERAL, key="project")
        several.raise_first(session, refs, failures)
        return
    ref = session.projects.ref(projects[0] if projects else None)

    def read(project_id: str) -> list[dict[str, Any]]:
        groups, failures = read_deployments(session, [ref._replace(id=project_id)], limit, since)
        for failure in failures.values():
            raise failure
        return next(iter(groups.values()))

    rows = session.projects.on(ref, read)
    _show(session, rows, summarize([rows], since))


def _show(session: Session, rows: Sequence[Mapping[str, Any]], figures: Mapping[str, Any]) -> None:
    screen = session.screen
    if screen.shows_objects or screen.format == "table":
        screen.item(figures, COLUMNS, key="deployments")
        builds = amounts(reversed(rows), "buildDurationMs")[-max(screen.size()[0] - 2, 1) :]
        if screen.format == "table" and builds and screen.unicode:
            span = f"{duration_ms(min(builds))} to {duration_ms(max(builds))}"
            screen.lines(["", f"Build times, oldest first ({span})", f"  {draw_trend(builds)}"])
    else:
        counts = {f"by_status.{status}": count for status, count in figures["by_status"].items()}
        lines = {"deployments": figures["deployments"], **counts, **figures}
        del lines["by_status"]
        screen.rows([[{"metric": name, "value": value} for name, value in lines.items()]], METRICS, key="metric")


def summarize(groups: Sequence[Sequence[Mapping[str, Any]]], since: float | None = None) -> dict[str, Any]:
    """Return the figures of the deployments of some projects, newest first; a figure without any values is None.

    Rates are the shares of READY or ERROR among both, 0 to 1; the bundle is that of one project; medians of the times
    from a failed build to the next READY one of its branch, and from a commit to READY, are between ends of builds.
    """
    rows = [row for group in groups for row in group]
    statuses = [status if isinstance(status := row.get("status"), str) else "" for row in rows]
    ended = [status for status in statuses if status in ENDED]
    success = round(ended.count(READY) / len(ended), 4) if ended else None
    bundles = amounts(rows, "bundleSizeKb") if len(groups) == 1 else []
    return {
        "deployments": len(rows),
        "by_status": {name: statuses.count(name) for name in dict.fromkeys([*STATUSES, *statuses])},
        "per_week": round(sum(_per_week(group, since) for group in groups), 2),
        "success_rate": success,
        "failure_rate": None if success is None else round(1 - success, 4),
        "build_ms_p50": median(amounts(rows, "buildDurationMs")),
        "bundle_kb_latest": bundles[0] if bundles else None,
        "error_to_ready_ms_p50": median([time for group in groups for time in _recovery_times(group)]),
        "commit_to_ready_ms_p50": median(amounts(rows, LEAD)),
    }


def _per_week(rows: Sequence[Mapping[str, Any]], since: float | None) -> float:
    """Return the rate over a period; without one, since the oldest deployment, but at least a day."""
    moments = [moment for row in rows if (moment := epoch(row.get("created_at"))) is not None]
    if since is None:
        since = max(time.time() - min(moments), DAY) if moments else DAY
    return len(rows) / since * 7 * DAY


def _end(row: Mapping[str, Any]) -> float | None:
    """Return when a deployment ended, in seconds: its build is counted from its creation."""
    created = epoch(row.get("created_at"))
    return None if created is None else created + sum(amounts([row], "buildDurationMs")) / 1000


def _recovery_times(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the milliseconds from each first ERROR of a branch to its next READY."""
    failed: dict[Any, float] = {}
    times: list[float] = []
    for row in reversed(rows):
        branch, end = str(row.get("branch")), _end(row)
        if end is None:
            continue
        if row.get("status") == ERROR:
            failed.setdefault(branch, end)
        elif row.get("status") == READY and branch in failed:
            times.append(max(round((end - failed.pop(branch)) * 1000), 0))
    return times


def _add_lead_times(session: Session, project_id: str | None, rows: list[dict[str, Any]]) -> None:
    """Add the milliseconds from its commit, where this clone has it, to each deployment that is READY."""
    known, cwd = KnownCommits(session, project_id), find_cwd(session)
    ready = [row for row in rows if row.get("status") == READY and is_name(row.get("id"))]
    shas = {row["id"]: sha for row in ready if (sha := known.find(row))}
    if cwd is None or not shas:
        return
    made = git.commit_times(cwd, [*dict.fromkeys(shas.values())][:MAX_COMMITS])
    for row in ready:
        committed, end = made.get(shas.get(row["id"], "")), _end(row)
        if committed is not None and end is not None and end >= committed:
            row[LEAD] = round((end - committed) * 1000)


def draw_trend(values: Sequence[float]) -> str:
    """Draw values as one block each, from the lowest to the highest; in the middle if they are equal."""
    low, high = min(values), max(values)
    if low == high:
        return BLOCKS[3] * len(values)
    return "".join([BLOCKS[round((value - low) / (high - low) * 7)] for value in values])


def read_deployments(
    session: Session, refs: Sequence[ProjectRef], last: int | None, since: float | None
) -> tuple[dict[ProjectRef, list[dict[str, Any]]], dict[ProjectRef, DpxError]]:
    """Return the last deployments of each project, newest first, and the errors of projects that can't be read.

    The reference shows build time and bundle size on a single deployment only, so each ended one whose row lacks them
    is requested, eight at a time.
    """

    def read(client: Client, ref: ProjectRef) -> list[dict[str, Any]]:
        selection = Selection(session, ref.id or "", Filters(since=since), limit=last, client=client)
        return [row for page in selection.pages for row in page]

    outcome = several.run(refs, read, session.client_for if len(refs) > 1 else lambda: session.client)
    groups = {ref: outcome.results[ref] for ref in refs if ref in outcome.results}
    ended = [row for rows in groups.values() for row in rows if row.get("status") in ENDED and is_name(row.get("id"))]
    lacking = {row["id"]: None for row in ended if not all(key in row for key in DETAILS)}
    if lacking:
        with Progress(session.screen, len(lacking), "deployments") as bar:
            details = several.run([*lacking], _read_details, session.client_for, bar)
        for failure in details.failures.values():
            raise failure
        for rows in groups.values():
            rows[:] = [{**row, **details.results.get(str(row.get("id")), {})} for row in rows]
    for ref, rows in groups.items():
        _add_lead_times(session, ref.id, rows)
    return groups, outcome.failures


def _read_details(client: Client, deployment_id: str) -> dict[str, Any]:
    """Return one deployment; {} if it was deleted after it was listed."""
    with contextlib.suppress(NotFound):
        return deployments.get_deployment(client, deployment_id)
    return {}
