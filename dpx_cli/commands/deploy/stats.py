"""`dpx deploy stats`: statistics of the last deployments. `figures.py` computes and draws them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dpx_cli.commands import ONE, READ, effect
from dpx_cli.commands.deploy import GROUP
from dpx_cli.errors import NotFound
from dpx_cli.output.columns import Column
from dpx_cli.output.format import duration_ms, size_kb
from dpx_cli.reference import ENDED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Any

    import typer

    from dpx_cli.api.client import Client
    from dpx_cli.cli.options import Project, count
    from dpx_cli.output.screen import Screen
    from dpx_cli.session import Session

LAST = 20  # deployments; the default of --last
BAR = 24  # columns
MAX_BRANCHES = 10  # bars on a terminal; --json has all
TOLD = ("buildDurationMs", "bundleSizeKb")


def _percent(rate: Any) -> str:
    return f"{rate * 100:.0f} %" if isinstance(rate, int | float) else ""


COLUMNS = (
    Column("Deployments", "deployments"),
    Column("Succeeded", "success_rate", show=_percent),
    Column("Build p50", "build_ms_p50", show=duration_ms),
    Column("Build p95", "build_ms_p95", show=duration_ms),
    Column("Build mean", "build_ms_mean", show=duration_ms),
    Column("Bundle", "bundle_kb_latest", show=size_kb),
    Column("Bundle mean", "bundle_kb_mean", show=size_kb),
)
METRICS = (Column("Metric", "metric"), Column("Value", "value"))


@GROUP.command("stats", epilog="dpx deploy stats --project storefront --last 50")
@effect(READ, prints=ONE)
def stats(
    session: Session,
    project: Project = None,
    last: Annotated[
        int, typer.Option("--last", metavar="N", help="Over the last N deployments. [default: 20]", parser=count)
    ] = LAST,
) -> None:
    """Show how the last deployments went: success, build time, bundle size, branches.

    Percentiles are nearest-rank: p95 is the shortest build time that 95 % of the builds did not exceed. Off a terminal
    each figure is one line, its name and its value with a tab between.
    """
    from dpx_cli.api.deploying import figures as figures_of

    deployments = session.projects.on(project, lambda project_id: _deployments(session, project_id, last))
    figures = figures_of.summary(deployments)
    screen = session.screen
    if screen.shows_objects:
        screen.item(figures, COLUMNS, key="deployments")
    elif screen.format == "table":
        screen.item(figures, COLUMNS, key="deployments")
        screen.lines(_drawings(screen, deployments, figures))
    else:
        rows = [{"metric": name, "value": value} for name, value in figures_of.metrics(figures)]
        screen.items(rows, METRICS, key="metric")


def _deployments(session: Session, project_id: str, last: int) -> list[dict[str, Any]]:
    """Return the last deployments, newest first, each with its build time and bundle size if the API has them.

    The reference shows build time and bundle size on a single deployment only, so each ended one whose row lacks them
    is requested, eight at a time.
    """
    from dpx_cli.api import deployments
    from dpx_cli.api.parallel import for_each

    found = [row for page in deployments.list_deployments(session.client, project_id, limit=last) for row in page]
    lacking = [
        row["id"]
        for row in found
        if row.get("status") in ENDED and isinstance(row.get("id"), str) and not all(key in row for key in TOLD)
    ]
    if not lacking:
        return found
    unique = list(dict.fromkeys(lacking))
    with session.screen.progress(len(unique), "deployments") as bar:
        whole = for_each(
            unique,
            _details,
            client=lambda: session.client_for(session.token()),
            done=lambda _: bar.advance(),
        )
    told = dict(zip(unique, whole, strict=True))
    return [{**row, **told.get(str(row.get("id")), {})} for row in found]


def _details(client: Client, deployment_id: str) -> dict[str, Any]:
    """Return one deployment; {} if it was deleted after it was listed."""
    from dpx_cli.api import deployments

    with contextlib.suppress(NotFound):
        return deployments.get_deployment(client, deployment_id)
    return {}


def _drawings(screen: Screen, deployments: Sequence[Mapping[str, Any]], figures: Mapping[str, Any]) -> list[str]:
    """Return a sparkline of the build times, oldest first, and a bar for each branch."""
    from dpx_cli.api.deploying.figures import amounts, bar, sparkline
    from dpx_cli.output.neutralize import neutralize
    from dpx_cli.output.width import ELLIPSIS, cut, width

    lines = []
    if builds := amounts(reversed(deployments), "buildDurationMs"):
        # Only the newest builds, if the terminal has no room for all.
        drawn = builds[-max(screen.width - 2, 1) :]
        span = f"{duration_ms(min(drawn))} to {duration_ms(max(drawn))}"
        lines += ["", f"Build times, oldest first ({span})", f"  {sparkline(drawn, unicode=screen.unicode)}"]
    branches = figures["by_branch"]
    if branches:
        names = [neutralize(branch["branch"]) or "(none)" for branch in branches[:MAX_BRANCHES]]
        margin = min(max(width(name) for name in names), max(screen.width - BAR - 40, 12))
        most = max(branch["deployments"] for branch in branches)
        lines += ["", "Branches"]
        for name, branch in zip(names, branches, strict=False):
            short = cut(name, margin, ELLIPSIS if screen.unicode else "...")
            drawing = bar(branch["ready"], branch["deployments"], most, BAR, unicode=screen.unicode)
            said = f"{branch['ready']} of {branch['deployments']} ready"
            if branch["build_ms_p50"] is not None:
                said += f", p50 {duration_ms(branch['build_ms_p50'])}"
            lines.append(f"  {short}{' ' * (margin - width(short))}  {drawing}{' ' * (BAR - len(drawing))}  {said}")
        if len(branches) > MAX_BRANCHES:
            lines.append(f"  and {len(branches) - MAX_BRANCHES} more: --json has all")
    return lines
