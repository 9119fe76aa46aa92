"""Requests: what is sent, what is sent again, what an answer means, and what no error may show."""

from __future__ import annotations

import email.utils
import json
import time
from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest
from clients import client_of
from fault_server import PROJECT, TOKEN, FaultServer

from dpx_cli import __version__, errors
from dpx_cli.api.client import BY_STATUS, query_string, segment

if TYPE_CHECKING:
    from dpx_cli.api.client import Attempt, Client

REPEATED = ["GET", "DELETE", "PATCH"]
ONCE = ["POST", "PUT"]


def test_what_is_sent(server: FaultServer, client: Client) -> None:
    """The token, JSON, nothing that was not given, and the whole path."""
    client.document("POST", "/projects", params={"a": "x y&z", "b": None, "c": ""}, body={"name": "ä"})
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


def test_a_get_has_no_body(server: FaultServer, client: Client) -> None:
    """Nor does it say of which kind it would be."""
    client.get("/projects")
    assert {"content-type", "content-length"}.isdisjoint(server.requests[0].headers)


# Status and meaning


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, errors.BadRequest, 2),
        (401, errors.Unauthorized, 4),
        (403, errors.Forbidden, 5),
        (404, errors.NotFound, 3),
        (409, errors.Failed, 1),
        (418, errors.Failed, 1),
        (422, errors.Failed, 1),
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
    assert caught.value.message == f"because I say so (HTTP {status} from GET /projects/x)"
    assert (caught.value.status, caught.value.request) == (status, "GET /projects/x")
    assert caught.value.exit_code == code
    assert server.count("GET") == 1


def test_every_documented_status_has_its_type() -> None:
    """The reference's section Errors; 500 is every 5xx."""
    assert set(BY_STATUS) == {400, 401, 403, 404, 429}


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599])
@pytest.mark.parametrize("method", REPEATED)
def test_a_5xx_is_tried_three_times_where_it_may_be(
    server: FaultServer, client: Client, method: str, status: int
) -> None:
    """And told then."""
    server.on(method, "/x", faults.refused(status, "broken"))
    with pytest.raises(errors.ServerError, match=f"broken.*{status}"):
        client.document(method, "/x")
    assert server.count(method) == 3


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("method", ONCE)
def test_what_may_not_be_repeated_is_sent_once(server: FaultServer, client: Client, method: str, status: int) -> None:
    """Whatever the status."""
    server.on(method, "/x", faults.refused(status, "no"))
    with pytest.raises(errors.DpxError):
        client.document(method, "/x", body={})
    assert server.count(method) == 1


@pytest.mark.parametrize("method", REPEATED)
def test_two_faults_are_survived(server: FaultServer, client: Client, method: str) -> None:
    """Whichever they are."""
    server.on(method, "/x", faults.html_502, times=1)
    server.on(method, "/x", faults.reset, times=1)
    server.on(method, "/x", faults.reply(200, {"data": 1}))
    assert client.document(method, "/x") == {"data": 1}
    assert server.count(method) == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_redirect_is_not_followed_and_the_token_stays(
    server: FaultServer, client: Client, method: str, status: int
) -> None:
    """The other server never hears of it."""
    with FaultServer() as other:
        server.on(method, "/projects", faults.redirect(status, f"{other.url}/projects"))
        with pytest.raises(errors.InvalidResponse, match="redirects") as caught:
            client.document(method, "/projects")
        assert other.connections == 0
    assert server.count(method) == 1
    assert caught.value.status == status


def test_a_lost_patch_that_stays_lost_is_unknown(server: FaultServer, client: Client) -> None:
    """It was sent three times and may have happened."""
    server.on("PATCH", "/x", faults.reset, effect=False)
    with pytest.raises(errors.OutcomeUnknown) as caught:
        client.document("PATCH", "/x", body={})
    assert caught.value.exit_code == 11
    assert server.count("PATCH") == 3


@pytest.mark.parametrize(
    ("method", "path", "command"),
    [
        ("POST", "/projects", "dpx projects list"),
        ("PATCH", f"/projects/{PROJECT}", "dpx projects list"),
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
        client.document(method, path, body={})
    assert (caught.value.hint or "").endswith(f": {command}")


def test_a_delete_whose_answer_was_lost_is_done_when_there_is_nothing_left(server: FaultServer, client: Client) -> None:
    """The 404 of the second try is the first one's success."""
    server.on("DELETE", "/projects/.*", faults.reset, times=1, effect=True)
    path = f"/projects/{faults.PROJECT}"
    assert client.document("DELETE", path) == {"deleted": True}
    with pytest.raises(errors.NotFound):
        client.document("DELETE", path)


# Waiting


def test_retry_after_in_seconds_is_waited_for(server: FaultServer) -> None:
    """Neither sooner nor another pause."""
    server.on("GET", "/projects", faults.refused(429, "slow down", "1"), times=1)
    started = time.monotonic()
    client_of(server.url, timeout=10).get("/projects")
    assert time.monotonic() - started >= 1.0


def test_retry_after_as_a_date_is_waited_for(server: FaultServer) -> None:
    """As HTTP writes dates."""
    at = email.utils.formatdate(time.time() + 2, usegmt=True)
    server.on("GET", "/projects", faults.refused(503, "soon", at), times=1)
    client_of(server.url, timeout=10).get("/projects")
    assert time.time() >= email.utils.parsedate_to_datetime(at).timestamp()


@pytest.mark.parametrize("wait", ["60", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_retry_after_past_the_deadline_is_not_waited_for(server: FaultServer, client: Client, wait: str) -> None:
    """It is told instead, at once."""
    server.on("GET", "/projects", faults.refused(429, "slow down", wait))
    started = time.monotonic()
    with pytest.raises(errors.RateLimited) as caught:
        client.get("/projects")
    assert time.monotonic() - started < 2.0
    assert server.count("GET") == 1
    assert caught.value.exit_code == 6
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 50


@pytest.mark.parametrize("wait", ["soon", "-1", "1.5", "\uff11", "", "Thu, 99 Foo 2026 00:00:00 GMT", "0"])
def test_a_retry_after_that_makes_no_sense_is_an_ordinary_pause(server: FaultServer, client: Client, wait: str) -> None:
    """And never an endless one."""
    server.on("GET", "/projects", faults.reply(429, {"error": "no"}, {"Retry-After": wait.encode().decode("latin-1")}))
    with pytest.raises(errors.RateLimited):
        client.get("/projects")
    assert server.count("GET") == 3


def test_the_deadline_holds_all_tries_together(server: FaultServer) -> None:
    """Three slow 503s do not get three deadlines."""
    server.on("GET", "/projects", faults.after(0.4, faults.refused(503, "busy")))
    started = time.monotonic()
    with pytest.raises((errors.ServerError, errors.NetworkError)):
        client_of(server.url, timeout=0.7).get("/projects")
    assert time.monotonic() - started < 2.5
    assert server.count("GET") <= 2


# Bodies that are not what they should be


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<html>502</html>", "not JSON"),
        (b'{"data": ', "not JSON"),
        (b'{"data": NaN}', "not JSON"),
        (b'{"data": -Infinity}', "not JSON"),
        (b'{"data": "\xff\xfe"}', "not JSON"),
        (b'{"data": 1}x', "not JSON"),
        (b'{"data": ' + b"9" * 5000 + b"}", "not JSON"),
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
    [b"<html>no</html>", b"", b"[]", b'{"error": 5}', b'{"error": null}', b"\xff", b"[" * 100_000, b'{"error": "  "}'],
)
def test_an_error_without_a_message_says_what_its_status_means(
    server: FaultServer, client: Client, body: bytes
) -> None:
    """And shows nothing of the page."""
    server.on("GET", "/x", faults.reply(404, body))
    with pytest.raises(errors.NotFound) as caught:
        client.get("/x")
    assert caught.value.message == "not found (HTTP 404 from GET /x)"


def test_an_error_is_a_line_and_not_a_page(server: FaultServer, client: Client) -> None:
    """However much the server has to say."""
    server.on("GET", "/x", faults.refused(400, "word\r\n\t" * 10_000))
    with pytest.raises(errors.BadRequest) as caught:
        client.get("/x")
    assert len(caught.value.message) < 600
    assert "\n" not in caught.value.message


def test_an_unknown_status_has_an_error_too(server: FaultServer, client: Client) -> None:
    """One that no standard knows."""
    server.on("GET", "/x", faults.reply(799, b""))
    with pytest.raises(errors.ServerError, match="799"):
        client.get("/x")


# Secrets


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500])
def test_a_server_that_echoes_the_token_does_not_make_us_show_it(
    server: FaultServer, client: Client, status: int
) -> None:
    """In an error's message."""
    server.on("POST", "/x", faults.refused(status, f"no such token: {TOKEN}, Bearer {TOKEN}"))
    with pytest.raises(errors.DpxError) as caught:
        client.document("POST", "/x", body={})
    assert TOKEN not in str(vars(caught.value))


@pytest.mark.parametrize("value", ["hunter2-canary", 'quo"te\\canary', "two\nlines canary", "päss canary/+", "1"])
@pytest.mark.parametrize("form", ["plain", "json", "cut", "quoted", "repr"])
def test_a_server_that_echoes_a_value_does_not_make_us_show_it(
    server: FaultServer, client: Client, value: str, form: str
) -> None:
    """Whole, cut short, or escaped in whichever way."""
    from urllib.parse import quote

    echoed = {
        "plain": value,
        "json": json.dumps(value),
        "cut": value[:-2] + "…",
        "quoted": quote(value, safe=""),
        "repr": repr(value),
    }[form]
    server.on("POST", "/x", faults.refused(400, f"bad value {echoed} for K"))
    with pytest.raises(errors.BadRequest) as caught:
        client.document("POST", "/x", body={}, secrets=(value,))
    said = caught.value.message
    assert "canary" not in said
    assert "hunter2" not in said
    assert "400" in said


def test_nothing_shows_the_token(client: Client) -> None:
    """Not even the client itself."""
    assert TOKEN not in repr(client)


# Names in paths


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "...", "a/b", "/", "a?b", "a#b", "%2e%2e", "%2F", "a\\b", "a b", "a\nb", "a\x00", "a\x7f",
        "\x85", "\u202e", "\u200b", "\udcff", "\U000e0041",
    ],
)  # fmt: skip
def test_a_name_that_could_change_the_path_is_refused(name: str) -> None:
    """By any of the marks that could."""
    with pytest.raises(errors.UsageError):
        segment(name, "project")


@pytest.mark.parametrize(
    ("name", "quoted"), [("clm1abc", "clm1abc"), ("a.b-c_d~", "a.b-c_d~"), ("ä", "%C3%A4"), ("a;b=c", "a%3Bb%3Dc")]
)
def test_a_name_is_quoted(name: str, quoted: str) -> None:
    """As one segment."""
    assert segment(name, "project") == quoted


@pytest.mark.parametrize("text", ["\udcff", "a\ud800b"])
def test_text_that_is_not_utf8_is_refused_before_it_is_sent(server: FaultServer, client: Client, text: str) -> None:
    """In a query as in a body; it comes from a command line in another encoding."""
    with pytest.raises(errors.UsageError, match="org"):
        query_string({"org": text})
    with pytest.raises(errors.UsageError, match="name"):
        client.document("POST", "/projects", body={"ok": "x", "name": text})
    with pytest.raises(errors.UsageError):
        client.document("POST", "/projects", body={"ok": {"deep": [text]}})
    assert server.connections == 0


# Telling what was done


def test_every_attempt_is_told(server: FaultServer) -> None:
    """Method, path without its query, status, number, time."""
    attempts: list[Attempt] = []
    server.on("GET", "/projects", faults.refused(500, "x"), times=1)
    server.on("GET", "/projects", faults.reset, times=1)
    client_of(server.url, attempts=attempts).get("/projects", {"org": "acme"})
    told: list[Any] = [(a.method, a.path, a.status, a.number) for a in attempts]
    assert told == [("GET", "/projects", 500, 1), ("GET", "/projects", None, 2), ("GET", "/projects", 200, 3)]
    assert all(a.milliseconds >= 0 for a in attempts)
