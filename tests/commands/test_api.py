"""`dpx api`: any request; the answer's bytes are the output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

CANARY = "canary-value"


@pytest.mark.parametrize("path", ["/orgs", "orgs", "/api/v1/orgs", "api/v1/orgs"])
def test_get(dpx: Program, sandbox: Sandbox, path: str) -> None:
    """As the reference writes paths, and shorter; the bytes as they came."""
    result = dpx("api", path)
    assert result.code == 0, result
    assert [org["slug"] for org in result.json["data"]] == ["acme", "globex"]
    assert (sandbox.requests[-1].method, sandbox.requests[-1].path) == ("GET", "/orgs")
    assert "\n" not in result.out.rstrip("\n")


def test_json_is_indented_on_a_terminal(dpx: Program) -> None:
    """And still JSON."""
    result = dpx.tty("api", "/orgs")
    assert '\n  "data": [' in result.out
    assert result.json["pagination"]["hasMore"] is False


def test_fields_become_the_query_of_a_get(dpx: Program, sandbox: Sandbox) -> None:
    """-f as text; -F as JSON."""
    result = dpx("api", "projects", "-X", "get", "-f", "org=acme", "-F", "limit=1")
    assert result.code == 0, result
    assert sandbox.requests[-1].query == {"org": "acme", "limit": "1"}
    assert dpx("api", "projects?limit=1").code == 0
    assert sandbox.requests[-1].query == {"limit": "1"}


def test_fields_become_the_body_of_a_post(dpx: Program, sandbox: Sandbox) -> None:
    """POST goes without saying where there are fields."""
    result = dpx("api", "/projects", "-f", "name=my-app", "-f", "orgSlug=acme", "-F", "description=null")
    assert result.code == 2, result
    result = dpx("api", "/projects", "-f", "name=my-app", "-f", "orgSlug=acme")
    assert result.code == 0, result
    assert result.json["data"]["slug"] == "my-app"
    assert sandbox.requests[-1].body == {"name": "my-app", "orgSlug": "acme"}
    assert "my-app" in sandbox.projects()


def test_a_body_from_a_file_or_stdin_goes_out_as_it_is(dpx: Program, sandbox: Sandbox) -> None:
    """Byte for byte."""
    body = b'{ "name" : "from-file",\n"orgSlug":"acme" }'
    (dpx.cwd / "body.json").write_bytes(body)
    assert dpx("api", "/projects", "--input", "body.json").code == 0
    assert dpx("api", "/projects", "--input", "-", stdin=body.replace(b"file", b"pipe")).code == 0
    assert {"from-file", "from-pipe"} <= set(sandbox.projects())
    assert dpx("api", "/projects", "--input", "none").code == 3


def test_an_endless_body_is_refused(dpx: Program, sandbox: Sandbox) -> None:
    """In bounded memory, before anything is sent."""
    result = dpx("api", "/projects", "--input", "/dev/zero")
    assert (result.code, result.out) == (2, ""), result
    assert "/dev/zero is larger than 32 MiB" in result.err
    assert not sandbox.requests


def test_a_field_that_is_no_utf_8_is_refused(dpx: Program, sandbox: Sandbox) -> None:
    """In the body as in the query; the value is not shown."""
    for words in (("-X", "GET"), ("-X", "POST")):
        result = dpx("api", "/projects", *words, "-f", b"name=caf\xe9".decode("utf-8", "surrogateescape"))
        assert (result.code, result.out) == (2, ""), result
        assert result.err.startswith("error: name is not UTF-8.\n")
    assert not sandbox.requests


def test_other_methods(dpx: Program, sandbox: Sandbox) -> None:
    """PATCH and DELETE."""
    project = sandbox.project_id("docs")
    assert dpx("api", f"/projects/{project}", "-X", "PATCH", "-f", "description=new").json["data"]["slug"] == "docs"
    assert dpx("api", f"/projects/{project}", "-X", "DELETE").json == {"deleted": True}
    assert "docs" not in sandbox.projects()


def test_paginate_gives_one_array(dpx: Program, sandbox: Sandbox) -> None:
    """Of all pages."""
    sandbox.seed_projects(150)
    sandbox.clear_requests()
    result = dpx("api", "/projects", "--paginate")
    assert len(result.json) == 153
    assert [seen.query["limit"] for seen in sandbox.requests] == ["100", "100"]
    assert [project["slug"] for project in dpx("api", "projects?org=globex", "--paginate").json] == ["docs"]


def test_include_shows_the_head(dpx: Program) -> None:
    """Status and header fields, then the body; also of a failure, whose exit code stays."""
    result = dpx("api", "/orgs", "-i")
    head, _, body = result.out.partition("\n\n")
    assert head.startswith("HTTP/1.1 200 ")
    assert "Content-Type: application/json" in head
    assert json.loads(body)["data"]
    result = dpx("api", "/nothing", "-i")
    assert result.code == 3, result
    assert result.out.startswith("HTTP/1.1 404 ")


def test_a_failure_leaves_stdout_empty(dpx: Program) -> None:
    """With the code of its status."""
    result = dpx("api", "/projects/none")
    assert (result.code, result.out) == (3, ""), result
    assert result.err.startswith("error: Project not found (HTTP 404 from GET /projects/none)")
    assert dpx("api", "/orgs", env={"DPX_TOKEN": "dpx_wrong"}).code == 4


@pytest.mark.parametrize(
    "path",
    [
        *("https://evil.example/orgs", "ftp://evil.example", "/../orgs", "/projects/../orgs", "/a/./b", "/a//b"),
        *("/orgs#x", "/a b", "/a\nb", "/%2e%2e/orgs", "/a%2Fb", "\\\\evil", "/ä"),
    ],
)
def test_a_path_that_leads_elsewhere_stays_here(dpx: Program, sandbox: Sandbox, path: str) -> None:
    """Exit 2, nothing sent, so the token goes nowhere."""
    result = dpx("api", path)
    assert (result.code, result.out) == (2, ""), result
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "argv",
    [
        ["-f", "x"],
        ["-f", f"=({CANARY})"],
        ["-F", f"x={CANARY}"],
        ["-f", f"x={CANARY}", "-f", f"x={CANARY}"],
        ["-f", f"x={CANARY}", "--input", "-"],
        ["-X", "FETCH"],
        ["--paginate", "-X", "POST"],
        ["--paginate", "--include"],
    ],
)
def test_what_does_not_go_together(dpx: Program, sandbox: Sandbox, argv: list[str]) -> None:
    """Exit 2, nothing sent, no value shown."""
    result = dpx("api", "/projects", *argv)
    assert (result.code, result.out) == (2, ""), result
    assert CANARY not in result.err
    assert sandbox.requests == []


def test_a_post_is_sent_once(dpx: Program, sandbox: Sandbox) -> None:
    """Even if the server fails or the response is lost: exit 1 and 11."""
    deployments = f"/projects/{sandbox.project_id('docs')}/deployments"
    for fault, code in (("500", 1), ("503", 11), ("lost", 11)):
        sandbox.clear_requests()
        sandbox.fault(f"POST /projects/*/deployments {fault} x1")
        result = dpx("api", deployments, "-X", "POST", "-f", "branch=main")
        assert result.code == code, result
        assert len(sandbox.requests) == 1


def test_a_hostile_answer_is_harmless_on_a_terminal(dpx: Program, sandbox: Sandbox) -> None:
    """JSON leaves no escape sequence; in a pipe the bytes are the API's."""
    with sandbox._state.store.change() as db:
        db.execute("UPDATE orgs SET name = ? WHERE slug = 'acme'", ("\x1b[2J\u202e",))
    result = dpx.tty("api", "/orgs")
    assert "\x1b[2J" not in result.out
    assert "\u202e" not in result.out
    assert dpx("api", "/orgs").json["data"][0]["name"] == "\x1b[2J\u202e"
