"""Read one HTTP request and answer it, over ASGI; and tell a web page from a program.

A page in a browser on this machine can send requests to the loopback interface, and a name of its owner's can resolve
to 127.0.0.1. Host and Origin headers give both away.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from dpx_cli.system.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    Scope = Mapping[str, Any]
    Receive = Callable[[], Awaitable[Mapping[str, Any]]]
    Send = Callable[[Mapping[str, Any]], Awaitable[None]]

Header = tuple[bytes, bytes]

MAX_DRAIN = 16 * 1024 * 1024  # bytes that are read after a refusal
DRAIN_SECONDS = 2.0

_BODILESS = (204, 304)


class TooLarge(Exception):
    """The body is larger than allowed."""


class Gone(Exception):
    """The client closed the connection."""


class Exchange:
    """One request and its answer.

    Attributes:
        began: when it arrived, on the monotonic clock.
        method: GET, POST …
        path: decoded, without the query.
        query: the raw query string.
        headers: names in lower case, as they came.
        client: address and port of the client.
    """

    __slots__ = (
        *("began", "client", "headers", "method", "path", "query"),
        *("_answered", "_receive", "_send", "_unread"),
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began = time.monotonic()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: list[Header] = scope["headers"]
        self.client: tuple[str, int] = scope["client"]
        self._receive = receive
        self._send = send
        self._unread = True
        self._answered = False

    def values(self, name: bytes) -> list[bytes]:
        """Return all values of a header."""
        return [value for key, value in self.headers if key == name]

    async def body(self, limit: int) -> bytes:
        """Read the body; never hold more than one piece above the limit.

        Raises:
            TooLarge: it is larger, or Content-Length says so.
            Gone: the client closed the connection.
        """
        announced = self.values(b"content-length")
        if announced and int(announced[0]) > limit:
            raise TooLarge
        pieces = bytearray()
        while self._unread:
            pieces += await self._piece()
            if len(pieces) > limit:
                raise TooLarge
        return bytes(pieces)

    async def gone(self) -> None:
        """Wait until the client's connection is closed."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def answer(
        self,
        status: int,
        body: bytes = b"",
        *,
        kind: bytes = b"text/plain; charset=utf-8",
        headers: Iterable[Header] = (),
        close: bool = True,
    ) -> None:
        """Answer; do nothing if the request was answered already.

        Args:
            status: the HTTP status.
            body: the content.
            kind: its Content-Type.
            headers: further headers.
            close: whether to close the connection. What the client is still sending is read first: closing on unread
                bytes resets the connection, and the client may lose the answer.
        """
        if self._answered:
            return
        self._answered = True
        start = [(b"connection", b"close"), *headers] if close else [*headers]
        if status in _BODILESS:
            body = b""
        else:
            start += [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
        await self._send({"type": "http.response.start", "status": status, "headers": start})
        if close:
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
            await self._drain()
            body = b""
        await self._send({"type": "http.response.body", "body": body})

    async def answer_json(
        self, status: int, document: Any, *, headers: Iterable[Header] = (), close: bool = True
    ) -> None:
        """Answer with compact JSON in UTF-8."""
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
        await self.answer(status, body, kind=b"application/json", headers=headers, close=close)

    async def _piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Gone
        self._unread = message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece

    async def _drain(self) -> None:
        if self.values(b"expect"):
            return  # The client waits for permission to send its body, and the answer refuses it.
        drained = 0
        with contextlib.suppress(TimeoutError, Gone):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._unread and drained < MAX_DRAIN:
                    drained += len(await self._piece())


def foreign(exchange: Exchange, public_host: str = "") -> str:
    """Return why a request is not for this server, in one sentence; "" if it may be.

    Args:
        exchange: the request.
        public_host: a tunnel's name, which may be the Host too; no web page is served under it.
    """
    hosts = exchange.values(b"host")
    host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
    name = without_port(host).lower()
    if not is_loopback(name, names=False) and not (public_host and name == public_host.lower()):
        return "Its Host header isn't this machine."
    for value in exchange.values(b"origin"):
        if not is_loopback(name, names=False) or value.decode("latin-1").lower() != f"http://{host}".lower():
            return "Its Origin header is a web page of another site."
    return ""


def without_port(host: str) -> str:
    """Return the name in a Host header."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isascii() and port.isdigit() else host
