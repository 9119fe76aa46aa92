"""Requests: what is sent, what is sent again, what an answer means, and what no error may show."""

from __future__ import annotations

import email.utils
import json
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import fault_server as faults
import pytest
from clients import client_of
from fault_server import PROJECT, TOKEN, FaultServer

from dpx_cli import __version__, errors
from dpx_cli.api import projects
from dpx_cli.api.client import query_string, segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpx_cli.api.client import Client


def test_what_is_sent(server: FaultServer, client: Client) -> None:
    """The token, JSON, nothing that was not given, and the whole path."""
    client.request_json("POST", "/projects", params={"a": "x y&z", "b": None, "c": ""}, body={"name": "ä"})
    (request,) = server.requests
    assert request.target == "/api/v1/projects?a=x+y%26z&c="
    assert request.json == {"name": "ä"}
    assert request.headers == {
        "host": f"127.0.0.1:{server.port}",
        "authorization": f"Bearer {TOKEN}",
        "user-agent": f"dpx/{__version__}",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "content-type": "application/json",
        "content-length": str(len(request.body)),
    }
    client.get("/projects")
    assert {"content-type", "content-length"}.isdisjoint(server.requests[1].headers), "a GET has no body"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, errors.BadRequest, 2),
        (401, errors.Unauthorized, 4),
        (403, errors.Forbidden, 5),
        (404, errors.NotFound, 3),
        (409, errors.Failed, 1),
    ],
)
def test_a_4xx_is_told_once_and_never_repeated(
    server: FaultServer, client: Client, status: int, kind: type[errors.DpxError], code: int
) -> None:
    """The server's own words, the status, the request and the exit code."""
    server.on("GET", "/projects/x", faults.refused(status, "because\nI say so"))
    with pytest.raises(kind) as caught:
        client.get("/projects/x")
    assert type(caught.value) is kind
    assert caught.value.message == f"because I say so (HTTP {status} from GET /projects/:id)."
    assert (caught.value.status, caught.value.request) == (status, "GET /projects/x")
    assert caught.value.exit_code == code
    assert server.count("GET") == 1


@pytest.mark.parametrize("status", [429, 500, 503, 599])
@pytest.mark.parametrize(("method", "tries"), [("GET", 3), ("DELETE", 3), ("PATCH", 3), ("POST", 1), ("PUT", 1)])
def test_what_may_be_repeated_is_tried_three_times(
    server: FaultServer, client: Client, method: str, tries: int, status: int
) -> None:
    """And anything else once; the error has the status."""
    server.on(method, "/x", faults.refused(status, "broken"))
    with pytest.raises(errors.DpxError, match="broken") as caught:
        client.request_json(method, "/x")
    assert (server.count(method), caught.value.status) == (tries, status)
    # A later step that can't reach the server must not say that nothing was changed.
    assert client.may_have_changed is (method != "GET" and status != 429)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
def test_two_faults_are_survived(server: FaultServer, client: Client, method: str) -> None:
    """Whichever they are."""
    server.on(method, "/x", faults.html_502, times=1)
    server.on(method, "/x", faults.reset, times=1)
    server.on(method, "/x", faults.reply(200, {"data": 1}))
    assert client.request_json(method, "/x") == {"data": 1}
    assert server.count(method) == 3


@pytest.mark.parametrize(("method", "status"), [("GET", 301), ("POST", 303), ("POST", 307), ("DELETE", 308)])
def test_a_redirect_is_not_followed_and_the_token_stays(
    server: FaultServer, client: Client, method: str, status: int
) -> None:
    """The other server never hears of it."""
    with FaultServer() as other:
        server.on(method, "/projects", faults.redirect(status, f"{other.url}/projects"))
        with pytest.raises(errors.InvalidResponse, match="redirects") as caught:
            client.request_json(method, "/projects")
        assert other.connections == 0
    assert server.count(method) == 1
    assert caught.value.status == status


@pytest.mark.parametrize("status", [408, 500, 599])
def test_a_server_error_leaves_the_outcome_of_a_post_unknown(server: FaultServer, client: Client, status: int) -> None:
    """Something in front of a server that may have done it has responded; its message and Retry-After are kept."""
    server.on("POST", "/projects", faults.refused(status, "no.", "7"), effect=True)
    with pytest.raises(errors.OutcomeUnknown, match=f"HTTP {status}: no\\.$") as caught:
        client.request_json("POST", "/projects", body={"name": "x"})
    assert (caught.value.status, caught.value.retry_after) == (status, 7.0)
    assert caught.value.cause == f"HTTP {status}: no"
    assert (caught.value.hint or "").endswith("dpx projects list")
    assert server.count("POST") == 1


UNREADABLE = {
    "empty": faults.reply(201, b""),
    "not JSON": faults.html_200,
    "cut": faults.reply(201, b'{"data": {"id": '),
    "another encoding": faults.reply(201, b"x", {"Content-Encoding": "br"}),
    "damaged": faults.reply(201, b"not gzip", {"Content-Encoding": "gzip"}),
    "too large": faults.large(33 * faults.MIB),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_success_leaves_the_outcome_of_a_post_unknown(
    server: FaultServer, client: Client, name: str
) -> None:
    """The server says that it did it, and not what. A read changes nothing."""
    server.on("GET", "/projects", UNREADABLE[name])
    with pytest.raises(errors.InvalidResponse):
        client.get("/projects")
    assert server.count("GET") == 1, "it would be the same"
    server.on("POST", "/projects", UNREADABLE[name])
    with pytest.raises(errors.OutcomeUnknown) as caught:
        client.request_json("POST", "/projects", body={"name": "x"})
    assert (caught.value.hint or "").endswith("dpx projects list")


@pytest.mark.parametrize("status", [500, 429])
@pytest.mark.parametrize(
    ("method", "words"), [("GET", "^broken"), ("PATCH", "^PATCH /x was sent.*no complete response")]
)
def test_a_retry_that_times_out(server: FaultServer, method: str, words: str, status: int) -> None:
    """The response before it says more than that time is up; but a change may have been carried out by then."""
    server.on(method, "/x", faults.refused(status, "broken"), times=1)
    server.on(method, "/x", faults.stall)
    with pytest.raises(errors.DpxError, match=words) as caught:
        client_of(server.url, timeout=0.7).request_json(method, "/x")
    assert caught.value.exit_code == (11 if method == "PATCH" else {500: 1, 429: 6}[status])
    assert server.count(method) == 2


@pytest.mark.parametrize("first", [faults.reset, faults.hang_up, faults.truncated_body])
@pytest.mark.parametrize(
    "last",
    [
        *(faults.reset, faults.html_200, faults.reply(200, {"data": []}), faults.redirect(301, "https://x.example/")),
        *(faults.refused(status, "because") for status in (400, 401, 403, 404, 408, 409, 429, 503)),
    ],
)
def test_a_change_that_was_lost_is_unknown(
    server: FaultServer, client: Client, first: faults.Fault, last: faults.Fault
) -> None:
    """Whatever comes after it is about another try: it can't show that nothing was changed."""
    server.on("PATCH", "/projects/x", first, times=1, effect=True)
    server.on("PATCH", "/projects/x", last)
    with pytest.raises(errors.OutcomeUnknown, match="PATCH /projects/:id was sent") as caught:
        projects.update_project(client, "x", {})
    assert (caught.value.exit_code, client.may_have_changed) == (11, True)


@pytest.mark.parametrize(
    ("method", "path", "command"),
    [
        ("POST", "/projects", "dpx projects list"),
        ("PATCH", f"/projects/{PROJECT}", f"dpx projects get {PROJECT}"),
        ("DELETE", f"/projects/{PROJECT}/env-vars/KEY", f"dpx env list --project {PROJECT}"),
        ("POST", f"/projects/{PROJECT}/deployments", f"dpx deploy list --project {PROJECT}"),
        ("POST", "/orgs/acme", "dpx api /orgs/acme"),
    ],
)
def test_an_unknown_outcome_comes_with_the_command_that_finds_out(
    server: FaultServer, client: Client, method: str, path: str, command: str
) -> None:
    """In its hint."""
    server.on(method, path, faults.reset, effect=False)
    with pytest.raises(errors.OutcomeUnknown) as caught:
        client.request_json(method, path, body={})
    assert (caught.value.hint or "").endswith(f": {command}")


def test_a_delete_whose_response_was_lost_is_done_when_there_is_nothing_left(server: FaultServer) -> None:
    """The 404 of the second try is the first one's success, with a note; after a 5xx it is unknown."""
    notes: list[str] = []
    client = client_of(server.url, notes=notes)
    server.on("DELETE", "/projects/.*", faults.reset, times=1, effect=True)
    path = f"/projects/{faults.PROJECT}"
    assert client.request_json("DELETE", path) == {"deleted": True}
    assert [("lost" in note, PROJECT in note) for note in notes] == [(True, False)]
    with pytest.raises(errors.NotFound):
        client.request_json("DELETE", path)
    server.on("DELETE", "/projects/.*", faults.refused(503, "no"), times=1)
    with pytest.raises(errors.OutcomeUnknown, match="HTTP 503, then HTTP 404"):
        client.request_json("DELETE", path)


DATES = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:49:38 GMT"}


@pytest.mark.parametrize("fields", [{"Retry-After": "1"}, DATES], ids=["seconds", "a date by the server's own clock"])
def test_retry_after_is_waited_for(server: FaultServer, fields: dict[str, str]) -> None:
    """Neither sooner nor another pause."""
    server.on("GET", "/projects", faults.reply(503, {"error": "slow down"}, fields), times=1)
    started = time.monotonic()
    client_of(server.url, timeout=10).get("/projects")
    assert time.monotonic() - started >= 1.0


HOUR = email.utils.formatdate(time.time() + 3600, usegmt=True)  # by our clock, since the response has no date


@pytest.mark.parametrize("wait", ["60", "9" * 20, "Fri, 31 Dec 9999 23:59:59 GMT", HOUR], ids=len)
def test_a_retry_after_past_the_deadline_is_not_waited_for(server: FaultServer, client: Client, wait: str) -> None:
    """It is told instead, at once."""
    server.on("GET", "/projects", faults.refused(429, "slow down", wait))
    started = time.monotonic()
    with pytest.raises(errors.RateLimited) as caught:
        client.get("/projects")
    assert time.monotonic() - started < faults.SOON
    assert server.count("GET") == 1
    assert caught.value.exit_code == 6
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 50


@pytest.mark.parametrize("wait", ["soon", "-1", "1.5", "\uff11", "", "Thu, 99 Foo 2026 00:00:00 GMT", "0"])
def test_a_retry_after_that_makes_no_sense_is_an_ordinary_pause(
    server: FaultServer, client: Client, monkeypatch: pytest.MonkeyPatch, wait: str
) -> None:
    """Never an endless one; and 0 is no invitation to flood."""
    pauses: list[float] = []
    monkeypatch.setattr("dpx_cli.system.signals.sleep", pauses.append)
    server.on("GET", "/projects", faults.reply(429, {"error": "no"}, {"Retry-After": wait.encode().decode("latin-1")}))
    with pytest.raises(errors.RateLimited):
        client.get("/projects")
    assert [pause >= 0.01 * 2**number for number, pause in enumerate(pauses)] == [True, True]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b'{"data": ', "not JSON"),
        (b'{"data": NaN}', "not JSON"),
        (b'{"data": "\xff\xfe"}', "not JSON"),
        (b'{"data": 1}x', "not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_no_json_document(server: FaultServer, client: Client, body: bytes, word: str) -> None:
    """Says what it is instead."""
    server.on("GET", "/projects", faults.reply(200, body))
    with pytest.raises(errors.InvalidResponse, match=word) as caught:
        client.get("/projects")
    assert (caught.value.exit_code, caught.value.status) == (1, 200)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"error": 5}', b'{"error": null}', b'{"error": "  "}'],
)
def test_an_error_without_a_message_says_what_its_status_means(
    server: FaultServer, client: Client, body: bytes
) -> None:
    """And shows nothing of the page."""
    server.on("GET", "/x", faults.reply(404, body))
    with pytest.raises(errors.NotFound) as caught:
        client.get("/x")
    assert caught.value.message == "Not found (HTTP 404 from GET /x)."


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, errors.Unauthorized), (403, errors.Forbidden), (407, errors.Failed), (503, errors.ServerError)],
)
def test_a_page_is_not_taken_for_a_response_of_the_api(
    server: FaultServer, client: Client, status: int, kind: type[errors.DpxError]
) -> None:
    """The error says so and names the host; the exit code stays."""
    server.on("GET", "/x", faults.reply(status, b"<!DOCTYPE html><title>Attention!</title>"))
    with pytest.raises(kind, match=rf"not JSON, so it is not from the API at 127\.0\.0\.1:{server.port}\.") as caught:
        client.get("/x")
    assert type(caught.value) is kind
    assert "proxy or firewall" in (caught.value.hint or "")
    assert "Attention" not in caught.value.message


def test_an_error_is_a_line_and_not_a_page(server: FaultServer, client: Client) -> None:
    """However much the server has to say, and whichever status no standard knows."""
    server.on("GET", "/x", faults.refused(799, "word\r\n\t" * 10_000))
    with pytest.raises(errors.ServerError, match="799") as caught:
        client.get("/x")
    assert len(caught.value.message) < 600
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "form",
    [
        lambda text: f"{text}, Bearer {text}",
        lambda text: text[:-2] + "…",
        lambda text: quote(text, safe=""),
        lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    ],
    ids=["plain", "cut", "percent", "percent, all of it"],
)
@pytest.mark.parametrize("status", [400, 500])
def test_a_server_that_echoes_a_secret_does_not_make_us_show_it(
    server: FaultServer, client: Client, form: Callable[[str], str], status: int
) -> None:
    """The token is masked; if the request has a secret, nothing of the response is shown."""
    server.on("POST", "/x", faults.refused(status, f"no such token: {form(TOKEN)}."))
    with pytest.raises(errors.DpxError) as caught:
        client.request_json("POST", "/x", body={})
    assert form(TOKEN)[5:-5] not in str(vars(caught.value))
    assert f"HTTP {status}" in caught.value.message
    server.on("POST", "/y", faults.refused(400, f"bad value {form('hunter2-canary')} for K"))
    with pytest.raises(errors.BadRequest) as caught:
        client.request_json("POST", "/y", body={}, secret=True)
    assert caught.value.message == "Bad request (HTTP 400 from POST /y)."
    assert TOKEN not in repr(client)


@pytest.mark.parametrize("name", ["Content-Encoding", "Transfer-Encoding", "Content-Length", "Location", TOKEN])
def test_a_header_field_that_echoes_the_token_is_not_shown(server: FaultServer, client: Client, name: str) -> None:
    """Nor is the reason phrase."""
    head = f"HTTP/1.1 {302 if name == 'Location' else 200} {TOKEN}\r\n{name}: {TOKEN}\r\n\r\n"
    server.on("GET", "/projects", faults.raw(head.encode()))
    with pytest.raises(errors.DpxError) as caught:
        client.get("/projects")
    assert TOKEN[4:] not in str(vars(caught.value))


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "...", "a/b", "/", "a?b", "a#b", "%2e%2e", "%2F", "a\\b", "a b", "a\nb", "a\x00", "a\x7f",
        "\x85", "\u202e", "\u200b", "\udcff", "\U000e0041",
    ],
)  # fmt: skip
def test_a_name_that_could_change_the_path_is_refused(name: str) -> None:
    """By any of the marks that could; what else needs it is quoted."""
    with pytest.raises(errors.UsageError):
        segment(name, "project")
    assert [segment(name, "project") for name in ("a.b-c_d~", "ä", "a;b=c")] == ["a.b-c_d~", "%C3%A4", "a%3Bb%3Dc"]


@pytest.mark.parametrize("text", ["\udcff", "a\ud800b"])
def test_text_that_is_not_utf8_is_refused_before_it_is_sent(server: FaultServer, client: Client, text: str) -> None:
    """In a query as in a body; it comes from a command line in another encoding."""
    with pytest.raises(errors.UsageError, match="org"):
        query_string({"org": text})
    with pytest.raises(errors.UsageError, match="name"):
        client.request_json("POST", "/projects", body={"ok": "x", "name": text})
    with pytest.raises(errors.UsageError):
        client.request_json("POST", "/projects", body={"ok": {"deep": [text]}})
    assert server.connections == 0


def test_every_attempt_is_told(server: FaultServer) -> None:
    """Method, path without its query, status, number, time."""
    attempts: list[str] = []
    server.on("GET", "/projects", faults.refused(500, "x"), times=1)
    server.on("GET", "/projects", faults.reset, times=1)
    client_of(server.url, attempts=attempts).get("/projects", {"org": "acme"})
    assert [re.sub(r"\d+ ms", "N ms", attempt) for attempt in attempts] == [
        "GET /projects 500 N ms attempt 1",
        "GET /projects no response N ms attempt 2",
        "GET /projects 200 N ms attempt 3",
    ]


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_a_read_only_client_sends_no_change(server: FaultServer, method: str) -> None:
    """It is refused here, before a connection is opened; reads are sent."""
    client = client_of(server.url, read_only="DPX_READ_ONLY")
    with pytest.raises(errors.ReadOnly, match="Changes are blocked by DPX_READ_ONLY") as caught:
        client.request_json(method, "/projects", body={})
    assert caught.value.hint == "Ask whoever set it."
    assert (caught.value.exit_code, caught.value.code) == (5, "read_only")
    assert server.connections == 0
    assert client.get("/projects")["data"]


def test_a_404_from_what_is_no_api_asks_about_the_url(server: FaultServer) -> None:
    """Any server may say "Not found"; a response that says what it didn't find shows that it is the API."""
    url = server.url.removesuffix("/api/v1")
    server.on("GET", "/page", faults.reply(404, b"<h1>Not Found</h1>", {"Content-Type": "text/html"}))
    server.on("GET", "/nothing", faults.reply(404, {"error": "Not found"}))
    server.on("GET", "/it", faults.reply(404, {"error": "Project not found"}))
    asks = f"Does the API URL end in /api/v1? It is {url}"
    for path, hint in (("/page", asks), ("/nothing", asks), ("/it", None)):
        with pytest.raises(errors.NotFound) as caught:
            client_of(url).get(path)
        assert caught.value.hint == hint


@pytest.mark.parametrize(("path", "params"), [("/projects", {"org": "nope"}), ("/orgs/nope", None)])
def test_an_organization_that_is_not_there_is_told_from_a_list(
    server: FaultServer, client: Client, path: str, params: dict[str, str] | None
) -> None:
    """The hint lists those there are."""
    server.on("GET", path, faults.refused(404, "Organization not found"))
    with pytest.raises(errors.NotFound) as caught:
        client.get(path, params)
    assert (caught.value.hint or "").endswith("dpx orgs list")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[" + b"{}," * 500_000 + b"{}]", "more than 500,000 values"),
        (b"[" + b'"",' * 500_000 + b'""]', "more than 500,000 values"),
        (b"[" + b"[[]]," * 200_000 + b"0]", "more than 500,000 values"),
        (b'{"a":' * 600 + b"[" + b'{"a":1},' * 250_001 + b"0]" + b"}" * 600, "more than 500,000 values"),
        (b'["' + b"a" * 6 * faults.MIB + b'\\ud83d\\ude00"]', "memory"),
        ('["\U0001f600'.encode() + b"a" * 6 * faults.MIB + b'"]', "memory"),
    ],
)
def test_a_document_with_too_many_values_is_refused(
    server: FaultServer, client: Client, body: bytes, words: str
) -> None:
    """Objects count, not bytes alone."""
    server.on("GET", "/x", faults.compressed(body))
    with pytest.raises(errors.InvalidResponse, match=words):
        client.get("/x")


@pytest.mark.parametrize("text", [",:[{" * 100_000, "a" * 20_000_000, "中" * 9_000_000])
def test_a_long_text_is_no_fault(server: FaultServer, client: Client, text: str) -> None:
    """Within the bounds, whatever is in it."""
    server.on("GET", "/x", faults.compressed(json.dumps({"data": text}, ensure_ascii=False).encode()))
    assert client.get("/x") == {"data": text}
