"""Status lines, counts and live tables: redrawn in place on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from dpx_cli.output.display import LiveTable, Progress, Row, StatusLine
from dpx_cli.output.terminal import width

if TYPE_CHECKING:
    from tests.output.conftest import Terminal

ERASED = "\x1b[1A\r\x1b[J"  # one line up, and everything from there


@pytest.mark.parametrize(
    "env", [{"CI": "true", "TERM": "xterm"}, {"ACCESSIBLE": "1", "TERM": "xterm"}, {"TERM": "dumb"}]
)
def test_where_nothing_animates_each_change_is_one_plain_line(terminal: Terminal, env: dict[str, str]) -> None:
    """The same text is written once, a count not at all."""
    screen = terminal.screen(env=env)
    with StatusLine(screen) as line, Progress(screen, 40, "variables") as bar:
        line.update("QUEUED")
        line.update("QUEUED")
        bar.advance(40)
        line.update("BUILDING\x1b")
    assert terminal.finish() == "QUEUED\nBUILDING\\x1b\n"


def test_on_a_terminal_one_line_is_rewritten_and_erased(terminal: Terminal) -> None:
    """It stays on its line of the terminal, and at the end nothing is left."""
    with StatusLine(terminal.screen()) as line:
        line.update("BUILDING")
        terminal.wait_for("⠙ BUILDING")
        terminal.wait_for("⠸ BUILDING")  # goes on by itself
        line.update("READY")
        terminal.wait_for("READY")
    shown = terminal.finish()
    assert shown.count("\n") - shown.count("\x1b[1A") == 0
    assert shown.endswith(ERASED)


def test_a_line_within_a_line_takes_its_place(terminal: Terminal) -> None:
    """One at a time is drawn; afterwards the outer one goes on."""
    screen = terminal.screen()
    with StatusLine(screen) as outer:
        outer.update("outer")
        terminal.wait_for("outer")
        with Progress(screen, 2, "inner"):
            terminal.wait_for("0 of 2 inner")
            before = terminal.shown.count("outer")
            time.sleep(0.3)
            assert terminal.shown.count("outer") == before
        outer.update("again")
        terminal.wait_for("again")
    assert terminal.finish().endswith(ERASED)


def test_a_question_is_not_drawn_over(terminal: Terminal) -> None:
    """The line waits for the answer."""
    screen = terminal.screen()
    with StatusLine(screen) as line:
        line.update("BUILDING")
        terminal.wait_for("BUILDING")
        with terminal.typing(("Go on? [y/N] ", "y\n")):
            assert screen.confirm("Go on?")
    assert "Go on? [y/N] y\n" in terminal.finish()


def test_talk_and_data_go_above_the_line(terminal: Terminal) -> None:
    """The line is erased before anything else is written."""
    screen = terminal.screen()
    with StatusLine(screen) as line:
        line.update("BUILDING")
        terminal.wait_for("BUILDING")
        screen.warn("slow")
        screen.line("data")
    shown = terminal.finish()
    assert f"{ERASED}\x1b[33mwarning:\x1b[0m slow\n" in shown
    assert f"{ERASED}data\n" in shown


def test_an_exception_leaves_no_line_and_no_thread(terminal: Terminal) -> None:
    """Ctrl-C above all."""
    with pytest.raises(KeyboardInterrupt), StatusLine(terminal.screen()) as line:  # noqa: PT012 - the drawing is waited for
        line.update("BUILDING")
        terminal.wait_for("BUILDING")
        raise KeyboardInterrupt
    assert terminal.finish().endswith(ERASED)
    assert not [thread for thread in threading.enumerate() if thread.name == "dpx-display"]


def test_a_count_on_a_terminal(terminal: Terminal) -> None:
    """How many of how many, from several threads."""
    with Progress(terminal.screen(), 40, "variables") as bar:
        terminal.wait_for("0 of 40 variables")
        threads = [threading.Thread(target=bar.advance, args=(10,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        terminal.wait_for("20 of 40 variables")
        bar.advance(99)
        terminal.wait_for("40 of 40 variables")
    assert terminal.finish().endswith(ERASED)


def row(name: str, state: str = "", *, ago: float | None = None, seconds: float | None = None) -> Row:
    """Make a row that began some seconds ago."""
    made = Row(name)
    made.state = state
    made.started = None if ago is None else time.monotonic() - ago
    made.seconds = seconds
    return made


def test_a_row_shows_state_time_and_estimate(terminal: Terminal) -> None:
    """Each row has the project's name first; one that has not begun waits; a status has its color."""
    building = row("docs", "BUILDING", ago=5)
    building.usual = 40
    rows = [building, row("storefront", "READY", ago=9, seconds=3), row("api")]
    plain = terminal.screen(env={"TERM": "xterm", "NO_COLOR": "1"})
    assert LiveTable(plain, rows).lines(80, 20) == [
        "docs        BUILDING  5 s of about 40 s",
        "storefront  READY  3 s",
        "api         waiting",
    ]
    assert LiveTable(terminal.screen(), rows).lines(80, 20)[1] == "storefront  \x1b[32mREADY\x1b[0m  3 s"


def test_at_40_columns_state_and_time_are_visible(terminal: Terminal) -> None:
    """The name is cut instead."""
    building = row("a-project-with-a-long-name", "BUILDING", ago=3)
    building.usual = 42
    (line,) = LiveTable(terminal.screen(env={"TERM": "xterm", "NO_COLOR": "1"}), [building]).lines(39, 20)
    assert line == "a-project…  BUILDING  3 s of about 42 s"
    building.usual = 63
    building.started = time.monotonic() - 63
    (line,) = LiveTable(terminal.screen(env={"TERM": "xterm", "NO_COLOR": "1"}), [building]).lines(39, 20)
    assert line == "a-project-with-a-…  BUILDING  1 min 3 s"
    building.state = "ERROR"
    (line,) = LiveTable(terminal.screen(env={"TERM": "xterm", "NO_COLOR": "1"}), [building]).lines(39, 20)
    assert line == "a-project-with-a-lon…  ERROR  1 min 3 s"


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_no_line_is_wider_than_the_terminal(terminal: Terminal, columns: int) -> None:
    """A wrapped line could not be erased."""
    screen = terminal.screen()
    table = LiveTable(screen, [row("日本語" * 20, "BUILDING\x1b[31m", ago=100), row("x" * 100)])
    status = StatusLine(screen)
    status.update("x" * 100)
    for line in [*table.lines(columns, 20), *status.lines(columns, 20)]:
        assert width(line) <= columns
        assert "\x1b" not in line


def test_running_rows_are_shown_first_if_there_is_too_little_room(terminal: Terminal) -> None:
    """The others are counted."""
    rows = [row(f"old-{number}", "READY", ago=9, seconds=1) for number in range(10)]
    rows += [row("now", "BUILDING", ago=1), row("later")]
    lines = LiveTable(terminal.screen(), rows).lines(80, 4)
    assert [line.split()[0] for line in lines] == ["old-0", "old-1", "now", "and"]
    assert lines[-1] == "and 9 more"
