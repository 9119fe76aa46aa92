"""A list that is looked at again and again: one table redrawn on a terminal, a line a change elsewhere.

Floor 1, opened by `Screen.watch`. On a terminal each look replaces the table before it, and the last one stays. Off a
terminal, in CI, on a dumb terminal and in the machine formats only items that are new or different from the look before
are written, as in a log: tab-separated lines, identifiers, or JSON Lines (under --json as well, for a stream has no end
to close an array at).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from dpx_cli.output.screen import dig, plain
from dpx_cli.output.width import width

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from dpx_cli.output.screen import Column, Screen

_SEQUENCE = re.compile(r"\x1b\[[0-9;]*m|\x1b\][^\x1b]*\x1b\\")


class Watch:
    """One list, shown again with each `show`; a context manager.

    Args:
        screen: where it is shown.
        columns: as for `Screen.rows`.
        key: path of the identifier, by which an item is known again.
        empty: shown on a terminal where there is no item.
    """

    def __init__(self, screen: Screen, columns: Sequence[Column], *, key: str, empty: str) -> None:
        self._screen = screen
        self._columns = columns
        self._key = key
        self._empty = empty
        self._seen: dict[str, Any] = {}
        self._height = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Show how the items are now."""
        if self._screen.redraws:
            self._redraw(items)
            return
        parts = tuple(self._key.split("."))
        now = {plain(dig(item, parts)): item for item in items}
        changed = [item for name, item in now.items() if self._look(item) != self._seen.get(name)]
        self._seen = {name: self._look(item) for name, item in now.items()}
        self._screen.append(changed, self._columns, key=self._key)

    def _look(self, item: Mapping[str, Any]) -> Any:
        """Give what makes an item another than before: what is written of it."""
        if self._screen.format in {"json", "jsonl"}:
            return item
        return [dig(item, column.parts) for column in self._columns]

    def _redraw(self, items: Sequence[Mapping[str, Any]]) -> None:
        from dpx_cli.output import table

        look = self._screen.look()
        text = self._empty + "\n"
        if items:
            # Two lines of head, one for what is left out, and the one where the cursor stands.
            room = max(self._screen.height - 4, 1)
            cells = [self._screen.shown(item, self._columns) for item in items[:room]]
            text = table.draw(cells, self._columns, key=self._key, look=look)
            if len(items) > room:
                text += f"and {len(items) - room} more\n"
        up = f"\x1b[{self._height}A" if self._height else ""
        self._screen.raw(f"{up}\r\x1b[J{text}".encode("utf-8", "backslashreplace"))
        # A line that is wider than the terminal stands on several.
        self._height = sum(max(-(-width(_SEQUENCE.sub("", line)) // look.width), 1) for line in text.split("\n")[:-1])
