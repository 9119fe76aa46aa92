"""Let a user pick one of many: a list that typed text filters or, if the terminal can't show one, a numbered prompt."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError
from dpx_cli.output import prompt
from dpx_cli.output.frame import ENTER, LEAVE, Block
from dpx_cli.output.neutralize import neutralize
from dpx_cli.output.width import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from dpx_cli.output.screen import Screen

MAX_LISTED = 20  # options that the numbered prompt lists before anything is typed
MAX_ROWS = 10  # options on the screen at once
FRAME = 4  # lines around them
MAX_FILTER = 200  # characters

_UP = ("\x1b[A", "\x1bOA", "\x10", "\x1b[Z")
_DOWN = ("\x1b[B", "\x1bOB", "\x0e", "\t")
_ERASE = ("\x7f", "\b")
_CLEAR = ("\x15", "\x1b")
_ENTER = ("\r", "\n")
_END = ("", "\x04")


def choose(screen: Screen, question: str, options: Sequence[str], *, other: str, hint: str | None = None) -> int | None:
    """Ask which of some options is meant.

    Args:
        screen: the screen.
        question: what the choice is for, like "Link to project".
        options: the options, each once.
        other: one more choice, which is always there.
        hint: the hint of the error if the user can't be asked.

    Returns:
        The index of the option; None for `other`.

    Raises:
        UsageError: if the user can't be asked, or ends the input.
    """
    if not screen.can_ask or screen.stdin is None:
        raise UsageError(f"Can't ask (not a terminal): {question}", hint=hint)
    shown = [neutralize(option) for option in options]
    if sys.platform == "win32" or not screen.animates:
        return _numbered(screen, question, shown, other, hint)
    with screen.meanwhile(), _key_by_key(screen.stdin):
        return _List(screen, question, shown, other, screen.stdin).run()


def matches(options: Sequence[str], typed: str) -> list[int]:
    """Return the indexes of the options that have every typed word, in any case; those that begin with it first."""
    words = typed.casefold().split()
    found = [at for at, option in enumerate(options) if all(word in option.casefold() for word in words)]
    if not words:
        return found
    return sorted(found, key=lambda at: not options[at].casefold().startswith(words[0]))


class _List:
    """The list on the screen.

    Attributes:
        typed: the filter.
        found: the options that it leaves, by index; behind them comes the other choice.
        at: which of them is marked.
    """

    def __init__(self, screen: Screen, question: str, options: Sequence[str], other: str, stdin: BinaryIO) -> None:
        self._screen = screen
        self._question = question
        self._options = options
        self._other = other
        self._stdin = stdin
        self._block = Block()
        self.typed = ""
        self.found = matches(options, "")
        self.at = 0

    def run(self) -> int | None:
        """Show the list until the user has chosen."""
        self._screen.tell(ENTER)
        try:
            with _on_resize(self.draw):
                while True:
                    self.draw()
                    key = _key(self._stdin)
                    if key in _END:
                        raise UsageError(f"No answer to: {self._question}")
                    if key in _ENTER:
                        break
                    self.press(key)
        finally:
            self._screen.tell(self._block.redraw([], self._screen.talk_width) + LEAVE)
        chosen = self.found[self.at] if self.at < len(self.found) else None
        self._screen.done(f"{self._question}: {self._other if chosen is None else self._options[chosen]}")
        return chosen

    def press(self, key: str) -> None:
        """Move the mark, or change the filter."""
        if key in _UP:
            self.at = max(self.at - 1, 0)
        elif key in _DOWN:
            self.at = min(self.at + 1, len(self.found))
        elif key in _ERASE:
            self._filter(self.typed[:-1])
        elif key in _CLEAR:
            self._filter("")
        elif key.isprintable() and len(self.typed) < MAX_FILTER:
            self._filter(self.typed + key)

    def _filter(self, typed: str) -> None:
        self.typed = typed
        self.found = matches(self._options, typed)
        self.at = 0

    def draw(self) -> None:
        """Draw the list in the place of the former one."""
        columns = self._screen.talk_width
        room = max(min(self._screen.height - FRAME, MAX_ROWS), 1)
        first = min(max(self.at - room // 2, 0), max(len(self.found) - room, 0))
        rows = [self._options[index] for index in self.found[first : first + room]] + [self._other]
        marked = min(self.at - first, len(rows) - 1)
        lines = [f"{self._question}: {self.typed}_"]
        lines += [f"{'>' if at == marked else ' '} {row}" for at, row in enumerate(rows)]
        lines.append(f"{len(self.found):,} of {len(self._options):,}. Type to filter, Enter to choose.")
        self._screen.tell(self._block.redraw([cut(line, max(columns - 1, 1)) for line in lines], columns))


def _key(stdin: BinaryIO) -> str:
    """Read one key: a character, or the escape sequence of a key like an arrow; "" at the end of the input."""
    import select

    fd = stdin.fileno()
    data = os.read(fd, 1)
    if data == b"\x1b":
        # What follows at once belongs to the key; Escape alone is followed by nothing.
        while len(data) < 8 and select.select([fd], [], [], 0.05)[0]:  # noqa: PLR2004 - no key sends more
            data += os.read(fd, 1)
            if len(data) > 2 and 0x40 <= data[-1] <= 0x7E:  # noqa: PLR2004 - the final byte of a sequence
                break
    while data and data[0] >= 0xC0 and len(data) < 4:  # noqa: PLR2004 - a character of several bytes
        try:
            return data.decode()
        except UnicodeDecodeError:
            data += os.read(fd, 1)
    return data.decode("utf-8", "replace")


@contextmanager
def _key_by_key(stdin: BinaryIO) -> Iterator[None]:
    """Have the terminal hand over each key at once, without showing it, and restore its former state."""
    if sys.platform == "win32":  # pragma: no cover - `choose` asks for a number there
        yield
        return
    import termios

    fd = stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        # Ctrl-C stays a signal.
        termios.tcsetattr(
            fd, termios.TCSADRAIN, [*before[:3], before[3] & ~(termios.ECHO | termios.ICANON), *before[4:]]
        )
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


@contextmanager
def _on_resize(draw: Callable[[], None]) -> Iterator[None]:
    """Call a function when the terminal changes its size."""
    import signal
    import threading

    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGWINCH, lambda *_: draw())
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _numbered(screen: Screen, question: str, options: Sequence[str], other: str, hint: str | None) -> int | None:
    """Ask for a number or a name; any other text lists the options that have it."""
    listed = list(range(len(options)))
    last = len(options) + 1
    while True:
        if len(listed) > MAX_LISTED:
            screen.done(f"{len(listed):,} choices. Type part of a name to list fewer.")
        else:
            for at in listed:
                screen.done(f"{at + 1:>{len(str(last))}}  {options[at]}")
        screen.done(f"{last}  {other}")
        typed = prompt.ask(screen, f"{question} [1-{last}]", hint)
        if typed in options:
            return options.index(typed)
        if typed.isascii() and typed.isdigit() and len(typed) < 10 and 1 <= int(typed) <= last:  # noqa: PLR2004 - no longer list
            return int(typed) - 1 if int(typed) < last else None
        listed = matches(options, typed)
        if len(listed) == 1 and typed:
            return listed[0]
        if not listed:
            screen.done(f"Nothing matches {typed}.")
            listed = list(range(len(options)))
