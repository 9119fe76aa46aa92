"""The MCP server of `dpx mcp`: one tool for each command that speaks to the API.

A tool runs its command in this process, with the arguments parsed as those of a command line are. What it may do is
checked twice: here, and, without `--allow-write`, by the client, which then sends nothing but GET and HEAD.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from dpx_cli.cli import parser
from dpx_cli.commands import DELETE, LOCAL, READ
from dpx_cli.commands.agents import manifest
from dpx_cli.errors import ReadOnly, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Options that make no sense for a tool: it answers JSON, once, and reads no standard input.
HIDDEN = ("json", "jsonl", "quiet", "fields", "jq", "profile", "debug", "help", "watch", "interval", "stdin", "include")
# Commands that delete only if an argument says so.
MAY_DELETE = ("api", "env import")
NOT_TOOLS = ("doctor", "rehearse")  # they run other programs or look at this machine


class Tools:
    """The tools of one server.

    Args:
        env: the environment.
        profile: `--profile`, if it was given.
        allow_write: offer commands that change something.
        allow_delete: with `allow_write`: offer commands that delete.
    """

    def __init__(self, env: Mapping[str, str], profile: str | None, *, allow_write: bool, allow_delete: bool) -> None:
        self._env = {**env, "DPX_NO_INPUT": "1", **({} if allow_write else {"DPX_READ_ONLY": "1"})}
        self._profile = profile
        self._allow_write = allow_write
        self._allow_delete = allow_write and allow_delete
        self.commands = {
            name.replace(" ", "_").replace("-", "_"): (name, command)
            for name, command in manifest.each_command()
            if self._is_offered(name, command["effect"])
        }

    def _is_offered(self, name: str, effect: str) -> bool:
        if effect == LOCAL or name in NOT_TOOLS:
            return False
        if effect == READ or name == "api":
            return True
        return self._allow_write and (effect != DELETE or self._allow_delete or name in MAY_DELETE)

    def schema(self, tool: str) -> dict[str, Any]:
        """Return the JSON Schema of a tool's arguments."""
        _, command = self.commands[tool]
        params = _shown(command)
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {_argument(param): _property(param) for param in params},
            "additionalProperties": False,
        }
        if required := [_argument(param) for param in params if param.get("required")]:
            schema["required"] = required
        return schema

    def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[list[str], bool]:
        """Run a tool.

        Returns:
            The texts of the answer (JSON first, then messages), and whether it is an error.
        """
        out, err = io.BytesIO(), io.BytesIO()
        code = self._run(tool, arguments, out, err)
        said = err.getvalue().decode().splitlines()
        data = _as_json(out.getvalue().decode())
        if not code:
            return [text for text in (data or "null", "\n".join(said)) if text], False
        error = next((line for line in reversed(said) if line.startswith('{"error":')), None)
        return [
            text for text in (error or _error("failed", "\n".join(said) or f"exit code {code}"), data) if text
        ], True

    def _run(self, tool: str, arguments: Mapping[str, Any], out: io.BytesIO, err: io.BytesIO) -> int:
        from dpx_cli.cli import main
        from dpx_cli.output.screen import Screen

        screen = Screen("json", stdout=out, stderr=err, stdin=None, env=self._env)

        def run(_: Screen) -> None:
            found = main.parse_line(self._argv(tool, arguments))
            if not isinstance(found, parser.Call):
                raise UsageError("These arguments ask for help, not for a command.")
            found.profile = self._profile
            main.run_command(found, self._env, screen)

        return int(main.guarded(run, screen))

    def _argv(self, tool: str, arguments: Mapping[str, Any]) -> list[str]:
        """Return the command line for a tool's arguments.

        Raises:
            UsageError: for arguments that the tool doesn't have, or that it may not be given.
        """
        name, command = self.commands[tool]
        params = {_argument(param): param for param in _shown(command)}
        unknown = [key for key in arguments if key not in params]
        if unknown:
            raise UsageError(f"Unknown argument: {unknown[0]}", hint=f"Arguments of {tool}: {', '.join(params)}")
        self._check_allowed(name, arguments)
        argv = name.split()
        words: list[str] = []
        for key, param in params.items():
            value = arguments.get(key)
            if value is None or value is False:
                continue
            texts = [_text(param, part) for part in (value if isinstance(value, list) else [value])]
            if "flags" not in param:
                words += texts
            elif manifest.type_of(param) == "boolean":
                argv.append(param["flags"][0])
            else:
                argv += [f"{_long(param['flags'])}={text}" for text in texts]
        names = {param["name"] for param in command["params"]}
        # Not for an import that names targets: whether it may take other targets away is the caller's decision.
        stands_for_yes = command["effect"] == DELETE and self._allow_delete
        if stands_for_yes and "yes" in names and not arguments.get("yes") and not arguments.get("target"):
            argv.append("--yes")
        if "json" in names:
            argv.append("--json")
        return [*argv, "--", *words] if words else argv

    def _check_allowed(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Raise ReadOnly for what an argument asks for and the server was not allowed to do."""
        method = str(arguments.get("method") or "GET").upper()
        if not self._allow_write and method not in ("GET", "HEAD"):
            raise ReadOnly("This changes something, and the server was started without --allow-write.")
        if not self._allow_delete and name in MAY_DELETE and (arguments.get("prune") or method == "DELETE"):
            raise ReadOnly("This deletes something, and the server was started without --allow-delete.")


def _shown(command: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [param for param in command["params"] if param["name"] not in HIDDEN]


def _argument(param: Mapping[str, Any]) -> str:
    """Return what a tool calls a parameter: an option's name, not the one in the code."""
    return _long(param["flags"])[2:].replace("-", "_") if "flags" in param else str(param["name"])


def _long(flags: Iterable[str]) -> str:
    return next(flag for flag in flags if flag.startswith("--"))


def _property(param: Mapping[str, Any]) -> dict[str, Any]:
    kind = manifest.type_of(param)
    found: dict[str, Any] = {"type": kind if kind in ("boolean", "integer", "number") else "string"}
    if "choices" in param:
        found["enum"] = list(param["choices"])
    if param.get("multiple"):
        found = {"type": "array", "items": found}
    return {**found, "description": param["help"]}


def _text(param: Mapping[str, Any], value: Any) -> str:
    """Return one value of an argument as a word of a command line.

    Raises:
        UsageError: for a value of a wrong type. The message does not show it.
    """
    kind = manifest.type_of(param)
    if kind == "boolean":
        fits = value is True
    elif kind in ("integer", "number"):
        fits = isinstance(value, int | float | str) and not isinstance(value, bool)
    else:
        fits = isinstance(value, str) and "\0" not in value
    if not fits:
        raise UsageError(f"{_argument(param)} must be {'an' if kind[0] in 'aeiou' else 'a'} {kind}.")
    return str(value)


def _as_json(printed: str) -> str:
    """Return what a command printed as JSON: as it is, or a text (`export`, `env example`) as a JSON string."""
    try:
        json.loads(printed)
    except ValueError:
        return json.dumps(printed) if printed else ""
    return printed.strip()


def _error(code: str, message: str) -> str:
    return json.dumps({"error": {"code": code, "message": message, "hint": None, "status": None, "request": None}})


def serve(env: Mapping[str, str], profile: str | None, *, allow_write: bool, allow_delete: bool) -> None:
    """Serve on standard input and output until the client closes it.

    Raises:
        UsageError: if the `mcp` package is not installed.
    """
    try:
        import anyio
        from mcp import types
        from mcp.server.lowlevel import Server
        from mcp.server.stdio import stdio_server
    except ImportError:
        raise UsageError(
            "dpx mcp needs the mcp package, which is not installed.", hint="Run: pip install 'dpx-cli[mcp]'"
        ) from None
    from dpx_cli import __version__

    tools = Tools(env, profile, allow_write=allow_write, allow_delete=allow_delete)

    async def list_tools(*_: Any) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=tool,
                    description=command["help"],
                    input_schema=tools.schema(tool),
                    annotations=types.ToolAnnotations(
                        read_only_hint=command["effect"] == READ, destructive_hint=command["effect"] == DELETE
                    ),
                )
                for tool, (_, command) in tools.commands.items()
            ]
        )

    async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in tools.commands:
            texts, failed = [_error("not_found", f"No such tool: {params.name}")], True
        else:
            texts, failed = await anyio.to_thread.run_sync(tools.call, params.name, params.arguments or {})
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text) for text in texts], is_error=failed
        )

    server: Server[Any] = Server("dpx", version=__version__, on_list_tools=list_tools, on_call_tool=call_tool)

    async def run() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    anyio.run(run)
