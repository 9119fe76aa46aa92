"""SIGINT and SIGTERM, remembered so that none is lost.

The handler raises, which ends every wait that has begun. But the interpreter swallows an exception that interrupts a
finalizer or a weak reference's callback, and a signal in the microsecond before a wait begins doesn't end it. So the
handler also remembers the signal, and every wait is cut into slices between which `check` raises it again.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from _thread import get_ident
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from threading import Event
    from types import FrameType
    from typing import BinaryIO, NoReturn

SLICE = 0.25  # seconds
PATIENCE = 1.0  # seconds after the first signal from which another one ends the process at once


class Terminated(SystemExit):
    """SIGTERM. Raised like KeyboardInterrupt, so that `finally` and `with` clean up, and asyncio lets it through."""


class _State:
    """The signal that came first (0: none), when it came, and whether the handler may raise."""

    number = 0
    since = 0.0
    armed = False
    swallowed = False  # whether the interpreter has swallowed what the handler raised
    thread = 0


def arm() -> None:
    """Raise on SIGINT and SIGTERM from now on. A signal that the parent had ignored stays ignored."""
    # Before the handlers are installed: what they remember must not be reset.
    _State.number, _State.armed, _State.swallowed, _State.thread = 0, True, False, get_ident()
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _note_swallowed
    with suppress(ValueError):  # not the main thread: a test
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _remember)


def disarm() -> int:
    """Only remember signals from now on. Return the one that came, 0 if none did."""
    _State.armed = False
    return _State.number


def forget() -> None:
    """Forget the signal that came: it is answered, and the next one raises again."""
    _State.number, _State.armed = 0, True


def check() -> None:
    """Raise the signal that was remembered, if there is one. Does nothing in other threads than the main one."""
    if _State.number and _State.thread == get_ident():
        _raise(_State.number)


def sleep(seconds: float) -> None:
    """Sleep, unless a signal has come."""
    end = time.monotonic() + seconds
    check()
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, SLICE))
        check()


def wait_for_input(stream: BinaryIO) -> None:
    """Wait until a terminal has something to read, unless a signal has come. Windows can't wait for that."""
    check()
    if os.name != "nt":
        import select

        while not select.select([stream], [], [], SLICE)[0]:
            check()


def wait(event: Event, seconds: float | None = None) -> bool:
    """Wait for an event, unless a signal has come; return whether it was set within `seconds`.

    In slices: Windows interrupts no wait that has no end.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        check()
        left = SLICE if deadline is None else min(deadline - time.monotonic(), SLICE)
        if event.wait(max(left, 0)):
            check()
            return True
        if left <= 0:
            return False


def _remember(number: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    if _State.swallowed and _State.armed:
        _State.swallowed = False
        _raise(number)
    if _State.number:
        # `timeout` and others signal twice in a row; only a user who has waited wants out at any cost.
        if now - _State.since > PATIENCE:
            os._exit(128 + number)
        return
    _State.number, _State.since = number, now
    if _State.armed:
        _raise(number)


def _note_swallowed(unraisable: sys.UnraisableHookArgs) -> None:
    """Note that a signal's exception was swallowed, instead of the traceback that the interpreter would print."""
    if unraisable.exc_type in (KeyboardInterrupt, Terminated):
        _State.swallowed = True
    else:
        sys.__unraisablehook__(unraisable)


def _raise(number: int) -> NoReturn:
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated
