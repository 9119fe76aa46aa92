"""Questions on a pseudo-terminal, and refusals where nobody can be asked."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.errors import UsageError
from dpx_cli.output import picker
from dpx_cli.output.screen import Screen

if sys.platform != "win32":
    import termios

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.output.conftest import Terminal


def answered(terminal: Terminal, ask: Callable[[Screen], Any], *answers: tuple[str, str]) -> Any:
    """Ask, and type each answer when its prompt is there."""
    with terminal.typing(*answers):
        return ask(terminal.screen())


@pytest.mark.parametrize(
    ("typed", "yes"),
    [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), (" no \n", False), ("yep\ny\n", True)],
)
def test_confirm(terminal: Terminal, typed: str, yes: bool) -> None:
    """Yes only where yes is said; a typing error is asked again."""
    assert answered(terminal, lambda screen: screen.confirm("Delete it?"), ("Delete it? [y/N] ", typed)) is yes


@pytest.mark.posix
def test_a_secret_is_not_shown_and_comes_as_typed(terminal: Terminal) -> None:
    """However long it is; Backspace and Ctrl-U work, and echo comes back afterwards."""
    before = termios.tcgetattr(terminal.slave)
    typed = f"x\x15 canéa\x7f\x7fary{'y' * 9000} \n"
    assert answered(terminal, lambda s: s.secret("Token"), ("Token: ", typed)) == f" canary{'y' * 9000} "
    assert termios.tcgetattr(terminal.slave) == before
    assert "canary" not in terminal.finish()


def test_a_secret_that_always_differs_is_an_error(terminal: Terminal) -> None:
    """After three tries, both times from the start; no answer is in the error."""
    pair = "Value: \nAgain: \nThe two don't match. Try again.\n"
    answers = [
        answer
        for before in ("", pair, pair * 2)
        for answer in ((f"{before}Value: ", "s3\n"), (f"{before}Value: \nAgain: ", "s4\n"))
    ]
    with pytest.raises(UsageError, match=r"The two don't match\.") as caught:
        answered(terminal, lambda s: s.secret("Value", again="Again"), *answers)
    assert "s3" not in str(caught.value)
    before = pair * 2 + "Value: \nAgain: \n"
    answers = [(f"{before}Value: ", "s5\n"), (f"{before}Value: \nAgain: ", "s5\n")]
    assert answered(terminal, lambda s: s.secret("Value", again="Again"), *answers) == "s5"


def test_confirm_gives_up_after_three_tries(terminal: Terminal) -> None:
    """A key that is stuck, or a person who thinks that this is another program, gets an error."""
    before = "Go? [y/N] x\nAnswer y or n.\n"
    answers = [(f"{before * number}Go? [y/N] ", "x\n") for number in range(3)]
    with pytest.raises(UsageError, match="No answer to: Go"):
        answered(terminal, lambda s: s.confirm("Go?"), *answers)


@pytest.mark.posix
def test_a_hidden_prompt_that_is_stopped_or_interrupted() -> None:
    """It hides what is typed after Ctrl-Z and `fg`, too, and Ctrl-C gives echo back."""
    import pty

    code = (
        "import sys; from dpx_cli.output.screen import Screen\n"
        "screen = Screen(None, stdout=sys.stdout, stderr=sys.stderr, stdin=sys.stdin, env={'TERM': 'xterm'})\n"
        "try:\n    screen.secret('Token')\n"
        "except KeyboardInterrupt:\n    sys.exit(130)\n"
    )
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    shown = b""
    while b"Token: " not in shown:
        shown += os.read(master, 1024)
    assert not termios.tcgetattr(slave)[3] & termios.ECHO
    child.send_signal(signal.SIGSTOP)
    termios.tcsetattr(slave, termios.TCSANOW, before)  # as a shell does
    child.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 10
    while termios.tcgetattr(slave)[3] & termios.ECHO and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not termios.tcgetattr(slave)[3] & termios.ECHO
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 130
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_end_of_input_is_a_usage_error(terminal: Terminal) -> None:
    """Ctrl-D, hidden or not; otherwise one line is trimmed, and the question neutralized."""
    question = "Type the slug \x1b[31m"
    assert answered(terminal, lambda s: s.ask(question), ("slug \\x1b[31m: ", "  storefront \n")) == "storefront"
    with pytest.raises(UsageError, match="No answer"):
        answered(terminal, lambda s: s.ask("Name"), ("Name: ", "\x04"))
    with pytest.raises(UsageError, match="No answer"):
        answered(terminal, lambda s: s.secret("Token"), ("Token: ", "\x04"))


@pytest.mark.parametrize(
    ("env", "can"),
    [
        ({}, True),
        ({"CI": "true"}, False),
        ({"CI": "false"}, True),
        ({"DPX_NO_INPUT": "1"}, False),
        ({"DPX_NO_INPUT": "0"}, True),
        ({"DPX_NO_INPUT": "0", "CI": "true"}, True),
        ({"DPX_NO_INPUT": "1", "CI": "false"}, False),
    ],
)
def test_who_can_be_asked(terminal: Terminal, env: dict[str, str], can: bool) -> None:
    """DPX_NO_INPUT decides where it is set, else CI."""
    assert terminal.screen(env=env).can_ask is can


@pytest.mark.parametrize("question", [Screen.confirm, Screen.ask, Screen.secret, picker.choose])
def test_without_a_terminal_every_question_is_refused(question: Callable[..., Any]) -> None:
    """At once, reading nothing."""
    stdin = io.BytesIO(b"y\n")
    screen = Screen(None, stdout=io.BytesIO(), stderr=io.BytesIO(), stdin=stdin, env={})
    more = [["a", "b"]] if question is picker.choose else []
    with pytest.raises(UsageError, match="Can't ask"):
        question(screen, "Delete it?", *more)
    assert stdin.tell() == 0
