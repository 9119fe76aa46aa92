"""What the sandbox remembers of requests, for tests and in its log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from sandbox_client import ask

from dpx_cli.errors import Failed
from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path


def test_the_recorded_requests(sandbox: Sandbox) -> None:
    """Requests are recorded with method, path, query, body and status before the client has its answer."""
    ask(sandbox, "GET", "/projects?limit=2&org=acme&limit=3", headers={"X-Mine": "yes"})
    ask(sandbox, "POST", "/projects", {"name": "x"})
    ask(sandbox, "GET", "//favicon.ico")
    first, second, third = sandbox.requests
    assert (first.method, first.path, first.status) == ("GET", "/projects", 200)
    assert first.query == {"limit": "2", "org": "acme"}
    assert first.headers["x-mine"] == "yes"
    assert "authorization" not in first.headers
    assert first.body is None
    assert first.milliseconds is not None
    assert (second.path, second.body, second.status) == ("/projects", {"name": "x"}, 201)
    assert (third.path, third.status) == ("/favicon.ico", 404)
    sandbox.clear_requests()
    assert sandbox.requests == []


def test_the_requests_over_http(sandbox: Sandbox) -> None:
    """The recorded requests can be read over HTTP without a token, and that isn't recorded."""
    ask(sandbox, "GET", "/orgs")
    for _ in range(2):
        shown = ask(sandbox, "GET", "/__sandbox__/requests", token=None)
        assert shown.status == 200
        assert [(record["method"], record["path"], record["status"]) for record in shown.data] == [
            ("GET", "/orgs", 200)
        ]
        assert sandbox.token not in json.dumps(shown.body)
    assert ask(sandbox, "DELETE", "/__sandbox__/requests").body == {"deleted": True}
    assert ask(sandbox, "GET", "/__sandbox__/requests").data == []
    assert ask(sandbox, "POST", "/__sandbox__/requests").status == 405
    assert ask(sandbox, "GET", "/__sandbox__/store").status == 404


def test_the_log(tmp_path: Path) -> None:
    """The log has one JSON line per request, without headers and bodies, and is appended to."""
    log = tmp_path / "log.jsonl"
    for _ in range(2):
        with Sandbox(log=str(log), faults=["GET /orgs 503 x1"]) as sandbox:
            ask(sandbox, "GET", "/orgs")
            ask(sandbox, "POST", "/projects", {"name": "x"})
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("GET", "/orgs", 503),
        ("POST", "/projects", 201),
    ] * 2
    assert lines[0]["fault"] == "GET /orgs 503 x1"
    assert set(lines[1]) == {"time", "method", "path", "query", "status", "milliseconds", "fault"}


@pytest.mark.posix
def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    """A log that can't be opened is an error at the start; a disk that fills up later changes no answer."""
    with pytest.raises(Failed, match="Can't open the log"), Sandbox(log=str(tmp_path)):
        pass
    with Sandbox(log="/dev/full") as sandbox:
        assert ask(sandbox, "GET", "/orgs").status == 200
