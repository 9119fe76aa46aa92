"""A live table on stderr with a row for each of several things that run at the same time."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from dpx_cli.output.format import elapsed
from dpx_cli.output.neutralize import neutralize
from dpx_cli.output.width import cut, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from dpx_cli.output.screen import Screen

EVERY = 0.25  # seconds between two drawings
MAX_NAME = 32  # columns


class Row:
    """One thing. Its attributes may be set by any thread.

    Attributes:
        name: what it is called.
        state: how it's going; "" before it begins.
        started: when it began, of `time.monotonic()`; None before.
        seconds: how long it took; None until it ends.
        usual: how many seconds it usually takes; None if that isn't known.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = ""
        self.started: float | None = None
        self.seconds: float | None = None
        self.usual: float | None = None

    @property
    def rank(self) -> int:
        """Priority if there isn't room for all: running rows first, then ended ones."""
        return 0 if self.started is not None and self.seconds is None else 1 if self.seconds is not None else 2


class Board:
    """The table; a context manager. Draws nothing unless the screen animates.

    Args:
        screen: the screen; what it writes meanwhile goes above the table.
        rows: the rows, in their order.
    """

    def __init__(self, screen: Screen, rows: Sequence[Row]) -> None:
        self._screen = screen
        self._rows = rows
        self._lock = threading.RLock()
        self._height = 0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._screen.animates:
            self._screen.overlay = self
            self._thread = threading.Thread(target=self._run, name="dpx-board", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            with self.away():
                self._screen.overlay = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """Erase the table, and keep it from being drawn until the context ends."""
        with self._lock:
            if self._height:
                self._screen.tell(f"\x1b[{self._height}A\r\x1b[J")
                self._height = 0
            yield

    def _run(self) -> None:
        while not self._stopped.wait(EVERY):
            with self._lock:
                lines = self.lines(self._screen.talk_width - 1, max(self._screen.height - 2, 2))
                up = f"\x1b[{self._height}A" if self._height else ""
                # Without wrapping, so that the lines are as many as they were after the terminal was made narrower.
                text = "".join(f"\x1b[K{line}\n" for line in lines)
                self._screen.tell(f"\x1b[?7l{up}\r{text}\x1b[J\x1b[?7h")
                self._height = len(lines)

    def lines(self, columns: int, room: int) -> list[str]:
        """Return the lines of the table.

        Args:
            columns: of the terminal.
            room: lines at most.
        """
        shown = list(self._rows)
        if len(shown) > room:
            chosen = sorted(shown, key=lambda row: row.rank)[: room - 1]
            shown = [row for row in shown if row in chosen]
        margin = min(max((width(neutralize(row.name)) for row in shown), default=0), MAX_NAME)
        lines = [cut(self._line(row, margin), columns) for row in shown]
        if len(shown) < len(self._rows):
            lines.append(cut(f"and {len(self._rows) - len(shown)} more: {self._counts()}", columns))
        return lines

    def _line(self, row: Row, margin: int) -> str:
        name = cut(neutralize(row.name), margin)
        text = f"{name}{' ' * (margin - width(name))}  {neutralize(row.state) or 'waiting'}"
        if row.started is None:
            return text
        spent = time.monotonic() - row.started if row.seconds is None else row.seconds
        text = f"{text}  {elapsed(spent)}"
        if row.seconds is None and row.usual:
            text += f" of about {elapsed(row.usual)}"
        return text

    def _counts(self) -> str:
        ended = sum(row.seconds is not None for row in self._rows)
        running = sum(row.rank == 0 for row in self._rows)
        return f"{ended} ended, {running} running, {len(self._rows) - ended - running} waiting"
