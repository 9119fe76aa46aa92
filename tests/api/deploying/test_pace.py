"""When a deployment is polled: often when its end is likely, seldom before, and soon at first."""

from __future__ import annotations

import runpy
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dpx_cli.api.deploying import pace
from dpx_cli.api.deploying.pace import Pace


def polls(interval: Pace, seconds: float, *, queued: float = 0.0) -> list[float]:
    """Return the moments at which a build that never ends is polled."""
    moments, at = [], 0.0
    while at < seconds:
        moments.append(at)
        at += interval.pause(at, "QUEUED" if at < queued else "BUILDING")
    return moments


def test_without_past_builds_the_interval_grows_to_five_seconds() -> None:
    """From a first poll that comes soon."""
    moments = polls(Pace(), 100)
    gaps = [after - before for before, after in pairwise(moments)]
    assert gaps[0] == pytest.approx(0.3)
    assert gaps == sorted(gaps)
    assert gaps[-1] == 5.0


@pytest.mark.parametrize("queued", [0.0, 20.0])
def test_polls_are_dense_where_the_end_is_likely(queued: float) -> None:
    """Counted from when the build began."""
    moments = polls(Pace([60, 62, 58, 61, 59]), 150, queued=queued)
    likely = [at - queued for at in moments if 52 < at - queued < 68]
    early = [at - queued for at in moments if 25 < at - queued < 50]
    assert len(likely) > 8
    assert len(early) <= 3
    late = [at for at in moments if at - queued > 90]
    assert max(after - before for before, after in pairwise(late)) <= 5.0


def test_a_build_that_fails_early_is_noticed_soon() -> None:
    """Within as much time again as it took, but for the first seconds."""
    moments = polls(Pace([300, 310, 290]), 100)
    for failed in (3.0, 10.0, 30.0):
        noticed = next(at for at in moments if at >= failed)
        assert noticed - failed <= failed + 1.5


@pytest.mark.parametrize("builds", [[], [30.0], [0.0, 0.0]])
def test_too_few_builds_say_nothing(builds: list[float]) -> None:
    """Nor do such of no time."""
    assert not Pace(builds).is_informed
    assert polls(Pace(builds), 50) == polls(Pace(), 50)


def test_past_builds_are_asked_for_once_and_only_of_a_longer_build() -> None:
    """Where the list doesn't tell them."""
    asked: list[int] = []

    def ask() -> list[float]:
        asked.append(1)
        return [60.0, 61.0]

    interval = Pace(ask=ask)
    polls(interval, 2.5)
    assert asked == []
    polls(interval, 100)
    assert asked == [1]
    assert interval.usual == pytest.approx(60.5, abs=0.1)


def test_the_builds_of_rows() -> None:
    """Of the branch if it has enough, else of all; only of READY ones, and only numbers."""
    rows: list[dict[str, Any]] = [
        {"status": "READY", "branch": "main", "buildDurationMs": 1000, "id": "a"},
        {"status": "ERROR", "branch": "main", "buildDurationMs": 9000, "id": "b"},
        {"status": "READY", "branch": "main", "buildDurationMs": 3000, "id": "c"},
        {"status": "READY", "branch": "next", "buildDurationMs": 7000, "id": "d"},
        {"status": "READY", "branch": "next", "buildDurationMs": "5", "id": "e"},
    ]
    assert pace.of_rows(rows, "main") == [1.0, 3.0]
    assert pace.of_rows(rows, "next") == [1.0, 3.0, 7.0]
    assert pace.to_ask(rows, "next") == ["d", "e"]


def test_polling_by_past_builds_halves_the_delay() -> None:
    """The benchmark's figures, over all kinds of builds: half of the delay with no more requests."""
    polling: Any = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "polling.py")))
    found = [polling.measure(*kind) for kind in polling.KINDS.values()]
    delay = {name: sum(kind[name][0] for kind in found) for name in found[0]}
    requests = {name: sum(kind[name][1] for kind in found) for name in found[0]}
    assert delay["past builds"] < delay["growing"] / 2
    assert requests["past builds"] <= requests["growing"]
