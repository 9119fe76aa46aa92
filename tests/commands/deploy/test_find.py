"""Finding deployments: filters, the latest one, and one deployed again."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from fault_server import PROJECT, FaultServer

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program


@pytest.fixture
def shop(dpx_on_faults: Program, server: FaultServer) -> Program:
    """The program, with a project that has six deployments: of two branches, one a day, the oldest undated."""
    now = dt.datetime.now(dt.UTC)
    server.deployments.clear()
    for days, status in ((5, "ERROR"), (4, "READY"), (3, "ERROR"), (2, "READY"), (1, "BUILDING"), (0, "QUEUED")):
        made = server.make("main" if days % 2 else "next")
        made["status"] = status
        made["created_at"] = (now - dt.timedelta(days=days, minutes=1)).isoformat()
    del server.deployments[-1]["created_at"]
    dpx_on_faults.env["DPX_PROJECT"] = PROJECT
    return dpx_on_faults


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (("--status", "ready,error"), [4, 3, 2, 1]),
        (("--status", "ready", "--status", "queued"), [6, 4, 2]),
        (("--branch", "main"), [5, 3, 1]),
        (("--since", "2d1h"), [6, 5, 4]),
        (("--since", "1w"), None),
        (("--branch", "main", "--status", "error", "--since", "4d"), [3]),
        (("--branch", "main", "--limit", "2"), [5, 3]),
        (("--branch", "none"), []),
    ],
)
def test_list_filters(shop: Program, words: tuple[str, ...], numbers: list[int] | None) -> None:
    """Newest first; --limit applies after the filters."""
    done = shop("deploy", "list", "-q", *words)
    if numbers is None:
        assert (done.code, done.out) == (2, ""), done
    else:
        assert [int(line[-2:]) - 3 for line in done.out.split()] == numbers, done


def test_a_deployment_without_a_creation_time_is_left_out_with_a_warning(shop: Program) -> None:
    """Whether it is newer than --since isn't known."""
    done = shop("deploy", "list", "--since", "365d", "--json")
    assert len(done.json) == 5
    assert "warning: 1 " in done.err


def test_the_server_filters_by_one_status(shop: Program, server: FaultServer) -> None:
    """And by no more than that, because it takes one."""
    shop("deploy", "list", "--status", "ready")
    shop("deploy", "list", "--status", "ready,error")
    assert [request.query.get("status") for request in server.requests] == ["READY", None]


def test_filters_read_further_pages(dpx_on_faults: Program, server: FaultServer) -> None:
    """As many as the limit needs."""
    for number in range(250):
        server.make("rare" if number % 100 == 0 else "main")
    done = dpx_on_faults("deploy", "list", "-p", PROJECT, "--branch", "rare", "--limit", "2", "-q")
    assert len(done.out.split()) == 2
    done = dpx_on_faults("deploy", "list", "-p", PROJECT, "--branch", "rare", "--limit", "2")
    assert "pass a higher --limit" in done.err


@pytest.mark.parametrize("command", ["get", "wait"])
def test_latest(shop: Program, server: FaultServer, command: str) -> None:
    """Of the project, and of one of its branches."""
    server.course = ("READY",)
    assert shop("deploy", command, "--latest", "--json").json["id"] == server.deployments[0]["id"]
    of_main = shop("deploy", command, "--latest", "--branch", "main", "--json")
    assert of_main.json["id"] == server.deployments[1]["id"]
    nothing = shop("deploy", command, "--latest", "--branch", "nope")
    assert (nothing.code, nothing.out) == (3, ""), nothing
    assert "nope" in nothing.err


@pytest.mark.parametrize("command", ["get", "wait"])
@pytest.mark.parametrize("words", [(), ("x", "--latest"), ("x", "--branch", "main"), ("--branch", "main")])
def test_an_id_or_latest(shop: Program, server: FaultServer, command: str, words: tuple[str, ...]) -> None:
    """One of them, and --branch only with the latter; else nothing is sent."""
    done = shop("deploy", command, *words)
    assert (done.code, done.out) == (2, ""), done
    assert not server.requests


def test_again_sends_branch_and_commit(shop: Program, server: FaultServer) -> None:
    """Of the deployment that is named, or of the newest one; nothing of the checkout's."""
    second = server.deployments[-2]
    second["commitSha"] = "abc1234"
    done = shop("deploy", "again", second["id"], "--no-wait", "-q")
    assert done.out == f"{server.deployments[0]['id']}\n", done
    assert server.requests[-1].json == {"branch": "next", "commitSha": "abc1234"}
    done = shop("deploy", "again", second["id"], "--dry-run", "--json")
    assert done.json["request"] == {"branch": "next", "commitSha": "abc1234"}
    assert f"Would deploy {PROJECT}" in done.err
    assert server.requests[-1].method == "GET"
    assert f"same as deployment {second['id']}" in done.err
    shop("deploy", "again", "--no-wait")
    assert server.requests[-1].json == {"branch": "next"}
    assert server.made == 8


def test_again_of_another_projects_deployment(shop: Program, server: FaultServer) -> None:
    """Deploys nothing: which project is meant isn't clear."""
    server.on("GET", "/deployments/clm1elsewhere", faults.reply(200, {"data": {"id": "clm1elsewhere"}}))
    done = shop("deploy", "again", "clm1elsewhere")
    assert (done.code, done.out) == (3, ""), done
    assert server.count("POST") == 0


def test_again_waits_as_deploy_does_and_says_if_there_are_no_deployments(dpx: Program, sandbox: Sandbox) -> None:
    """The URL is on stdout, or the command that deploys is in the hint."""
    assert dpx("deploy", "again", "-p", "storefront").out == "https://storefront.deploxa.com\n"
    sandbox.seed_project("bare")
    done = dpx("deploy", "again", "-p", "bare")
    assert (done.code, done.out) == (3, ""), done
    assert done.err.endswith("never deployed.\nhint: Run: dpx deploy --project bare\n")
