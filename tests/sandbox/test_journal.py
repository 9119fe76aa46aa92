"""What the sandbox remembers of requests, for tests and in its log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sandbox_client import ask

from dpx_cli.errors import Failed
from dpx_cli.sandbox.server import Sandbox


def test_the_recorded_requests(sandbox: Sandbox) -> None:
    """Requests are recorded with method, path, query, body and status before the client has its response."""
    ask(sandbox, "GET", "/projects?limit=2&org=acme&limit=3", headers={"X-Mine": "yes"})
    ask(sandbox, "POST", "/projects", {"name": "x"})
    ask(sandbox, "GET", "//favicon.ico")
    first, second, third = sandbox.requests
    assert (first.method, first.path, first.status, first.body) == ("GET", "/projects", 200, None)
    assert first.query == {"limit": "2", "org": "acme"}
    assert first.headers["x-mine"] == "yes"
    assert "authorization" not in first.headers
    assert first.milliseconds is not None
    assert (second.path, second.body, second.status) == ("/projects", {"name": "x"}, 201)
    assert (third.path, third.status) == ("/favicon.ico", 404)
    sandbox.clear_requests()
    assert sandbox.requests == []


def test_the_log(tmp_path: Path) -> None:
    """The log has one JSON line per request, without headers and bodies, and is appended to."""
    log = tmp_path / "log.jsonl"
    for _ in range(2):
        with Sandbox(log=str(log), faults=["GET /orgs 503 x1"]) as sandbox:
            ask(sandbox, "GET", "/orgs")
            ask(sandbox, "POST", "/projects", {"name": "x"})
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    shown = [(line["method"], line["path"], line["status"], line["fault"]) for line in lines]
    assert shown == [("GET", "/orgs", 503, "GET /orgs 503 x1"), ("POST", "/projects", 201, None)] * 2
    assert set(lines[1]) == {"time", "method", "path", "query", "status", "milliseconds", "fault"}


@pytest.mark.posix
def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    """A log that can't be opened is an error at the start; a disk that fills up later changes no response."""
    with pytest.raises(Failed, match="Can't open the log"), Sandbox(log=str(tmp_path)):
        pass
    with Sandbox(log="/dev/full") as sandbox:
        assert ask(sandbox, "GET", "/orgs").status == 200
