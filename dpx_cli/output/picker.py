"""Let a user pick one of many: a list that typed text filters or, if the terminal can't show one, a numbered prompt."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError
from dpx_cli.output.display import Display
from dpx_cli.output.neutralize import neutralize
from dpx_cli.output.raw_mode import raw_mode, read_key
from dpx_cli.output.screen import MAX_TRIES
from dpx_cli.output.terminal import cut

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from dpx_cli.output.screen import Screen

MAX_LISTED = 20  # options that the numbered prompt lists before anything is typed
MAX_ROWS = 10  # options on the screen at once
MAX_FILTER = 200  # characters

_UP = ("\x1b[A", "\x1bOA", "\x10", "\x1b[Z")
_DOWN = ("\x1b[B", "\x1bOB", "\x0e", "\t")
_ERASE = ("\x7f", "\b")
_CLEAR = ("\x15", "\x1b")
_ENTER = ("\r", "\n")
_END = ("", "\x04")


def choose(screen: Screen, question: str, options: Sequence[str], *, other: str | None = None) -> int | None:
    """Ask which of some options to use; return its index, or None for `other`, a choice that no filter removes.

    Raise UsageError if the user can't be asked, ends the input, or chooses nothing in three tries.
    """
    stdin = screen.keyboard(question)
    options = [neutralize(option) for option in options]
    if sys.platform == "win32" or not screen.animates:
        return _choose_by_number(screen, question, options, other)
    with raw_mode(stdin, keys=True), _List(screen, question, options, other) as picker:
        chosen = picker.run(stdin)
    screen.info(f"{question}: {other if chosen is None else options[chosen]}")
    return chosen


def matches(options: Sequence[str], typed: str) -> list[int]:
    """Return the indexes of the options that have every typed word, in any case; those that begin with it first."""
    words = typed.casefold().split()
    indexes = [at for at, option in enumerate(options) if all(word in option.casefold() for word in words)]
    if not words:
        return indexes
    return sorted(indexes, key=lambda at: not options[at].casefold().startswith(words[0]))


class _List(Display):
    """The list on the terminal, of which one row is marked."""

    def __init__(self, screen: Screen, question: str, options: Sequence[str], other: str | None) -> None:
        super().__init__(screen, ticks=False)
        self._question = question
        self._options = options
        self._other = [] if other is None else [other]
        self._at = 0
        self._filter("")

    def run(self, stdin: BinaryIO) -> int | None:
        """Read keys until the user has chosen."""
        wrong = 0
        while wrong < MAX_TRIES:
            self.draw()
            key = read_key(stdin)
            if key in _END:
                break
            if key in _ENTER and (self._matching or self._other):
                return self._matching[self._at] if self._at < len(self._matching) else None
            wrong += key in _ENTER
            self._press(key)
        raise UsageError(f"No answer to: {self._question}")

    def _press(self, key: str) -> None:
        """Move the mark, or change the filter."""
        if key in _UP:
            self._at = max(self._at - 1, 0)
        elif key in _DOWN:
            self._at = min(self._at + 1, max(len(self._matching) + len(self._other) - 1, 0))
        elif key in _ERASE:
            self._filter(self._typed[:-1])
        elif key in _CLEAR:
            self._filter("")
        elif key.isprintable() and len(self._typed) < MAX_FILTER:
            self._filter(self._typed + key)

    def _filter(self, typed: str) -> None:
        self._typed = typed
        self._matching = matches(self._options, typed)
        self._at = 0

    def lines(self, columns: int, room: int) -> list[str]:
        """Return the question with the filter, the rows around the marked one, and how many there are."""
        room = max(min(room - 2 - len(self._other), MAX_ROWS), 1)
        first = min(max(self._at - room // 2, 0), max(len(self._matching) - room, 0))
        rows = [self._options[index] for index in self._matching[first : first + room]] + self._other
        marked = min(self._at - first, len(rows) - 1)
        lines = [f"{self._question}: {self._typed}_"]
        lines += [f"{'>' if at == marked else ' '} {row}" for at, row in enumerate(rows)]
        lines.append(f"{len(self._matching):,} of {len(self._options):,}. Type to filter, Enter to choose.")
        return [cut(line, columns) for line in lines]


def _choose_by_number(screen: Screen, question: str, options: Sequence[str], other: str | None) -> int | None:
    """Ask for a number or a name; any other text lists the options that have it."""
    rows = [*options] if other is None else [*options, other]
    listed: Sequence[int] = range(len(options))
    wrong = 0
    while wrong < MAX_TRIES:
        many = len(listed) > MAX_LISTED
        if many:
            screen.info(f"{len(listed):,} choices. Type part of a name to list fewer.")
        for at in [*([] if many else listed), *range(len(options), len(rows))]:
            screen.info(f"{at + 1:>{len(str(len(rows)))}}  {rows[at]}")
        typed = screen.ask(f"{question} [1-{len(rows)}]")
        if typed in options:
            return options.index(typed)
        if typed.isascii() and typed.isdigit() and len(typed) < 10 and 1 <= int(typed) <= len(rows):  # noqa: PLR2004 - no longer list
            return int(typed) - 1 if int(typed) <= len(options) else None
        matching = matches(options, typed) if typed else []
        if len(matching) == 1:
            return matching[0]
        if not matching:
            screen.info(f"Nothing matches {typed}.")
            wrong += 1
        listed = matching or range(len(options))
    raise UsageError(f"No answer to: {question}")
