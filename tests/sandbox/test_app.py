"""The way of a request: guard, route, token, body."""

from __future__ import annotations

import json

import pytest
from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox


def test_a_foreign_host_or_origin_is_refused(sandbox: Sandbox) -> None:
    """A web page is refused, also for the recorded requests: its own name can resolve to 127.0.0.1."""
    host = sandbox.origin.removeprefix("http://")
    assert host.startswith("127.0.0.1:")
    for headers in ({"Host": "evil.example"}, {"Host": ""}, {"Origin": "null"}, {"Origin": f"https://{host}"}):
        assert ask(sandbox, "GET", "/orgs", headers=headers).status == 403, headers
    for headers in ({"Host": "localhost"}, {"Host": "[::1]:8787"}, {"Origin": sandbox.origin}):
        assert ask(sandbox, "GET", "/orgs", headers=headers).status == 200, headers


def test_a_body_over_a_mebibyte_is_413(sandbox: Sandbox) -> None:
    """One of exactly 1 MiB is accepted."""
    fits = json.dumps({"name": "x"}).encode().ljust(1024 * 1024)
    assert ask(sandbox, "POST", "/projects", raw=fits).status == 201
    assert ask(sandbox, "POST", "/projects", raw=fits + b" ").status == 413


def test_the_usual_organizations(sandbox: Sandbox) -> None:
    """Only the person's own, with the role in lower case; of one counts that follow changes, and members."""
    listed = [(org["slug"], org["name"], org["role"]) for org in ask(sandbox, "GET", "/orgs").data]
    assert listed == [("acme", "Acme Corp", "owner"), ("globex", "Globex", "owner")]
    sandbox.seed_projects(3)
    assert ask(sandbox, "GET", "/orgs/acme").data["_count"] == {"members": 5, "projects": 5}
    members = [(it["user"]["email"], it["role"]) for it in ask(sandbox, "GET", "/orgs/acme/members").data]
    assert members[:2] == [("olivia@acme.com", "OWNER"), ("alice@acme.com", "ADMIN")]


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
