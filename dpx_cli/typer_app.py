"""The Typer application, built from the declared commands; Typer explains what is wrong with a command line.

`argv.py` runs a well-formed command line without it, because importing Typer costs four times a bare interpreter.
Whatever `argv.py` is not certain of comes here, and Typer's word is final.

Floor 4; neighbours: `argv.py`, `command_table.py`.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dpx_cli.argv import Call, Help, Route, command_line, convert, nearest
from dpx_cli.command_table import TABLE
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Help is drawn by help.py from the table; without these Typer would load Rich for its own.
QUIETLY: dict[str, Any] = {
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
}


def build(only: str | None = None) -> typer.Typer:
    """The application with every group, or with one alone; each command returns what was given, as a dict."""
    app = typer.Typer(name="dpx", no_args_is_help=False, **QUIETLY)
    for name, entry in TABLE.items():
        if only not in (None, name):
            continue
        if "commands" not in entry:
            app.command(name, help=entry["help"], add_help_option=False)(_callback(entry))
            continue
        group = typer.Typer(name=name, help=entry["help"], **QUIETLY)
        for command_name, command in entry["commands"].items():
            # The group's own command (`dpx deploy`) goes by a name that nobody can type.
            group.command(command_name or OWN, help=command["help"], add_help_option=False)(_callback(command))
        app.add_typer(group)

    @app.callback()
    def root() -> None:
        """Keep `dpx` a group even where it has one command."""

    return app


OWN = "(own)"


def _callback(command: Mapping[str, Any]) -> Callable[..., dict[str, Any]]:
    """A function with the signature Typer reads; it hands back what was given and leaves out what was not."""

    def given(**values: Any) -> dict[str, Any]:
        return {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
            if value not in (None, False, [], ())
        }

    signature = [_parameter(param) for param in command["params"]]
    given.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]  # how inspect.signature is told
    given.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    return given


def _parameter(param: Mapping[str, Any]) -> inspect.Parameter:
    multiple = param.get("multiple", False)
    kind: Any = list[str] if multiple else str
    required = param.get("required", False)
    default: Any = inspect.Parameter.empty if required else None
    if "flags" not in param:
        extra = typer.Argument(metavar=param["metavar"], help=param["help"], show_default=False)
        kind = kind if required else kind | None
    elif "metavar" in param:
        extra = typer.Option(*param["flags"], metavar=param["metavar"], help=param["help"], show_default=False)
        kind = kind if required else kind | None
    else:
        extra = typer.Option(*param["flags"], help=param["help"], show_default=False)
        kind, default = bool, False
    return inspect.Parameter(
        param["name"], inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, extra]
    )


def parse(found: Route) -> Call | Help:
    """Let Typer read a routed command line.

    Raises:
        UsageError: with Typer's reason; what may be a secret is not in it.
    """
    command = typer.main.get_command(build(found.path[0]))
    names = [name or OWN for name in found.path]
    try:
        given = command.main(args=[*names, *found.rest], prog_name="dpx", standalone_mode=False)
    except typer.TyperException as problem:
        raise _explained(problem, found) from None
    if "help" in given:
        return Help(found.path)
    return Call(found.path, found.command, convert(found, {**found.given, **given}))


def _explained(problem: Any, found: Route) -> UsageError:
    """Typer's complaint in our one line. A command that takes a secret never shows what it did not understand."""
    line = command_line(found.path)
    params = found.command["params"]
    if option := getattr(problem, "option_name", None):
        flags = [flag for param in params for flag in param.get("flags", ())]
        if option in flags:
            return UsageError(_lowered(problem.format_message()), hint=f"see {line} --help")
        if any(param.get("secret") for param in params):
            return UsageError(
                f"{line} was given an option that it does not have",
                hint=f"put -- before a value that starts with a dash; see {line} --help",
            )
        return UsageError(f"no such option: {option}", hint=nearest(option, flags, f"{line} --help"))
    text = problem.format_message()
    if "unexpected extra argument" in text:
        if any(param.get("secret") for param in params):
            return UsageError(f"{line} was given too many arguments", hint=f"see {line} --help")
        extra = text.partition("(s) (")[2].removesuffix(")")
        return UsageError(f"{line} was given an argument too many: {extra}", hint=f"see {line} --help")
    return UsageError(_lowered(text), hint=f"see {line} --help")


def _lowered(text: str) -> str:
    return (text[:1].lower() + text[1:]).rstrip(".").replace("'", "")
