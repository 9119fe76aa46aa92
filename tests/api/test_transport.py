"""One exchange over a broken network: every fault becomes one clear error, within the deadline, in bounded memory."""

from __future__ import annotations

import gzip
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest
from clients import client_of
from fault_server import FaultServer

from dpx_cli import errors
from dpx_cli.api import tls as trust
from dpx_cli.api.client import Request
from dpx_cli.api.retry import Deadline
from dpx_cli.api.transport import MAX_BYTES, Connection, NotSent, _addresses

if TYPE_CHECKING:
    from certificates import Authority
    from fault_server import Fault

    from dpx_cli.api.client import Client

LOST: dict[str, tuple[Fault, str]] = {
    "reset": (faults.reset, "reset"),
    "closed without an answer": (faults.hang_up, "closed the connection without a response"),
    "a cut head": (faults.truncated_head, ""),
    "a cut body": (faults.truncated_body, "cut off"),
    "broken chunks": (faults.broken_chunks, ""),
    "cut chunks": (faults.cut_chunks, "cut off"),
    "cut gzip": (faults.raw(faults.GZIPPED + gzip.compress(b'{"data": []}')[:-9]), "cut off"),
    "not HTTP": (faults.not_http, "not HTTP"),
    "an interim answer alone": (faults.early_hints, ""),
}


@pytest.mark.parametrize("name", LOST)
def test_a_lost_response(server: FaultServer, client: Client, name: str) -> None:
    """A GET is repeated, and fails as a network error at the third loss; a POST may have been carried out."""
    fault, words = LOST[name]
    server.on("GET", "/projects", fault, times=4)
    with pytest.raises(errors.NetworkError) as caught:
        client.get("/projects")
    assert words in caught.value.message
    assert (server.count("GET"), caught.value.request) == (3, "GET /projects")
    assert client.get("/projects")["data"][0]["slug"] == "shop", "the next one is lost once"
    server.on("POST", "/projects", fault)
    with pytest.raises(errors.OutcomeUnknown):
        client.request_json("POST", "/projects", body={"name": "x"})
    assert server.count("POST") == 1


SLOW: dict[str, Fault] = {
    "stall": faults.stall,
    "drip in the head": faults.drip_head,
    "drip of fields": faults.drip_fields,
    "drip in the body": faults.drip_body,
    "drip of chunks": faults.drip_chunks,
    "storm of 100 Continue": faults.continue_storm,
}


@pytest.mark.parametrize("name", SLOW)
def test_no_server_holds_a_request_past_its_deadline(server: FaultServer, name: str) -> None:
    """However it dawdles, retries included."""
    server.on("GET", "/projects", SLOW[name])
    started = time.monotonic()
    with pytest.raises(errors.NetworkError):
        client_of(server.url, timeout=0.5).get("/projects")
    assert time.monotonic() - started < faults.SOON


ENDLESS: dict[str, Fault] = {
    "head": faults.giant_field,
    "fields": faults.many_fields,
    "chunk": faults.negative_chunk,
    "body": faults.endless_body,
    "body said to be large": faults.large(33 * faults.MIB),
    "gzip bomb": faults.bomb(),
    "gzip members": faults.flood(faults.GZIPPED, gzip.compress(b" " * faults.MIB)),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_does_not_end_is_refused_in_bounded_memory(server: FaultServer, name: str) -> None:
    """Long before the deadline. A body over 32 MiB, decoded, is not asked for again: it would be as large."""
    server.on("GET", "/projects", ENDLESS[name])
    is_head = name in ("head", "fields", "chunk")
    kind, words, tries = (errors.NetworkError, "not HTTP", 3) if is_head else (errors.InvalidResponse, "32 MiB", 1)
    tracemalloc.start()
    try:
        with pytest.raises(kind, match=words):
            client_of(server.url, timeout=30).get("/projects")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert server.count("GET") == tries
    assert peak < (1 if is_head else 3) * MAX_BYTES


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_all_members_of_a_gzip_body_are_read(server: FaultServer, client: Client, step: int) -> None:
    """Wherever the network cuts them."""
    parts = [b'{"data": "', b"a" * 5000, b'"}']
    body = b"".join(map(gzip.compress, parts))

    def answer(exchange: faults.Exchange) -> None:
        exchange.send(faults.OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), step):
            piece = body[at : at + step]
            exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        exchange.send(b"0\r\n\r\n")

    server.on("GET", "/projects", answer)
    assert client.get("/projects") == {"data": "a" * 5000}


def test_a_body_longer_than_it_says_does_not_become_the_next_answer(server: FaultServer, client: Client) -> None:
    """What is too much is dropped with its connection, at the latest by the retry."""
    document = b'{"data": 1}'
    evil = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"data": 2}'
    server.on("GET", "/projects", faults.reply(200, document + evil, {"Content-Length": str(len(document))}), times=1)
    assert client.get("/projects") == {"data": 1}
    assert client.get("/orgs")["data"][0]["slug"] == "acme"
    assert (server.count("GET", "/orgs"), server.connections) == (1, 2)


@pytest.mark.parametrize("secure", [False, True])
def test_a_connection_with_unread_bytes_is_not_used_again(authority: Authority, *, secure: bool) -> None:
    """They came late, and would be taken for the response to the next request."""
    evil = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"data": 2}'
    sent = threading.Event()

    def late(exchange: faults.Exchange) -> None:
        faults.reply(200, {"data": 1})(exchange)
        exchange.pause(0.1)
        exchange.send(evil)
        sent.set()

    with FaultServer(tls=authority.server() if secure else None) as server:
        client = client_of(server.url, context=lambda: trust.context({"DPX_CA_BUNDLE": str(authority.bundle)}))
        for _ in range(3):
            client.get("/orgs")
            time.sleep(0.05)
        assert server.connections == 1, "one that is quiet is used again, whatever TLS says beside"
        server.on("GET", "/projects", late, times=1)
        assert client.get("/projects") == {"data": 1}
        assert sent.wait(10)
        time.sleep(0.05)
        assert client.get("/orgs")["data"][0]["slug"] == "acme"
        assert server.connections == 2


def test_a_folded_header_field_is_one(server: FaultServer, client: Client) -> None:
    """An obsolete line folding stands for one space; without a field before it, it is no HTTP."""
    head = faults.OK + b"X-Folded: a;\r\n \t x\r\nRetry-After:\r\n 5\r\nContent-Length: 2\r\n\r\n{}"
    server.on("GET", "/x", faults.raw(head), times=1)
    _, response = client.document(Request("GET", "/x"))
    assert response.headers["x-folded"] == "a; x"
    assert response.headers["retry-after"] == "5"
    server.on("GET", "/x", faults.raw(b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n"))
    with pytest.raises(errors.NetworkError, match="not HTTP"):
        client.get("/x")


@pytest.mark.parametrize("status", [100, 103, 199])
def test_interim_responses_are_read_past(server: FaultServer, client: Client, status: int) -> None:
    """Every 1xx but 101, a protocol that was not asked for."""
    interim = f"HTTP/1.1 {status} Wait\r\nLink: </a>\r\n\r\n".encode()
    server.on("GET", "/projects", faults.raw(interim * 3 + faults.OK + b'Content-Length: 11\r\n\r\n{"data": 1}'))
    assert client.get("/projects") == {"data": 1}
    assert server.count("GET") == 1
    server.on("GET", "/orgs", faults.raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"))
    with pytest.raises(errors.NetworkError):
        client.get("/orgs")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_408_on_a_kept_connection_is_tried_again(server: FaultServer, client: Client, method: str) -> None:
    """The server was tired of the silence; on a new connection it is about the request."""
    server.on(method, "/new", faults.refused(408, "too slow"))
    with pytest.raises(errors.ServerError, match="too slow"):
        client.request_json(method, "/new")
    assert server.count(method) == 1
    server.on(method, "/x", faults.refused(408, "idle"), times=1)
    server.on(method, "/x", faults.reply(200, {"data": 1}))
    assert client.request_json(method, "/x") == {"data": 1}
    assert (server.count(method, "/x"), server.connections) == (2, 2)


def test_a_kept_connection_that_the_server_closed_is_opened_anew(server: FaultServer) -> None:
    """Without another try of a GET, and without losing a POST."""
    attempts: list[str] = []
    client = client_of(server.url, attempts=attempts)
    server.on("GET", "/projects", faults.well_then_close({"data": []}), times=2)
    for method, path in (("GET", "/orgs"), ("POST", "/projects")):
        client.get("/projects")
        time.sleep(0.05)
        client.request_json(method, path, body={"name": "one"} if method == "POST" else None)
    assert [attempt.split()[2] for attempt in attempts] == ["200", "200", "200", "201"]
    assert (server.count("POST"), server.connections) == (1, 3)


def test_a_refused_connection_is_tried_again_and_then_a_network_error(server: FaultServer) -> None:
    """For a POST as well: nothing of it left."""
    attempts: list[str] = []
    server.refuse()
    with pytest.raises(errors.NetworkError, match="refused") as caught:
        client_of(server.url, attempts=attempts).request_json("POST", "/projects", body={})
    assert [attempt[-1] for attempt in attempts] == ["1", "2", "3"]
    assert caught.value.hint is not None
    assert not server.requests


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 64 + ".invalid"])
def test_a_host_that_does_not_exist(host: str) -> None:
    """Is a connection that could not be made, whatever the resolver thinks of its name."""
    with pytest.raises(errors.NetworkError):
        client_of(f"https://{host}/api/v1", timeout=5).get("/projects")


def test_names_below_localhost_never_ask_a_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http is allowed for them because they stay on this machine; a resolver could say otherwise."""
    asked: list[Any] = []

    def resolve(host: bytes, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        return []

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    _addresses("evil.localhost", 80, Deadline(1))
    assert asked == [b"localhost"]


def test_a_slow_resolver_is_bounded_by_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows none itself."""
    over = threading.Event()

    def resolve(*_: object, **__: object) -> list[Any]:
        over.wait(30)
        return []

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    started = time.monotonic()
    with pytest.raises(NotSent):
        Connection("https", "slow.example", 443, context=lambda: None).exchange(  # type: ignore[arg-type, return-value]
            "GET", "/", {}, None, Deadline(0.3)
        )
    assert time.monotonic() - started < faults.SOON
    over.set()


def test_a_server_that_does_not_read_is_given_up_on(server: FaultServer) -> None:
    """Sending has a deadline as well."""

    def deaf(exchange: faults.Exchange) -> None:
        exchange.server.closing.wait(20)

    server.on_connection(1, deaf)
    started = time.monotonic()
    with pytest.raises(errors.OutcomeUnknown):
        client_of(server.url, timeout=0.5).request_json("POST", "/projects", body={"name": "x" * 16 * faults.MIB})
    assert time.monotonic() - started < faults.SOON
