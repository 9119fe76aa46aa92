"""Gates of a deployment: --check, --max-build, --max-bundle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from fault_server import PROJECT, FaultServer

if TYPE_CHECKING:
    from tests.conftest import Program


@pytest.fixture
def shop(dpx_on_faults: Program, server: FaultServer) -> Program:
    """The program; the deployment takes 40 s and has 1,000 KB, the one before it 20 s and 900 KB."""
    now = {"id": "clm1now", "status": "READY", "branch": "main", "buildDurationMs": 40_000, "bundleSizeKb": 1_000}
    before = {**server.deployments[1], "buildDurationMs": 20_000, "bundleSizeKb": 900}
    server.deployments[0]["status"] = "ERROR"
    server.on("POST", ".*/deployments", faults.reply(201, {"data": now}))
    server.on("GET", "/deployments/clm1now", faults.reply(200, {"data": {**now, "url": site(server)}}))
    server.on("GET", f"/deployments/{before['id']}", faults.reply(200, {"data": before}))
    dpx_on_faults.env.update({"DPX_PROJECT": PROJECT, "CI": "1"})
    return dpx_on_faults


def site(server: FaultServer) -> str:
    """The URL of the deployment's site, which the fault server serves as well."""
    return f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("gate", "holds"),
    [
        (("--max-build", "40s"), True),
        (("--max-build", "39.9s"), False),
        (("--max-build", "1m"), True),
        (("--max-build", "2"), False),
        (("--max-build", "2x"), True),
        (("--max-build", "1.9x"), False),
        (("--max-build", "+100%"), True),
        (("--max-build", "+99%"), False),
        (("--max-bundle", "1000KB"), True),
        (("--max-bundle", "999kb"), False),
        (("--max-bundle", "1MB"), True),
        (("--max-bundle", "0.9MB"), False),
        (("--max-bundle", "+12%"), True),
        (("--max-bundle", "+11%"), False),
        (("--max-bundle", "1.2x"), True),
    ],
)
def test_a_gate_that_does_not_hold_is_10(shop: Program, gate: tuple[str, str], *, holds: bool) -> None:
    """With the figures in the message."""
    done = shop("deploy", *gate)
    assert done.code == (0 if holds else 10), done
    if not holds:
        assert done.out == ""
        assert "more than" in done.err
        assert ("40 s" if gate[0] == "--max-build" else "1000 KB") in done.err


def test_gates_that_fail_are_all_told(shop: Program) -> None:
    """In one error; under --json the object is on stdout."""
    done = shop("deploy", "--max-build", "1s", "--max-bundle", "1KB", "--json")
    assert done.code == 10, done
    assert done.json["id"] == "clm1now"
    assert done.error["code"] == "check_failed"
    assert "build time" in done.error["message"]
    assert "bundle size" in done.error["message"]


def test_what_cannot_be_compared_is_a_warning(shop: Program, server: FaultServer) -> None:
    """No READY deployment of the branch before, or no figure."""
    for row in server.deployments:
        row["status"] = "ERROR"
    done = shop("deploy", "--max-build", "2x", "--max-bundle", "1MB")
    assert done.code == 0, done
    assert "warning: The build time can't be compared" in done.err


def test_check_asks_until_it_is_well(shop: Program, server: FaultServer) -> None:
    """The path of the site, with no token."""
    server.on("GET", "/health", faults.refused(503, "starting"), times=2)
    server.on("GET", "/health", faults.reply(204, b""))
    done = shop("deploy", "--check", "/health")
    assert (done.code, done.out) == (0, f"{site(server)}\n"), done
    asked = [request for request in server.requests if request.path.endswith("/health")]
    assert len(asked) == 3
    assert all("authorization" not in request.headers for request in asked)


@pytest.mark.parametrize("status", [301, 404, 500])
def test_check_follows_no_redirect_and_gives_up(shop: Program, server: FaultServer, status: int) -> None:
    """After its timeout; what came is told."""
    server.on("GET", "/health", faults.reply(status, b"", {"Location": f"{site(server)}/elsewhere"}))
    began = time.monotonic()
    done = shop("deploy", "--check", "health", "--check-timeout", "300ms")
    assert time.monotonic() - began < faults.SOON
    assert (done.code, done.out) == (10, ""), done
    assert f"HTTP {status}" in done.err
    assert server.count("GET", "/elsewhere") == 0


def test_check_of_a_whole_url(shop: Program, server: FaultServer) -> None:
    """Of another server, that says nothing at all."""
    with FaultServer() as other:
        other.on("GET", "/up", faults.reply(200, b"ok"))
        assert shop("deploy", "--check", f"http://127.0.0.1:{other.port}/up").code == 0
        assert other.requests[-1].headers.get("authorization") is None
    done = shop("deploy", "--check", f"http://127.0.0.1:{other.port}/up", "--check-timeout", "500ms")
    assert done.code == 10, done
    done = shop("deploy", "--check", "https://a.example", "--check-timeout=1ms", env={"HTTPS_PROXY": "socks5://x:1"})
    assert (done.code, "https_proxy specifies a socks5 proxy" in done.err.lower()) == (10, True), done
    assert server.made == 0


@pytest.mark.parametrize(("gate", "holds"), [("2x~10", True), ("1.9x~10", False), ("+100%~3", True), ("4x~1", True)])
def test_a_gate_compares_with_the_median_of_earlier_builds(
    dpx_on_faults: Program, server: FaultServer, gate: str, *, holds: bool
) -> None:
    """Of the branch's READY ones, of as many as there are; their details are requested where the list lacks figures."""
    times = (10, 900, 20, 20, 30)  # seconds, newest first
    server.deployments.clear()
    for seconds in reversed(times):
        server.make("main").update(status="READY", buildDurationMs=seconds * 1000)
    server.make("other").update(status="READY", buildDurationMs=1)
    del server.deployments[2]["buildDurationMs"]
    slow = {**server.deployments[2], "buildDurationMs": 900_000}
    server.on("GET", f"/deployments/{slow['id']}", faults.reply(200, {"data": slow}))
    now = {"id": "clm1now", "status": "READY", "branch": "main", "buildDurationMs": 40_000, "url": site(server)}
    server.on("POST", ".*/deployments", faults.reply(201, {"data": now}))
    server.on("GET", "/deployments/clm1now", faults.reply(200, {"data": now}))
    done = dpx_on_faults("deploy", "-p", PROJECT, "--branch", "main", "--max-build", gate)
    assert done.code == (0 if holds else 10), done
    if not holds:
        assert "(1.9x~10 of 20 s)" in done.err


def test_without_earlier_builds_a_gate_on_their_median_is_a_warning(
    dpx_on_faults: Program, server: FaultServer
) -> None:
    """And no verdict."""
    server.deployments.clear()
    done = dpx_on_faults("deploy", "-p", PROJECT, "--branch", "main", "--max-build", "1.5x~10")
    assert done.code == 0, done
    assert "warning: The build time can't be compared" in done.err


@pytest.mark.parametrize(
    "words",
    [
        *(("--max-build", bound) for bound in ("1.5x~0", "1.5x~", "1.5x~-1", "1.5x~1.5", "90s~10", "1.5x~51", "fast")),
        *(("--max-bundle", bound) for bound in ("5", "0x")),
        *(("--check", check) for check in ("ftp://x/", "http://user:pw@x/", "http://", "a b", "x" * 70_000)),
        ("--no-wait", "--max-build=2x"),
    ],
)
def test_a_gate_that_makes_no_sense(shop: Program, server: FaultServer, words: tuple[str, str]) -> None:
    """Is refused before any request."""
    done = shop("deploy", *words)
    assert (done.code, done.out) == (2, ""), done
    assert "pw" not in done.err
    assert not server.requests
