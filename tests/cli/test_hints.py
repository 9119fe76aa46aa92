"""Commands in hints: what comes from a server stays one word in a shell, and the profile in force is there."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import fault_server as faults
from fault_server import FaultServer

if TYPE_CHECKING:
    from tests.conftest import Program

EVIL = "x;touch${IFS}ran&`id`$(id)|'\"*"


def test_a_cursor(dpx_on_faults: Program, server: FaultServer) -> None:
    """Of a list that --limit has cut."""
    page = {"data": [{"id": "a", "slug": "a"}], "pagination": {"hasMore": True, "nextCursor": EVIL}}
    server.on("GET", "/projects", faults.reply(200, page))
    done = dpx_on_faults("projects", "list", "--limit", "1")
    assert shlex.split(done.err)[-2:] == ["--cursor", EVIL], done


def test_a_failed_project(dpx_on_faults: Program, server: FaultServer) -> None:
    """Of `status --fail-on`."""
    failed = {"id": "a", "slug": EVIL, "current_deployment": {"status": "ERROR"}}
    server.on("GET", "/projects", faults.reply(200, {"data": [failed]}))
    done = dpx_on_faults("status", "--all", "--fail-on", "error", "--json")
    assert done.code == 10, done
    assert shlex.split(done.error["hint"]) == ["Run:", "dpx", "deploy", "list", "--limit", "5", "--project", EVIL]


def test_a_failed_deployment(dpx_on_faults: Program, server: FaultServer) -> None:
    """Of one that ended in ERROR."""
    server.on("GET", "/deployments/.*", faults.reply(200, {"data": {"id": EVIL, "status": "ERROR"}}))
    done = dpx_on_faults("deploy", "wait", EVIL, "--json")
    assert done.code == 9, done
    words = shlex.split(done.error["hint"])
    assert words[1:5] == ["dpx", "deploy", "get", f"{EVIL};"]
    assert words[-6:] == ["dpx", "deploy", "again", EVIL, "--project", "PROJECT"]


def test_a_wait_that_ended(dpx_on_faults: Program, server: FaultServer) -> None:
    """Of a deployment that is still running."""
    server.on("GET", "/deployments/.*", faults.reply(200, {"data": {"id": EVIL, "status": "BUILDING"}}))
    done = dpx_on_faults("deploy", "wait", EVIL, "--timeout", "300ms", "--json")
    assert done.code == 8, done
    assert shlex.split(done.error["hint"])[-4:] == ["dpx", "deploy", "wait", EVIL]


def test_a_failed_command_prints_the_profile_that_it_was_given(dpx: Program) -> None:
    """The profile of --profile or DPX_PROFILE is in the hint; the default one is not."""
    dpx("profile", "set", "work", "--api-url", dpx.env["DPX_API_URL"])
    wrong = ("deploy", "list", "--project", "nope")
    assert dpx(*wrong, "--profile", "work").err.endswith("Run: dpx projects list --profile work\n")
    assert dpx(*wrong, env={"DPX_PROFILE": "work"}).err.endswith("Run: dpx projects list --profile work\n")
    assert dpx(*wrong).err.endswith("Run: dpx projects list\n")
