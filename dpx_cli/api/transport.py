"""Exchange one HTTP/1.1 request and response over a socket, within a deadline and in bounded memory.

The caller learns whether a request can have reached the server. An error repeats nothing of what the other side sent:
it may be the token. CONTRIBUTING says why this is no HTTP library.
"""

from __future__ import annotations

import os
import select
import socket
import time
from typing import TYPE_CHECKING

from dpx_cli import errors
from dpx_cli.api.http1 import CHUNK, CUT_OFF, REDIRECT, SLICE, BadResponse, Http1Connection, Response
from dpx_cli.system import signals

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from dpx_cli.api.retry import Deadline
    from dpx_cli.system.proxy import Proxy

MAX_BYTES = 32 * 1024 * 1024  # of a body, compressed as well as decoded
INFLATED = 16 * CHUNK  # bytes that are decompressed at a time
WITH_BODY = ("POST", "PUT", "PATCH")  # sent with Content-Length even if empty: servers respond 411 without it


class NotSent(Exception):
    """The request did not leave: no address, no connection, no TLS."""


class Lost(Exception):
    """The request, or a part of it, was sent, and no complete response came back."""


class Unreadable(Exception):
    """A response came that can't be used: too large, or in an unknown encoding."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Connection:
    """One connection to one origin, opened when it is needed and kept open between requests."""

    def __init__(
        self, scheme: str, host: str, port: int, *, context: Callable[[], ssl.SSLContext], proxy: Proxy | None = None
    ) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self._authority = f"[{host}]" if ":" in host else host
        self.reused = False  # whether the last exchange went over a connection that an earlier one had left open
        self._context = context
        self._proxy = proxy
        self._http: Http1Connection | None = None

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        http, self._http = self._http, None
        if http is not None:
            http.close()

    def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None, deadline: Deadline
    ) -> Response:
        """Send one request and read the whole response. Raise NotSent, Lost or Unreadable."""
        http = self._connected(deadline)
        is_default = self.port == {"http": 80, "https": 443}[self.scheme]
        fields = {"Host": self._authority if is_default else f"{self._authority}:{self.port}", **headers}
        if body is not None or method in WITH_BODY:
            fields["Content-Length"] = str(len(body or b""))
        try:
            http.send(method, target, fields, body)
            response = http.head(method)
            response.body = _read_body(http, response, deadline)
        except BaseException as problem:
            # Also a signal, or an Unreadable: what is left of the response must not become the next one.
            self.close()
            if isinstance(problem, OSError | ValueError | BadResponse):
                raise Lost(_reason(problem)) from problem
            raise
        if not response.keeps_open:
            self.close()
        return response

    def _connected(self, deadline: Deadline) -> Http1Connection:
        self.reused = self._http is not None and self._http.is_idle()
        if self.reused and self._http:
            self._http.deadline = deadline
            return self._http
        self.close()
        try:
            raw = self._dial(deadline)
        except (OSError, ValueError, BadResponse) as problem:
            through = f" (through the proxy in {self._proxy.variable})" if self._proxy else ""
            raise NotSent(_reason(problem) + through) from problem
        self._http = Http1Connection(raw, deadline)
        return self._http

    def _dial(self, deadline: Deadline) -> socket.socket:
        """Return a connected socket: through the proxy and inside TLS, as the origin needs it."""
        via = self._proxy or self
        raw = _connect(via.host, via.port, deadline)
        try:
            if self._proxy:
                self._tunnel(raw, self._proxy, deadline)
            if self.scheme == "https":
                raw.settimeout(deadline.remaining())
                context = self._context()
                # truststore's contexts, on Windows and macOS, need text.
                is_plain = context.__class__.__module__ == "ssl"
                raw = context.wrap_socket(raw, server_hostname=_encoded(self.host) if is_plain else self.host)
        except BaseException:
            raw.close()
            raise
        return raw

    def _tunnel(self, raw: socket.socket, proxy: Proxy, deadline: Deadline) -> None:
        """Ask the proxy for a tunnel to the origin. Nothing follows its response before TLS begins."""
        origin = f"{self._authority}:{self.port}"
        http = Http1Connection(raw, deadline)
        http.send("CONNECT", origin, {"Host": origin, **proxy.headers}, None)
        head = http.head("CONNECT")
        if head.status >= REDIRECT:
            raise OSError(f"the proxy refused the tunnel with status {head.status}")


def _read_body(http: Http1Connection, head: Response, deadline: Deadline) -> bytes:
    """Read the body that follows a head, decoded, never more than the bound."""
    encoding = head.headers.get("content-encoding", "").strip().lower()
    pieces: Iterable[bytes] = http.body(head)
    if encoding == "gzip":
        pieces = _inflate(pieces, head.status)
    elif encoding not in ("", "identity"):
        raise Unreadable("The response has a Content-Encoding that dpx didn't request.", head.status)
    body = bytearray()
    _check_size(head.length or 0, head.status)
    for piece in pieces:
        deadline.remaining()
        body += piece
        _check_size(len(body), head.status)
    return bytes(body)


def _check_size(size: int, status: int) -> None:
    if size > MAX_BYTES:
        raise Unreadable(f"The response is larger than {MAX_BYTES // 1024 // 1024} MiB.", status)


def _inflate(pieces: Iterable[bytes], status: int) -> Iterator[bytes]:
    """Decode gzip, which may have several members, a bounded piece at a time."""
    import zlib

    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: with the header of gzip
    rest = b""
    size = 0
    try:
        for piece in pieces:
            rest += piece
            size += len(piece)
            _check_size(size, status)
            while rest:
                if inflater.eof:
                    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
                yield inflater.decompress(rest, INFLATED)
                rest = inflater.unconsumed_tail or inflater.unused_data
    except zlib.error as problem:
        raise Unreadable(f"The response can't be decompressed: {problem}.", status) from None
    if size and (not inflater.eof or rest):
        raise BadResponse(CUT_OFF)


def _connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address of a host that accepts. Each gets an equal share of what is left of the deadline."""
    addresses = _addresses(host, port, deadline)
    problem: OSError = OSError(f"no address for {host}")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        raw = socket.socket(family, kind, protocol)
        try:
            _connect_within(raw, address, deadline.remaining() / (len(addresses) - number))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException as failed:
            raw.close()
            if not isinstance(failed, OSError):
                raise
            problem = failed
        else:
            return raw
    raise problem


def _connect_within(raw: socket.socket, address: Any, seconds: float) -> None:
    """Connect within some seconds; on Windows in slices, between which Ctrl-C is noticed."""
    if seconds <= SLICE:
        raw.settimeout(seconds)
        raw.connect(address)
        return
    end = time.monotonic() + seconds
    raw.setblocking(False)
    raw.connect_ex(address)
    while not any(select.select([], [raw], [raw], SLICE)[1:]):
        signals.check()
        if time.monotonic() >= end:
            raise TimeoutError("timed out")
    if code := raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, getattr(socket, "errorTab", {}).get(code, os.strerror(code)).rstrip("."))


def _addresses(host: str, port: int, deadline: Deadline) -> list[Any]:
    """Look a host up. The resolver has no timeout, so a name (not an address) is looked up in a daemon thread."""
    if host.endswith(".localhost"):
        # Plain http is allowed for these names because they mean this machine (RFC 6761). A resolver might disagree.
        host = "localhost"
    if host == "localhost" or ":" in host or host.replace(".", "").isdigit():
        return socket.getaddrinfo(_encoded(host), port, type=socket.SOCK_STREAM)
    import threading

    outcome: list[Any] = []

    def look_up() -> None:
        try:
            outcome.append(socket.getaddrinfo(_encoded(host), port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as problem:
            outcome.append(problem)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    while thread.is_alive() and not deadline.is_over:
        thread.join(min(SLICE, max(0.0, deadline.at - time.monotonic())))
        signals.check()
    if not outcome:
        raise TimeoutError(f"no address for {host} within {round(deadline.seconds, 1):g} s")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return list(outcome[0])


def _encoded(host: str) -> str | bytes:
    """Return an ASCII host name as bytes. For text Python loads its IDNA tables, 2 ms of a start."""
    return host.encode("ascii") if host.isascii() else host


def _reason(problem: Exception) -> str:
    """Return a problem in a few words, without the error numbers of the operating system."""
    return (errors.reason(problem) or "timed out") if isinstance(problem, OSError) else str(problem)
