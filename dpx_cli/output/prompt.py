"""Questions on stderr, answered on stdin: `Screen.confirm`, `ask` and `secret`.

Without a terminal, in CI or under DPX_NO_INPUT each raises UsageError at once.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError
from dpx_cli.output.neutralize import neutralize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from dpx_cli.output.screen import Screen


def confirm(screen: Screen, question: str, hint: str | None) -> bool:
    """Ask until the answer is yes or no; an empty answer is no."""
    while True:
        answer = _answer(screen, f"{question} [y/N] ", question, hint).strip().lower()
        if answer in {"y", "yes"}:
            return True
        if answer in {"", "n", "no"}:
            return False
        screen.done("Answer y or n.")


def ask(screen: Screen, question: str, hint: str | None) -> str:
    """Ask for one line."""
    return _answer(screen, f"{question}: ", question, hint).strip()


def secret(screen: Screen, question: str, again: str | None, hint: str | None) -> str:
    """Ask for one line that is not echoed; it is returned with its white space."""
    first = _answer(screen, f"{question}: ", question, hint, hidden=True)
    if again is not None and _answer(screen, f"{again}: ", again, hint, hidden=True) != first:
        raise UsageError("The two answers differ.", hint=hint)
    return first


def _require(screen: Screen, question: str, hint: str | None) -> BinaryIO:
    stdin = screen.stdin
    if stdin is None or not screen.can_ask:
        raise UsageError(f"Can't ask (not a terminal): {question}", hint=hint)
    return stdin


def _answer(screen: Screen, prompt: str, question: str, hint: str | None, *, hidden: bool = False) -> str:
    stdin = _require(screen, question, hint)
    read = _console_line if hidden and os.name == "nt" else stdin.readline
    ended = False
    # Echo is off before the prompt appears, so that nothing that is typed then is shown.
    with screen.meanwhile(), _no_echo(stdin) if hidden else nullcontext():
        screen.tell(neutralize(prompt))
        try:
            line = read()
            ended = line.endswith(b"\n") and not hidden
        finally:
            if not ended:
                # After Ctrl-C, Ctrl-D or a hidden Enter the cursor is still behind the prompt.
                screen.tell("\n")
    if not line:
        raise UsageError(f"No answer to: {question}", hint=hint)
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UsageError(f"The answer is not UTF-8: {question}", hint=hint) from None


def _console_line() -> bytes:  # pragma: no cover - Windows only
    """Read one line of the Windows console key by key: its echo can't be turned off for a line."""
    import getpass

    return getpass.getpass("").encode("utf-8", "surrogatepass") + b"\n"


@contextmanager
def _no_echo(stdin: BinaryIO) -> Iterator[None]:
    """Keep the terminal from showing what is typed, and restore its state afterwards."""
    if sys.platform == "win32":  # pragma: no cover - `_console_line` shows nothing by itself
        yield
        return
    import termios

    fd = stdin.fileno()
    before = termios.tcgetattr(fd)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    try:
        termios.tcsetattr(fd, termios.TCSADRAIN, silent)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
