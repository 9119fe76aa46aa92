"""Turn the declared commands into `command_table.py`: run `python -m dpx_cli.compile` after a change to any of them.

The table is what start-up and help read instead of importing every command and Typer. The completion scripts in
`completions/` are drawn from it and written along with it. Tests compare the files with what this module would write.
Floor 4: imports all of `commands/`; nothing imports it but tests and `__main__`.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import pprint
import typing
from typing import TYPE_CHECKING, Any

from dpx_cli import commands, completion
from dpx_cli.declare import JSON_LINES, LIST, ONE, Argument, Command, Group, Option

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = os.path.join(os.path.dirname(__file__), "command_table.py")
SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "completions")  # in a checkout only

# The order of root help. A group that is missing here stops the build.
ORDER = (
    *("deploy", "projects", "env", "orgs", "status", "open", "link", "unlink"),
    *("auth", "login", "logout", "whoami", "profile", "webhook", "api", "ci", "sandbox"),
    *("doctor", "completion", "help"),
)

ROOT_OPTIONS = (
    Option("--profile", metavar="NAME", help="Use this profile.", complete="profile", env="DPX_PROFILE"),
    Option("--debug", help="Say each request on stderr: method, path, status, milliseconds, attempt."),
    Option("--help", "-h", help="Show this help."),
)
VERSION = Option("--version", help="Show the version.")

JSON = Option("--json", help="One JSON document.")
JSONL = Option("--jsonl", help="One JSON object a line, as the pages come.")
QUIET = Option("--quiet", "-q", help="One identifier a line.")
STREAM = Option("--json", help="One JSON object a line.")
FORMATS = {"": (), ONE: (JSON,), LIST: (JSON, JSONL, QUIET), JSON_LINES: (STREAM,)}


def groups() -> dict[str, Group]:
    """Every declared group by name; those of the root, which each module makes for itself, are put together."""
    modules = [
        importlib.import_module(f"{commands.__name__}.{module.name}")
        for module in pkgutil.iter_modules(commands.__path__)
    ]
    # A group that one module makes and another adds to is in both, and is one.
    declared = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, Group)}
    found: dict[str, Group] = {}
    for group in declared.values():
        merged = found.setdefault(group.name, Group(group.name, group.help))
        merged.commands.extend(group.commands)
    return found


def parameter(name: str, declared: Option | Argument, *, required: bool) -> dict[str, Any]:
    """One parameter as the table has it; what is empty is left out."""
    entry = {
        "name": name,
        "flags": getattr(declared, "flags", ()),
        "metavar": declared.metavar,
        "help": declared.help,
        "kind": "" if declared.kind == "text" else declared.kind,
        "choices": declared.choices,
        "multiple": declared.multiple,
        "required": required,
        "complete": declared.complete,
        "secret": declared.secret,
        "env": getattr(declared, "env", ""),
    }
    return {key: value for key, value in entry.items() if value}


def common(option: Option) -> dict[str, Any]:
    """An option that the machinery itself reads, under its own name."""
    return parameter(option.flags[0].lstrip("-"), option, required=False)


def declared(name: str, hint: Any, function: Callable[..., None]) -> Option | Argument:
    """The one declaration in a parameter's annotation."""
    found = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Option | Argument)]
    if len(found) != 1:
        message = f"{function.__module__}.{function.__name__}: {name} needs one Option or Argument"
        raise TypeError(message)
    return found[0]


def parameters(command: Command) -> tuple[dict[str, Any], ...]:
    """All parameters of a command: its function's own, then the formats, then the root's."""
    function = command.function
    hints = typing.get_type_hints(function, include_extras=True, localns={"Session": Any})
    own = []
    for name, value in list(inspect.signature(function).parameters.items())[1:]:
        if value.kind is inspect.Parameter.VAR_KEYWORD:
            # `**world: Unpack[World]`: options that several commands share, none of them required.
            (shared,) = typing.get_args(hints[name])
            fields = typing.get_type_hints(shared, include_extras=True)
            own += [parameter(field, declared(field, hint, function), required=False) for field, hint in fields.items()]
        else:
            required = value.default is inspect.Parameter.empty
            own.append(parameter(name, declared(name, hints[name], function), required=required))
    return (*own, *map(common, FORMATS[command.formats]), *map(common, ROOT_OPTIONS))


def entry(command: Command) -> dict[str, Any]:
    """One command as the table has it."""
    help_text = inspect.getdoc(command.function) or ""
    summary, _, more = help_text.partition("\n")
    found = {
        "module": command.function.__module__,
        "function": command.function.__name__,
        "help": summary,
        "more": more.strip(),
        "example": command.example,
        "formats": command.formats,
        "params": parameters(command),
    }
    return {key: value for key, value in found.items() if value or key in ("params", "help")}


def table() -> dict[str, dict[str, Any]]:
    """The command table, from the declarations."""
    found = groups()
    root = {command.name: entry(command) for command in found.pop("", Group("", "")).commands}
    made: dict[str, Any] = {}
    for name in sorted({*root, *found}, key=ORDER.index):
        if name in root:
            made[name] = root[name]
        else:
            group = found[name]
            made[name] = {"help": group.help, "commands": {command.name: entry(command) for command in group.commands}}
    return made


def render() -> str:
    """The whole text of `command_table.py`."""
    made = table()
    lines = [
        f'"""{completion.MARK} Every command, option and argument, as plain data."""',
        "",
        "# fmt: off",
        "# ruff: noqa: E501, Q000 - written by pprint",
        "from __future__ import annotations",
        "",
        "TYPE_CHECKING = False  # typing itself would be the slowest import of many a command",
        "if TYPE_CHECKING:",
        "    from typing import Any",
        "",
    ]
    # Options that many commands share stand once, so that the file stays small and quick to load.
    shared: dict[str, str] = {}
    count: dict[str, int] = {}
    for command in each_command(made):
        for param in command["params"]:
            count[repr(param)] = count.get(repr(param), 0) + 1
    for text, times in count.items():
        if times > 1:
            shared[text] = f"P{len(shared)}"
            lines.append(f"{shared[text]} = {text}")
    for command in each_command(made):
        command["params"] = tuple(Verbatim(shared.get(repr(param), repr(param))) for param in command["params"])
    lines.append("ROOT: tuple[dict[str, Any], ...] = " + repr(root_options()))
    lines.append("TABLE: dict[str, dict[str, Any]] = " + pprint.pformat(made, width=118, sort_dicts=False))
    return "\n".join(lines) + "\n"


class Verbatim(str):
    """Text that `repr` leaves as it is: a name, or source text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def root_options() -> tuple[dict[str, Any], ...]:
    """What may stand before the group."""
    return (*map(common, ROOT_OPTIONS), common(VERSION))


def each_command(commands_table: dict[str, Any]) -> list[dict[str, Any]]:
    """Every command's entry in a table."""
    found: list[dict[str, Any]] = []
    for entry_ in commands_table.values():
        found.extend(entry_["commands"].values() if "commands" in entry_ else [entry_])
    return found


def scripts() -> dict[str, bytes]:
    """Every completion script by its file's name in `completions/`."""
    return {completion.FILES[shell]: completion.script(shell, table(), root_options()) for shell in completion.SHELLS}


def main() -> None:
    """Write the table and, in a checkout, the completion scripts."""
    files = {TABLE: render().encode()}
    if os.path.isdir(SCRIPTS):
        files |= {os.path.join(SCRIPTS, name): script for name, script in scripts().items()}
    for path, content in files.items():
        with open(path, "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
