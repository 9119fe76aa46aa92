"""A few lines on a terminal that are drawn again in place, as a table that is watched.

Floor 1, over `screen.py`; for `watch.py`. Each drawing is one write that goes over the old lines, so nothing flickers;
what else is written meanwhile stands above the next drawing. The last drawing stays when the frame is closed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from dpx_cli.output.screen import Screen

# The cursor, and the wrapping of lines that are too long: off while we draw, on again whatever ends us.
_ENTER = b"\x1b[?25l\x1b[?7l"
_LEAVE = b"\x1b[?7h\x1b[?25h"


class Frame:
    """Lines on stdout that are redrawn in place; a context manager, only for a screen that `redraws`."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._height = 0

    def __enter__(self) -> Self:
        self._screen.raw(_ENTER)
        self._screen.overlay = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._screen.overlay = None
        self._screen.raw(_LEAVE)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Leave the lines where they are: what is written now, and the next drawing, go below them."""
        self._height = 0
        yield

    def draw(self, lines: Sequence[str], last: str) -> None:
        """Draw lines in the place of those before.

        Args:
            lines: neutralized, styled as they are to be; those that the terminal has no room for are counted instead.
            last: the last line, which is always there.
        """
        # The cursor stands on a line of its own below all of them.
        room = max(self._screen.height - 2, 1)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"and {len(lines) - room + 1} more lines"]
        up = f"\x1b[{self._height}A" if self._height else ""
        # Erased before and not after: behind a line as wide as the terminal the cursor stands on its last character.
        text = "".join([f"\x1b[K{line}\n" for line in (*lines, last)])
        self._screen.raw(f"{up}\r{text}\x1b[J".encode("utf-8", "backslashreplace"))
        self._height = len(lines) + 1
