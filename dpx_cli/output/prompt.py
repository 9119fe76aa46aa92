"""Questions on stderr, answered on stdin: `Screen.confirm`, `ask` and `secret`.

Without a terminal, in CI or under DPX_NO_INPUT each raises UsageError at once.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError
from dpx_cli.output.neutralize import neutralize
from dpx_cli.output.raw_mode import raw_mode, read_hidden_line

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import BinaryIO, Protocol

    class _Streams(Protocol):
        """The part of a Screen that questions need."""

        @property
        def stdin(self) -> BinaryIO | None: ...
        @property
        def can_ask(self) -> bool: ...
        def meanwhile(self) -> AbstractContextManager[None]: ...
        def write_stderr(self, text: str) -> None: ...
        def info(self, text: str) -> None: ...


MAX_TRIES = 3


def confirm(streams: _Streams, question: str, hint: str | None) -> bool:
    """Ask until the answer is yes or no; an empty answer is no."""
    for _ in range(MAX_TRIES):
        answer = _answer(streams, f"{question} [y/N] ", question, hint).strip().lower()
        if answer in {"y", "yes"}:
            return True
        if answer in {"", "n", "no"}:
            return False
        streams.info("Answer y or n.")
    raise UsageError(f"No answer to: {question}", hint=hint)


def ask(streams: _Streams, question: str, hint: str | None) -> str:
    """Ask for one line."""
    return _answer(streams, f"{question}: ", question, hint).strip()


def secret(streams: _Streams, question: str, again: str | None, hint: str | None) -> str:
    """Ask for one line that is not echoed, until both answers are the same; it is returned with its white space."""
    for _ in range(MAX_TRIES):
        first = _answer(streams, f"{question}: ", question, hint, hidden=True)
        if again is None or _answer(streams, f"{again}: ", again, hint, hidden=True) == first:
            return first
        streams.info("The two don't match. Try again.")
    raise UsageError("The two don't match.", hint=hint)


def require_terminal(streams: _Streams, question: str, hint: str | None) -> BinaryIO:
    """Return stdin. Raise UsageError if the user can't be asked."""
    stdin = streams.stdin
    if stdin is None or not streams.can_ask:
        raise UsageError(f"Can't ask (not a terminal): {question}", hint=hint)
    return stdin


def _answer(streams: _Streams, prompt: str, question: str, hint: str | None, *, hidden: bool = False) -> str:
    stdin = require_terminal(streams, question, hint)
    ended = False
    # Echo is off before the prompt appears, so that nothing that is typed then is shown.
    with streams.meanwhile(), raw_mode(stdin, keys=False) if hidden else nullcontext():
        streams.write_stderr(neutralize(prompt))
        try:
            line = read_hidden_line(stdin) if hidden else stdin.readline()
            ended = line.endswith(b"\n") and (not hidden or os.name == "nt")  # getpass has written one there
        finally:
            if not ended:
                # After Ctrl-C, Ctrl-D or a hidden Enter the cursor is still behind the prompt.
                streams.write_stderr("\n")
    if not line:
        raise UsageError(f"No answer to: {question}", hint=hint)
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UsageError(f"The answer is not UTF-8: {question}", hint=hint) from None
