"""The MCP server of `dpx mcp`: it runs tools, and keeps those that take longer than a client waits.

A call is a job in a thread of its own. If the job takes longer than `MAX_SECONDS`, the call returns its state and the
tool to call next. The same call again returns the same job, so that nothing is deployed twice because a client has
given up: a job is forgotten once its result was delivered.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from dpx_cli import __version__
from dpx_cli.commands import DELETE, READ
from dpx_cli.commands.agents.tools import Permissions, Tools
from dpx_cli.errors import UsageError
from dpx_cli.system.extras import install_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dpx_cli.commands.agents.tools import Event

MAX_SECONDS = 45.0  # of one call; clients give up after 60
PROGRESS_SECONDS = 4.0  # between two notifications
MAX_AGE = 600.0  # seconds for which the result of a call that was given up is kept
INSTRUCTIONS = """\
Tools of dpx, the command line of Deploxa. Each returns JSON. An error is {"error": {"code", "message", "hint"}}; the \
hint often says which tool to call next. Specify projects by slug, org/slug or ID. Lists return at most 100 items; \
if there are more, the second text has a nextCursor to pass as cursor. deploy and deploy_wait return after at most 50 \
seconds: while the status is QUEUED or BUILDING, call deploy_wait with the ID. Never deploy again because a call took \
long. A change to a variable takes effect with the next deployment, and values can't be read back. There are no tools \
for build logs, rollbacks or domains: the API has no such endpoints."""


class Job:
    """One call of a tool, running in its own thread or finished."""

    def __init__(self, tool: str, arguments: Mapping[str, Any]) -> None:
        self.tool = tool
        self.arguments = arguments
        self.started = time.monotonic()
        self.deployments: dict[str, Event] = {}  # the last event of each, by its ID
        self.result: tuple[list[str], bool] | None = None  # the texts and whether they are an error; None while it runs
        self.is_delivered = False  # by this tool or another one
        self.calls = 1
        self.on_end: Callable[[], object] = lambda: None

    def run(self, tools: Tools) -> None:
        """Run the tool."""
        self.result = tools.call(self.tool, self.arguments, self._note)
        self.on_end()

    def _note(self, event: Event) -> None:
        deployment = event.get("deployment")
        if isinstance(deployment, dict) and isinstance(deployment.get("id"), str):
            self.deployments[deployment["id"]] = event

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return round(time.monotonic() - self.started, 1)

    def describe(self) -> str:
        """Return its state in a line."""
        states = [f"{event['project']}: {event['deployment'].get('status')}" for event in self.deployments.values()]
        return f"{', '.join(states) or self.tool} after {self.seconds:.0f} s"

    def state(self) -> dict[str, Any]:
        """Return its state, and the tool to call next."""
        rows = [
            {"project": event["project"], "id": identity, "status": event["deployment"].get("status")}
            for identity, event in self.deployments.items()
        ]
        arguments = {"deployment_ids": list(self.deployments)} if rows else self.arguments
        following = {"tool": "deploy_wait" if rows else self.tool, "arguments": arguments}
        body = rows[0] if len(rows) == 1 else {"deployments": rows} if rows else {"status": "running"}
        return {**body, "elapsedSeconds": self.seconds, "next": following}


class Jobs:
    """The jobs of one server whose results were not delivered yet."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._jobs: dict[str, Job] = {}

    def start(self, tool: str, arguments: Mapping[str, Any]) -> Job:
        """Return the job of a call, the one of the same call before if its result was not delivered."""
        now = time.monotonic()
        self._jobs = {
            key: job
            for key, job in self._jobs.items()
            if not job.is_delivered and (job.result is None or now - job.started < MAX_AGE)
        }
        key = json.dumps([tool, arguments], sort_keys=True)
        if key in self._jobs:
            self._jobs[key].calls += 1
        else:
            self._jobs[key] = Job(tool, arguments)
            threading.Thread(target=self._jobs[key].run, args=(self._tools,), daemon=True).start()
        return self._jobs[key]

    def deliver(self, job: Job) -> tuple[list[str], bool]:
        """Return the state of a running job; or the result, which ends jobs whose deployments it reports as well."""
        if job.result is None:
            return [json.dumps(job.state())], False
        for other in self._jobs.values():
            if other is job or (other.deployments and other.deployments.keys() <= job.deployments.keys()):
                other.is_delivered = True
        texts, failed = job.result
        again = ["The same call was made before. This is its result; nothing was sent again."] if job.calls > 1 else []
        return [*texts, *again], failed


async def _finish(context: Any, job: Job) -> None:
    """Wait until a job has ended or `MAX_SECONDS` are over, and report its progress."""
    import anyio

    ended, loop = anyio.Event(), asyncio.get_running_loop()
    job.on_end = lambda: loop.call_soon_threadsafe(ended.set)
    with anyio.move_on_after(MAX_SECONDS):
        while job.result is None:
            with anyio.move_on_after(PROGRESS_SECONDS):
                await ended.wait()
                return
            await context.session.report_progress(job.seconds, message=job.describe())


def serve(env: Mapping[str, str], profile: str | None, may: Permissions) -> None:
    """Serve on standard input and output until the client closes one of them."""
    try:
        import anyio
        from mcp import types
        from mcp.server.lowlevel import Server
        from mcp.server.stdio import stdio_server
    except ImportError:
        raise UsageError(
            "dpx mcp needs the mcp package, which is not installed.", hint=f"Run: {install_command('mcp')}"
        ) from None
    tools = Tools(env, profile, may)
    jobs = Jobs(tools)

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

    async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name in tools.commands:
            job = jobs.start(params.name, params.arguments or {})
            try:
                await _finish(context, job)
            except anyio.get_cancelled_exc_class():
                running = ", ".join(job.deployments) or job.tool
                sys.stderr.write(f"dpx mcp: Cancelled: {job.describe()}. Still running: {running}\n")
                raise
            texts, failed = jobs.deliver(job)
        else:
            texts, failed = [tools.refuse(params.name)], True
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text) for text in texts], is_error=failed
        )

    server: Server[Any] = Server(
        "dpx", version=__version__, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool
    )

    async def run() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    try:
        anyio.run(run)
    except* (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # the client has gone, which is EINVAL on Windows
