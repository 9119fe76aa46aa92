"""From a command line to an exit code: route, parse, run, and the one boundary that turns errors into text.

Floor 4; neighbours: `argv.py` and `typer_app.py` (parsing), `help.py`, `session.py` (what a command gets). How one
command line goes through the program is told in the README, "How it is built".
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Any

from dpx_cli import argv as command_line
from dpx_cli.errors import DpxError, ExitCode, unexpected
from dpx_cli.output.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Terminated(SystemExit):
    """SIGTERM. Rises like KeyboardInterrupt, so that `finally` and `with` tidy up, and asyncio lets it through."""


def run(argv: Sequence[str], env: Mapping[str, str] | None = None) -> int:
    """Run one command line to its end; gives the exit code. Nothing but KeyboardInterrupt's kin can stop it halfway.

    Args:
        argv: without the program's name.
        env: the environment; None for the process's own.
    """
    env = os.environ if env is None else env
    _rise_on_sigterm()
    screen = make_screen(_json_wanted(argv), env)
    code: int = ExitCode.OK
    try:
        try:
            _run(argv, env, screen)
        except DpxError as error:
            screen.error(error)
            code = error.exit_code
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except Terminated:
        code = ExitCode.TERMINATED
    except SystemExit as end:
        # Of `dpx sandbox run`: the code of another program.
        code = end.code if isinstance(end.code, int) else ExitCode.FAILED
    except BrokenPipeError:
        code = ExitCode.READER_GONE
    except Exception as problem:  # noqa: BLE001 - the last boundary: a person never sees a traceback
        screen.error(unexpected(problem))
        code = ExitCode.FAILED
    return int(code)


def make_screen(format_: str | None, env: Mapping[str, str]) -> Screen:
    """A screen on the process's own streams."""
    return Screen(format_, stdout=sys.stdout, stderr=sys.stderr, stdin=sys.stdin, env=env)


def _run(argv: Sequence[str], env: Mapping[str, str], screen: Screen) -> None:
    routed = command_line.route(argv)
    asked = _parsed(routed) if isinstance(routed, command_line.Route) else routed
    if isinstance(asked, command_line.Version):
        from dpx_cli import __version__

        screen.line(f"dpx {__version__}")
    elif isinstance(asked, command_line.Help):
        from dpx_cli import help as help_text

        screen.raw(help_text.draw(asked.path, screen.look()))
    else:
        _call(asked, env)


def _parsed(found: command_line.Route) -> command_line.Call | command_line.Help:
    """What a routed command line asks for; Typer is loaded only where the table alone cannot tell."""
    parsed = command_line.parse(found)
    if parsed is None:
        from dpx_cli import typer_app

        parsed = typer_app.parse(found)
    return parsed


def _call(call: command_line.Call, env: Mapping[str, str]) -> None:
    """Import the command's module and run its function."""
    from importlib import import_module

    from dpx_cli.session import Session

    session = Session(env, make_screen(call.format, env), profile=call.profile, debug=call.debug)
    function = getattr(import_module(call.command["module"]), call.command["function"])
    gc.freeze()
    gc.enable()
    function(session, **call.values)


def _json_wanted(argv: Sequence[str]) -> str | None:
    """The format in which an error is told where the command line itself may be what is wrong."""
    for word in argv:
        if word == "--":
            break
        if word in ("--json", "--jsonl"):
            return word[2:]
    return None


def _rise_on_sigterm() -> None:
    import signal

    def rise(_number: int, _frame: Any) -> None:
        raise Terminated

    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        try:
            signal.signal(signal.SIGTERM, rise)
        except ValueError:  # not the main thread: a test
            return
