"""Read single keys or a hidden line from a terminal, and restore its state."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


@contextmanager
def raw_mode(stdin: BinaryIO, *, keys: bool) -> Iterator[None]:
    """Switch echo off and, with `keys`, pass on each key without waiting for Enter. Ctrl-C stays a signal."""
    if sys.platform == "win32":  # pragma: no cover - `read_line` reads from the console itself there
        yield
        return
    import termios

    fd = stdin.fileno()
    before = termios.tcgetattr(fd)
    off = termios.ECHO | (termios.ICANON if keys else 0)

    def apply(*_: object) -> None:
        termios.tcsetattr(fd, termios.TCSADRAIN, [*before[:3], before[3] & ~off, *before[4:]])

    # After Ctrl-Z and `fg` the terminal has the shell's mode, which shows what is typed.
    earlier = signal.signal(signal.SIGCONT, apply)
    try:
        apply()
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
        signal.signal(signal.SIGCONT, earlier)


def read_key(stdin: BinaryIO) -> str:
    """Read one key: a character, or the escape sequence of a key like an arrow; "" at the end of the input."""
    import select

    signals.wait_for_input(stdin)
    fd = stdin.fileno()
    data = os.read(fd, 1)
    if data == b"\x1b":
        # What follows immediately belongs to the key; Escape alone is followed by nothing.
        while len(data) < 8 and select.select([fd], [], [], 0.05)[0]:  # noqa: PLR2004 - no key sends more
            data += os.read(fd, 1)
            if len(data) > 2 and 0x40 <= data[-1] <= 0x7E:  # noqa: PLR2004 - the final byte of a sequence
                break
    while data and data[0] >= 0xC0 and len(data) < 4:  # noqa: PLR2004 - a character of several bytes
        try:
            return data.decode()
        except UnicodeDecodeError:
            data += os.read(fd, 1)
    return data.decode("utf-8", "surrogateescape")


def read_line(stdin: BinaryIO, *, hidden: bool) -> bytes:
    """Read one line, including its newline; b"" at the end of the input. `raw_mode` hides it, except on Windows."""
    if not hidden:
        signals.wait_for_input(stdin)
        return stdin.readline()
    if os.name == "nt":  # its console's echo can't be turned off for a line, but getpass reads key by key
        import getpass

        return getpass.getpass("").encode("utf-8", "surrogatepass") + b"\n"
    line = ""  # key by key as well: of a terminal's own line all after 4,095 bytes is lost
    while (key := read_key(stdin)) not in ("", "\x04"):
        if key in "\r\n":
            line += "\n"
            break
        if key in "\x7f\b\x15":  # Backspace; Ctrl-U
            line = "" if key == "\x15" else line[:-1]
        else:
            line += key
    return line.encode("utf-8", "surrogateescape")
