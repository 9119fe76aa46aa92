"""`dpx deploy stats`: statistics of the last deployments."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dpx_cli.api import deployments, parallel
from dpx_cli.api.deploy.figures import amounts, median
from dpx_cli.commands import ONE, READ, effect
from dpx_cli.commands.deploy import GROUP
from dpx_cli.errors import NotFound
from dpx_cli.output.columns import Column
from dpx_cli.output.display import ProgressBar
from dpx_cli.output.format import duration_ms, size_kb
from dpx_cli.reference import ENDED, READY, STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Any

    from dpx_cli.api.client import Client
    from dpx_cli.cli.options import Project, count, option
    from dpx_cli.session import Session

LAST = 20  # deployments; the default of --last
DETAILS = ("buildDurationMs", "bundleSizeKb")
BLOCKS, ASCII = "▁▂▃▄▅▆▇█", "_.-=+*#@"


def _percent(share: Any) -> str:
    return f"{share * 100:.0f}%" if isinstance(share, int | float) else ""


COLUMNS = (
    Column("Deployments", "deployments"),
    Column("Succeeded", "success_rate", show=_percent),
    Column("Median build", "build_ms_p50", show=duration_ms),
    Column("Bundle", "bundle_kb_latest", show=size_kb),
)
METRICS = (Column("Metric", "metric"), Column("Value", "value"))


@GROUP.command("stats", epilog="dpx deploy stats --project storefront --last 50")
@effect(READ, prints=ONE)
def stats(
    session: Session,
    project: Project = None,
    last: Annotated[int, option("--last", "N", "Over the last N deployments. [default: 20]", parser=count)] = LAST,
) -> None:
    """Show how the last deployments went: success, build time, bundle size.

    Off a terminal each figure is one line, its name and its value with a tab between.
    """
    rows = session.projects.on(project, lambda project_id: read_deployments(session, project_id, last))
    figures = summarize(rows)
    screen = session.screen
    if screen.shows_objects or screen.format == "table":
        screen.item(figures, COLUMNS, key="deployments")
        builds = amounts(reversed(rows), "buildDurationMs")[-max(screen.size()[0] - 2, 1) :]
        if screen.format == "table" and builds:
            span = f"{duration_ms(min(builds))} to {duration_ms(max(builds))}"
            trend = draw_trend(builds, BLOCKS if screen.unicode else ASCII)
            screen.lines(["", f"Build times, oldest first ({span})", f"  {trend}"])
    else:
        screen.items([{"metric": name, "value": value} for name, value in _flatten(figures)], METRICS, key="metric")


def summarize(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of some deployments, newest first; a figure without any values is None.

    Keys: "deployments" (how many), "by_status" (status -> how many; the documented ones always), "success_rate" (READY
    among READY and ERROR, 0 to 1), "build_ms_p50" (the median), "bundle_kb_latest".
    """
    statuses = [status if isinstance(status := row.get("status"), str) else "" for row in rows]
    ended = [status for status in statuses if status in ENDED]
    bundles = amounts(rows, "bundleSizeKb")
    return {
        "deployments": len(rows),
        "by_status": {name: statuses.count(name) for name in dict.fromkeys([*STATUSES, *statuses])},
        "success_rate": round(ended.count(READY) / len(ended), 4) if ended else None,
        "build_ms_p50": median(amounts(rows, "buildDurationMs")),
        "bundle_kb_latest": bundles[0] if bundles else None,
    }


def draw_trend(values: Sequence[float], marks: str) -> str:
    """Draw values as one mark each, from the lowest to the highest; all of the same height if they are equal."""
    low, high = min(values), max(values)
    if low == high:
        return marks[len(marks) // 2 - 1] * len(values)
    return "".join([marks[round((value - low) / (high - low) * (len(marks) - 1))] for value in values])


def read_deployments(session: Session, project_id: str, last: int) -> list[dict[str, Any]]:
    """Return the last deployments, newest first, each with its build time and bundle size if the API has them.

    The reference shows build time and bundle size on a single deployment only, so each ended one whose row lacks them
    is requested, eight at a time.
    """
    pages = deployments.list_deployments(session.client, project_id, limit=last)
    rows = [row for page in pages for row in page]
    lacking = [
        row["id"]
        for row in rows
        if row.get("status") in ENDED and isinstance(row.get("id"), str) and not all(key in row for key in DETAILS)
    ]
    if not lacking:
        return rows
    unique = list(dict.fromkeys(lacking))
    with ProgressBar(session.screen, len(unique), "deployments") as bar:
        whole = parallel.for_each(
            unique,
            _read_details,
            client=lambda: session.client_for(session.token()),
            done=lambda _: bar.advance(),
        )
    details = dict(zip(unique, whole, strict=True))
    return [{**row, **details.get(str(row.get("id")), {})} for row in rows]


def _read_details(client: Client, deployment_id: str) -> dict[str, Any]:
    """Return one deployment; {} if it was deleted after it was listed."""
    with contextlib.suppress(NotFound):
        return deployments.get_deployment(client, deployment_id)
    return {}


def _flatten(figures: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return figures as pairs of a name and a number; nested names are joined by dots: "by_status.READY"."""
    pairs: list[tuple[str, Any]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            pairs.extend((f"{name}.{key}", number) for key, number in value.items())
        else:
            pairs.append((name, value))
    return pairs
