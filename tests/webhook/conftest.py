"""Real receivers and listeners for the webhook tests."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.webhook import signature
from dpx_cli.webhook.listener import Listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = b"s3cret"


class Running:
    """A listener that serves in a thread."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.deliveries: list[Any] = []
        self.warnings: list[str] = []
        self.url = ""
        self.error: BaseException | None = None
        self._ready = threading.Event()
        options.setdefault("report", self.deliveries.append)
        self.listener = Listener(SECRET, trust=ssl.create_default_context, warn=self.warnings.append, **options)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self._ready.wait(10), self.error
        self.port = int(self.url.rpartition(":")[2])

    def _run(self) -> None:
        try:
            self.listener.run(0, self._on_ready)
        except BaseException as exc:  # noqa: BLE001 - the test looks at it
            self.error = exc
        finally:
            self._ready.set()

    def _on_ready(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def stop(self) -> None:
        """End it, and wait until it has."""
        self.listener.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def post(self, body: bytes, *, headers: bytes | None = None) -> bytes:
        """Post a body with a good signature, or with these headers, and give the whole answer."""
        return self.talk(request(body, headers=headers))

    def talk(self, data: bytes) -> bytes:
        """Send bytes on a connection of their own and give all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(data)
            return read_all(connection)


def request(body: bytes, *, headers: bytes | None = None, event: str = "deployment.ready") -> bytes:
    """Write a delivery as Deploxa does; `headers` stand in place of the usual ones."""
    if headers is None:
        headers = b"X-Deploxa-Signature: %s\r\nX-Deploxa-Event: %s\r\nContent-Type: application/json\r\n" % (
            signature.sign(body, SECRET).encode(),
            event.encode(),
        )
    return b"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), headers, body)


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.fixture
def listen() -> Iterator[Callable[..., Running]]:
    """Start listeners that end with the test."""
    started: list[Running] = []

    def start(**options: Any) -> Running:
        started.append(Running(options))
        return started[-1]

    yield start
    for running in started:
        running.stop()
