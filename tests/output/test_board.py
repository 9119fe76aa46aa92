"""The live table of several things: what it shows, and that it fits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dpx_cli.output.board import Board, Row
from dpx_cli.output.width import width

if TYPE_CHECKING:
    from tests.output.conftest import Terminal


def row(name: str, state: str = "", *, ago: float | None = None, seconds: float | None = None) -> Row:
    """Make a row that began some seconds ago."""
    made = Row(name)
    made.state = state
    made.started = None if ago is None else time.monotonic() - ago
    made.seconds = seconds
    return made


def test_a_row_tells_state_time_and_estimate(terminal: Terminal) -> None:
    """And that it waits."""
    building = row("docs", "BUILDING", ago=5)
    building.usual = 40
    board = Board(terminal.screen(), [building, row("storefront", "READY", ago=9, seconds=3), row("api")])
    assert board.lines(80, 20) == [
        "docs        BUILDING  5 s of about 40 s",
        "storefront  READY  3 s",
        "api         waiting",
    ]


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_no_line_is_wider_than_the_terminal(terminal: Terminal, columns: int) -> None:
    """Whatever the names are."""
    board = Board(terminal.screen(), [row("日本語" * 20, "BUILDING\x1b[31m", ago=100), row("x" * 100)])
    for line in board.lines(columns, 20):
        assert width(line) <= columns
        assert "\x1b" not in line


def test_what_goes_on_is_shown_first_if_there_is_too_little_room(terminal: Terminal) -> None:
    """The rest is counted."""
    rows = [row(f"old-{number}", "READY", ago=9, seconds=1) for number in range(10)]
    rows += [row("now", "BUILDING", ago=1), row("later")]
    lines = Board(terminal.screen(), rows).lines(80, 4)
    assert [line.split()[0] for line in lines] == ["old-0", "old-1", "now", "and"]
    assert lines[-1] == "and 9 more: 10 ended, 1 running, 1 waiting"


def test_it_is_erased_for_what_else_is_written_and_at_the_end(terminal: Terminal) -> None:
    """No debris is left."""
    screen = terminal.screen()
    with Board(screen, [row("docs", "BUILDING", ago=1)]):
        terminal.wait_for("docs  BUILDING")
        screen.done("a note")
        terminal.wait_for("a note")
    shown = terminal.finish()
    assert "\x1b[1A\r\x1b[Ja note\n" in shown
    assert shown.endswith(("\x1b[1A\r\x1b[J", "a note\n"))
    assert screen.overlay is None
