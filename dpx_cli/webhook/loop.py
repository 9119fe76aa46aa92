"""Run a coroutine so that no signal is lost and nothing is waited for that was given up.

`asyncio.run` differs in two ways: an exception that a signal's handler raises while some callback runs is swallowed,
unless it is a KeyboardInterrupt; and it waits for name look-ups that a deadline has given up.

Floor 1; imports nothing of dpx. Neighbours: `deliver.py` and `listener.py`, which use it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end; what the handlers of SIGINT and SIGTERM raise comes out of here, after `main` was cancelled."""
    loop = asyncio.new_event_loop()
    risen: list[BaseException] = []
    try:
        task = loop.create_task(main)
        with _signals(loop, task, risen):
            return loop.run_until_complete(task)
    except asyncio.CancelledError:
        if risen:
            raise risen[0] from None
        raise
    finally:
        _end_the_rest(loop)
        loop.close()


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any], risen: list[BaseException]) -> Iterator[None]:
    """Run the handlers of signals between callbacks instead of inside them."""
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def rise(number: int) -> None:
        try:
            handlers[number](number, None)
        except BaseException as exc:  # noqa: BLE001 - raised again by run()
            risen.append(exc)
            task.cancel()

    taken = []
    for number, handler in handlers.items():
        if callable(handler):  # a shell's background job has SIGINT ignored, and keeps it so
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, rise, number)
                taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
            signal.signal(number, handlers[number])


def _end_the_rest(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is still running, and let it end."""
    rest = asyncio.all_tasks(loop)
    for task in rest:
        task.cancel()
    if rest:
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
