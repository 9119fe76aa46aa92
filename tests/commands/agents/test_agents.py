"""The manifest, the skill and the MCP server: made from the command table, and true to what the program does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import yaml  # type: ignore[import-untyped]
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from dpx_cli.commands.agents import manifest, skill
from dpx_cli.commands.agents.server import INSTRUCTIONS
from dpx_cli.commands.agents.tools import Permissions, Tools
from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

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
            assert option["type"] in {"boolean", "string", "integer", "duration"}
    assert {code["code"] for code in document["exitCodes"]} >= {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130, 141, 143}
    by_name = {command["name"]: command for command in document["commands"]}
    assert not {"auth login", "auth status", "auth switch", "ci print-workflow", "skill print"} & by_name.keys()
    assert {by_name[name]["effect"] for name in ("status", "whoami", "doctor", "env check")} == {"read"}
    assert by_name["api"]["effect"] == by_name["projects delete"]["effect"] == "delete"
    assert by_name["deploy"]["effect"] == by_name["env set"]["effect"] == "write"
    assert by_name["projects list"]["formats"] == ["json", "jsonl", "quiet", "fields", "jq"]
    part = dpx_offline("commands", "env", "--json").json
    assert [command["name"] for command in part["commands"]] == [name for name in NAMES if name.startswith("env ")]
    assert [row[0] for row in dpx_offline("commands", "env set").rows] == ["env set"]
    done = dpx_offline("commands", "nope")
    assert (done.code, "Groups: login, " in done.err) == (2, True), done


def test_the_skill_is_a_skill(dpx_offline: Program) -> None:
    """With front matter that YAML reads, every command and exit code, in 6 KB; install writes the same bytes."""
    text = dpx_offline("skill", "print").out
    assert text == skill.render() == dpx_offline("skill").out
    assert len(text.encode()) <= 6 * 1024
    head = yaml.safe_load(text.split("---")[1])
    assert head["name"] == "dpx"
    assert len(head["description"]) < 1024
    lines = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("- `dpx ")}
    for name in NAMES:
        group, _, verb = name.partition(" ")
        assert verb in lines[f"dpx {group}"]
    assert text.index("tabs") < text.index("--fields") < text.index("--json")
    assert "\n- 11 outcome unknown" in text, "a line of its own: the meanings have semicolons"
    for _ in range(2):
        assert dpx_offline("skill", "install", "skills").code == 0
    path = dpx_offline.cwd / "skills" / "dpx" / "SKILL.md"
    assert path.read_text(encoding="utf-8") == text
    path.unlink()
    path.symlink_to(dpx_offline.home / "precious")
    done = dpx_offline("skill", "install", "skills")
    assert (done.code, "SKILL.md is a symbolic link" in done.err) == (1, True), done
    assert not (dpx_offline.home / "precious").exists()


def tools(env: dict[str, str], *, write: bool = False, delete: bool = False, folder: Path | None = None) -> Tools:
    """Return the tools of a server."""
    return Tools(env, None, Permissions(write, delete, None if folder is None else str(folder)))


def test_what_is_offered_depends_on_what_is_allowed() -> None:
    """Reading alone by default; deleting needs both options."""
    reading, writing, deleting = tools({}), tools({}, write=True), tools({}, write=True, delete=True)
    assert set(tools({}, delete=True).commands) == set(reading.commands)
    assert {"projects_list", "deploy_list", "env_list", "whoami", "orgs_members"} <= set(reading.commands)
    assert not {"projects_create", "deploy", "env_set", "api", "projects_delete"} & set(reading.commands)
    assert {"projects_create", "deploy", "env_set", "api"} <= set(writing.commands)
    assert not {"projects_delete", "env_rm"} & set(writing.commands)
    assert {"projects_delete", "env_rm"} <= set(deleting.commands)
    local = {name.replace(" ", "_").replace("-", "_") for name, command in manifest.each_command()
             if command["effect"] == "local"}  # fmt: skip
    assert not local & set(deleting.commands)


def test_reading_tools_send_nothing_but_gets(dpx: Program, sandbox: Sandbox) -> None:
    """`api` is not offered; a tool that is not says which options the server lacks."""
    reading = tools(dpx.env)
    assert reading.call("projects_list", {})[1] is False
    for tool, flags in (("api", "--allow-write"), ("projects_delete", "--allow-write --allow-delete")):
        error = json.loads(reading.refuse(tool))["error"]
        assert (error["code"], error["hint"]) == ("read_only", f"The user can start it as: dpx mcp {flags}")
    assert "--allow-files DIR" in reading.refuse("env_check")
    assert json.loads(reading.refuse("nope"))["error"]["code"] == "not_found"
    assert {request.method for request in sandbox.requests} == {"GET"}


def test_a_tool_takes_no_target_away_unless_it_is_told_to(dpx: Program, sandbox: Sandbox) -> None:
    """The refusal names the variable, with --allow-delete too; `yes` of the caller is what allows it."""
    (dpx.cwd / ".env").write_text("SEARCH_KEY=1\n", encoding="utf-8")
    for delete in (False, True):
        writing = tools(dpx.env, write=True, delete=delete, folder=dpx.cwd)
        for tool, more in (
            ("env_import", {"file": ".env", "project": "docs"}),
            ("env_set", {"key": "SEARCH_KEY", "value": "1", "project": ["docs"]}),
        ):
            arguments = {**more, "target": ["preview"]}
            text, failed = writing.call(tool, arguments)
            assert failed
            assert "SEARCH_KEY: production -> preview" in text[0]
    assert {seen.method for seen in sandbox.requests} == {"GET"}
    assert not tools(dpx.env, write=True).call("env_set", {**arguments, "yes": True})[1]


def test_without_allow_delete_nothing_is_deleted(dpx: Program, sandbox: Sandbox) -> None:
    """`api` sends no DELETE and `--prune` is refused; with it, nothing has to be confirmed."""
    (dpx.cwd / ".env").write_text("ONLY=1\n", encoding="utf-8")
    path = f"/projects/{sandbox.project_id('docs')}"
    writing = tools(dpx.env, write=True, folder=dpx.cwd)
    assert writing.call("api", {"path": path, "method": "DELETE"})[1]
    assert writing.call("api", {"path": path, "method": "delete"})[1]
    assert writing.call("env_import", {"file": ".env", "project": "docs", "prune": True})[1]
    assert "docs" in sandbox.projects()
    assert "DELETE" not in {request.method for request in sandbox.requests}
    deleting = tools(dpx.env, write=True, delete=True)
    assert deleting.call("projects_delete", {"project": "docs"})[1] is False
    assert "docs" not in sandbox.projects()


@pytest.mark.parametrize(
    "arguments",
    [
        *({"limit": "many"}, {"limit": True}, {"limit": {"a": 1}}, {"limit": []}),
        *({"org": 5}, {"org": ["a", "b"]}, {"org": "../../x"}, {"org": "\x1b[2J"}),
        *({"cursor": "--help"}, {"cursor": "x" * 100_000}, {"nope": 1}, {"profile": "other"}, {"debug": True}),
        *({"json": False}, {"project": None}),
    ],
    ids=lambda arguments: str(arguments)[:40],
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


class Talk:
    """The official client at a server of its own."""

    def __init__(self, dpx: Program, *flags: str) -> None:
        self.server = StdioServerParameters(
            command=sys.executable, args=["-m", "dpx_cli", "mcp", *flags], env=dpx.env, cwd=str(dpx.cwd)
        )
        self.progress: list[str] = []

    def __call__(self, talk: Callable[[Client], Awaitable[None]]) -> None:
        """Have a conversation."""

        async def run() -> None:
            async with Client(self.server) as client:
                await talk(client)

        anyio.run(run)

    async def call(self, client: Client, tool: str, **arguments: Any) -> Any:
        """Call a tool and return the first text of its result, decoded."""

        async def note(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001 - by name
            self.progress.append(message or "")

        result = await client.call_tool(tool, arguments, progress_callback=note)
        return json.loads(result.content[0].text)  # type: ignore[union-attr]  # the server sends only texts


def test_the_official_client_speaks_to_it(dpx: Program) -> None:
    """Over standard input and output: tools, a call, an error, and no value of a variable anywhere."""
    said: list[str] = []

    async def talk(client: Client) -> None:
        listed = await client.list_tools()
        assert {"projects_list", "env_set"} <= {tool.name for tool in listed.tools}
        said.append(listed.model_dump_json())
        for name, arguments, failed in (
            ("projects_list", {}, False),
            ("env_set", {"key": "API_KEY", "value": CANARY, "project": "docs"}, False),
            ("env_list", {"project": "docs"}, False),
            ("env_set", {"key": f"API KEY={CANARY}", "value": CANARY, "project": "docs"}, True),
            ("projects_get", {"project": "nope"}, True),
            ("no_such_tool", {}, True),
        ):
            result = await client.call_tool(name, arguments)
            assert bool(result.is_error) is failed, (name, result)
            said.append(result.model_dump_json())

    Talk(dpx, "--allow-write")(talk)
    assert "storefront" in said[1]
    assert "API_KEY" in said[3]
    assert all(CANARY not in text for text in said)
    assert json.loads(json.loads(said[5])["content"][0]["text"])["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ({"key": "A", "value": "x=y z"}, ["A"]),
        ({"variables": {"A": "1", "B": "--help"}}, ["A", "B"]),
        ({"variables": {"A": ""}, "allow_empty": True}, ["A"]),
        *(({"variables": variables}, None) for variables in ({}, {"A": 1}, ["A"])),
        *(({"key": "A"}, None), ({"value": "1"}, None), ({"key": "A", "value": "a\0b"}, None), ({}, None)),
        ({"key": "A", "value": "1", "variables": {"B": "1"}}, None),
    ],
    ids=str,
)
def test_env_set_has_key_and_value_or_variables(
    dpx: Program, sandbox: Sandbox, arguments: dict[str, Any], keys: list[str] | None
) -> None:
    """A value may look like anything; what makes no sense is refused before any request."""
    texts, failed = tools(dpx.env, write=True).call("env_set", {**arguments, "project": ["docs"]})
    assert failed is (keys is None), texts
    if keys is None:
        assert not sandbox.requests
    else:
        assert [row["key"] for row in json.loads(texts[0])] == keys


def test_files_are_those_below_the_allowed_directory(dpx: Program, tmp_path: Path) -> None:
    """Without --allow-files no tool has such an argument; with it no path and no symbolic link leads out."""
    assert "from_file" not in tools(dpx.env, write=True).schema("env_set")["properties"]
    assert tools(dpx.env).call("env_scan", {"path": "/", "project": "docs"})[1]
    (tmp_path / "outside").write_text("A=1\n", encoding="utf-8")
    (dpx.cwd / "link").symlink_to(tmp_path / "outside")
    (dpx.cwd / ".env").write_text("SEARCH_KEY=1\n", encoding="utf-8")
    here = tools(dpx.env, folder=dpx.cwd)
    assert "project" in here.schema("env_check")["properties"]
    for path in ("link", "../outside", str(tmp_path / "outside"), "/etc/passwd", "-", "/dev/stdin"):
        texts, failed = here.call("env_check", {"file": path, "project": "docs"})
        assert failed, path
        assert str(tmp_path / "outside") not in texts[0]
    for path in (".env", str(dpx.cwd / ".env")):
        assert json.loads(here.call("env_check", {"file": path, "project": "docs"})[0][0])["ok"]


def test_a_directory_of_the_build_is_no_local_path(dpx: Program, sandbox: Sandbox) -> None:
    """A project's output_dir is a setting: every server that may write has it, and sends it as it is."""
    for server in (tools(dpx.env, write=True), tools(dpx.env, write=True, folder=dpx.cwd)):
        assert not server.call("projects_update", {"project": "docs", "output_dir": "out"})[1]
        assert sandbox.requests[-1].body == {"output_dir": "out"}
    for name, command in manifest.each_command():
        local = {param["name"] for param in command["params"] if param.get("metavar") in ("FILE", "F", "DIR")}
        assert local - {"output_dir"} <= {param["name"] for param in command["params"] if "complete" in param}, name


def test_lists_have_at_most_100_items_and_a_cursor(dpx: Program, sandbox: Sandbox) -> None:
    """Unless `limit` says more; a whole number may come as 2.0."""
    for number in range(120):
        sandbox.seed_project(f"p{number}")
    reading = tools(dpx.env)
    assert json.loads(reading.call("export", {"project": "docs"})[0][0]).startswith("# "), "a text is a JSON string"
    texts, _ = reading.call("projects_list", {})
    more, _ = reading.call("projects_list", {"cursor": json.loads(texts[1])["nextCursor"]})
    slugs = {row["slug"] for text in (texts[0], more[0]) for row in json.loads(text)}
    assert (len(json.loads(texts[0])), {f"p{number}" for number in range(120)} <= slugs) == (100, True)
    assert len(json.loads(reading.call("projects_list", {"limit": 110.0})[0][0])) == 110
    texts, failed = reading.call("projects_list", {"limit": 2.5})
    assert (failed, "`limit`" in texts[0], "--" in texts[0]) == (True, True, False)


def test_hints_name_tools_and_arguments(dpx: Program) -> None:
    """No command line, unless the command is none of the tools."""
    writing = tools(dpx.env, write=True)
    for tool, arguments, hint in (
        ("projects_get", {"project": "nope"}, "Call the tool projects_list"),
        ("deploy_get", {"project": "docs"}, "Pass a deployment ID, `latest`"),
        ("env_set", {"key": "SEARCH_KEY", "value": "1", "project": ["docs"], "target": ["preview"]}, "or `yes`"),
    ):
        error = json.loads(writing.call(tool, arguments)[0][0])["error"]
        assert hint in error["hint"]
    texts, failed = writing.call("env_set", {"key": "A", "value": "1", "project": ["docs"]})
    assert (failed, 'Call the tool deploy with {"project": ["docs"]}' in texts[-1]) == (False, True), texts
    texts, _ = tools({**dpx.env, "DPX_TOKEN": "dpx_wrong"}).call("projects_list", {})
    assert "set DPX_TOKEN" in texts[0]


@pytest.fixture
def slow(dpx: Program) -> Iterator[Sandbox]:
    """Have servers whose calls end after a second, and a Deploxa that builds for three."""
    (dpx.cwd / "sitecustomize.py").write_text(
        "import dpx_cli.commands.agents.server as s\ns.MAX_SECONDS, s.PROGRESS_SECONDS = 1.0, 0.3\n", encoding="utf-8"
    )
    with Sandbox(build_seconds=3) as sandbox:
        dpx.env |= {"PYTHONPATH": str(dpx.cwd), "DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token}
        yield sandbox


def deployments(sandbox: Sandbox) -> int:
    """Return how many deployments were created by requests."""
    return sum(seen.method == "POST" and seen.path.endswith("/deployments") for seen in sandbox.requests)


def test_a_long_deployment_is_reported_and_never_made_twice(dpx: Program, slow: Sandbox) -> None:
    """A call that takes too long returns ID, status and next tool; the same call again returns the same deployment."""
    talk = Talk(dpx, "--allow-write")

    async def deploy(client: Client) -> None:
        first = await talk.call(client, "deploy", project=["docs"], branch="main")
        assert first["status"] in ("QUEUED", "BUILDING")
        assert first["next"] == {"tool": "deploy_wait", "arguments": {"deployment_ids": [first["id"]]}}
        again = await talk.call(client, "deploy", project=["docs"], branch="main")
        assert again["id"] == first["id"]
        following = first
        while "next" in following:
            following = await talk.call(client, following["next"]["tool"], **following["next"]["arguments"])
        assert (following["id"], following["status"]) == (first["id"], "READY")
        assert deployments(slow) == 1
        new = await talk.call(client, "deploy", project=["docs"], branch="main")
        assert new["id"] != first["id"], "the first one was reported to its end"

    talk(deploy)
    assert deployments(slow) == 2
    assert any(message.startswith("docs: BUILDING after ") for message in talk.progress)


def test_a_canceled_deployment_is_logged_and_not_made_again(dpx: Program, slow: Sandbox) -> None:
    """The log has its ID; the same call returns it, also when it has ended meanwhile."""
    talk = Talk(dpx, "--allow-write")
    with (dpx.cwd / "log").open("w+", encoding="utf-8") as log:

        async def deploy(client: Client) -> None:
            with anyio.move_on_after(0.9):
                await talk.call(client, "deploy", project=["docs"], branch="main")
            await anyio.sleep(3)
            result = await talk.call(client, "deploy", project=["docs"], branch="main")
            assert deployments(slow) == 1
            assert (result["status"], deployments(slow)) == ("READY", 1)

        async def run() -> None:
            async with Client(stdio_client(talk.server, errlog=log)) as client:
                await deploy(client)

        anyio.run(run)
        log.seek(0)
        text = log.read()
    assert "dpx mcp: Cancelled: docs: " in text
    (created,) = [row["id"] for row in json.loads(dpx("deploy", "list", "-p", "docs", "--limit", "1", "--json").out)]
    assert created in text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts in /proc")
def test_calls_leave_nothing_open(dpx: Program) -> None:
    """As many file descriptors and threads after a hundred calls as after ten."""
    talk = Talk(dpx, "--allow-write")

    async def count(client: Client) -> None:
        calls: Any = (("projects_list", {}), ("whoami", {}), ("orgs_get", {"slug": "nope"}))
        for times in (10, 100):
            for number in range(times):
                await client.call_tool(*calls[number % 3])
            counts.append(open_in_server())

    counts: list[tuple[int, int]] = []
    talk(count)
    (descriptors, threads), after = counts
    assert after[0] <= descriptors + 2
    assert after[1] <= threads + 1


def open_in_server() -> tuple[int, int]:
    """Return how many descriptors and threads the server has that this process has started."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text(encoding="utf-8").split()
    (server,) = [Path("/proc", pid) for pid in children if b"mcp" in Path("/proc", pid, "cmdline").read_bytes()]
    return len(list((server / "fd").iterdir())), len(list((server / "task").iterdir()))


@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_closed_streams_end_the_server_silently(dpx: Program, stream: str) -> None:
    """The client has gone: no line on stderr, no traceback."""
    hello = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    command = [sys.executable, "-m", "dpx_cli", "mcp"]
    with subprocess.Popen(
        command, env=dpx.env, cwd=dpx.cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        say = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        process.stdin.write(json.dumps(say).encode() + b"\n")
        process.stdin.flush()
        said = json.loads(process.stdout.readline())
        assert said["result"]["instructions"] == INSTRUCTIONS
        if stream == "stdout":
            process.stdout.close()
            for number in range(2, 5):
                process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": "ping"}).encode() + b"\n")
            process.stdin.flush()
        process.stdin.close()
        assert process.wait(30) in (0, 141)
        assert process.stderr.read() == b""


def test_without_the_mcp_package(dpx_offline: Program, tmp_path: Path) -> None:
    """Exit 2, and how to install it."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "mcp.py").write_text("raise ImportError\n", encoding="utf-8")
    done = dpx_offline("mcp", env={"PYTHONPATH": str(tmp_path / "hidden")})
    assert done.code == 2
    assert re.search(r"pip install ['\"]dpx-cli\[mcp\]['\"]", done.err)
