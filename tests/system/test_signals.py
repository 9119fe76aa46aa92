"""Signals are remembered, so that none is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO


@pytest.fixture(autouse=True)
def armed() -> Iterator[None]:
    """Arm the handlers, and put back those of the tests afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signals.arm()
    yield
    signals.disarm()
    signals.forget()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, signals.Terminated)])
def test_a_signal_raises(number: signal.Signals, kind: type[BaseException]) -> None:
    """Its own exception."""
    with pytest.raises(kind):
        signal.raise_signal(number)
    assert signals.disarm() == number


def test_one_that_comes_while_the_handlers_are_installed_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was forgotten, when what the handler remembers was reset after the handler was there."""
    getsignal = signal.getsignal

    def interrupted(number: signal.Signals) -> object:
        if number == signal.SIGTERM:
            signal.raise_signal(signal.SIGINT)
        return getsignal(number)

    signals.disarm()
    monkeypatch.setattr(signal, "getsignal", interrupted)
    with pytest.raises(KeyboardInterrupt):
        signals.arm()
    assert signals.disarm() == signal.SIGINT


def test_one_that_the_interpreter_has_printed_ends_dpx() -> None:
    """It comes while Python looks at the program's path; Python prints it and goes on."""
    code = "import sys; from dpx_cli.__main__ import main; sys.last_type = KeyboardInterrupt; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


class Swallows:
    """An object whose finalizer is interrupted, so that the interpreter swallows what the handler raises."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the handlers see what the interpreter swallows, which pytest looks at itself otherwise."""
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    signals.arm()


@pytest.mark.usefixtures("quiet")
def test_one_that_a_finalizer_swallows_is_raised_by_the_next_wait(capfd: pytest.CaptureFixture[str]) -> None:
    """And no traceback is printed."""
    Swallows()
    with pytest.raises(KeyboardInterrupt):
        signals.sleep(30)
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("quiet")
def test_after_a_swallowed_one_the_next_one_raises() -> None:
    """Where nothing waits that would look: a user presses Ctrl-C again."""
    Swallows()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.posix
@pytest.mark.parametrize(
    "wait",
    [lambda _: signals.sleep(30), lambda _: signals.wait(threading.Event()), signals.wait_for_input],
    ids=["sleep", "event", "input"],
)
def test_one_that_does_not_end_a_wait_is_raised_after_a_slice(wait: Callable[[BinaryIO], object]) -> None:
    """It came in the microsecond before the wait began: a program that answers a question at once met it."""
    signals.disarm()
    reader, writer = os.pipe()
    later = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])
    later.start()
    with open(reader, "rb") as nothing, pytest.raises(KeyboardInterrupt):
        wait(nothing)
    os.close(writer)
    later.join()


def test_a_second_one_right_after_the_first_changes_nothing() -> None:
    """`timeout` signals the process and its group."""
    with pytest.raises(signals.Terminated):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    assert signals.disarm() == signal.SIGTERM


def test_an_answered_one_is_forgotten() -> None:
    """And the next one raises again."""
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signals.forget()
    signals.check()


def test_a_disarmed_one_is_only_remembered_and_other_threads_go_on() -> None:
    """For the exit code; a worker goes on until it's told to stop."""
    signals.disarm()
    signal.raise_signal(signal.SIGINT)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(signals.check).result()
    assert signals.disarm() == signal.SIGINT


def test_an_ignored_signal_stays_ignored() -> None:
    """As in a shell's background job."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from dpx_cli.system import signals; signals.arm()\n"
        "signal.raise_signal(signal.SIGINT); print(signals.disarm())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
    assert done.stdout == "0\n"
