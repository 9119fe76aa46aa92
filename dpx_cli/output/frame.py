"""Lines on a terminal that are drawn again in place, as a table that is watched.

Each drawing is one write over the former lines, so nothing flickers; anything else that is written meanwhile is
above the next drawing. The last drawing stays when the frame is closed.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from dpx_cli.output.width import width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from dpx_cli.output.screen import Screen

# The cursor and the wrapping of long lines are off while drawing, and on again afterwards.
ENTER = "\x1b[?25l\x1b[?7l"
LEAVE = "\x1b[?7h\x1b[?25h"
_STYLES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


class Block:
    """Lines that were drawn last, and the text that draws others in their place.

    The cursor is on a line of its own below them.
    """

    def __init__(self) -> None:
        self._widths: list[int] = []

    def redraw(self, lines: Sequence[str], columns: int) -> str:
        """Return the text that replaces the block.

        Args:
            lines: the new lines, neutralized and styled.
            columns: the width of the terminal now. If it was made narrower, it has wrapped the former lines.
        """
        rows = sum(max(-(-taken // columns), 1) for taken in self._widths)
        up = f"\x1b[{rows}A" if rows else ""
        self._widths = [min(width(_STYLES.sub("", line)), columns) for line in lines]
        # Erased before each line and not after it: behind a line as wide as the terminal the cursor is on its last
        # character.
        return f"{up}\r" + "".join([f"\x1b[K{line}\n" for line in lines]) + "\x1b[J"

    def forget(self) -> None:
        """Leave the lines where they are: the next ones are drawn below."""
        self._widths = []


class Frame:
    """Lines on stdout that are redrawn in place; a context manager, only for a screen that `redraws`."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._block = Block()

    def __enter__(self) -> Self:
        self._screen.raw(ENTER.encode())
        self._screen.overlay = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.overlay = None
        self._screen.raw(LEAVE.encode())

    @contextmanager
    def away(self) -> Iterator[None]:
        """Leave the lines where they are: what is written now, and the next drawing, go below them."""
        self._block.forget()
        yield

    def draw(self, lines: Sequence[str], last: str) -> None:
        """Draw lines in the place of the former ones.

        Args:
            lines: neutralized and styled; those that the terminal has no room for are counted instead.
            last: the last line, which is always there.
        """
        room = max(self._screen.height - 2, 1)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"and {len(lines) - room + 1} more lines"]
        text = self._block.redraw([*lines, last], self._screen.width)
        self._screen.overlay = None  # this text is not to go below the lines
        self._screen.raw(text.encode("utf-8", "backslashreplace"))
        self._screen.overlay = self
