"""The way of a request: guard, route, token, body."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from sandbox_client import ask

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox


def test_a_foreign_host_is_refused(sandbox: Sandbox) -> None:
    """A Host that isn't this machine is 403, since a web page can have its own name resolve to 127.0.0.1."""
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", ""):
        assert ask(sandbox, "GET", "/orgs", headers={"Host": host}).status == 403, host
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:8787"):
        assert ask(sandbox, "GET", "/orgs", headers={"Host": host}).status == 200, host


def test_a_foreign_origin_is_refused(sandbox: Sandbox) -> None:
    """A web page of another origin is refused, also for the recorded requests."""
    host = sandbox.origin.partition("//")[2]
    for origin in (
        "https://evil.example",
        "null",
        "http://localhost:1",
        f"https://{host}",
        f"http://{host}.evil.example",
    ):
        assert ask(sandbox, "GET", "/orgs", headers={"Origin": origin}).status == 403, origin
        assert ask(sandbox, "GET", "/__sandbox__/requests", headers={"Origin": origin}).status == 403, origin
    assert ask(sandbox, "GET", "/orgs", headers={"Origin": sandbox.origin}).status == 200


def test_it_listens_on_the_loopback_interface_alone(sandbox: Sandbox) -> None:
    """The sandbox listens only on 127.0.0.1."""
    assert sandbox.origin.startswith("http://127.0.0.1:")


def test_unknown_paths_and_wrong_methods(sandbox: Sandbox) -> None:
    """Unknown paths are 404 and wrong methods 405 with Allow, both in JSON."""
    for path in ("/nope", "/projects/x/y", "/orgs/acme/members/1", "//favicon.ico", "/projects/"):
        assert (ask(sandbox, "GET", path).status, ask(sandbox, "GET", path).body) == (404, {"error": "Not found"}), path
    answer = ask(sandbox, "PUT", "/projects")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")
    assert answer.body == {"error": "Method not allowed"}


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic dpx_x", "Bearer dpx_wrong", "Bearer \xff"]
)
def test_without_a_valid_token_it_is_401(sandbox: Sandbox, authorization: str | None) -> None:
    """A missing or invalid token is 401 in every spelling."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = ask(sandbox, "GET", "/projects", token=None, headers=headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert set(answer.body) == {"error"}


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'"name"', b"null", b"\xff\xfe", b'{"name": NaN}', b"[" * 100_000, b'{"name":"\\ud800"}'],
    ids=["empty", "cut", "list", "string", "null", "no utf-8", "NaN", "deep", "half a character"],
)
def test_a_body_that_is_no_json_object_is_400(sandbox: Sandbox, raw: bytes) -> None:
    """A body that isn't a JSON object is 400, and nothing is stored."""
    before = sandbox.projects()
    answer = ask(sandbox, "POST", "/projects", raw=raw)
    assert (answer.status, set(answer.body)) == (400, {"error"})
    assert sandbox.projects() == before


def test_a_body_over_a_mebibyte_is_413(sandbox: Sandbox) -> None:
    """A body over 1 MiB is 413, and the client gets that answer while it is still sending."""
    fits = json.dumps({"name": "x"}).encode().ljust(1024 * 1024)
    assert ask(sandbox, "POST", "/projects", raw=fits).status == 201
    assert ask(sandbox, "POST", "/projects", raw=fits + b" ").status == 413
    assert ask(sandbox, "POST", "/projects", raw=fits * 8).status == 413
    assert ask(sandbox, "POST", "/projects", raw=b"x", headers={"Content-Length": "99999999999"}).status == 413


def test_a_broken_request_does_not_disturb_the_others(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    """Invalid HTTP gets 400 or nothing, prints nothing, and the next client is served."""
    host, _, port = sandbox.origin.partition("//")[2].partition(":")
    for garbage in (
        b"\0\1\2\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"POST /api/v1/projects HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(garbage)
            assert connection.recv(100)[:12] in (b"", b"HTTP/1.1 400")
    assert ask(sandbox, "GET", "/orgs").status == 200
    assert capfd.readouterr().err == ""


def test_what_it_cannot_foresee_is_a_500_without_details(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected error is a 500 without details, one line on stderr, and the server keeps running."""

    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(sandbox.store, "all", fail)
        answer = ask(sandbox, "GET", "/projects")
    assert (answer.status, answer.body) == (500, {"error": "Internal server error"})
    assert ask(sandbox, "GET", "/projects").status == 200
    assert [record.getMessage() for record in caplog.records] == ["sandbox: GET /projects failed: OSError: disk full"]
    assert caplog.records[0].exc_info is None
