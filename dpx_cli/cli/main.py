"""From a command line to an exit code: parse, run, and the one boundary that turns errors into text.

`.github/CONTRIBUTING.md` follows one command line through the code.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

from dpx_cli.cli import parser
from dpx_cli.errors import DpxError, ExitCode, Failed, NetworkError, unexpected
from dpx_cli.output.screen import Screen
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session


def run(argv: Sequence[str], env: Mapping[str, str] | None = None) -> int:
    """Run one command line, without the program's name, and return its exit code."""
    env = os.environ if env is None else env
    return guard(lambda screen: _run(argv, env, screen), _json_wanted(argv), env)


def guard(action: Callable[[Screen], None], format_: str | None, env: Mapping[str, str]) -> int:
    """Run something and return its exit code; errors are shown in the given format, and no traceback ever is."""
    code = ExitCode.FAILED
    try:
        signals.arm()
        code = guarded(action, make_screen(format_, env))
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except signals.Terminated:
        code = ExitCode.TERMINATED
    except SystemExit as end:
        # `dpx sandbox run` exits with the code of another program.
        return end.code if isinstance(end.code, int) else ExitCode.FAILED
    finally:
        missed = signals.disarm()
    return 128 + missed if missed else int(code)


def guarded(action: Callable[[Screen], None], screen: Screen) -> ExitCode:
    """Run something, show its error on a screen, and return the exit code."""
    try:
        try:
            action(screen)
        except DpxError as error:
            screen.error(error)
            return error.exit_code
    except BrokenPipeError:
        return ExitCode.READER_GONE
    except Exception as problem:  # noqa: BLE001 - the last boundary: a user never sees a traceback
        screen.error(unexpected(problem))
        return ExitCode.FAILED
    return ExitCode.OK


def make_screen(
    format_: str | None, env: Mapping[str, str], *, fields: str | None = None, jq: str | None = None
) -> Screen:
    """Return a screen on the process's own streams."""
    return Screen(format_, stdout=sys.stdout, stderr=sys.stderr, stdin=sys.stdin, env=env, fields=fields, jq=jq)


def _run(argv: Sequence[str], env: Mapping[str, str], screen: Screen) -> None:
    try:
        call = parse_line(argv)
        if isinstance(call, parser.Version):
            from dpx_cli import __version__

            screen.line(f"dpx {__version__}")
        elif isinstance(call, parser.Help):
            from dpx_cli.cli import help as help_text

            screen.raw(help_text.draw(call.path, screen.look()))
        else:
            run_command(call, env)
    except DpxError as error:
        parser.hide_tokens(error, argv)
        raise


def parse_line(argv: Sequence[str]) -> parser.Call | parser.Help | parser.Version:
    """Parse a whole command line. A synonym of a command that only reads is parsed as that command."""
    try:
        route = parser.route(argv)
        return parser.parse(route) if isinstance(route, parser.Route) else route
    except parser.Mistake as problem:
        mistake = problem
    from dpx_cli.cli import suggest

    return parse_line(suggest.corrected(mistake))


def run_command(call: parser.Call, env: Mapping[str, str]) -> None:
    """Import a command's module and run its function; close what it opened."""
    from importlib import import_module

    from dpx_cli.session import Session

    screen = make_screen(call.format, env, fields=call.fields, jq=call.jq)
    session = Session(env, screen, profile=call.profile, debug=call.debug)
    if env.get("DPX_LEDGER") and call.path[0] in ("env", "plan", "apply"):
        screen.warn("DPX_LEDGER has no effect: deploxa.lock replaces it. Run: dpx help plan")
    deploys = call.path[:1] == ("deploy",) and call.command["effect"] != "read"
    if deploys or call.command["effect"] == "read":
        session.pick = lambda session: _pick(session, create=deploys)
    function = getattr(import_module(call.command["module"]), call.command["function"])
    if not gc.get_freeze_count():  # `dpx mcp` runs many commands: what they leave behind must stay collectable
        gc.freeze()
    gc.enable()
    try:
        function(session, **call.values)
    except DpxError as error:
        # Layers below the session end their hints with a fixed command, which needs the profile in force.
        profile = call.profile or env.get("DPX_PROFILE")
        _, run, command = (error.hint or "").rpartition("un: dpx ")
        if profile and run and "--profile" not in command and not command.startswith("profile "):
            error.hint = f"{error.hint} --profile {profile}"
        if isinstance(error, NetworkError) and session.may_have_changed:
            # Its exit code says that nothing was changed, and another step of the command may have.
            raise Failed(error.message, hint=error.hint, details=error.details) from error
        raise
    finally:
        session.close()


def _pick(session: Session, *, create: bool) -> ProjectRef:
    from dpx_cli.commands import link

    return link.pick(session, create=create)


def _json_wanted(argv: Sequence[str]) -> str | None:
    """Return the format for an error about the command line itself."""
    for word in argv:
        if word == "--":
            break
        if word in ("--json", "--jsonl"):
            return word[2:]
        if word.partition("=")[0] == "--jq":
            return "json"
    return None
