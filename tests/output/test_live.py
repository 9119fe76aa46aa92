"""Progress: animated on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dpx_cli.output import live
from dpx_cli.output.screen import Screen

if TYPE_CHECKING:
    from tests.output.conftest import Terminal


def off_terminal() -> tuple[Screen, io.BytesIO]:
    """A screen in a pipe, and its stderr."""
    stderr = io.BytesIO()
    return Screen(None, stdout=io.BytesIO(), stderr=stderr, stdin=None, env={}), stderr


def test_off_a_terminal_each_change_is_one_plain_line() -> None:
    """The key decides what a change is."""
    screen, stderr = off_terminal()
    with screen.live() as line:
        line.update("QUEUED")
        line.update("QUEUED")
        line.tick("BUILDING\x1b", time.monotonic(), key="BUILDING")
        line.tick("BUILDING 2", time.monotonic(), key="BUILDING")
        line.update("READY")
    assert stderr.getvalue() == b"QUEUED\nBUILDING\\x1b\nREADY\n"


@pytest.mark.parametrize("env", [{"CI": "true", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_nothing_animates_in_ci_and_on_dumb_terminals(terminal: Terminal, env: dict[str, str]) -> None:
    """Plain lines there too."""
    with terminal.screen(env=env).live() as line:
        line.update("QUEUED")
        line.update("READY")
    assert terminal.finish() == "QUEUED\nREADY\n"


def test_on_a_terminal_one_line_is_rewritten_and_erased(terminal: Terminal) -> None:
    """No newline, and at the end nothing is left."""
    with terminal.screen().live() as line:
        line.tick("BUILDING", time.monotonic() - 65)
        terminal.wait_for("BUILDING 1 min 5 s")
        terminal.wait_for("BUILDING 1 min 6 s")  # goes on by itself
        line.update("READY")
        terminal.wait_for("READY")
    shown = terminal.finish()
    assert "\n" not in shown
    assert shown.endswith("\r\x1b[K")


def test_a_line_within_a_line_takes_its_place(terminal: Terminal) -> None:
    """One at a time is drawn; afterwards the outer one goes on."""
    screen = terminal.screen()
    with screen.live() as outer:
        outer.update("outer")
        terminal.wait_for("outer")
        with screen.progress(2, "inner"):
            terminal.wait_for("0 of 2 inner")
            before = terminal.shown.count("outer")
            time.sleep(0.3)
            assert terminal.shown.count("outer") == before
        outer.update("again")
        terminal.wait_for("again")
    assert terminal.finish().endswith("\r\x1b[K")


def test_a_question_is_not_drawn_over(terminal: Terminal) -> None:
    """The line waits for the answer."""
    screen = terminal.screen()

    def answer() -> None:
        terminal.wait_for("Go on? [y/N] ")
        time.sleep(0.3)
        terminal.type("y\n")

    with screen.live() as line:
        line.update("BUILDING")
        terminal.wait_for("BUILDING")
        thread = threading.Thread(target=answer)
        thread.start()
        assert screen.confirm("Go on?")
        thread.join()
    assert "Go on? [y/N] y\n" in terminal.finish()


def test_a_long_line_is_cut_to_the_terminal(terminal: Terminal) -> None:
    """A wrapped line could not be erased."""
    terminal.resize(20)
    with terminal.screen().live() as line:
        line.update("x" * 50)
        shown = terminal.wait_for("…")
    assert max(len(piece) for piece in shown.split("\r\x1b[K")) < 20


def test_talk_and_data_go_above_the_line(terminal: Terminal) -> None:
    """The line is erased before anything else is written."""
    screen = terminal.screen()
    with screen.live() as line:
        line.update("BUILDING")
        terminal.wait_for("BUILDING")
        screen.warn("slow")
        screen.line("data")
    shown = terminal.finish()
    assert "\r\x1b[K\x1b[33mwarning:\x1b[0m slow\n" in shown
    assert "BUILDING\x1b" not in shown.replace("BUILDING\r", "")


def test_an_exception_leaves_no_line_and_no_thread(terminal: Terminal) -> None:
    """Ctrl-C above all."""
    with pytest.raises(KeyboardInterrupt), terminal.screen().live() as line:  # noqa: PT012 - the drawing is waited for
        line.update("BUILDING")
        terminal.wait_for("BUILDING")
        raise KeyboardInterrupt
    assert terminal.finish().endswith("\r\x1b[K")
    assert not [thread for thread in threading.enumerate() if thread.name == "dpx-progress"]


def test_a_bar_on_a_terminal(terminal: Terminal) -> None:
    """How many of how many, from several threads."""
    with terminal.screen().progress(40, "variables") as bar:
        terminal.wait_for("0 of 40 variables")
        threads = [threading.Thread(target=bar.advance, args=(10,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        terminal.wait_for("████████████░░░░░░░░░░░░ 20 of 40 variables")
        bar.advance(99)
        terminal.wait_for("40 of 40 variables")
    assert "\n" not in terminal.finish()


def test_a_bar_off_a_terminal_is_a_line_a_quarter() -> None:
    """And nothing at all for few steps."""
    screen, stderr = off_terminal()
    with screen.progress(40, "variables") as bar:
        for _ in range(40):
            bar.advance()
    assert stderr.getvalue().decode().splitlines() == [f"{n} of 40 variables" for n in (10, 20, 30, 40)]
    screen, stderr = off_terminal()
    with screen.progress(3, "variables") as bar:
        bar.advance(3)
    with screen.progress(0, "variables") as bar:
        bar.advance()
    assert stderr.getvalue() == b""


def test_accessible_waiting_is_told_in_plain_lines(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """One at once and one at each interval; nothing moves the cursor."""
    monkeypatch.setattr(live, "_EVERY_LINE", 0.01)
    with terminal.screen(env={"TERM": "xterm", "ACCESSIBLE": "1"}).live() as line:
        line.tick("Building", time.monotonic())
        terminal.wait_for("Building\nBuilding 0.0 s\n")
    shown = terminal.finish()
    assert "\x1b" not in shown
    assert set(re.sub(r" [\d.]+ s", "", shown).split("\n")) == {"Building", ""}


def test_accessible_progress_is_told_in_plain_lines(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count."""
    monkeypatch.setattr(live, "_EVERY_LINE", 0.01)
    with terminal.screen(env={"TERM": "xterm", "ACCESSIBLE": "1"}).progress(3, "variables") as bar:
        bar.advance()
        terminal.wait_for("1 of 3 variables\n")
    assert "\x1b" not in terminal.finish()
