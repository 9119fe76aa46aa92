"""Sending one delivery: what is sent, and what becomes of every kind of answer."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
from certificates import Authority

from dpx_cli import __version__
from dpx_cli.errors import NetworkError, OutcomeUnknown, UsageError
from dpx_cli.webhook import deliver
from dpx_cli.webhook.deliver import Endpoint, NotDelivered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from receiver import Receiver

HEADERS = deliver.headers("sha256=abc", "deployment.ready")


@pytest.fixture
def wire() -> Iterator[Callable[[bytes | None], str]]:
    """A server of raw bytes: reads a little, answers what it is given (None: nothing), and closes."""
    open_sockets: list[socket.socket] = []

    def start(answer: bytes | None, *, hold: bool = False) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        open_sockets.append(server)

        def serve() -> None:
            connection, _ = server.accept()
            open_sockets.append(connection)
            connection.recv(65536)
            if answer:
                connection.sendall(answer)
            if not hold:
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/"

    yield start
    for one in open_sockets:
        one.close()


def send(url: str, seconds: float = 10.0, body: bytes = b"{}") -> deliver.Reply:
    """Deliver with the test's own deadline."""
    return deliver.deliver(Endpoint.parse(url, "--to"), body, HEADERS, ssl.create_default_context, seconds)


def test_a_delivery_carries_its_own_headers_and_no_others(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A delivery has no Authorization (not from .netrc either) and no Accept, and its body is unchanged."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    body = b'{"a": "\xff\x00"}\r\n'
    answer = send(receiver.url + "?a=b#c", body=body)
    assert (answer.status, answer.excerpt) == (200, "thank you")
    [(method, path, headers, received)] = receiver.requests
    assert (method, path, received) == ("POST", "/hook?a=b", body)
    sent = {name.lower(): value for name, value in headers}
    host = sent.pop("host")
    assert sent.pop("content-length") == str(len(body))
    assert sent == {
        "content-type": "application/json",
        "x-deploxa-signature": "sha256=abc",
        "x-deploxa-event": "deployment.ready",
        "user-agent": f"dpx/{__version__}",
    }
    assert host in receiver.url


def test_a_proxy_is_asked_for_other_machines_alone(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the absolute URL; `shop.localhost` is this machine, without a resolver, and keeps its name as Host."""
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert send(receiver.url.replace("127.0.0.1", "shop.localhost")).status == 200
    assert dict(receiver.requests.pop()[2])["Host"].startswith("shop.localhost:")
    monkeypatch.setenv("http_proxy", receiver.url.removesuffix("/hook"))
    assert send("http://receiver.invalid/hook").status == 200
    assert receiver.requests[0][1] == "http://receiver.invalid/hook"
    for no_proxy in ("*.invalid", "a receiver.invalid", "receiver.invalid:80"):  # as for the API
        monkeypatch.setenv("no_proxy", no_proxy)
        with pytest.raises(NotDelivered):
            send("http://receiver.invalid/hook")


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:9", "http://user:canary/#@127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_reported(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """An unusable proxy is a usage error, not a traceback, and its password is not shown."""
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(UsageError, match="http_proxy") as caught:
        send("http://receiver.invalid/")
    assert "canary" not in caught.value.message


def test_of_a_long_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    """Only the beginning of a long response is read; the excerpt is one line of at most 200 characters."""
    receiver.body = b"\n  " + b"x" * 5_000_000
    assert send(receiver.url).excerpt == "x" * 200


def test_an_answer_that_breaks_off_is_an_answer(wire: Callable[..., str]) -> None:
    """A response whose body breaks off, or never ends, counts by its status."""
    for hold in (False, True):
        url = wire(b"HTTP/1.1 202 Accepted\r\nContent-Length: 99\r\n\r\nhal", hold=hold)
        assert send(url, seconds=0.3 if hold else 10).status == 202


@pytest.mark.parametrize(
    "answer", [None, b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200_000]
)
def test_no_answer_after_sending_leaves_the_outcome_unknown(wire: Callable[..., str], answer: bytes | None) -> None:
    """No response after sending is OutcomeUnknown, since the receiver may have acted."""
    with pytest.raises(OutcomeUnknown, match="the response was lost") as caught:
        deliver.deliver_now(Endpoint.parse(wire(answer), "--to"), b"{}", HEADERS, ssl.create_default_context)
    assert caught.value.hint


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_a_receiver_that_stays_silent_is_late(wire: Callable[..., str], answer: bytes | None) -> None:
    """It is late after the deadline for the whole exchange, also in the middle of its headers."""
    with pytest.raises(NotDelivered) as caught:
        send(wire(answer, hold=True), seconds=0.5)
    assert caught.value.is_late
    assert caught.value.is_sent


def test_a_delivery_that_is_given_up_is_not_sent_later(tmp_path: Path) -> None:
    """A receiver that finishes connecting after the deadline gets nothing: the sender may try again."""
    authority = Authority(tmp_path, "Test Authority")
    tls, trust = authority.server(), ssl.create_default_context(cafile=authority.bundle)
    tls.num_tickets = 0  # unread ones would reset the connection
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = Endpoint.parse(f"https://127.0.0.1:{server.getsockname()[1]}/", "--to")
        with pytest.raises(NotDelivered) as caught:
            deliver.deliver(endpoint, b"{}", HEADERS, lambda: trust, seconds=0.3)
        assert not caught.value.is_sent
        with tls.wrap_socket(server.accept()[0], server_side=True) as connection:
            assert connection.recv(65536) == b""


def test_what_cannot_be_reached_is_a_network_error(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name, a failed TLS handshake or a proxy that is down, since nothing was sent."""
    for url, hint in (
        (receiver.url.replace("http:", "https:"), "DPX_CA_BUNDLE"),
        ("http://receiver.invalid/", "Check the URL"),
        ("localhost:9/", "Start the receiver"),
    ):
        with pytest.raises(NetworkError, match="Can't reach") as caught:
            deliver.deliver_now(Endpoint.parse(url, "--to"), b"{}", HEADERS, ssl.create_default_context)
        assert hint in (caught.value.hint or "")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(NotDelivered, match=r"connection refused \(through the proxy in https_proxy\)"):
        send("https://receiver.invalid/")
    assert receiver.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        ":3000/hook",
        "/hook",
        "ftp://localhost/",
        "http://",
        "http://user:password@localhost/",
        "http://localhost:x/",
        "http://localhost:0/",
        "http://local host/",
        "http://localhost/\r\nX-Evil: 1",
        "http://[::1/",
        "http://localhost\\@evil.example/",
        "http://ü.example/",
    ],
)
def test_what_is_no_receiver_is_refused(url: str) -> None:
    """An invalid --to is a usage error before anything is sent, and a password in it is not shown."""
    with pytest.raises(UsageError) as caught:
        Endpoint.parse(url, "--to")
    assert "password@" not in caught.value.message


def test_a_receiver_without_a_scheme() -> None:
    """A receiver on this machine needs no http://; elsewhere it's https."""
    texts = ("localhost:3000/hook", "127.0.0.1:1", "[::1]:1", "LOCALHOST:1", "a.localhost:1", "localhost.example:1")
    assert [Endpoint.parse(text, "--to").secure for text in texts] == [False] * 5 + [True]
