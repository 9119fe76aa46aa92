"""Run a coroutine so that no signal is lost and abandoned work is not waited for.

`asyncio.run` differs in two ways: it swallows an exception that a signal handler raises inside a callback, unless it
is a KeyboardInterrupt; and it waits for name lookups that a deadline has abandoned.
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
    """Run to the end. What the handlers of SIGINT and SIGTERM raise is raised here, after `main` was canceled."""
    loop = asyncio.new_event_loop()
    raised: list[BaseException] = []
    try:
        task = loop.create_task(main)
        with _signals(loop, task, raised):
            return loop.run_until_complete(task)
    except asyncio.CancelledError:
        if raised:
            raise raised[0] from None
        raise
    finally:
        _cancel_all(loop)
        loop.close()


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any], raised: list[BaseException]) -> Iterator[None]:
    """Run signal handlers between callbacks instead of inside them."""
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int) -> None:
        try:
            handlers[number](number, None)
        except BaseException as exc:  # noqa: BLE001 - raised again by run()
            raised.append(exc)
            task.cancel()

    taken = []
    for number, handler in handlers.items():
        if callable(handler):  # a shell's background job ignores SIGINT; keep that
            with contextlib.suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, handle, number)
                taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
            signal.signal(number, handlers[number])


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is still running and let it end."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
