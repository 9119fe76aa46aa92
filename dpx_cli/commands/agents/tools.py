"""The tools of `dpx mcp`: one for each command that speaks to the API.

A tool runs its command in this process, with the arguments parsed as those of a command line are. What it may do is
checked twice: here, and, without `--allow-write`, by the client, which then sends nothing but GET and HEAD.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.cli import main, parser
from dpx_cli.commands import DELETE, LOCAL, READ
from dpx_cli.commands.agents import manifest
from dpx_cli.errors import DpxError, ReadOnly, UsageError
from dpx_cli.output.screen import Screen
from dpx_cli.reference import is_key
from dpx_cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Event = Mapping[str, Any]

# Options that make no sense for a tool: it returns JSON, once, and reads no standard input.
HIDDEN = ("json", "jsonl", "quiet", "fields", "jq", "profile", "debug", "help", "watch", "interval", "stdin", "include")
# Commands that delete only if an argument says so.
MAY_DELETE = ("api", "env import")
FLAGS = ("--allow-write", "--allow-delete", "--allow-files DIR")  # in the order of `Permissions`
NOT_TOOLS = ("doctor", "rehearse")  # they run other programs or look at this machine
MAX_ITEMS = 100  # in a list, unless `limit` says more
VARIABLES: dict[str, dict[str, Any]] = {
    "key": {"type": "string", "description": "Variable name."},
    "value": {"type": "string", "description": "Its value."},
    "variables": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "Several variables with their values, instead of key and value.",
    },
}
# A command in a hint ends at its line's end, or at punctuation.
WORD = r"(?:'[^']*'|[^\s';])+"
END = r"(?=[.,;)]*(?:\s(?:or|to|and|first)\s|\s\(|[;\n]|\. |$))"
COMMAND = re.compile(rf"((?:Run|run): )?dpx ({WORD}(?: {WORD})*?){END}|(?<![\w-])--([a-z][a-z-]*)")


class Permissions(NamedTuple):
    """What a server was started with."""

    write: bool = False
    delete: bool = False
    folder: str | None = None  # below which tools may read and write files


class Tools:
    """The tools of one server."""

    def __init__(self, env: Mapping[str, str], profile: str | None, may: Permissions) -> None:
        self._env = {**env, "DPX_NO_INPUT": "1", **({} if may.write else {"DPX_READ_ONLY": "1"})}
        self._profile = profile
        self._may = may._replace(delete=may.write and may.delete, folder=may.folder and os.path.realpath(may.folder))
        self.commands: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self.missing: dict[str, str] = {}
        for name, command in manifest.each_command():
            if command["effect"] == LOCAL or name in NOT_TOOLS:
                continue
            tool = name.replace(" ", "_").replace("-", "_")
            if flags := self._lacks(name, command):
                self.missing[tool] = " ".join(flags)
            else:
                self.commands[tool] = name, command

    def _lacks(self, name: str, command: Mapping[str, Any]) -> list[str]:
        """Return the options of the server that a command needs and that it was not started with."""
        deletes = command["effect"] == DELETE and name not in MAY_DELETE
        reads_file = any(_is_path(param) and param.get("required") for param in command["params"])
        lacks = (
            command["effect"] != READ and not self._may.write,
            deletes and not self._may.delete,
            reads_file and self._may.folder is None,
        )
        return [flag for flag, is_lacking in zip(FLAGS, lacks, strict=True) if is_lacking]

    def refuse(self, tool: str) -> str:
        """Return the error for a tool that is not offered."""
        if flags := self.missing.get(tool):
            now = [flag for flag, is_set in zip(FLAGS, self._may, strict=True) if is_set]
            message = f"{tool} is not offered: the server was started without {flags}."
            return _describe_error("read_only", message, f"The user can start it as: dpx mcp {' '.join([*now, flags])}")
        return _describe_error("not_found", f"No such tool: {tool}")

    def _params(self, command: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """Return the parameters that a tool has, by their names in the tool: an option's name, not that in the code."""
        return {
            _long(param["flags"])[2:].replace("-", "_") if "flags" in param else str(param["name"]): param
            for param in command["params"]
            if param["name"] not in HIDDEN and not (_is_path(param) and self._may.folder is None)
        }

    def schema(self, tool: str) -> dict[str, Any]:
        """Return the JSON Schema of a tool's arguments."""
        _, command = self.commands[tool]
        params = self._params(command)
        properties = {name: _property(param) for name, param in params.items()}
        if tool == "env_set":
            del properties["words"]
            properties = VARIABLES | properties
        schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        if required := [name for name, param in params.items() if param.get("required") and name in properties]:
            schema["required"] = required
        return schema

    def call(
        self, tool: str, arguments: Mapping[str, Any], on_event: Callable[[Event], None] | None = None
    ) -> tuple[list[str], bool]:
        """Run a tool; return its texts (JSON first, then messages), and whether they are an error."""
        out, err = io.BytesIO(), io.BytesIO()
        screen = Screen("json", stdout=out, stderr=err, stdin=None, env=self._env)

        def run(_: Screen) -> None:
            call = main.parse_line(self._argv(tool, arguments))
            if not isinstance(call, parser.Call):
                raise UsageError("These arguments ask for help, not for a command.")
            session = Session(self._env, screen, profile=self._profile)
            session.on_event = on_event
            try:
                getattr(import_module(call.command["module"]), call.command["function"])(session, **call.values)
            finally:
                session.close()

        code = main.guarded(lambda inner: self._translate(run, inner, tool), screen)
        messages = err.getvalue().decode().splitlines()
        data = _as_json(out.getvalue().decode())
        if code:
            error = next((line for line in reversed(messages) if line.startswith('{"error":')), None)
            texts = [error or _describe_error("failed", "\n".join(messages) or f"exit code {int(code)}"), data]
        else:
            cursor = [match[1] for line in messages if (match := re.search(r"--cursor (\S+)$", line))]
            messages = [line for line in messages if not cursor or not line.endswith(cursor[0])]
            more = [json.dumps({"nextCursor": shlex.split(cursor[0])[0]})] if cursor else []
            texts = [data or "null", *more, "\n".join(self._use_arguments(line, tool) for line in messages)]
        return [text for text in texts if text], bool(code)

    def _translate(self, run: Callable[[Screen], None], screen: Screen, tool: str) -> None:
        """Run something; have its error speak of tools and arguments instead of commands and options."""
        try:
            run(screen)
        except DpxError as error:
            error.message = self._use_arguments(error.message, tool)
            error.hint = (error.hint and self._use_arguments(error.hint, tool)) or None
            raise

    def _use_arguments(self, text: str, tool: str) -> str:
        known = self.schema(tool)["properties"]

        def replace(match: re.Match[str]) -> str:
            if match[2]:
                return self._name_tool(match)
            name = match[3].replace("-", "_")
            return f"`{name}`" if name in known else match[0]

        return COMMAND.sub(replace, text).strip()

    def _name_tool(self, match: re.Match[str]) -> str:
        """Return what a command in a hint is called here."""
        try:
            call = main.parse_line(shlex.split(match[2]))
        except (DpxError, ValueError):
            return match[0]
        if not isinstance(call, parser.Call):  # --help: the tool's schema says as much
            return ""
        name = "_".join(filter(None, call.path)).replace("-", "_")
        if name in self.missing:
            return f"{name} needs a server with {self.missing[name]}"
        if name not in self.commands:
            return f"In a shell, run: dpx {match[2]}" if match[1] else match[0]
        names = {str(param["name"]): argument for argument, param in self._params(self.commands[name][1]).items()}
        values = {names[key]: value for key, value in call.values.items() if key in names and value not in (None, ())}
        prefix = {"Run: ": "Call the tool ", "run: ": "call the tool "}.get(match[1] or "", "the tool ")
        return f"{prefix}{name}{f' with {json.dumps(values, ensure_ascii=False, default=str)}' if values else ''}"

    def _argv(self, tool: str, arguments: Mapping[str, Any]) -> list[str]:
        name, command = self.commands[tool]
        params = self._params(command)
        known = self.schema(tool)["properties"]
        if unknown := [key for key in arguments if key not in known]:
            if any(_is_path(param) and unknown[0] in (param["name"], "path") for param in command["params"]):
                raise ReadOnly(f"{unknown[0]} needs a server that was started with --allow-files DIR.")
            raise UsageError(f"Unknown argument: {unknown[0]}", hint=f"Arguments of {tool}: {', '.join(known)}")
        deletes = arguments.get("prune") or str(arguments.get("method")).upper() == "DELETE"
        if not self._may.delete and name in MAY_DELETE and deletes:
            raise ReadOnly("This deletes something, and the server was started without --allow-delete.")
        argv = name.split()
        words = _assignments(arguments) if tool == "env_set" else []
        for key, param in params.items():
            value = arguments.get(key)
            if value is None or value is False or (tool == "env_set" and key == "words"):
                continue
            texts = [self._text(key, param, part) for part in (value if isinstance(value, list) else [value])]
            if "flags" not in param:
                words += texts
            elif manifest.type_of(param) == "boolean":
                argv.append(param["flags"][0])
            else:
                argv += [f"{_long(param['flags'])}={text}" for text in texts]
        names = {param["name"] for param in command["params"]}
        # Not for an import that names targets: whether it may take other targets away is the caller's decision.
        stands_for_yes = command["effect"] == DELETE and self._may.delete
        if stands_for_yes and "yes" in names and not arguments.get("yes") and not arguments.get("target"):
            argv.append("--yes")
        if {"limit", "cursor"} <= names and arguments.get("limit") is None:
            argv.append(f"--limit={MAX_ITEMS}")
        if "json" in names:
            argv.append("--json")
        return [*argv, "--", *words] if words else argv

    def _text(self, name: str, param: Mapping[str, Any], value: Any) -> str:
        kind = manifest.type_of(param)
        if isinstance(value, float) and value.is_integer() and kind == "integer":
            value = int(value)  # in JSON Schema 2.0 is an integer, and some clients' numbers are all doubles
        if kind == "boolean":
            fits = value is True
        elif kind == "integer":
            fits = isinstance(value, int | float | str) and not isinstance(value, bool)
        else:
            fits = isinstance(value, str) and "\0" not in value
        if not fits:
            raise UsageError(f"{name} must be {'an' if kind[0] in 'aeiou' else 'a'} {kind}.")
        if _is_path(param) and self._may.folder is not None:
            path = os.path.realpath(os.path.join(self._may.folder, value))
            if os.path.commonpath([path, self._may.folder]) != self._may.folder:
                raise ReadOnly(f"{name} is outside the directory of --allow-files.")
            return path
        return str(value)


def _is_path(param: Mapping[str, Any]) -> bool:
    return param.get("complete") == "file"


def _assignments(arguments: Mapping[str, Any]) -> list[str]:
    """Return the words of `env set` for `key` and `value`, or `variables`. No error shows a value."""
    variables = arguments.get("variables")
    if (variables is None) == (arguments.get("key") is None and arguments.get("value") is None):
        raise UsageError("Pass either key and value, or variables.")
    if variables is None:
        variables = {arguments.get("key"): arguments.get("value")}
    if not isinstance(variables, dict) or not all(
        isinstance(text, str) and "\0" not in text for pair in variables.items() for text in pair
    ):
        raise UsageError("key and value must be strings, and variables an object of strings.")
    if not variables or not all(is_key(key) for key in variables):
        raise UsageError("Every key must match [A-Za-z_][A-Za-z0-9_]*.")
    return [f"{key}={value}" for key, value in variables.items()]


def _long(flags: Iterable[str]) -> str:
    return next(flag for flag in flags if flag.startswith("--"))


def _property(param: Mapping[str, Any]) -> dict[str, Any]:
    kind = manifest.type_of(param)
    schema: dict[str, Any] = {"type": kind if kind in ("boolean", "integer") else "string"}
    if "choices" in param:
        schema["enum"] = list(param["choices"])
    if param.get("multiple"):
        schema = {"type": "array", "items": schema}
    return {**schema, "description": param["help"]}


def _as_json(printed: str) -> str:
    """Return what a command printed as JSON: as it is, or a text (`export`, `env example`) as a JSON string."""
    try:
        json.loads(printed)
    except ValueError:
        return json.dumps(printed, ensure_ascii=False) if printed else ""
    return printed.strip()


def _describe_error(code: str, message: str, hint: str | None = None) -> str:
    return json.dumps({"error": {"code": code, "message": message, "hint": hint, "status": None, "request": None}})
