"""Watch a list: a live table on a terminal, a line for each change elsewhere.

It never ends by itself: Ctrl-C, an error that waiting can't solve, or the caller ends it.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import InvalidResponse, NetworkError, RateLimited, ServerError, UsageError, exclusive
from dpx_cli.output.columns import get_path
from dpx_cli.output.display import Display
from dpx_cli.output.neutralize import neutralize
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpx_cli.output.columns import Column
    from dpx_cli.output.screen import Screen

    Items = list[dict[str, Any]]

INTERVAL = 2.0  # seconds between two requests
MIN_INTERVAL = 0.5  # seconds
GROWTH = 2  # factor of the interval after each error
MAX_INTERVAL = 60.0  # seconds, after many errors


def check_flags(screen: Screen, *, watch: bool, interval: float | None, cursor: str | None = None) -> float:
    """Return the seconds between two requests. Raise UsageError for options that don't go together."""
    if not watch:
        if interval is not None:
            raise UsageError("--interval needs --watch.", hint="Add --watch, or leave out --interval.")
        return INTERVAL
    if screen.format == "json":
        raise UsageError("--watch and --json can't be used together.", hint="Pass --jsonl: an object per change.")
    exclusive(("--watch", watch), ("--cursor", cursor))
    if interval is not None and interval < MIN_INTERVAL:
        raise UsageError(f"--interval must be at least {MIN_INTERVAL:g} s.", hint=f"Pass --interval {INTERVAL:g}s.")
    return INTERVAL if interval is None else interval


def watch(
    screen: Screen,
    look: Callable[[], Items],
    columns: Sequence[Column],
    *,
    key: str,
    interval: float,
    empty: str,
    shown: Callable[[], None] = lambda: None,
) -> None:
    """Show the list that `look` returns, and show it again whenever it changes.

    On a terminal the table is drawn again in place. Elsewhere, and in CI, each item that is new or has changed is a
    line in the format that was asked for. Faults of the network and the server are reported and waited out. `shown` is
    called after each showing; what it raises ends the watch.
    """
    pause = interval
    with _Table(screen, columns, key, empty) if screen.redraws else nullcontext(_Changes(screen, columns, key)) as view:
        while True:
            try:
                items = look()
            except (NetworkError, ServerError, InvalidResponse, RateLimited) as problem:
                pause = max(min(pause * GROWTH, MAX_INTERVAL), problem.retry_after or 0.0)
                view.fault(problem.message, pause)
            else:
                pause = interval
                view.show(items)
                shown()
            signals.sleep(pause)


class _Table(Display):
    """The list as a table, with the last error below it."""

    def __init__(self, screen: Screen, columns: Sequence[Column], key: str, empty: str) -> None:
        super().__init__(screen, on_stdout=True, ticks=False)
        self._columns = columns
        self._key = key
        self._empty = empty
        self._items: Items | None = None
        self._last = ""

    def show(self, items: Items) -> None:
        self._items = items
        self._last = "Press Ctrl-C to stop."
        self.draw()

    def fault(self, message: str, pause: float) -> None:
        self._last = neutralize(f"{message}; retrying in {pause:.0f} s")
        self.draw()

    def lines(self, columns: int, room: int) -> list[str]:  # noqa: ARG002 - the table knows the width
        lines = [] if self._items is None else [self._empty]
        if self._items:
            lines = self._screen.table(self._items, self._columns, key=self._key).splitlines()
        if len(lines) > room:
            lines = [*lines[: room - 1], f"and {len(lines) - room + 1} more lines"]
        return [*lines, self._last]


class _Changes:
    """Items that are new or have changed, as lines."""

    def __init__(self, screen: Screen, columns: Sequence[Column], key: str) -> None:
        self._screen = screen
        self._columns = columns
        self._key = key
        self._parts = tuple(key.split("."))
        self._known: dict[str, Any] = {}
        self._fault = ""

    def show(self, items: Items) -> None:
        self._fault = ""
        changed = []
        for item in reversed(items):  # a list is newest first, lines that follow each other are oldest first
            name = str(get_path(item, self._parts))
            # In JSON Lines any change counts, elsewhere that of what is shown.
            is_whole = self._screen.format == "jsonl"
            seen = item if is_whole else [get_path(item, column.parts) for column in self._columns]
            if self._known.get(name) != seen:
                changed.append(item)
                self._known[name] = seen
        if self._screen.format == "table":
            self._screen.lines("  ".join(filter(None, row)) for row in self._screen.cells(changed, self._columns))
        else:
            self._screen.rows([changed], self._columns, key=self._key)

    def fault(self, message: str, pause: float) -> None:
        if message != self._fault:
            self._screen.note(f"{message}; retrying in {pause:.0f} s")
        self._fault = message
