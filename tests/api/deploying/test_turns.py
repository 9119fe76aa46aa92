"""Who deploys next if there are too few build slots."""

from __future__ import annotations

import threading
import time

from dpx_cli.api.deploying.turns import Turn, Turns
from dpx_cli.api.retry import Deadline


def test_nobody_waits_while_there_are_slots() -> None:
    """All may deploy at once."""
    turns = Turns()
    assert all(Turn(turns, Deadline(5)).enter() for _ in range(3))


def test_each_in_turn() -> None:
    """After a 429 a job goes to the end of the line; a slot that was freed lets the first one try."""
    turns = Turns()
    tried: list[str] = []

    def job(name: str, *, busy: int) -> None:
        turn = Turn(turns, Deadline(20))
        assert turn.enter()
        for _ in range(busy):
            tried.append(f"{name} busy")
            assert turn.wait(30, asked=False)
        tried.append(name)
        turn.leave()

    first = threading.Thread(target=job, args=("a",), kwargs={"busy": 2})
    first.start()
    wait_for(lambda: len(turns.line) == 1)
    second = threading.Thread(target=job, args=("b",), kwargs={"busy": 0})
    second.start()
    wait_for(lambda: len(turns.line) == 2)
    for _ in range(3):
        turns.slot_freed()
        time.sleep(0.05)
    first.join(10)
    second.join(10)
    assert tried == ["a busy", "a busy", "b", "a"]


def test_a_pause_that_the_server_asked_for_is_kept() -> None:
    """A slot that was freed doesn't end it."""
    turns = Turns()
    turn = Turn(turns, Deadline(5))
    turn.enter()
    threading.Timer(0.05, turns.slot_freed).start()
    began = time.monotonic()
    assert turn.wait(0.3, asked=True)
    assert time.monotonic() - began >= 0.3


def test_the_wait_ends_at_the_deadline_and_when_all_is_stopped() -> None:
    """The job leaves the line then, and the next one is the first."""
    turns = Turns()
    late = Turn(turns, Deadline(0.1))
    assert not late.wait(30, asked=False)
    assert not turns.line
    other = Turn(turns, Deadline(30))
    threading.Timer(0.1, turns.stop).start()
    assert not other.wait(30, asked=False)
    assert not Turn(turns, Deadline(30)).enter()


def wait_for(holds: object) -> None:
    """Wait until something holds."""
    assert callable(holds)
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
