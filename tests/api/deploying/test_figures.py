"""The figures of `deploy stats`, and its drawings: for none, one, two and many deployments, and for odd values."""

from __future__ import annotations

from typing import Any

import pytest

from dpx_cli.api.deploying import figures as stats

NOTHING = {
    "deployments": 0,
    "by_status": {"QUEUED": 0, "BUILDING": 0, "READY": 0, "ERROR": 0},
    "success_rate": None,
    "build_ms_p50": None,
    "build_ms_p95": None,
    "build_ms_mean": None,
    "bundle_kb_latest": None,
    "bundle_kb_mean": None,
    "by_branch": [],
}


def ready(ms: Any = None, kb: Any = None, branch: Any = "main") -> dict[str, Any]:
    """A deployment that is READY."""
    return {"status": "READY", "branch": branch, "buildDurationMs": ms, "bundleSizeKb": kb}


def test_of_no_deployment() -> None:
    """Zeros and Nones, no division by zero."""
    assert stats.summary([]) == NOTHING
    assert stats.sparkline([], unicode=True) == ""


def test_of_one_deployment() -> None:
    """It is its own median, mean and p95."""
    found = stats.summary([ready(45000, 1024)])
    assert found["success_rate"] == 1
    assert found["build_ms_p50"] == found["build_ms_p95"] == found["build_ms_mean"] == 45000
    assert found["bundle_kb_latest"] == found["bundle_kb_mean"] == 1024
    assert found["by_branch"] == [
        {"branch": "main", "deployments": 1, "ready": 1, "error": 0, "success_rate": 1, "build_ms_p50": 45000}
    ]


def test_of_two_deployments() -> None:
    """By nearest rank the median of two is the smaller, p95 the larger; the latest stands first."""
    found = stats.summary([ready(10, 5), ready(21, 8)])
    assert (found["build_ms_p50"], found["build_ms_p95"], found["build_ms_mean"]) == (10, 21, 16)
    assert (found["bundle_kb_latest"], found["bundle_kb_mean"]) == (5, 6)


@pytest.mark.parametrize(
    ("percent", "wanted"), [(0, 1), (5, 1), (5.1, 2), (50, 10), (50.1, 11), (95, 19), (95.1, 20), (100, 20)]
)
def test_percentiles_are_nearest_rank(percent: float, wanted: int) -> None:
    """Of 1 to 20, in any order."""
    assert stats.percentile([*range(20, 10, -1), *range(1, 11)], percent) == wanted


def test_success_is_of_those_that_ended() -> None:
    """What is going on counts for neither; so does a status that nobody knows."""
    deployments = [{"status": status} for status in ("QUEUED", "BUILDING", "READY", "READY", "ERROR", "PAUSED", None)]
    found = stats.summary(deployments)
    assert found["success_rate"] == 0.6667
    assert found["by_status"] == {"QUEUED": 1, "BUILDING": 1, "READY": 2, "ERROR": 1, "PAUSED": 1, "": 1}
    assert stats.success_rate([{"status": "QUEUED"}]) is None
    assert stats.success_rate([{"status": "ERROR"}]) == 0


@pytest.mark.parametrize("odd", [None, True, "45000", -1, float("nan"), float("inf"), [], {}, 10**400])
def test_odd_values_count_as_not_there(odd: Any) -> None:
    """They are a server's."""
    found = stats.summary([ready(odd, odd), ready(7, 9)])
    assert (found["build_ms_p50"], found["bundle_kb_latest"], found["build_ms_mean"]) == (7, 9, 7)


def test_branches_come_by_size_then_name() -> None:
    """One without a branch is one of its own."""
    found = stats.by_branch(
        [ready(branch="b"), ready(branch="a"), ready(branch="c"), ready(branch="c"), ready(branch=7)]
    )
    assert [(branch["branch"], branch["deployments"]) for branch in found] == [("c", 2), ("", 1), ("a", 1), ("b", 1)]


def test_metrics_are_the_same_figures_by_name() -> None:
    """Each on a line of its own, in a fixed order."""
    found = stats.metrics(stats.summary([ready(10, 5), {"status": "ERROR", "branch": "x.y"}]))
    assert found[:6] == [
        ("deployments", 2),
        ("by_status.QUEUED", 0),
        ("by_status.BUILDING", 0),
        ("by_status.READY", 1),
        ("by_status.ERROR", 1),
        ("success_rate", 0.5),
    ]
    assert ("by_branch.x.y.error", 1) in found
    assert ("by_branch.x.y.build_ms_p50", None) in found


def test_a_sparkline_goes_from_lowest_to_highest() -> None:
    """One character a value, all the same where the values are."""
    assert stats.sparkline([0, 7, 14], unicode=True) == "▁▅█"
    assert stats.sparkline([3, 3], unicode=True) == "▄▄"
    assert stats.sparkline(range(8), unicode=True) == "▁▂▃▄▅▆▇█"
    assert stats.sparkline(range(8), unicode=False) == "_.-=+*#@"


@pytest.mark.parametrize(
    ("filled", "total", "most", "wanted"),
    [
        (4, 4, 4, "########"),
        (2, 4, 4, "####----"),
        (0, 4, 4, "--------"),
        (0, 0, 4, ""),
        (1, 1, 900, "#"),
        (0, 1, 900, "-"),
        (899, 900, 900, "#######-"),
    ],
)
def test_a_bar_hides_nothing_that_is_not_zero(filled: int, total: int, most: int, wanted: str) -> None:
    """Neither a small number nor a single failure."""
    assert stats.bar(filled, total, most, 8, unicode=False) == wanted
    assert len(stats.bar(filled, total, most, 8, unicode=True)) == len(wanted)
