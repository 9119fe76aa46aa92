"""The listener over real sockets: what it takes, what it refuses, and that it never stops."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from dpx_cli.errors import Failed, UsageError
from dpx_cli.system.loopback.server import bind
from dpx_cli.webhook import deliver, saved, signature
from dpx_cli.webhook.deliver import Endpoint
from dpx_cli.webhook.events import encode, sample
from dpx_cli.webhook.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from receiver import Receiver

    from tests.webhook.conftest import Running

SECRET = b"s3cret"
BODY = encode(sample("deployment.ready", project="shop", branch="a/b", deployment_id="d1"))


def signed(body: bytes, extra: bytes = b"") -> bytes:
    """The signature's header line, and others."""
    return b"X-Deploxa-Signature: " + signature.sign(body, SECRET).encode() + b"\r\n" + extra


def status(answer: bytes) -> int:
    """The status of a whole answer."""
    return int(answer.split(b" ", 2)[1])


def still_serves(running: Running) -> None:
    """A good delivery is answered 200."""
    assert status(running.post(BODY)) == 200


def test_a_delivery_is_verified_and_told_of(listen: Callable[..., Running]) -> None:
    """A verified delivery is answered 200 and reported with every field."""
    running = listen()
    answer = running.post(BODY)
    assert status(answer) == 200
    assert b"connection: close" in answer.lower()
    [delivery] = running.deliveries
    moment = delivery.pop("time")
    assert moment.endswith("Z")
    assert delivery.pop("milliseconds") >= 0
    assert delivery == {
        "event": "deployment.ready",
        "project": "shop",
        "branch": "a/b",
        "status": "READY",
        "deployment_id": "d1",
        "verified": True,
        "forwarded": None,
        "answer": 200,
        "result": "received",
    }
    assert running.warnings == []
    with socket.socket() as other:  # it listens on 127.0.0.1 alone
        assert other.connect_ex(("127.0.0.2", running.port)) != 0
    hostile = json.dumps({"event": "\x1b[31m\u202e", "project": {"slug": "\ud800"}}).encode()
    assert status(running.post(hostile)) == 200
    # Unchanged: the screen neutralizes it.
    assert [running.deliveries[1][key] for key in ("event", "project")] == ["\x1b[31m\u202e", "\ud800"]


@pytest.mark.parametrize(
    ("headers", "result"),
    [
        (b"", "no X-Deploxa-Signature"),
        (b"X-Deploxa-Signature: sha256=" + b"0" * 64 + b"\r\n", "The signature does not match."),
        (b"X-Deploxa-Signature: \xff\xfe\r\n", "not `sha256=` and 64 hex digits"),
        (b"X-Deploxa-Signature: " + signature.sign(BODY, SECRET)[7:].encode() + b"\r\n", "bare digest"),
        (signed(BODY) + signed(BODY), "2 X-Deploxa-Signature"),
        (signed(BODY + b"\n"), "the signed body had a final newline that this one doesn't have"),
    ],
)
def test_a_bad_signature_is_401_and_says_nothing_of_the_body(
    listen: Callable[..., Running], headers: bytes, result: str
) -> None:
    """An invalid signature is 401; only the report has the cause, and it has nothing of the body."""
    running = listen()
    answer = running.post(BODY, headers=headers)
    assert status(answer) == 401
    assert answer.endswith(b"\r\n\r\nThe signature does not match.\n")
    [delivery] = running.deliveries
    assert delivery["verified"] is False
    assert [delivery[key] for key in ("event", "project", "branch", "status", "deployment_id")] == [None] * 5
    assert result in delivery["result"]
    still_serves(running)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        *[
            (f"Host: {host}\r\n", 403)
            for host in (
                "evil.example",
                "127.0.0.1.evil.example",
                "localhost.evil.example:4400",
                "",
                "127.0.0.1:x",
                "[::2]",
            )
        ],
        ("Host: 127.0.0.1\r\nHost: evil.example\r\n", 403),
        *[(f"Host: {host}\r\n", 200) for host in ("127.0.0.1", "LOCALHOST:4400", "127.0.0.1:1", "[::1]:80")],
        *[
            (f"Host: 127.0.0.1\r\nOrigin: {origin}\r\n", 403)
            for origin in ("null", "https://evil.example", "http://127.0.0.1:3000", "", "http://127.0.0.1.evil.example")
        ],
    ],
)
def test_a_foreign_host_or_origin_is_403(listen: Callable[..., Running], headers: str, expected: int) -> None:
    """A Host that isn't this machine, and a web page in a browser on this machine, are refused and warned of."""
    running = listen()
    head = b"POST / HTTP/1.1\r\n%sContent-Length: %d\r\n" % (headers.encode(), len(BODY))
    assert status(running.talk(head + signed(BODY) + b"\r\n" + BODY)) in (
        expected,
        400 if headers.count("Host") > 1 else 0,
    )
    assert len(running.deliveries) == (expected == 200)
    still_serves(running)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
def test_what_is_no_post_is_405(listen: Callable[..., Running], method: str) -> None:
    """Any method but POST is 405 with Allow."""
    running = listen()
    answer = running.talk(b"%s /webhook HTTP/1.1\r\nHost: localhost\r\n\r\n" % method.encode())
    assert status(answer) == 405
    assert b"allow: POST" in answer
    still_serves(running)


def test_a_body_over_one_mebibyte_is_413(listen: Callable[..., Running]) -> None:
    """While it arrives, or at once where Content-Length says so; exactly 1 MiB and chunks are accepted."""
    running = listen()
    body = b" " * (1024 * 1024 - 2) + b"{}"
    assert status(running.post(body)) == 200
    assert status(running.post(body + b" ")) == 413
    assert "over 1 MiB" in running.warnings[0]
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\n" + signed(BODY)
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(BODY[at : at + 7]), BODY[at : at + 7]) for at in range(0, len(BODY), 7))
    assert status(running.talk(head + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n")) == 200
    assert status(running.talk(head + b"Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n")) == 413
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(ConnectionError):
            connection.sendall((b"10000\r\n" + b"x" * 65536 + b"\r\n") * 1_000)
    still_serves(running)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"P",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Le",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n123",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
    ],
)
def test_the_slow_are_408(listen: Callable[..., Running], data: bytes) -> None:
    """The deadline is for all headers and the whole body, not for each byte; others are served meanwhile."""
    running = listen(patience=0.3)
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(data)
        still_serves(running)
        connection.settimeout(0.05)
        response = b""
        while not response:
            with contextlib.suppress(TimeoutError):
                response = connection.recv(64)
            if not response and data.endswith(b"123"):
                connection.sendall(b"4")
        assert response.startswith(b"HTTP/1.1 408")
    still_serves(running)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 300,
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"POST \xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 100_000,
        b"POST /" + b"a" * 200_000,
        b"GET /x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_malformed_http_stops_nothing(
    listen: Callable[..., Running], data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """Malformed HTTP gets a 4xx or a closed connection and prints nothing."""
    running = listen(patience=0.3)
    answer = b""
    with contextlib.suppress(ConnectionError):
        answer = running.talk(data)
    assert not answer or 400 <= status(answer) < 500
    still_serves(running)
    assert capfd.readouterr() == ("", "")


def test_clients_that_go_away_stop_nothing(listen: Callable[..., Running]) -> None:
    """Clients that disconnect at any point don't disturb the listener."""
    running = listen()
    whole = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%s\r\n%s" % (len(BODY), signed(BODY), BODY)
    for length in (1, 20, len(whole) - 5, len(whole)):
        connection = socket.create_connection(("127.0.0.1", running.port))
        connection.sendall(whole[:length])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.close()
    still_serves(running)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"[]",
        b'{"event": 1, "deployment": [], "project": "x"}',
        b'{"event": {"a": 1}, "deployment": {"branch": ["x"], "id": null}, "project": {"slug": 5}}',
    ],
)
def test_a_verified_body_may_be_anything(listen: Callable[..., Running], body: bytes) -> None:
    """A verified body that isn't JSON is accepted; its event is the header's."""
    running = listen()
    assert status(running.post(body)) == 200
    [delivery] = running.deliveries
    assert delivery["event"] == "deployment.ready"
    assert delivery["verified"] is True
    assert [delivery[key] for key in ("project", "branch", "status", "deployment_id")] == [None] * 4


def test_the_signed_event_goes_before_the_header(listen: Callable[..., Running]) -> None:
    """The signed body's event takes precedence over the header, and a difference is warned of."""
    running = listen(events=("deployment.failed",))
    headers = signed(BODY, b"X-Deploxa-Event: deployment.failed\r\n")
    assert status(running.post(BODY, headers=headers)) == 200
    assert running.deliveries == []
    assert "the event in the signed body is deployment.ready" in running.warnings[0]


def test_only_wanted_events_are_told_of_and_forwarded(listen: Callable[..., Running], receiver: Receiver) -> None:
    """Events that were filtered out are answered 200 and not reported."""
    running = listen(
        events=("deployment.failed", "deployment.rollback"), forward_to=Endpoint.parse(receiver.url, "--forward-to")
    )
    for event in ("deployment.ready", "deployment.failed", "deployment.started"):
        body = encode(sample(event))
        assert status(running.post(body)) == 200
    assert [delivery["event"] for delivery in running.deliveries] == ["deployment.failed"]
    assert len(receiver.requests) == 1


def test_a_delivery_is_forwarded_as_it_came(listen: Callable[..., Running], receiver: Receiver) -> None:
    """A delivery is forwarded with its bytes, both headers and Content-Type, and nothing else."""
    running = listen(forward_to=Endpoint.parse(receiver.url, "--forward-to"))
    body = b'{"event": "deployment.ready"}\r\n\xff'
    extra = (
        b"X-Deploxa-Event: deployment.ready\r\nContent-Type: application/json; charset=utf-8\r\n"
        b"Authorization: Bearer secret\r\nCookie: a=b\r\nX-Other: 1\r\nConnection: keep-alive\r\n"
    )
    assert status(running.post(body, headers=signed(body, extra))) == 200
    [(method, path, headers, received)] = receiver.requests
    assert (method, path, received) == ("POST", "/hook", body)
    names = {name.lower(): value for name, value in headers}
    assert set(names) == {
        "host",
        "content-length",
        "content-type",
        "x-deploxa-signature",
        "x-deploxa-event",
        "user-agent",
    }
    assert names["content-type"] == "application/json; charset=utf-8"
    assert signature.verify(received, SECRET, names["x-deploxa-signature"].encode())


@pytest.mark.parametrize("upstream", [201, 204, 304, 307, 401, 429, 503])
def test_the_answer_is_the_receivers_status(listen: Callable[..., Running], receiver: Receiver, upstream: int) -> None:
    """The sender gets the receiver's status; a redirect is not followed, and no cookie is kept."""
    receiver.status = upstream
    receiver.body = b""
    receiver.headers = {"Set-Cookie": "a=b"} | ({"Location": receiver.url} if upstream // 100 == 3 else {})
    running = listen(forward_to=Endpoint.parse(receiver.url, "--forward-to"))
    assert status(running.post(BODY)) == upstream
    [delivery] = running.deliveries
    assert status(running.post(BODY)) == upstream
    first, second = (sorted(name for name, _ in headers) for _, _, headers, _ in receiver.requests)
    assert first == second
    assert delivery["forwarded"] == delivery["answer"] == upstream
    assert delivery["result"].startswith(f"forwarded: {upstream} in ")


@pytest.mark.parametrize(
    ("responses", "statuses", "result"),
    [
        ([b"", None, b"HTTP/1.1 204 No Content\r\n\r\n"], [502, 502, 204], "connection refused"),
        ([b"rubbish\r\n\r\n"], [502], "not forwarded"),
        ([b"wait"], [504], "no response within"),
    ],
)
def test_a_receiver_that_dies_is_502_and_may_come_back(
    listen: Callable[..., Running],
    monkeypatch: pytest.MonkeyPatch,
    responses: list[bytes | None],
    statuses: list[int],
    result: str,
) -> None:
    """Unreachable or no HTTP: 502; too late: 504; each delivery is tried anew."""
    monkeypatch.setattr(deliver.deliver, "__defaults__", (1.0,))
    with bind(0, Failed) as free:
        port = free.getsockname()[1]
    running = listen(forward_to=Endpoint.parse(f"http://127.0.0.1:{port}/", "--forward-to"))
    for response, expected in zip(responses, statuses, strict=True):
        with contextlib.ExitStack() as stack:
            if response is not None:
                server = stack.enter_context(socket.create_server(("127.0.0.1", port)))
                threading.Thread(target=_answer_once, args=(server, response), daemon=True).start()
            assert status(running.post(BODY)) == expected
    assert any(result in delivery["result"] for delivery in running.deliveries)


def _answer_once(server: socket.socket, response: bytes) -> None:
    """Read a request, and send a response and close, or wait until the other side closes."""
    connection, _ = server.accept()
    with connection:
        received = b""
        while not received.endswith(BODY):
            received += connection.recv(100_000)
        if response == b"wait":
            connection.recv(1)
        connection.sendall(response)


def test_deliveries_are_saved_as_they_came(listen: Callable[..., Running], tmp_path: Path) -> None:
    """Verified deliveries are saved unchanged, refused ones are not."""
    running = listen(save=str(tmp_path / "kept"))
    body = b'{"event": "../../evil", "n": 1.0}\r\n'
    headers = signed(body, b"X-Deploxa-Event: ../../evil\r\nCookie: a=b\r\n")
    assert status(running.post(body, headers=headers)) == 200
    assert status(running.post(body, headers=b"X-Deploxa-Signature: x\r\n")) == 401
    [path] = (tmp_path / "kept").glob("*.body")
    assert path.name == "0001-evil.body"
    assert saved.load(str(path)) == (
        body,
        [
            (b"X-Deploxa-Signature", signature.sign(body, SECRET).encode()),
            (b"X-Deploxa-Event", b"../../evil"),
        ],
    )


def test_a_delivery_that_cannot_be_saved_is_500_and_not_forwarded(
    listen: Callable[..., Running], receiver: Receiver, tmp_path: Path
) -> None:
    """A delivery that can't be saved is 500 and not forwarded, so the sender may send it again."""
    running = listen(save=str(tmp_path / "kept"), forward_to=Endpoint.parse(receiver.url, "--forward-to"))
    (tmp_path / "kept").rmdir()
    (tmp_path / "kept").write_bytes(b"")
    assert status(running.post(BODY)) == 500
    assert "not saved" in running.warnings[0]
    assert (running.deliveries[0]["verified"], running.deliveries[0]["answer"]) == (True, 500)
    assert receiver.requests == []


def test_it_does_not_forward_to_itself() -> None:
    """Forwarding to the listener itself is refused, since it would never end."""
    with bind(0, Failed) as probe:
        port = probe.getsockname()[1]
    itself = Listener(
        SECRET,
        trust=lambda: None,  # type: ignore[arg-type,return-value]  # never called
        report=lambda _delivery: None,
        warn=lambda _text: None,
        forward_to=Endpoint.parse(f"http://localhost:{port}/x", "--forward-to"),
    )
    with pytest.raises(UsageError, match="--forward-to is this listener"):
        itself.run(port, lambda _url: None)
