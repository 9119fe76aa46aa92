"""Turn the declared commands into `command_table.py`: run `python -m dpx_cli.compile` after a change to any of them.

The table is what start-up, help and completion read instead of importing every command and Typer. A test compares the
file with what this module would write. Floor 4: imports all of `commands/`; nothing imports it but tests and `__main__`.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import pprint
import typing
from typing import Any

from dpx_cli import commands
from dpx_cli.declare import JSON_LINES, LIST, ONE, Argument, Command, Group, Option

TABLE = os.path.join(os.path.dirname(__file__), "command_table.py")

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
    """Every declared group by name, those of one name (the root's) put together, in the order of root help."""
    found: dict[str, Group] = {}
    for module in pkgutil.iter_modules(commands.__path__):
        declared = vars(importlib.import_module(f"{commands.__name__}.{module.name}")).values()
        for group in (value for value in declared if isinstance(value, Group)):
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


def parameters(command: Command) -> tuple[dict[str, Any], ...]:
    """All parameters of a command: its function's own, then the formats, then the root's."""
    function = command.function
    hints = typing.get_type_hints(function, include_extras=True, localns={"Session": Any})
    own = []
    for name, value in list(inspect.signature(function).parameters.items())[1:]:
        declared = [extra for extra in getattr(hints[name], "__metadata__", ()) if isinstance(extra, Option | Argument)]
        if len(declared) != 1:
            message = f"{function.__module__}.{function.__name__}: {name} needs one Option or Argument"
            raise TypeError(message)
        own.append(parameter(name, declared[0], required=value.default is inspect.Parameter.empty))
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
        "hidden": command.hidden,
        "params": parameters(command),
    }
    return {key: value for key, value in found.items() if value or key in ("params", "help")}


def render() -> str:
    """The whole text of `command_table.py`."""
    found = groups()
    root = {command.name: entry(command) for command in found.pop("", Group("", "")).commands}
    table: dict[str, Any] = {}
    names = sorted({*root, *found}, key=ORDER.index)
    for name in names:
        if name in root:
            table[name] = root[name]
        else:
            group = found[name]
            table[name] = {"help": group.help, "commands": {command.name: entry(command) for command in group.commands}}
    lines = [
        '"""Generated by `python -m dpx_cli.compile`; do not edit. Every command, option and argument, as plain data."""',
        "",
        "# ruff: noqa",
        "from typing import Any",
        "",
    ]
    # Options that many commands share stand once, so that the file stays small and quick to load.
    shared: dict[str, str] = {}
    count: dict[str, int] = {}
    for command in each_command(table):
        for param in command["params"]:
            count[repr(param)] = count.get(repr(param), 0) + 1
    for text, times in count.items():
        if times > 1:
            shared[text] = f"P{len(shared)}"
            lines.append(f"{shared[text]} = {text}")
    for command in each_command(table):
        command["params"] = tuple(Verbatim(shared.get(repr(param), repr(param))) for param in command["params"])
    lines.append("ROOT: tuple[dict[str, Any], ...] = " + repr((*map(common, ROOT_OPTIONS), common(VERSION))))
    lines.append("TABLE: dict[str, dict[str, Any]] = " + pprint.pformat(table, width=118, sort_dicts=False))
    return "\n".join(lines) + "\n"


class Verbatim(str):
    """Text that `repr` leaves as it is: a name, or source text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def each_command(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Every command's entry in a table."""
    found: list[dict[str, Any]] = []
    for entry_ in table.values():
        found.extend(entry_["commands"].values() if "commands" in entry_ else [entry_])
    return found


def main() -> None:
    """Write the table."""
    text = render()
    with open(TABLE, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


if __name__ == "__main__":
    main()
