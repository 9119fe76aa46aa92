"""Call every tool of `dpx mcp` with valid, missing, wrong and hostile arguments, and count what comes back.

    python tests/benchmarks/mcp_calls.py [CALLS]

The official client talks to the installed program over standard input and output, with everything allowed, against a
sandbox. Prints the calls, the errors by code, crashes (an answer that is no JSON, or an unexpected failure), and leaks
(an answer that has the token or a value that was set).
"""

from __future__ import annotations

import collections
import json
import os
import random
import sys
import tempfile
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from dpx_cli.sandbox.server import Sandbox

CANARY = "c4n4ry-v4lue-never-shown"
SEED = 7
VALID = {
    "project": "storefront",
    "org": "acme",
    "slug": "acme",
    "name": "made-by-mcp",
    "branch": "main",
    "limit": "3",
    "path": "/projects",
    "timeout": "5s",
    "key": "LOG_LEVEL",
    "keys": ["LOG_LEVEL"],
    "value": CANARY,
    "no_wait": True,
    "no_git": True,
}
HOSTILE: tuple[Any, ...] = (
    "", " ", "..", "../../x", "a/b?c#d", "\x1b[2J", "\u202e", "--help", "-", "--", "dpx_token", "x" * 50_000,
    -1, 0, 10**30, 1.5, True, None, [], ["a", 1], {"a": {"b": 1}}, [[["x"]]],
)  # fmt: skip


def arguments(schema: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return arguments for a tool: valid, some missing, some wrong, some hostile, some unknown."""
    properties = schema["properties"]
    given: dict[str, Any] = {}
    for name, kind in properties.items():
        if name in schema.get("required", ()) or rng.random() < 0.3:
            value = VALID.get(name, kind.get("enum", ["1"])[0])
            given[name] = [value] if kind["type"] == "array" and not isinstance(value, list) else value
            if kind["type"] == "boolean":
                given[name] = rng.random() < 0.5
    for _ in range(rng.choice((0, 0, 1, 2))):
        given[rng.choice([*properties, "no_such_argument"])] = rng.choice(HOSTILE)
    if given and rng.random() < 0.2:
        del given[rng.choice(list(given))]
    return given


async def run(calls: int) -> None:
    """Make the calls and print the counts."""
    rng = random.Random(SEED)
    codes: collections.Counter[str] = collections.Counter()
    crashes: list[Any] = []
    leaks: list[Any] = []
    with Sandbox(build_seconds=0.1) as sandbox, tempfile.TemporaryDirectory() as home:
        env = {"PATH": os.environ["PATH"], "HOME": home, "DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token}
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "dpx_cli", "mcp", "--allow-write", "--allow-delete", "--allow-files", home],
            env={**env, "DPX_TIMEOUT": "5"},
            cwd=home,
        )
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
            for number in range(calls):
                tool = tools[number % len(tools)]
                given = arguments(tool.input_schema, rng)
                if "timeout" in tool.input_schema["properties"]:
                    given["timeout"] = "5s"
                result = await client.call_tool(tool.name, given)
                texts = [getattr(part, "text", "") for part in result.content]
                codes[judge(texts, failed=bool(result.is_error), problems=crashes, call=(tool.name, given))] += 1
                if any(sandbox.token in text or CANARY in text for text in texts):
                    leaks.append((tool.name, given, texts))
    print(f"{calls} calls of {len(tools)} tools: {len(crashes)} crashes, {len(leaks)} leaks")
    print("  ".join(f"{code} {count}" for code, count in codes.most_common()))
    for problem in [*crashes, *leaks][:10]:
        print(str(problem)[:600])


def judge(texts: list[str], *, failed: bool, problems: list[Any], call: Any) -> str:
    """Return the error code of an answer, "ok" for a success; note a crash."""
    try:
        document = json.loads(texts[0])
    except (ValueError, IndexError):
        problems.append((call, texts))
        return "crash"
    if not failed:
        return "ok"
    if "unexpectedly" in document["error"]["message"]:
        problems.append((call, texts))
    return str(document["error"]["code"])


if __name__ == "__main__":
    anyio.run(run, int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
