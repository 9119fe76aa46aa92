"""Where signals cannot be waited for (everywhere but Linux) a command is run more simply; here held to the same."""

from __future__ import annotations

import os

import pytest

from dpx_cli.errors import Failed, NotFound
from dpx_cli.sandbox.run import _run_portably
from dpx_cli.sandbox.server import Sandbox


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_the_exit_code(script: str, code: int) -> None:
    """The exit code is the command's own."""
    assert _run_portably(["sh", "-c", script], os.environ, Sandbox()) == code


def test_the_environment(capfd: pytest.CaptureFixture[str]) -> None:
    """The command's environment points at the sandbox."""
    sandbox = Sandbox()
    assert _run_portably(["sh", "-c", "echo $DPX_API_URL $DPX_TOKEN"], os.environ, sandbox) == 0
    assert capfd.readouterr().out.split() == [sandbox.url, sandbox.token]


def test_a_command_that_cannot_be_run() -> None:
    """A missing or non-executable command is an error."""
    with pytest.raises(NotFound):
        _run_portably(["no-such-command"], os.environ, Sandbox())
    with pytest.raises(Failed):
        _run_portably([os.curdir + os.sep], os.environ, Sandbox())
