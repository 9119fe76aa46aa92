"""The Typer application: everything that `dpx` can do, declared with Typer.

`app` works on its own (`python -m typer dpx_cli.cli.app run projects list`), and another program can mount it. `dpx`
itself does not come here, because importing Typer takes longer than most of its commands: `build_table.py` turns the
same declarations into the table that `parser.py` reads.
"""

from __future__ import annotations

import inspect
import os
import sys
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from dpx_cli import commands
from dpx_cli.cli import main, options
from dpx_cli.cli.parser import Call, empty_value, flat
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


HELP = {"help_option_names": ["-h", "--help"]}


def groups() -> list[commands.Recorder]:
    """Return every command group, once each; the group "" holds the commands of the root."""
    modules = [import_module(found.name) for found in walk_packages(commands.__path__, f"{commands.__name__}.")]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, commands.Recorder)]
    return list({id(group): group for group in found}.values())


def parameters(function: Callable[..., None]) -> list[inspect.Parameter]:
    """Return a command's parameters with evaluated annotations: its own, those of its formats, the common ones."""
    hints = get_type_hints(function, localns={**vars(options), "options": options}, include_extras=True)
    found = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:  # `**sandbox: Unpack[SandboxOptions]`
            (shared,) = get_args(hints[parameter.name])
            found += [keyword(name, hint) for name, hint in get_type_hints(shared, include_extras=True).items()]
        else:
            found.append(keyword(parameter.name, hints[parameter.name], parameter.default))
    for parameter in found:
        _set_panel(get_args(parameter.annotation)[1])
    more = {**options.FORMATS[getattr(function, "prints", "")], **options.COMMON}
    return [*found, *(keyword(name, hint) for name, hint in more.items())]


def _set_panel(info: Any) -> None:
    """Give an option the panel of `options.PANELS` if it has none of its own."""
    for panel, flags in options.PANELS.items():
        if getattr(info, "default", "") in flags.split() and not info.rich_help_panel:
            info.rich_help_panel = panel


def keyword(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    """Return a keyword-only parameter."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def is_multiple(kind: Any) -> bool:
    """Return whether an annotated type takes several values: `tuple[X, ...]`."""
    return any(get_origin(part) is tuple for part in (kind, *get_args(kind)))


def choices(kind: Any) -> tuple[str, ...]:
    """Return the values of the Literal in a type, or ()."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return next((found for part in get_args(kind) if (found := choices(part))), ())


def build() -> typer.Typer:
    """Build the application from the declarations."""
    made = typer.Typer(name="dpx", add_completion=False, rich_markup_mode=None, context_settings=HELP)
    made.callback()(_root)
    for group in groups():
        real = (
            typer.Typer(help=group.settings["help"], rich_markup_mode=None, context_settings=HELP)
            if group.name
            else made
        )
        for name, function, settings in group.commands:
            if name:
                context = {"context_settings": HELP | settings.get("context_settings", {})}
                real.command(name, **(settings | context))(_runner((group.name, name), function))
            else:
                real.callback(invoke_without_command=True, **settings)(_runner((group.name, name), function))
        if group.name:
            made.add_typer(real, name=group.name)
    return made


def _root(
    context: typer.Context,
    profile: options.Profile = None,
    debug: options.Debug = False,
    version: options.Version = False,
) -> None:
    """The command line of Deploxa."""
    if version:
        raise typer.Exit(main.run(["--version"]))
    if profile == "":
        raise typer.BadParameter(empty_value("--profile").message)
    context.obj = {name: value for name, value in (("profile", profile), ("debug", debug)) if value}


def _runner(path: tuple[str, ...], function: Callable[..., None]) -> Callable[..., None]:
    """Return the callback of a command: it hands what Typer parsed to `dpx_cli.cli.main`."""
    declared = [parameter for parameter in parameters(function) if parameter.name != "help"]

    def run(context: typer.Context, **values: Any) -> None:
        given = {name: value for name, value in values.items() if value is not None and value is not False}
        given = {name: flat(value) if isinstance(value, list) else value for name, value in given.items()}
        if context.invoked_subcommand is not None:
            if given:
                # `dpx deploy --branch main list`: it must not be unclear whether this deploys.
                raise UsageError(f"Too many arguments: {context.invoked_subcommand}", hint="Put the command first.")
            return
        for parameter in declared:
            _, info, *more = get_args(parameter.annotation)
            flag = info.default  # of an argument it is ...
            may_be_empty = flag in options.EMPTY or options.CLEARABLE in more
            if not may_be_empty and given.get(parameter.name) in ("", ("",)):
                raise typer.BadParameter(empty_value(info.metavar if flag is ... else flag).message)
        given = {**(context.obj or {}), **given}
        command = {
            "module": function.__module__,
            "function": function.__name__,
            "formats": getattr(function, "prints", ""),
            "effect": getattr(function, "effect", ""),
        }
        code = execute(Call(tuple(part for part in path if part), command, given))
        if code:
            raise typer.Exit(code)

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    signature = [context, *map(_for_typer, declared)]
    run.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]  # as inspect.signature documents
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    run.__doc__ = function.__doc__
    return run


def execute(call: Call) -> int:
    """Run a parsed command and return its exit code."""
    return main.guard(lambda _: main.run_command(call, os.environ), call.format, os.environ)


def _for_typer(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter as Typer takes it.

    Typer has `list` where we have `tuple`, which is what a default must be; and no default reaches it, because the
    command's function has its own.
    """
    kind, *metadata = get_args(parameter.annotation)
    if is_multiple(kind):
        kind = list[str]
    required = parameter.default is inspect.Parameter.empty
    if required:
        return parameter.replace(annotation=Annotated[kind, *metadata])
    if kind is bool:
        return parameter.replace(annotation=Annotated[kind, *metadata], default=False)
    return parameter.replace(annotation=Annotated[kind | None, *metadata], default=None)


app = build()

if __name__ == "__main__":
    app(sys.argv[1:])
