"""Signals during asynchronous work: none is lost, also inside a callback."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import Any

import pytest

from dpx_cli.webhook import loop


class Terminated(BaseException):
    """What a handler raises; asyncio swallows it if it is raised inside a callback."""


async def busy(number: int) -> None:
    """Run callbacks without a pause, so that the signal nearly always arrives inside one."""
    # From here, so that on a busy machine it does not come before `run` is ready for it.
    threading.Timer(0.02, os.kill, (os.getpid(), number)).start()
    running = asyncio.get_running_loop()

    def again() -> None:
        sum(range(2000))
        running.call_soon(again)

    again()
    await asyncio.sleep(60)


def raise_terminated(_number: int, _frame: Any) -> None:
    """The handler."""
    raise Terminated


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)])
def test_what_a_handler_raises_comes_out(number: int, kind: type[BaseException]) -> None:
    """`run` raises what a signal handler raises, and restores the handlers."""
    before = {signal.SIGTERM: raise_terminated, signal.SIGINT: signal.default_int_handler}
    old = {one: signal.signal(one, handler) for one, handler in before.items()}
    try:
        for _ in range(5):
            with pytest.raises(kind):
                loop.run(busy(number))
            assert {one: signal.getsignal(one) for one in before} == before
    finally:
        for one, handler in old.items():
            signal.signal(one, handler)


def test_results_and_errors_come_out() -> None:
    """`run` returns the result and raises the error of its coroutine."""

    async def give(value: int) -> int:
        await asyncio.sleep(0)
        return 10 // value

    assert loop.run(give(5)) == 2
    with pytest.raises(ZeroDivisionError):
        loop.run(give(0))


def test_what_is_left_running_is_ended() -> None:
    """`run` cancels other tasks and lets their `finally` run."""
    ended = []

    async def leave() -> None:
        async def stay() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(True)

        tasks.append(asyncio.create_task(stay()))
        await asyncio.sleep(0)

    tasks: list[asyncio.Task[None]] = []
    loop.run(leave())
    assert ended == [True]


def test_a_thread_may_run_one_too() -> None:
    """`run` works in a thread, without signals."""
    results: list[int] = []

    async def give() -> int:
        return 7

    thread = threading.Thread(target=lambda: results.append(loop.run(give())))
    thread.start()
    thread.join()
    assert results == [7]
