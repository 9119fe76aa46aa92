"""Compute statistics of deployments for `dpx deploy stats`, and draw them as a sparkline and bars.

It imports nothing of dpx. The deployments come from a server, so a value whose type isn't the reference's counts as
missing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dpx_cli.reference import ERROR, READY, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-=+*#@"


def summary(deployments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of some deployments, newest first, as one JSON object.

    Keys: "deployments" (how many), "by_status" (status -> how many; the documented ones always, others as they come),
    "success_rate" (READY of READY and ERROR, 0 to 1), "build_ms_p50", "build_ms_p95", "build_ms_mean" (milliseconds,
    of every deployment with a build time), "bundle_kb_latest" and "bundle_kb_mean" (KB), and "by_branch" (a
    list, the branch with the most deployments first, of "branch", "deployments", "ready", "error", "success_rate",
    "build_ms_p50"). A figure without any values is None.
    """
    builds = amounts(deployments, "buildDurationMs")
    bundles = amounts(deployments, "bundleSizeKb")
    return {
        "deployments": len(deployments),
        "by_status": _count([*STATUSES], (item.get("status") for item in deployments)),
        "success_rate": success_rate(deployments),
        "build_ms_p50": percentile(builds, 50),
        "build_ms_p95": percentile(builds, 95),
        "build_ms_mean": mean(builds),
        "bundle_kb_latest": bundles[0] if bundles else None,
        "bundle_kb_mean": mean(bundles),
        "by_branch": by_branch(deployments),
    }


def by_branch(deployments: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the figures of each branch, the one with the most deployments first; see `summary`."""
    branches: dict[str, list[Mapping[str, Any]]] = {}
    for item in deployments:
        branch = item.get("branch")
        branches.setdefault(branch if isinstance(branch, str) else "", []).append(item)
    return [
        {
            "branch": branch,
            "deployments": len(items),
            "ready": sum(item.get("status") == READY for item in items),
            "error": sum(item.get("status") == ERROR for item in items),
            "success_rate": success_rate(items),
            "build_ms_p50": percentile(amounts(items, "buildDurationMs"), 50),
        }
        for branch, items in sorted(branches.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    ]


def amounts(deployments: Iterable[Mapping[str, Any]], key: str) -> list[float]:
    """Return the values of a key that are numbers from 0 up, in the order of the deployments."""
    found = []
    for item in deployments:
        value = item.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15:  # noqa: PLR2004 - no such build
            found.append(value)
    return found


def success_rate(deployments: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the share of READY in those that ended (READY or ERROR), to four digits; None if none has ended."""
    ended = [item["status"] for item in deployments if item.get("status") in (READY, ERROR)]
    return round(ended.count(READY) / len(ended), 4) if ended else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the nearest-rank percentile: the smallest value that at least `percent` % of all do not exceed.

    It is always one of the values, never between two of them; None without values.
    """
    if not values:
        return None
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]


def mean(values: Sequence[float]) -> int | None:
    """Return the arithmetic mean, rounded to a whole number; None without values."""
    return round(math.fsum(values) / len(values)) if values else None


def metrics(figures: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return a `summary` as pairs of a name and a number (or None), in a fixed order.

    Names are its keys; nested ones are joined by dots: "by_status.READY", "by_branch.main.success_rate".
    """
    found: list[tuple[str, Any]] = []
    for name, value in figures.items():
        if name == "by_status":
            found.extend((f"by_status.{status}", count) for status, count in value.items())
        elif name == "by_branch":
            found.extend(
                (f"by_branch.{branch['branch']}.{key}", number)
                for branch in value
                for key, number in branch.items()
                if key != "branch"
            )
        else:
            found.append((name, value))
    return found


def sparkline(values: Sequence[float], *, unicode: bool) -> str:
    """Draw values as one character each, from the lowest to the highest; all of the same height if they are equal."""
    if not values:
        return ""
    marks = _BLOCKS if unicode else _ASCII
    low, high = min(values), max(values)
    if low == high:
        return marks[len(marks) // 2 - 1] * len(values)
    return "".join([marks[round((value - low) / (high - low) * (len(marks) - 1))] for value in values])


def bar(filled: int, total: int, most: int, room: int, *, unicode: bool) -> str:
    """Draw `total` as a bar that would take `room` characters for `most`, with its first `filled` parts solid.

    A part that isn't zero takes at least one character.
    """
    length = _cells(total, most, room)
    solid = min(_cells(filled, most, room), length - 1 if filled < total and length > 1 else length)
    on, off = ("█", "░") if unicode else ("#", "-")
    return on * solid + off * (length - solid)


def _cells(part: int, most: int, room: int) -> int:
    return max(round(part / most * room), 1) if part and most else 0


def _count(known: Sequence[str], statuses: Iterable[Any]) -> dict[str, int]:
    counts = dict.fromkeys(known, 0)
    for status in statuses:
        name = status if isinstance(status, str) else ""
        counts[name] = counts.get(name, 0) + 1
    return counts
