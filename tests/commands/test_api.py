"""`dpx api`: any request; the answer's bytes are the output."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote_plus, urlsplit

import fault_server as faults
import pytest
import yaml  # type: ignore[import-untyped]  # it has no types
from fault_server import PROJECT, TOKEN

from dpx_cli.reference import ENDPOINTS

if TYPE_CHECKING:
    from fault_server import Fault, FaultServer

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

CANARY = "canary-value"


def test_get(dpx: Program, sandbox: Sandbox) -> None:
    """Paths as the reference has them, shorter, or as a full URL; the bytes as they came, indented on a terminal."""
    for path in ("/orgs", "orgs", "/api/v1/orgs", "api/v1/orgs", f"{sandbox.url}/orgs", f"HTTP{sandbox.url[4:]}/orgs"):
        result = dpx("api", path)
        assert [org["slug"] for org in result.json["data"]] == ["acme", "globex"]
        assert (sandbox.requests[-1].method, sandbox.requests[-1].path) == ("GET", "/orgs")
        assert "\n" not in result.out.rstrip("\n")
    result = dpx.tty("api", "/orgs")
    assert '\n  "data": [' in result.out
    assert result.json["pagination"]["hasMore"] is False


def test_fields_become_a_query_or_a_body(dpx: Program, sandbox: Sandbox) -> None:
    """-f as text; -F as JSON. POST goes without saying where there are fields."""
    assert dpx("api", "projects", "-X", "get", "-f", "org=acme", "-F", "limit=1").code == 0
    assert sandbox.requests[-1].query == {"org": "acme", "limit": "1"}
    assert dpx("api", "projects?limit=1").code == 0
    assert sandbox.requests[-1].query == {"limit": "1"}
    assert dpx("api", "/projects", "-f", "name=my-app", "-F", "description=null").code == 2
    result = dpx("api", "/projects", "-f", "name=my-app", "-f", "orgSlug=acme")
    assert (result.code, result.json["data"]["slug"]) == (0, "my-app"), result
    assert sandbox.requests[-1].body == {"name": "my-app", "orgSlug": "acme"}


def test_a_body_from_a_file_or_stdin_goes_out_as_it_is(dpx: Program, sandbox: Sandbox) -> None:
    """Byte for byte."""
    body = b'{ "name" : "from-file",\n"orgSlug":"acme" }'
    (dpx.cwd / "body.json").write_bytes(body)
    assert dpx("api", "/projects", "--input", "body.json").code == 0
    assert dpx("api", "/projects", "--input", "-", stdin=body.replace(b"file", b"pipe")).code == 0
    assert {"from-file", "from-pipe"} <= set(sandbox.projects())
    sandbox.clear_requests()
    for path, code in (("none", 3), ("/dev/zero", 2)):
        assert dpx("api", "/projects", "--input", path).code == code
    assert not sandbox.requests


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
    result = dpx("api", "/projects/none", "-X", "PATCH", "-f", "name=x")
    assert (result.code, result.out) == (3, ""), result
    assert result.err.startswith("error: Not found (HTTP 404 from PATCH /projects/:id)")


@pytest.mark.parametrize(
    "path",
    [
        *("https://evil.example/orgs", "ftp://evil.example", "/../orgs", "/projects/../orgs", "/a/./b", "/a//b"),
        *("{origin}/other", "{url}/orgs", "http://[::1/orgs"),
        *("/orgs#x", "/a b", "/a\nb", "/%2e%2e/orgs", "/a%2Fb", "\\\\evil", "/ä"),
    ],
)
def test_a_path_that_leads_elsewhere_stays_here(dpx: Program, sandbox: Sandbox, path: str) -> None:
    """Exit 2, nothing sent, so the token goes nowhere."""
    result = dpx("api", path.format(origin=sandbox.origin, url=sandbox.url.replace("//", "//user@")))
    assert (result.code, result.out, sandbox.requests) == (2, "", []), result


@pytest.mark.parametrize(
    "argv",
    [
        ["-f", "x"],
        ["-f", f"=({CANARY})"],
        ["-F", f"x={CANARY}"],
        ["-f", f"x={CANARY}", "-f", f"x={CANARY}"],
        ["-f", f"x={CANARY}", "--input", "-"],
        ["-X", "FETCH"],
        *(["--paginate", "-X", "POST"], ["--paginate", "--include"], ["--paginate", "--curl"]),
        *(["--jsonl"], ["-q"], ["--fields", "id"]),
    ],
)
def test_what_does_not_go_together(dpx: Program, sandbox: Sandbox, argv: list[str]) -> None:
    """Exit 2, nothing sent, no value shown."""
    result = dpx("api", "/projects", *argv)
    assert (result.code, result.out) == (2, ""), result
    assert CANARY not in result.err
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "argv",
    [
        *(["-H", f"{name}: DELETE"] for name in ("X-HTTP-Method", "x-http-method-override", "X-Method-Override")),
        *(["-X", method, "--input", "-"] for method in ("GET", "HEAD")),
    ],
)
def test_a_read_stays_a_read(dpx: Program, sandbox: Sandbox, argv: list[str]) -> None:
    """No header turns it into another method, and it has no body: exit 2, nothing sent."""
    result = dpx("api", "/projects", *argv, env={"DPX_READ_ONLY": "1"}, stdin=b"{}")
    assert (result.code, result.out, sandbox.requests) == (2, "", []), result


@pytest.mark.parametrize("words", [("--jq", "."), ("-X", "POST"), ("--paginate",)])
def test_a_document_that_takes_too_much_memory_is_refused(
    dpx_on_faults: Program, server: FaultServer, words: tuple[str, ...]
) -> None:
    """28 KiB of gzip may be millions of values."""
    body = b'{"data": [' + b"{}," * 2_000_000 + b"{}]}"
    for method in ("GET", "POST"):
        server.on(method, "/projects", faults.compressed(body))
    done = dpx_on_faults("api", "/projects", *words, env={"DPX_TIMEOUT": "20"})
    assert done.code == (11 if "POST" in words else 1), done
    assert "more than 500,000 values" in done.err


def test_a_hostile_answer_is_harmless_on_a_terminal(dpx: Program, sandbox: Sandbox) -> None:
    """JSON leaves no escape sequence; in a pipe the bytes are the API's."""
    with sandbox.store.change() as db:
        db.execute("UPDATE orgs SET name = ? WHERE slug = 'acme'", ("\x1b[2J\u202e",))
    result = dpx.tty("api", "/orgs")
    assert "\x1b[2J" not in result.out
    assert "\u202e" not in result.out
    assert dpx("api", "/orgs").json["data"][0]["name"] == "\x1b[2J\u202e"


def test_headers_are_sent(dpx_on_faults: Program, server: FaultServer) -> None:
    """Beside dpx's own, which they may replace."""
    argv = ("-H", "X-Trace: a: b", "--header", "accept:text/plain", "-H", "X-Empty:")
    assert dpx_on_faults("api", "/projects", *argv).code == 0
    sent = server.requests[-1].headers
    assert (sent["x-trace"], sent["accept"], sent["x-empty"]) == ("a: b", "text/plain", "")
    assert sent["authorization"].startswith("Bearer dpx_")
    assert dpx_on_faults("api", "/projects", "--paginate", "-H", "X-Trace: b").code == 0
    assert server.requests[-1].headers["x-trace"] == "b"


@pytest.mark.parametrize(
    "header",
    [
        *(f"{name}: {CANARY}" for name in ("Host", "content-length", "Transfer-Encoding", "Authorization")),
        *(f"X {CANARY}", f": {CANARY}", f"X: {CANARY}\nY: z", f"X: {CANARY}\x01", f"X : {CANARY}", f"X(: {CANARY}", ""),
        *(f"X: {CANARY}ä", f"Ä: {CANARY}", f"X\r\nHost: {CANARY}"),
    ],
)
def test_a_header_that_cannot_be_sent_is_a_usage_error(
    dpx_on_faults: Program, server: FaultServer, header: str
) -> None:
    """Nothing is sent, and no value is shown."""
    for words in (["-H", header], ["-H", "X-A: 1", "-H", "x-a: 2"]):
        done = dpx_on_faults("api", "/projects", *words)
        assert (done.code, done.out, CANARY in done.err, server.connections) == (2, "", False, 0), done


def test_placeholders_are_filled_in_from_the_settings(dpx: Program, sandbox: Sandbox) -> None:
    """The project's ID and the organization's slug."""
    dpx.env.update({"DPX_PROJECT": "docs", "DPX_ORG": "globex"})
    assert dpx("api", "/projects/{project}").json["data"]["slug"] == "docs"
    assert dpx("api", "orgs/{org}/members").code == 0
    assert sandbox.requests[-1].path == "/orgs/globex/members"
    assert dpx("api", "projects?org={org}").code == 0
    assert sandbox.requests[-1].query == {"org": "globex"}


@pytest.mark.parametrize("name", ["project", "org"])
def test_a_placeholder_without_a_setting_is_a_usage_error(dpx: Program, sandbox: Sandbox, name: str) -> None:
    """And so is one that could lead elsewhere."""
    done = dpx("api", f"/x/{{{name}}}")
    assert (done.code, done.out) == (2, ""), done
    done = dpx("api", f"/x/{{{name}}}", env={"DPX_PROJECT": "../y", "DPX_ORG": "../y"})
    assert (done.code, done.out) == (2, ""), done
    assert dpx("api", "/x/{other}").code == 3
    assert [request.path for request in sandbox.requests] == ["/x/{other}"]


def test_ls_lists_what_is_documented(dpx_offline: Program) -> None:
    """Without a token or a server, in every format."""
    rows = dpx_offline("api", "ls").rows
    assert ["GET", "/projects/:id", "Get a project"] in rows
    listed = {tuple(row[:2]) for row in rows}
    assert listed == {(method, path) for method, path, _ in ENDPOINTS}
    assert len(listed) == 14
    assert {item["method"] for item in dpx_offline("api", "ls", "--json").json} == {"GET", "POST", "PATCH", "DELETE"}
    assert dpx_offline("api", "ls", "--jsonl").out.count("\n") == 14
    assert "/orgs/:slug/members" in dpx_offline("api", "ls", "-q").out.split()
    assert dpx_offline("api", "ls", "--fields", "path").rows[0] == ["/projects"]
    assert "Description" in dpx_offline.tty("api", "ls").out
    for argv in (("-X", "GET"), ("-f", "a=b"), ("--paginate",), ("-i",), ("--curl",), ("-H", "A: b")):
        assert dpx_offline("api", "ls", *argv).code == 2


def test_the_listed_endpoints_are_those_of_the_sandbox() -> None:
    """Its OpenAPI document was written from the reference."""
    document = yaml.safe_load((Path(__file__).parent.parent / "openapi.yaml").read_text(encoding="utf-8"))
    methods = {"get", "post", "patch", "delete", "put"}
    described = {
        (method.upper(), re.sub(r"\{[^}]+\}", ":", path))
        for path, item in document["paths"].items()
        for method in methods & set(item)
    }
    assert {(method, re.sub(r":\w+", ":", path)) for method, path, _ in ENDPOINTS} == described


@pytest.mark.posix
def test_curl_prints_a_command_that_does_the_same(dpx_on_faults: Program, server: FaultServer) -> None:
    """It sends nothing, and has the variable in it, not the token."""
    body = dpx_on_faults.cwd / "bo dy.json"
    body.write_text('{"name": "from file"}', encoding="utf-8")
    for argv in (
        ["/projects", "-X", "GET", "-f", "org=a b&c", "-f", "q=it's"],
        ["/projects?x=[1]"],
        ["/projects", "-f", "name=it's $HOME `x`", "-F", "n=1", "-H", "X-Trace: 'quoted' \"$x\""],
        ["/projects", "--input", str(body)],
        ["/projects/{project}", "-X", "DELETE"],
        ["/projects", "-X", "HEAD"],
    ):
        dpx_on_faults.env["DPX_PROJECT"] = PROJECT
        before = len(server.requests)
        done = dpx_on_faults("api", *argv, "--curl")
        assert done.code == 0, done
        assert len(server.requests) == before
        assert TOKEN not in done.out
        assert '"Authorization: Bearer $DPX_TOKEN"' in done.out
        if argv[-1] == "HEAD":
            continue
        subprocess.run(["sh", "-c", f"exec {done.out}"], env=dpx_on_faults.env, check=True, capture_output=True)
        theirs = server.requests[-1]
        server.projects = [{"id": PROJECT, "slug": "shop"}]
        dpx_on_faults("api", *argv)
        ours = server.requests[-1]
        assert unquote_plus(theirs.target) == unquote_plus(ours.target)
        assert (theirs.method, theirs.body) == (ours.method, ours.body)
        assert theirs.headers["authorization"] == ours.headers["authorization"]
        assert theirs.headers.get("content-type") == ours.headers.get(
            "content-type", theirs.headers.get("content-type")
        )
        assert theirs.headers.get("x-trace") == ours.headers.get("x-trace")


def test_curl_needs_a_project_whose_id_is_known(dpx: Program, sandbox: Sandbox) -> None:
    """It must not ask for it."""
    dpx.env["DPX_PROJECT"] = "docs"
    done = dpx("api", "/projects/{project}", "--curl")
    assert (done.code, sandbox.requests) == (2, []), done
    assert dpx("projects", "get").code == 0
    assert sandbox.project_id("docs") in dpx("api", "/projects/{project}", "--curl").out


@pytest.mark.parametrize("fault", [faults.reset, faults.refused(503, "busy")])
def test_a_post_is_sent_once_whatever_its_path(dpx_on_faults: Program, server: FaultServer, fault: Fault) -> None:
    """`env set` repeats its own POST to the same path; only the user knows what this one means."""
    server.on("POST", "/projects/.*/env-vars", fault)
    assert dpx_on_faults("api", f"/projects/{PROJECT}/env-vars", "-f", "key=A", "-f", "value=b").code == 11
    assert server.count("POST") == 1


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("fault", [faults.html_200, faults.reply(201, b'{"data": '), faults.reply(200, b"")])
def test_an_unreadable_success_of_a_post_is_unknown(
    dpx_on_faults: Program, server: FaultServer, method: str, fault: Fault
) -> None:
    """Something said 2xx, and perhaps not the API."""
    server.on(method, "/projects", fault)
    done = dpx_on_faults("api", "/projects", "-X", method, "-f", "name=x")
    assert done.code == 11, done
    assert done.err.endswith("dpx projects list\n")
    server.on("GET", "/projects", fault)
    assert dpx_on_faults("api", "/projects").code == 0
    server.on(method, "/nothing", faults.raw(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert dpx_on_faults("api", "/nothing", "-X", method).code == 0


def test_paginate_keeps_repeated_parameters(dpx_on_faults: Program, server: FaultServer) -> None:
    """In the query of PATH, beside fields."""
    done = dpx_on_faults("api", "/projects?status=A&status=B&empty=", "--paginate", "-X", "get")
    assert done.code == 0, done
    query = parse_qs(urlsplit(server.requests[-1].target).query, keep_blank_values=True)
    assert query == {"status": ["A", "B"], "empty": [""], "limit": ["100"]}


def test_an_echoed_field_is_not_shown(dpx_on_faults: Program, server: FaultServer) -> None:
    """Not in any form; with -i the response is shown as it came."""
    for words in (("-f", f"value={CANARY}"), ("-F", f'value="{CANARY}"'), ("--input", "-"), ("-H", f"X-Key: {CANARY}")):
        server.on("POST", "/projects", faults.refused(400, f"bad: {CANARY}"))
        done = dpx_on_faults("api", "/projects", "-X", "POST", *words, stdin=CANARY.encode())
        assert (done.code, done.err) == (2, "error: Bad request (HTTP 400 from POST /projects).\n"), done
