"""Pauses between tries: they grow, a server may ask for more, and none outlasts the deadline."""

from __future__ import annotations

from dpx_cli.api.retry import Backoff, Deadline


def test_pauses_grow_up_to_a_limit_and_begin_again() -> None:
    """A server that asks for more gets more, and never less."""
    slept: list[float] = []
    backoff = Backoff(1.0, 2.0, 5.0, Deadline(3600.0), slept.append)
    for at_least in (0.0, 0.0, 60.0, 0.5):
        assert backoff.wait(at_least)
    backoff.reset()
    assert backoff.wait()
    assert slept == [1.0, 2.0, 60.0, 5.0, 1.0]


def test_a_pause_beyond_the_deadline_is_not_begun() -> None:
    """Nor one that the server asked for."""
    slept: list[float] = []
    assert not Backoff(1.0, 2.0, 5.0, Deadline(0.5), slept.append).wait()
    assert Backoff(0.1, 2.0, 5.0, Deadline(60.0), slept.append).wait(59.0)
    assert slept == [59.0]
    assert not Backoff(0.1, 2.0, 5.0, Deadline(60.0), slept.append).wait(61.0)


def test_jitter_shortens_by_half_at_most() -> None:
    """What the server asks for is not shortened."""
    slept: list[float] = []
    backoff = Backoff(1.0, 1.0, 1.0, Deadline(3600.0), slept.append, jitter=True)
    for _ in range(50):
        assert backoff.wait()
    assert all(0.5 <= pause <= 1.0 for pause in slept)
    assert len(set(slept)) > 1
    assert backoff.wait(2.0)
    assert slept[-1] == 2.0
