"""One HTTP request to a loopback server, and its response; and how a web page is told from a program.

A page in a browser on this machine can send requests to the loopback interface, and a name of its owner's can resolve
to 127.0.0.1. Host and Origin headers give both away.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from dpx_cli.system.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dpx_cli.system.loopback.server import Connection

Header = tuple[bytes, bytes]


class TooLarge(Exception):
    """The body is larger than allowed."""


class ClientDisconnected(Exception):
    """The client closed the connection, or what it sends is no HTTP."""


class Request:
    """One request.

    Attributes:
        began: when it arrived, on the monotonic clock.
        path: decoded, without the query.
        query: as it came, without the question mark.
        headers: names in lower case.
    """

    __slots__ = ("_connection", "began", "headers", "method", "path", "query")

    def __init__(self, connection: Connection | None, method: str, target: str, headers: Sequence[Header]) -> None:
        self.began = time.monotonic()
        self.method = method
        path, _, self.query = target.partition("?")
        self.path = unquote(path)
        self.headers = headers
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """The connection that it came on."""
        if self._connection is None:
            raise ClientDisconnected
        return self._connection

    def values(self, name: bytes) -> list[bytes]:
        """Return all values of a header."""
        return [value for key, value in self.headers if key == name]

    def body(self, limit: int) -> bytes:
        """Read the body; never hold more than one piece above the limit.

        Raises:
            TooLarge: it is larger, or Content-Length says so.
            TimeoutError: it didn't arrive within the server's patience.
            ClientDisconnected: the client closed the connection.
        """
        announced = self.values(b"content-length")
        if announced and int(announced[0]) > limit:
            raise TooLarge
        return self.connection.read_body(limit)

    def respond(
        self,
        status: int,
        body: bytes = b"",
        *,
        content_type: bytes = b"text/plain; charset=utf-8",
        headers: Iterable[Header] = (),
    ) -> None:
        """Send the response."""
        self.connection.respond(status, body, [(b"content-type", content_type), *headers])

    def respond_json(self, status: int, document: Any, *, headers: Iterable[Header] = ()) -> None:
        """Send compact JSON in UTF-8."""
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
        self.respond(status, body, content_type=b"application/json", headers=headers)


def rejection_reason(request: Request, public_host: str = "") -> str:
    """Return why a request is not for this server, in one sentence; "" if it may be.

    Args:
        request: the request.
        public_host: a tunnel's name, which may be the Host too; no web page is served under it.
    """
    hosts = request.values(b"host")
    host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
    name = without_port(host).lower()
    if not is_loopback(name, names=False) and not (public_host and name == public_host.lower()):
        return "Its Host header isn't this machine."
    for value in request.values(b"origin"):
        if not is_loopback(name, names=False) or value.decode("latin-1").lower() != f"http://{host}".lower():
            return "Its Origin header is a web page of another site."
    return ""


def without_port(host: str) -> str:
    """Return the name in a Host header."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isascii() and port.isdigit() else host
