"""The manifest of `dpx commands --json`: what each command takes, prints and does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.cli.command_table import TABLE
from dpx_cli.cli.topics import MEANINGS
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What the parsers of `cli/values.py` accept, in the words of JSON Schema where it has one; else it's a string.
TYPES = {"count": "integer", "number": "integer", "port": "integer", "duration": "duration", "delay": "duration"}
FORMATS = ("json", "jsonl", "quiet", "fields", "jq")
# Other names of commands that are listed already.
SYNONYMS = ("auth login", "auth logout", "auth status", "auth switch", "skill print", "ci print-workflow")


def each_command() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return every command's name, like "projects list", with its entry in the table; each command once."""
    for name, entry in TABLE.items():
        for verb, command in entry.get("commands", {"": entry}).items():
            if (full := f"{name} {verb}".strip()) not in SYNONYMS:
                yield full, command


def build(group: str | None = None) -> dict[str, Any]:
    """Return the manifest; of one group of commands only, if there is one."""
    commands = [(name, command) for name, command in each_command() if group in (None, name, name.partition(" ")[0])]
    if not commands:
        groups = dict.fromkeys(name.partition(" ")[0] for name, _ in each_command())
        raise UsageError(f"No such group: {group}", hint=f"Groups: {', '.join(groups)}")
    return {
        "commands": [_command(name, command) for name, command in commands],
        "exitCodes": [
            {"code": int(code), "name": code.name.lower(), "meaning": meaning} for code, meaning in MEANINGS.items()
        ],
    }


def _command(name: str, command: Mapping[str, Any]) -> dict[str, Any]:
    params = command["params"]
    return {
        "name": name,
        "summary": command["help"],
        "effect": command["effect"],
        "arguments": [_argument(param) for param in params if "flags" not in param],
        "options": [_option(param) for param in params if "flags" in param],
        "formats": [param["name"] for param in params if param["name"] in FORMATS],
        "example": command["example"],
    }


def _argument(param: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": param["metavar"],
        "help": param["help"],
        "choices": param.get("choices"),
        "required": bool(param.get("required")),
        "repeatable": bool(param.get("multiple")),
    }


def _option(param: Mapping[str, Any]) -> dict[str, Any]:
    text, _, default = param["help"].partition(" [default: ")
    return {
        "flags": list(param["flags"]),
        "help": text,
        "type": type_of(param),
        "choices": param.get("choices"),
        "default": default.removesuffix("]") or (f"${param['env']}" if "env" in param else None),
        "required": bool(param.get("required")),
        "repeatable": bool(param.get("multiple")),
    }


def type_of(param: Mapping[str, Any]) -> str:
    """Return the type of a parameter's value: boolean, string, integer or duration (like "90s")."""
    if "flags" in param and "metavar" not in param:
        return "boolean"
    return TYPES.get(str(param.get("kind")), "string")
