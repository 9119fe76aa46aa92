"""What is completed where, in a notation short enough for a shell to read.

A place is what a command line has named so far: "" (the root), "projects", "projects list". It has commands, options
and arguments. In bash, fish and PowerShell an option is one word:

    --yes,-y                          a flag, and its short form
    --branch=                         takes a value that cannot be completed
    --status=QUEUED|BUILDING          takes one of these, in any case
    --project,-p=@project             takes a remembered name, see `complete.py`; or @file, @command, @topic
    --target+=production|preview      may be given several times

and so is an argument: what stands behind the "=", and a "+" at the end where it takes all further words.

Floor 4; neighbours: `bash.py`, `zsh.py`, `fish.py`, `powershell.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.cli import topics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FORMATS = ("--json", "--jsonl", "--quiet")  # exclude one another; see argv.Call
TOPICS = tuple(topics.TOPICS)


class Option:
    """An option that can be completed. Fields as in `declare.Option`; `values` in the notation above."""

    __slots__ = ("flags", "help", "metavar", "multiple", "takes_value", "values")

    def __init__(self, param: Mapping[str, Any]) -> None:
        self.flags: tuple[str, ...] = tuple(param["flags"])
        self.help = sentence(param["help"])
        self.metavar: str = param.get("metavar", "")
        self.multiple: bool = param.get("multiple", False)
        self.takes_value = "metavar" in param
        self.values = values(param)

    def __str__(self) -> str:
        value = f"={self.values}" if self.takes_value else ""
        return ",".join(self.flags) + ("+" if self.multiple else "") + value


class Argument:
    """An argument that may be completed."""

    __slots__ = ("help", "metavar", "multiple", "required", "values")

    def __init__(self, param: Mapping[str, Any]) -> None:
        self.metavar: str = param["metavar"]
        self.help = sentence(param["help"])
        self.required: bool = param.get("required", False)
        # Only the first word of `env set` is sure to be a key: the next one may be its value.
        self.multiple: bool = param.get("multiple", False) and not param.get("secret")
        self.values = values(param)

    def __str__(self) -> str:
        return (self.values or "-") + ("+" if self.multiple else "")


class Place:
    """What can follow there.

    Attributes:
        name: the words that lead there: "projects list".
        commands: names and what they do; a group's, or the root's.
        options: its own and the machinery's.
        arguments: in their order.
    """

    __slots__ = ("arguments", "commands", "name", "options")

    def __init__(self, name: str, commands: Iterable[tuple[str, str]], params: Iterable[Mapping[str, Any]]) -> None:
        listed = list(params)
        self.name = name
        self.commands = tuple(commands)
        self.options = tuple(Option(param) for param in listed if "flags" in param)
        self.arguments = tuple(Argument(param) for param in listed if "flags" not in param)


def places(table: Mapping[str, Any], root: Sequence[Mapping[str, Any]]) -> list[Place]:
    """Every place of a command table, the root first."""
    help_alone = [param for param in root if param["name"] == "help"]
    found = [Place("", _listed(table), root)]
    for name, entry in table.items():
        if "commands" not in entry:
            found.append(Place(name, (), entry["params"]))
            continue
        commands = entry["commands"]
        own = commands.get("")
        found.append(
            Place(name, _listed(commands), own["params"] if own else help_alone),
        )
        found += [Place(f"{name} {below}", (), command["params"]) for below, command in commands.items() if below]
    return found


def _listed(commands: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, sentence(command["help"])) for name, command in commands.items() if name]


def values(param: Mapping[str, Any]) -> str:
    """What a parameter takes, in the notation above."""
    if "choices" in param:
        return "|".join(param["choices"])
    return f"@{param['complete']}" if "complete" in param else ""


def sentence(text: str) -> str:
    """A help text as shells show descriptions: its first sentence, in one line, without the period."""
    first = " ".join(text.split())
    for end in (". ", "; "):
        first = first.partition(end)[0]
    return first.rstrip(".")


def quoted(text: str) -> str:
    """A text in single quotes for bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"
