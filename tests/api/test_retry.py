"""Pauses between tries: they grow, a server may ask for more, and none outlasts the deadline."""

from __future__ import annotations

import pytest

from dpx_cli.api.retry import Backoff, Deadline
from dpx_cli.system import signals


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, which take no time."""
    pauses: list[float] = []
    monkeypatch.setattr(signals, "sleep", pauses.append)
    return pauses


def test_pauses_grow_up_to_a_limit_and_begin_again(slept: list[float]) -> None:
    """A server that asks for more gets more, and never less; a pause beyond the deadline is not begun."""
    backoff = Backoff(1.0, 2.0, 5.0, Deadline(100.0))
    assert [backoff.wait(at_least) for at_least in (0.0, 0.0, 60.0, 0.5, 101.0)] == [True, True, True, True, False]
    backoff.reset()
    assert backoff.wait()
    assert slept == [1.0, 2.0, 60.0, 5.0, 1.0]
    assert not Backoff(1.0, 2.0, 5.0, Deadline(0.5)).wait()


def test_jitter_shortens_by_half_at_most(slept: list[float]) -> None:
    """What the server asks for is not shortened."""
    backoff = Backoff(1.0, 1.0, 1.0, Deadline(3600.0), jitter=True)
    assert all(backoff.wait() for _ in range(50))
    assert all(0.5 <= pause <= 1.0 for pause in slept)
    assert len(set(slept)) > 1
    assert backoff.wait(2.0)
    assert slept[-1] == 2.0
