"""The manifest, the skill and the MCP server: made from the command table, and true to what the program does."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import yaml  # type: ignore[import-untyped]
from mcp import Client, StdioServerParameters

from dpx_cli.cli.command_table import TABLE
from dpx_cli.commands.agents import manifest, skill
from dpx_cli.commands.agents.server import Tools

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

NAMES = [name for name, _ in manifest.each_command()]
CANARY = "s3cr3t-c4n4ry-v4lue"


def test_the_manifest_has_every_command(dpx_offline: Program) -> None:
    """With everything that the contract names for each."""
    document = dpx_offline("commands", "--json").json
    assert set(document) == {"commands", "exitCodes"}
    assert [command["name"] for command in document["commands"]] == NAMES
    for command in document["commands"]:
        assert {"name", "effect", "arguments", "options", "formats", "example"} <= command.keys()
        assert command["effect"] in {"read", "write", "delete", "local"}
        for option in command["options"]:
            assert {"flags", "type", "choices", "default", "repeatable"} <= option.keys()
    assert {code["code"] for code in document["exitCodes"]} >= {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130, 141, 143}
    by_name = {command["name"]: command for command in document["commands"]}
    assert by_name["api"]["effect"] == by_name["projects delete"]["effect"] == "delete"
    assert by_name["deploy"]["effect"] == by_name["env set"]["effect"] == "write"
    assert by_name["projects list"]["formats"] == ["json", "jsonl", "quiet", "fields", "jq"]


def test_the_skill_is_a_skill(dpx_offline: Program) -> None:
    """With front matter that YAML reads, every command and every exit code; install writes the same bytes."""
    text = dpx_offline("skill", "print").out
    assert text == skill.render() == dpx_offline("skill").out
    head = yaml.safe_load(text.split("---")[1])
    assert head["name"] == "dpx"
    assert len(head["description"]) < 1024
    assert all(f"| `dpx {name}` |" in text for name in NAMES)
    for _ in range(2):
        assert dpx_offline("skill", "install", "skills").code == 0
    assert (dpx_offline.cwd / "skills" / "dpx" / "SKILL.md").read_text() == text


def tools(env: dict[str, str], *, write: bool = False, delete: bool = False) -> Tools:
    """Return the tools of a server."""
    return Tools(env, None, allow_write=write, allow_delete=delete)


def test_what_is_offered_depends_on_what_is_allowed() -> None:
    """Reading alone by default; deleting needs both options."""
    reading, writing, deleting = tools({}), tools({}, write=True), tools({}, write=True, delete=True)
    assert set(tools({}, delete=True).commands) == set(reading.commands)
    assert {"projects_list", "deploy_list", "env_list", "api", "orgs_members"} <= set(reading.commands)
    assert not {"projects_create", "deploy", "env_set", "env_import", "projects_delete"} & set(reading.commands)
    assert {"projects_create", "deploy", "env_set", "env_import"} <= set(writing.commands)
    assert not {"projects_delete", "env_rm"} & set(writing.commands)
    assert {"projects_delete", "env_rm"} <= set(deleting.commands)
    local = {name.replace(" ", "_").replace("-", "_") for name, command in manifest.each_command()
             if command["effect"] == "local"}  # fmt: skip
    assert not local & set(deleting.commands)


def test_reading_tools_send_nothing_but_gets(dpx: Program, sandbox: Sandbox) -> None:
    """Not even `api`, whatever it is asked."""
    reading = tools(dpx.env)
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        texts, failed = reading.call("api", {"path": "/projects", "method": method})
        assert failed
        assert json.loads(texts[0])["error"]["code"] == "read_only"
    assert reading.call("projects_list", {})[1] is False
    assert {request.method for request in sandbox.requests} == {"GET"}


def test_a_tool_takes_no_target_away_unless_it_is_told_to(dpx: Program, sandbox: Sandbox) -> None:
    """The refusal names the variable, with --allow-delete too; `yes` of the caller is what allows it."""
    (dpx.cwd / ".env").write_text("SEARCH_KEY=1\n")
    for delete in (False, True):
        writing = tools(dpx.env, write=True, delete=delete)
        for tool, more in (
            ("env_import", {"file": str(dpx.cwd / ".env"), "project": "docs"}),
            ("env_set", {"words": ["SEARCH_KEY=1"], "project": ["docs"]}),
        ):
            arguments = {**more, "target": ["preview"]}
            text, failed = writing.call(tool, arguments)
            assert failed
            assert "SEARCH_KEY: production -> preview" in text[0]
    assert {seen.method for seen in sandbox.requests} == {"GET"}
    assert not tools(dpx.env, write=True).call("env_set", {**arguments, "yes": True})[1]


def test_without_allow_delete_nothing_is_deleted(dpx: Program, sandbox: Sandbox) -> None:
    """`api` sends no DELETE and `--prune` is refused; with it, nothing has to be confirmed."""
    (dpx.cwd / ".env").write_text("ONLY=1\n")
    path = f"/projects/{sandbox.project_id('docs')}"
    writing = tools(dpx.env, write=True)
    assert writing.call("api", {"path": path, "method": "DELETE"})[1]
    assert writing.call("api", {"path": path, "method": "delete"})[1]
    assert writing.call("env_import", {"file": str(dpx.cwd / ".env"), "project": "docs", "prune": True})[1]
    assert "docs" in sandbox.projects()
    assert "DELETE" not in {request.method for request in sandbox.requests}
    deleting = tools(dpx.env, write=True, delete=True)
    assert deleting.call("projects_delete", {"project": "docs"})[1] is False
    assert "docs" not in sandbox.projects()


@pytest.mark.parametrize(
    "arguments",
    [
        {"nope": 1},
        {"limit": "many"},
        {"limit": True},
        {"limit": {"a": 1}},
        {"limit": []},
        {"org": 5},
        {"org": ["a", "b"]},
        {"org": "../../x"},
        {"org": "\x1b[2J"},
        {"cursor": "--help"},
        {"cursor": "x" * 100_000},
        {"profile": "other"},
        {"debug": True},
        {"json": False},
        {"project": None},
    ],
    ids=str,
)
def test_hostile_arguments_are_tool_errors_or_harmless(dpx: Program, arguments: dict[str, Any]) -> None:
    """Never a crash; an error is the JSON object that the command line has."""
    texts, failed = tools(dpx.env).call("projects_list", arguments)
    if failed:
        error = json.loads(texts[0])["error"]
        assert set(error) == {"code", "message", "hint", "status", "request"}
        assert "unexpectedly" not in error["message"]
    else:
        json.loads(texts[0])


def test_a_text_is_a_json_string(dpx: Program) -> None:
    """Of a command that prints no JSON."""
    texts, failed = tools(dpx.env).call("export", {"project": "docs"})
    assert not failed
    assert json.loads(texts[0]).startswith("# What this project should be")


def test_the_official_client_speaks_to_it(dpx: Program) -> None:
    """Over standard input and output: tools, a call, an error, and no value of a variable anywhere."""

    async def talk() -> list[str]:
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "dpx_cli", "mcp", "--allow-write"], env=dpx.env, cwd=str(dpx.cwd)
        )
        said: list[str] = []
        async with Client(server) as client:
            listed = await client.list_tools()
            assert {"projects_list", "env_set"} <= {tool.name for tool in listed.tools}
            said.append(listed.model_dump_json())
            for name, arguments, failed in (
                ("projects_list", {}, False),
                ("env_set", {"words": ["API_KEY", CANARY], "project": "docs"}, False),
                ("env_list", {"project": "docs"}, False),
                ("env_set", {"words": [CANARY], "project": "docs"}, True),
                ("projects_get", {"project": "nope"}, True),
                ("no_such_tool", {}, True),
            ):
                result = await client.call_tool(name, arguments)
                assert bool(result.is_error) is failed, (name, result)
                said.append(result.model_dump_json())
        return said

    said = anyio.run(talk)
    assert "storefront" in said[1]
    assert "API_KEY" in said[3]
    assert all(CANARY not in text for text in said)
    assert json.loads(json.loads(said[5])["content"][0]["text"])["error"]["code"] == "not_found"


def test_without_the_mcp_package(dpx_offline: Program, tmp_path: Path) -> None:
    """Exit 2, and how to install it."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "mcp.py").write_text("raise ImportError\n")
    done = dpx_offline("mcp", env={"PYTHONPATH": str(tmp_path / "hidden")})
    assert done.code == 2
    assert "pip install 'dpx-cli[mcp]'" in done.err


def test_the_table_says_what_each_command_does() -> None:
    """Only commands that change nothing at Deploxa are called read or local."""
    effects = {name: command["effect"] for name, command in manifest.each_command()}
    assert {name for name, effect in effects.items() if effect == "read"} >= {"status", "whoami", "doctor", "env check"}
    assert effects["login"] == "local"
    assert set(effects.values()) == {"read", "write", "delete", "local"}
    assert TABLE
