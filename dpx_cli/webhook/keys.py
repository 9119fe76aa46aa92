"""Single key presses on a terminal, without Enter."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def watch(loop: AbstractEventLoop, terminal: int, pressed: Callable[[str], None]) -> Iterator[None]:
    """Call `pressed` with each key while the block runs; restore the terminal afterwards.

    Does nothing on Windows, and in the background of a shell: to change the terminal from there would stop the process.

    Args:
        loop: the event loop that runs.
        terminal: a file descriptor.
        pressed: called in the event loop.
    """
    if sys.platform != "win32" and _in_foreground(terminal):
        import termios
        import tty

        def read() -> None:
            try:
                keys = os.read(terminal, 64)
            except OSError:
                keys = b""
            if not keys:
                loop.remove_reader(terminal)  # The terminal is gone.
            for key in keys.decode("latin-1"):
                pressed(key)

        before = termios.tcgetattr(terminal)
        tty.setcbreak(terminal, termios.TCSADRAIN)
        loop.add_reader(terminal, read)
        try:
            yield
        finally:
            loop.remove_reader(terminal)
            with contextlib.suppress(termios.error):
                termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    else:
        yield


def _in_foreground(terminal: int) -> bool:
    try:
        return sys.platform != "win32" and os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
