"""Lines that are redrawn in place while something runs: a status line, a count, a table, a watched list.

Anything else that the screen writes goes above them. Where nothing may be redrawn (no terminal, CI, ACCESSIBLE=1)
the same classes write plain lines.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

from dpx_cli.output.format import elapsed
from dpx_cli.output.neutralize import neutralize
from dpx_cli.output.table import STATUS_SGR
from dpx_cli.output.terminal import cut, width
from dpx_cli.reference import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpx_cli.output.screen import Screen

INTERVAL = 0.1  # seconds between two drawings
MIN_NAME = 8  # cells of a row's name, however narrow the terminal is
MAX_NAME = 32
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Display:
    """Lines on stderr, erased at the end, or on stdout, where they stay; subclasses say which lines.

    It draws again by itself every INTERVAL, unless `ticks` is false.
    """

    def __init__(self, screen: Screen, *, on_stdout: bool = False, ticks: bool = True) -> None:
        self._screen = screen
        self._on_stdout = on_stdout
        self._animates = screen.redraws if on_stdout else screen.animates
        self._ticks = ticks and self._animates
        self._outer = ExitStack()  # while it is open, the display around this one is erased
        self._lock = threading.RLock()
        self._drawn: list[str] = []
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def lines(self, columns: int, room: int) -> list[str]:
        """Return the lines to draw now, neutralized and styled: at most `room`, each at most `columns` wide."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._outer.enter_context(self._screen.meanwhile())
        self._outer.callback(setattr, self._screen, "meanwhile", self._screen.meanwhile)
        self._screen.meanwhile = self._away
        if self._ticks:
            # A daemon, so that a process that ends early does not wait for it.
            self._thread = threading.Thread(target=self._run, name="dpx-display", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        if not self._on_stdout:
            self._erase()
        self._outer.close()

    @contextmanager
    def _away(self) -> Iterator[None]:
        """Erase the lines, and draw them again when the context ends."""
        with self._lock:
            was_drawn = bool(self._drawn)
            self._erase()
            yield
            if was_drawn and not self._stopped.is_set():
                self.draw()

    def draw(self) -> None:
        """Draw the lines in the place of the former ones, in one write."""
        if not self._animates:
            return
        with self._lock:
            columns, rows = self._size()
            # Not the last column of stderr: some terminals wrap after writing there.
            lines = self.lines(columns if self._on_stdout else max(columns - 1, 1), max(rows - 2, 1))
            # Each line is erased before it is written: after a line as wide as the terminal the cursor is still on it.
            text = "".join([f"\x1b[K{line}\n" for line in lines])
            # The cursor and the wrapping of long lines are off while drawing.
            self._write(f"\x1b[?25l\x1b[?7l{self._home(columns)}{text}\x1b[J\x1b[?7h\x1b[?25h")
            self._drawn = lines

    def _erase(self) -> None:
        with self._lock:
            if self._drawn:
                self._write(f"{self._home(self._size()[0])}\x1b[J")
                self._drawn = []

    def _home(self, columns: int) -> str:
        """Return what moves the cursor to the first line. A terminal that became narrower has wrapped the lines."""
        rows = sum([max(-(-_cells(line) // columns), 1) for line in self._drawn])
        return f"\x1b[{rows}A\r" if rows else "\r"

    def _size(self) -> tuple[int, int]:
        return self._screen.size(stdout=self._on_stdout)

    def _write(self, text: str) -> None:
        if self._on_stdout:
            self._screen.write_stdout(text.encode("utf-8", "backslashreplace"))
        else:
            self._screen.write_stderr(text)

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self.draw()


class StatusLine(Display):
    """The newest text about one thing.

    On a terminal with a spinner. Elsewhere a plain line each time that it changes.
    """

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self._text = ""
        self._frame = 0

    def update(self, text: str) -> None:
        """Show a text."""
        text = neutralize(text)
        with self._lock:
            if not self._animates and text != self._text:
                self._screen.info(text)
            self._text = text

    def lines(self, columns: int, room: int) -> list[str]:  # noqa: ARG002 - one line has room everywhere
        """Return the spinner and the text."""
        self._frame += 1
        spinner = _SPINNER if self._screen.unicode else "|/-\\"
        return [cut(f"{spinner[self._frame % len(spinner)]} {self._text}", columns)] if self._text else []


class Progress(StatusLine):
    """How many of a known number of equal steps are done, advanced by any thread; nothing off a terminal."""

    def __init__(self, screen: Screen, total: int, what: str) -> None:
        super().__init__(screen)
        self._total = total
        self._what = neutralize(what)
        self._steps = 0
        self.advance(0)

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more as done."""
        with self._lock:
            self._steps = min(self._steps + steps, self._total)
            self._text = f"{self._steps} of {self._total} {self._what}"


class Row:
    """One thing that runs, as a line of a live table. Any thread may set its attributes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = ""  # a deployment status, or a phase
        self.started: float | None = None  # as of `time.monotonic()`
        self.seconds: float | None = None  # from beginning to end
        self.usual: float | None = None  # seconds

    def time_text(self, *, estimate: bool = True) -> str:
        """Return "3 s of about 42 s", or how long it took; "" before it begins."""
        if self.started is None:
            return ""
        spent = time.monotonic() - self.started if self.seconds is None else self.seconds
        has_ended = self.seconds is not None or self.state in ENDED
        return elapsed(spent) + (
            f" of about {elapsed(self.usual)}" if estimate and self.usual and not has_ended else ""
        )


class LiveTable(Display):
    """A line for each of one or several things that run at the same time: `storefront  BUILDING  3 s of about 42 s`."""

    def __init__(self, screen: Screen, rows: Sequence[Row]) -> None:
        super().__init__(screen)
        self._rows = rows

    def lines(self, columns: int, room: int) -> list[str]:
        """Return a line for each row; if there are too many, the running ones first, and the number of the others."""
        shown = list(self._rows)
        if len(shown) > room:
            chosen = sorted(shown, key=lambda row: (row.started is None, row.seconds is not None))[: room - 1]
            shown = [row for row in shown if row in chosen]
        names = [neutralize(row.name) for row in shown]
        longest = max(map(width, names), default=0)
        # The state and the time stay visible: the estimate, then the end of the name, is left out instead.
        for estimate in (True, False):
            details = [(neutralize(row.state) or "waiting", row.time_text(estimate=estimate)) for row in shown]
            room_for_names = columns - max([width("".join(pair)) for pair in details], default=0) - 4
            if room_for_names >= min(longest, MIN_NAME):
                break
        name_width = min(longest, max(min(room_for_names, MAX_NAME), MIN_NAME))
        lines = [
            self._line(cut(name, name_width), name_width, *pair, columns)
            for name, pair in zip(names, details, strict=True)
        ]
        if len(shown) < len(self._rows):
            lines.append(cut(f"and {len(self._rows) - len(shown)} more", columns))
        return lines

    def _line(self, name: str, name_width: int, state: str, spent: str, columns: int) -> str:
        head = name + " " * (name_width - width(name)) + "  "
        plain = f"{head}{state}  {spent}".rstrip(" ")
        if width(plain) > columns or state not in STATUS_SGR:
            return cut(plain, columns)
        return f"{head}{self._screen.style(state, STATUS_SGR[state])}{plain[len(head) + len(state) :]}"


def _cells(line: str) -> int:
    """Return the width of a styled line."""
    if "\x1b" in line:
        import re

        line = re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", line)
    return width(line)
