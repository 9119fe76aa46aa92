"""The listener over real sockets: what it takes, what it refuses, and that it never stops."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.errors import Failed, UsageError
from dpx_cli.system import files
from dpx_cli.system.loopback.server import bind
from dpx_cli.webhook import deliver, saved, signature
from dpx_cli.webhook.deliver import Endpoint
from dpx_cli.webhook.events import encode, sample
from dpx_cli.webhook.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.webhook.conftest import Receiver, Running

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
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:4400",
        "evil.example:4400",
        "",
        "127.0.0.1:x",
        "[::2]",
    ],
)
def test_a_foreign_host_is_403(listen: Callable[..., Running], host: str) -> None:
    """A Host that isn't this machine is 403 and warned of."""
    running = listen()
    data = b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n%s\r\n%s" % (
        host.encode(),
        len(BODY),
        signed(BODY),
        BODY,
    )
    assert status(running.talk(data)) == 403
    assert running.deliveries == []
    assert "Host" in running.warnings[0]
    still_serves(running)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:4400", "127.0.0.1:1", "[::1]:80"])
def test_an_own_host_is_taken(listen: Callable[..., Running], host: str) -> None:
    """A Host of this machine is accepted with any port."""
    data = b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n%s\r\n%s" % (
        host.encode(),
        len(BODY),
        signed(BODY),
        BODY,
    )
    assert status(listen().talk(data)) == 200


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", "http://127.0.0.1:3000", "", "http://127.0.0.1.evil.example"]
)
def test_a_foreign_origin_is_403(listen: Callable[..., Running], origin: str) -> None:
    """A request of a web page in a browser on this machine is 403."""
    running = listen()
    answer = running.post(BODY, headers=signed(BODY, b"Origin: " + origin.encode() + b"\r\n"))
    assert status(answer) == 403
    assert running.deliveries == []
    still_serves(running)


def test_two_hosts_are_refused(listen: Callable[..., Running]) -> None:
    """A request with two Host headers is refused."""
    running = listen()
    data = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n"
    assert status(running.talk(data)) in (400, 403)
    still_serves(running)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
def test_what_is_no_post_is_405(listen: Callable[..., Running], method: str) -> None:
    """Any method but POST is 405 with Allow."""
    running = listen()
    answer = running.talk(b"%s /webhook HTTP/1.1\r\nHost: localhost\r\n\r\n" % method.encode())
    assert status(answer) == 405
    assert b"allow: POST" in answer
    still_serves(running)


def test_a_body_of_exactly_one_mebibyte_is_taken(listen: Callable[..., Running]) -> None:
    """A body of exactly 1 MiB is accepted, a larger one is 413."""
    running = listen()
    body = b" " * (1024 * 1024 - 2) + b"{}"
    assert status(running.post(body)) == 200
    assert status(running.post(body + b" ")) == 413
    assert "over 1 MiB" in running.warnings[0]
    still_serves(running)


def test_an_announced_giant_is_413_without_being_waited_for(listen: Callable[..., Running]) -> None:
    """A large Content-Length is 413 at once, and `Expect` gets no permission to continue."""
    running = listen()
    data = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n"
    answer = running.talk(data)
    assert answer.startswith(b"HTTP/1.1 413")
    still_serves(running)


def test_a_chunked_giant_is_413_while_it_arrives(listen: Callable[..., Running]) -> None:
    """A large chunked body is not buffered, and the client gets 413 while it sends."""
    running = listen()
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(40):
            connection.sendall(chunk)
        assert connection.recv(64).startswith(b"HTTP/1.1 413")
    still_serves(running)


def test_an_endless_body_is_cut_off(listen: Callable[..., Running]) -> None:
    """An endless body is read for a while after the answer, then the connection is closed."""
    running = listen()
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(ConnectionError):
            connection.sendall(chunk * 1_000)
    still_serves(running)


def test_chunked_deliveries_are_taken(listen: Callable[..., Running]) -> None:
    """A delivery in chunks is accepted."""
    running = listen()
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(BODY[i : i + 7]), BODY[i : i + 7]) for i in range(0, len(BODY), 7))
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" + signed(BODY)
    assert status(running.talk(head + b"\r\n" + pieces + b"0\r\n\r\n")) == 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"P",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Le",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n123",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
    ],
)
def test_the_slow_are_408(listen: Callable[..., Running], data: bytes) -> None:
    """Headers or a body that don't arrive in time are 408, and others are served meanwhile."""
    running = listen(patience=0.5)
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(data)
        still_serves(running)
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")
    still_serves(running)


def test_a_body_that_drips_is_408(listen: Callable[..., Running]) -> None:
    """The deadline is for the whole body, not for each byte."""
    running = listen(patience=0.5)
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        connection.settimeout(0.05)
        answer = b""
        for _ in range(200):
            with contextlib.suppress(TimeoutError):
                connection.sendall(b"x")
                answer = connection.recv(64)
                break
        assert answer.startswith(b"HTTP/1.1 408")
    still_serves(running)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 300,
        b"nonsense\r\n\r\n",
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
    running = listen(patience=0.5)
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
        b"null",
        b"[]",
        b'"text"',
        b"1" * 100_000,
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


def test_a_cookie_of_the_receiver_is_not_kept(listen: Callable[..., Running], receiver: Receiver) -> None:
    """A receiver's cookie is not sent with the next delivery."""
    receiver.headers = {"Set-Cookie": "a=b"}
    running = listen(forward_to=Endpoint.parse(receiver.url, "--forward-to"))
    for _ in range(2):
        still_serves(running)
    first, second = (sorted(name.lower() for name, _ in headers) for _, _, headers, _ in receiver.requests)
    assert first == second
    assert "cookie" not in second


@pytest.mark.parametrize("upstream", [200, 201, 204, 301, 304, 307, 400, 401, 404, 410, 429, 500, 503])
def test_the_answer_is_the_receivers_status(listen: Callable[..., Running], receiver: Receiver, upstream: int) -> None:
    """The sender gets the receiver's status; a redirect is not followed."""
    receiver.status = upstream
    receiver.body = b""
    receiver.headers = {"Location": receiver.url} if upstream // 100 == 3 else {}
    running = listen(forward_to=Endpoint.parse(receiver.url, "--forward-to"))
    assert status(running.post(BODY)) == upstream
    assert len(receiver.requests) == 1
    [delivery] = running.deliveries
    assert delivery["forwarded"] == delivery["answer"] == upstream
    assert delivery["result"].startswith(f"forwarded: {upstream} in ")


def test_a_receiver_that_dies_is_502_and_may_come_back(listen: Callable[..., Running]) -> None:
    """An unreachable receiver is 502 until it is back."""
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    running = listen(forward_to=Endpoint.parse(f"http://127.0.0.1:{port}/", "--forward-to"))

    def hang_up() -> None:
        connection, _ = server.accept()
        connection.recv(100_000)
        connection.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    assert status(running.post(BODY)) == 502
    thread.join()
    server.close()
    assert status(running.post(BODY)) == 502
    assert [delivery["forwarded"] for delivery in running.deliveries] == [None, None]
    assert "connection refused" in running.deliveries[1]["result"]
    with socket.create_server(("127.0.0.1", port)) as again:

        def answer() -> None:
            connection, _ = again.accept()
            connection.recv(100_000)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert status(running.post(BODY)) == 204
        thread.join()


def test_a_receiver_that_is_late_is_504(listen: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that doesn't respond in time is 504."""
    monkeypatch.setattr(deliver.deliver, "__defaults__", (0.3,))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        running = listen(forward_to=Endpoint.parse(f"http://127.0.0.1:{silent.getsockname()[1]}/", "--forward-to"))
        assert status(running.post(BODY)) == 504
    assert "no response within" in running.deliveries[0]["result"]


@pytest.mark.parametrize("line", [b"HTTP/1.1 999 What\r\n\r\n", b"HTTP/1.1 600 Hm\r\n\r\n", b"rubbish\r\n\r\n"])
def test_an_answer_that_is_none_is_502(listen: Callable[..., Running], line: bytes) -> None:
    """A response that isn't HTTP is 502."""
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def answer() -> None:
            connection, _ = odd.accept()
            connection.recv(100_000)
            connection.sendall(line)
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        running = listen(forward_to=Endpoint.parse(f"http://127.0.0.1:{odd.getsockname()[1]}/", "--forward-to"))
        assert status(running.post(BODY)) == 502


def test_many_at_once_are_all_served(listen: Callable[..., Running], receiver: Receiver) -> None:
    """Concurrent deliveries are all answered, reported and forwarded once."""
    running = listen(forward_to=Endpoint.parse(receiver.url, "--forward-to"))
    statuses: list[int] = []

    def post() -> None:
        statuses.extend(status(running.post(BODY)) for _ in range(5))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40
    assert len(running.deliveries) == len(receiver.requests) == 40


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


def test_an_idle_connection_does_not_keep_it_from_stopping(listen: Callable[..., Running]) -> None:
    """An idle connection doesn't keep the listener from stopping."""
    running = listen()
    with socket.create_connection(("127.0.0.1", running.port)) as idle:
        idle.sendall(b"POST / HT")
        still_serves(running)
        running.stop()


def test_a_folder_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    """Before the port is opened, with the folder's name."""
    (tmp_path / "file").write_bytes(b"")
    listener = Listener(
        SECRET,
        trust=lambda: pytest.fail("nothing is sent"),
        report=lambda _: None,
        warn=lambda _: None,
        save=str(tmp_path / "file" / "kept"),
    )
    with pytest.raises(Failed, match="file/kept"):
        listener.run(0, lambda _url: pytest.fail("it serves"))


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


@pytest.mark.posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_500(listen: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is 500, and the next delivery is served."""

    def full(_path: str, _data: bytes, _mode: int) -> None:
        with open("/dev/full", "wb", buffering=0) as device:
            device.write(b"x")

    running = listen(save=str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(files, "_write_new", full)
        assert status(running.post(BODY)) == 500
    assert "no space left" in running.warnings[0]
    still_serves(running)


def test_what_is_acknowledged_is_saved(
    listen: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 200 deliveries by eight senders at once, on a disk that fails now and then: every 200 is on the disk."""
    chance = random.Random(7)
    write = files._write_new

    def sometimes(path: str, data: bytes, mode: int) -> None:
        if chance.random() < 0.15:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, data, mode)

    monkeypatch.setattr(files, "_write_new", sometimes)
    running = listen(save=str(tmp_path))
    answers: dict[bytes, int] = {}

    def post(sender: int) -> None:
        for number in range(25):
            body = b'{"event":"deployment.ready","n":"%d-%d"}' % (sender, number)
            answers[body] = status(running.post(body))

    threads = [threading.Thread(target=post, args=(sender,)) for sender in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    acknowledged = {body for body, answer in answers.items() if answer == 200}
    assert {200, 500} == set(answers.values())
    assert acknowledged == {saved.load(str(path))[0] for path in tmp_path.glob("*.headers")}
    assert len(running.warnings) == len(answers) - len(acknowledged)


def test_a_reader_that_went_away_ends_it(listen: Callable[..., Running]) -> None:
    """A closed pipe, or anything else that reporting raises, ends the listener."""

    def gone(_delivery: Any) -> None:
        raise BrokenPipeError

    running = listen(report=gone)
    running.post(BODY)
    running.thread.join(10)
    assert isinstance(running.error, BrokenPipeError)


def test_it_is_on_loopback_alone(listen: Callable[..., Running]) -> None:
    """The listener listens only on 127.0.0.1."""
    running = listen()
    assert running.url == f"http://127.0.0.1:{running.port}"
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.2", running.port)) != 0


def test_a_port_in_use_is_an_error_that_names_it(listen: Callable[..., Running]) -> None:
    """A port in use is an error with its number and a hint."""
    running = listen()
    with pytest.raises(Failed, match=f"Port {running.port} is already in use") as caught:
        bind(running.port, Failed)
    assert "--port 0" in str(caught.value.hint)


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


def test_hostile_text_reaches_the_record_as_text(listen: Callable[..., Running]) -> None:
    """Control characters reach the record unchanged, for the screen to neutralize."""
    running = listen()
    body = json.dumps({"event": "\x1b[31m\u202e", "project": {"slug": "\ud800"}}).encode()
    assert status(running.post(body)) == 200
    assert running.deliveries[0]["event"] == "\x1b[31m\u202e"
    assert running.deliveries[0]["project"] == "\ud800"
    assert "the event in the signed body is" in running.warnings[0]
