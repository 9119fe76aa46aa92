"""Exchange one HTTP/1.1 request and response over a socket, within a deadline and in bounded memory.

The caller learns whether a request can have reached the server: `NotSent` says it can't, `Lost` says it may have. That
difference, one deadline for everything and the time of a start are why it doesn't use an HTTP library; see
CONTRIBUTING. `http1.py` reads and writes the protocol; `client.py` adds retries and meaning.
"""

from __future__ import annotations

import socket
import time

from dpx_cli.api.http1 import CHUNK, CutOff, Head, Line, Malformed, NoResponse, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from dpx_cli.api.http1 import Socket
    from dpx_cli.api.proxy import Proxy
    from dpx_cli.api.retry import Deadline

MAX_BYTES = 32 * 1024 * 1024  # of a body, compressed as well as decoded
MAX_NAMED = 100  # characters that an error repeats of what the other side said
MAX_TUNNEL_HEAD = 16 * 1024  # bytes of what a proxy says to CONNECT; they are read one by one
INFLATED = 16 * CHUNK  # bytes that are decompressed at a time
WITH_BODY = ("POST", "PUT", "PATCH")  # sent with Content-Length even if empty: servers answer 411 without it
GZIP_MAGIC = b"\x1f\x8b"
HTTP_PROBLEMS = (NoResponse, CutOff, Malformed)


class NotSent(Exception):
    """The request did not leave: no address, no connection, no TLS."""


class Lost(Exception):
    """The request, or a part of it, was sent, and no complete response came back."""


class Unreadable(Exception):
    """A response came that can't be used: too large, or in an unknown encoding.

    Attributes:
        status: its HTTP status.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Response:
    """One response as it came: status, header fields (names in lower case), decoded body."""

    __slots__ = ("body", "headers", "reason", "status")

    def __init__(self, status: int, reason: str, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body


class Connection:
    """One connection to one origin, opened when it is needed and kept open between requests.

    Args:
        scheme, host, port: the origin.
        context: makes the TLS context, called once a connection; not called for http.
        proxy: the proxy to go through, or None.

    Attributes:
        reused: whether the last exchange went over a connection that an earlier one had left open.
    """

    def __init__(
        self, scheme: str, host: str, port: int, *, context: Callable[[], ssl.SSLContext], proxy: Proxy | None = None
    ) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.reused = False
        self._context = context
        self._proxy = proxy
        self._line: Line | None = None

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None, deadline: Deadline
    ) -> Response:
        """Send one request and read the whole response.

        Raises:
            NotSent: nothing of it left this machine.
            Lost: it was sent, in part or completely; no complete response came.
            Unreadable: a response came that can't be used.
        """
        line = self._connected(deadline)
        fields = {"Host": self._authority, **headers}
        if body is not None or method in WITH_BODY:
            fields["Content-Length"] = str(len(body or b""))
        try:
            line.send(method, target, fields, body)
            head = line.head(method)
            response = _read(line, head, deadline)
        except (OSError, ValueError, *HTTP_PROBLEMS) as problem:
            self.close()
            raise Lost(_reason(problem)) from problem
        except BaseException:
            # A signal, or an Unreadable: what is left of the response must not become the next one.
            self.close()
            raise
        if not head.keeps_open:
            self.close()
        return response

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"

    def _connected(self, deadline: Deadline) -> Line:
        self.reused = self._line is not None and self._line.is_quiet()
        if self.reused and self._line:
            self._line.deadline = deadline
            return self._line
        self.close()
        try:
            raw = self._dial(deadline)
        except (OSError, ValueError) as problem:
            through = f" (through the proxy of {self._proxy.variable})" if self._proxy else ""
            raise NotSent(_reason(problem) + through) from problem
        self._line = Line(raw, deadline)
        return self._line

    def _dial(self, deadline: Deadline) -> Socket:
        """Return a connected socket: through the proxy and inside TLS, as the origin needs it."""
        via = self._proxy or self
        raw: Socket = _connect(via.host, via.port, deadline)
        try:
            if self._proxy and self._proxy.scheme == "https":
                raw = self._wrap(raw, self._proxy.host, deadline)
            if self._proxy:
                self._tunnel(raw, deadline)
            if self.scheme == "https":
                raw = self._wrap(raw, self.host, deadline)
        except BaseException:
            raw.close()
            raise
        return raw

    def _wrap(self, raw: Socket, host: str, deadline: Deadline) -> Socket:
        import ssl

        raw.settimeout(deadline.remaining())
        if isinstance(raw, ssl.SSLSocket):
            from dpx_cli.api.tls import NestedTls

            return NestedTls(raw, self._context(), _plain(host))
        return self._context().wrap_socket(raw, server_hostname=_plain(host))  # type: ignore[arg-type]  # nothing is wrapped thrice

    def _tunnel(self, raw: Socket, deadline: Deadline) -> None:
        """Ask the proxy for a tunnel to the origin."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        fields = [f"CONNECT {host}:{self.port} HTTP/1.1", f"Host: {host}:{self.port}"]
        fields += [f"{name}: {value}" for name, value in (self._proxy.headers if self._proxy else {}).items()]
        send(raw, ("\r\n".join(fields) + "\r\n\r\n").encode("ascii"), deadline)
        # Byte by byte up to the empty line: what follows belongs to TLS.
        head = bytearray()
        buffer = bytearray(1)
        while not head.endswith(b"\r\n\r\n"):
            raw.settimeout(deadline.remaining())
            if len(head) > MAX_TUNNEL_HEAD or not raw.recv_into(buffer):
                raise OSError("the proxy closed the connection instead of opening a tunnel")
            head += buffer
        status = head.split(b" ", 2)[1:2]
        if not status or not status[0].startswith(b"2"):
            line = bytes(head.split(b"\r\n", 1)[0]).decode("ascii", "replace")
            raise OSError(f"the proxy refused the tunnel: {line[:MAX_NAMED]}")


def _read(line: Line, head: Head, deadline: Deadline) -> Response:
    """Read the body, decoded, and return the whole response."""
    encoding = head.headers.get("content-encoding", "").strip().lower()
    pieces = _pieces(line, head)
    if encoding in ("gzip", "x-gzip", "deflate"):
        pieces = _inflated(pieces, head.status)
    elif encoding not in ("", "identity"):
        raise Unreadable(f"The response is encoded as {encoding[:MAX_NAMED]}, which dpx did not ask for.", head.status)
    return Response(head.status, head.reason, head.headers, _joined(pieces, head.status, deadline))


def _pieces(line: Line, head: Head) -> Iterator[bytes]:
    """Yield the body as it comes, never more than the bound."""
    if head.length is not None and head.length > MAX_BYTES:
        raise _too_large(head.status)
    size = 0
    for piece in line.body(head):
        size += len(piece)
        if size > MAX_BYTES:
            raise _too_large(head.status)
        yield piece


def _inflated(pieces: Iterable[bytes], status: int) -> Iterator[bytes]:
    """Decode gzip or deflate, a bounded piece at a time. gzip may have several members, and zeros after each."""
    import zlib

    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip and zlib headers are told apart
    rest = b""
    started = False
    try:
        for piece in pieces:
            rest += piece
            started = True
            while rest:
                if inflater.eof:
                    rest = rest.lstrip(b"\0")
                    if rest in (b"", GZIP_MAGIC[:1]):
                        break
                    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
                yield inflater.decompress(rest, INFLATED)
                rest = inflater.unconsumed_tail or inflater.unused_data
    except zlib.error as problem:
        raise Unreadable(f"The response can't be decompressed: {problem}.", status) from None
    if started and (not inflater.eof or rest):
        raise CutOff


def _joined(pieces: Iterable[bytes], status: int, deadline: Deadline) -> bytes:
    """Return all pieces as one, never more than the bound."""
    parts = []
    size = 0
    for piece in pieces:
        deadline.remaining()
        size += len(piece)
        if size > MAX_BYTES:
            raise _too_large(status)
        parts.append(piece)
    return b"".join(parts)


def _too_large(status: int) -> Unreadable:
    return Unreadable(f"The response is larger than {MAX_BYTES // 1024 // 1024} MiB.", status)


def _connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address of a host that accepts. Each gets an equal share of what is left of the deadline."""
    addresses = _addresses(host, port, deadline)
    problem: OSError = OSError(f"no address for {host}")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        raw = socket.socket(family, kind, protocol)
        try:
            raw.settimeout(deadline.remaining() / (len(addresses) - number))
            raw.connect(address)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as failed:
            raw.close()
            problem = failed
        else:
            return raw
    raise problem


def _addresses(host: str, port: int, deadline: Deadline) -> list[Any]:
    """Look a host up. The resolver has no timeout, so a name (not an address) is looked up in a daemon thread."""
    if host.endswith(".localhost"):
        # Plain http is allowed for these names because they mean this machine (RFC 6761). A resolver might disagree.
        host = "localhost"
    if host == "localhost" or ":" in host or host.replace(".", "").isdigit():
        return socket.getaddrinfo(_plain(host), port, type=socket.SOCK_STREAM)
    import threading

    found: list[Any] = []
    failed: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(_plain(host), port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as problem:
            failed.append(problem)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(max(0.0, deadline.at - time.monotonic()))
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"no address for {host} within {round(deadline.seconds, 1):g} s")
    return found


def _plain(host: str) -> str | bytes:
    """Return an ASCII host name as bytes. For text Python loads its IDNA tables, 2 ms of a start."""
    return host.encode("ascii") if host.isascii() else host


def _reason(problem: Exception) -> str:
    """Return a problem in a few words, without the error numbers of the operating system."""
    if isinstance(problem, OSError):
        if verify := getattr(problem, "verify_message", None):
            return f"the server's certificate is not trusted: {verify.rstrip('.')}"
        if isinstance(reason := getattr(problem, "reason", None), str):
            return f"TLS failed: {reason.replace('_', ' ').lower()}"
        return (problem.strerror or str(problem) or "timed out").lower()
    if isinstance(problem, NoResponse):
        return "the server closed the connection without a response"
    if isinstance(problem, CutOff):
        return "the response was cut off"
    return f"the response is not HTTP: {problem}" if isinstance(problem, Malformed) else str(problem)
