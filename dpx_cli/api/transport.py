"""Exchange one HTTP/1.1 request and response over a socket, within a deadline and in bounded memory.

The caller learns whether a request can have reached the server: `NotSent` says it can't, `Lost` says it may have. That
difference, one deadline for everything and the time of a start are why this is written on `http.client`; see
CONTRIBUTING. `client.py` adds retries and meaning.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import time
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed import WriteableBuffer

    from dpx_cli.api.proxy import Proxy
    from dpx_cli.api.tls import NestedTls

    Socket = socket.socket | NestedTls

MAX_BYTES = 32 * 1024 * 1024  # of a body, compressed as well as decoded
MAX_NAMED = 100  # characters that an error repeats of what the other side said
MAX_TUNNEL_HEAD = 16 * 1024  # bytes of what a proxy says to CONNECT; they are read one by one
CHUNK = 64 * 1024
INFLATED = 16 * CHUNK  # bytes that are decompressed at a time
WITH_BODY = ("POST", "PUT", "PATCH")  # sent with Content-Length even if empty: servers answer 411 without it
GZIP_MAGIC = b"\x1f\x8b"
SWITCHING_PROTOCOLS, FINAL = 101, 200  # every other status below 200 is an interim response


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


class Deadline:
    """The moment, `seconds` from now, by which a whole request with its retries must be over."""

    __slots__ = ("at", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether the moment has passed."""
        return time.monotonic() >= self.at

    def remaining(self) -> float:
        """Return the seconds left. Raise TimeoutError if there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no complete response within {round(self.seconds, 1):g} s")
        return left


class Response:
    """One response as it came: status, header fields (names in lower case), decoded body."""

    __slots__ = ("body", "headers", "reason", "status")

    def __init__(self, status: int, reason: str, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body


class Wire(io.RawIOBase):
    """The reading end of a socket. Every wait ends at the deadline, however slowly the other side drips.

    Attributes:
        deadline: of the current exchange; None: read what is there and don't wait.
        ended: whether the other side has closed the connection.
    """

    def __init__(self, raw: Socket, deadline: Deadline) -> None:
        self._socket = raw
        self.deadline: Deadline | None = deadline
        self.ended = False

    def readable(self) -> bool:
        """Return True, as io's protocol wants it."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Wait for bytes and return their number: 0 at the end, None if there is nothing and no wait is wanted."""
        self._socket.settimeout(self.deadline.remaining() if self.deadline else 0)
        try:
            count = self._socket.recv_into(buffer)
        except OSError as problem:
            if self.deadline is None and _would_block(problem):
                return None
            raise
        self.ended = count == 0
        return count

    def readall(self) -> bytes:
        """Refuse: http.client asks for everything at a chunk of length -1, and it would find no end."""
        raise ValueError("a chunk of negative length")

    def sendall(self, data: Any) -> None:
        """Send all of it within what is left of the deadline."""
        if self.deadline is not None:  # while a connection is looked at, nothing is sent
            _send(self._socket, data, self.deadline)

    def close(self) -> None:
        """Close the socket."""
        super().close()
        self._socket.close()


def _send(raw: Socket, data: Any, deadline: Deadline) -> None:
    rest = memoryview(data)
    while rest:
        # Not the socket's own sendall: over TLS its timeout starts again with every piece.
        raw.settimeout(deadline.remaining())
        rest = rest[raw.send(rest) :]


def _would_block(problem: OSError) -> bool:
    if isinstance(problem, BlockingIOError):
        return True
    import ssl

    return isinstance(problem, ssl.SSLWantReadError)


class Line:
    """An open connection, with the methods of a socket that http.client calls.

    All responses are read through one buffer, so that bytes which no request asked for are noticed.
    """

    def __init__(self, raw: Socket, deadline: Deadline) -> None:
        self.wire = Wire(raw, deadline)
        self._reader = io.BufferedReader(self.wire, CHUNK)
        self.sendall = self.wire.sendall

    def makefile(self, _mode: str) -> Any:
        """Return the buffer, from which http.client reads a response."""
        return self._reader

    def close(self) -> None:
        """Do nothing: http.client closes its socket before the response is read. `hang_up` closes it."""

    def hang_up(self) -> None:
        """Close the socket."""
        # Explicitly, and not in a finalizer: an exception that a signal handler raises there is lost.
        self._reader.close()

    def is_quiet(self) -> bool:
        """Return whether nothing has come since the last response: no byte, and not the end."""
        self.wire.deadline = None
        try:
            return not self._reader.peek(1) and not self.wire.ended
        except (OSError, ValueError):
            return False


class HTTPResponse(http.client.HTTPResponse):
    """A response that skips every interim response but 101, and leaves the connection's buffer open."""

    fp: Any

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]  # typeshed leaves it out
        # http.client skips 100 alone, and takes 102 and 103 for the response.
        is_interim = http.client.CONTINUE <= status < FINAL and status != SWITCHING_PROTOCOLS
        return version, http.client.CONTINUE if is_interim else status, reason

    def _close_conn(self) -> None:
        self.fp = None


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
        self._http: http.client.HTTPConnection | None = None
        self._line: Line | None = None

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        line, self._http, self._line = self._line, None, None
        if line is not None:
            line.hang_up()

    def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None, deadline: Deadline
    ) -> Response:
        """Send one request and read the whole response.

        Raises:
            NotSent: nothing of it left this machine.
            Lost: it was sent, in part or completely; no complete response came.
            Unreadable: a response came that can't be used.
        """
        connection = self._connected(deadline)
        try:
            response = self._ask(connection, method, target, headers, body)
            try:
                answer = _read(response, deadline)
            finally:
                response.close()
        except (OSError, http.client.HTTPException, ValueError) as problem:
            self.close()
            raise Lost(_reason(problem)) from problem
        except BaseException:
            # A signal, or an Unreadable: what is left of the response must not become the next one.
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
    ) -> http.client.HTTPResponse:
        """Send a request and return its response, of which only the head has been read."""
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", self._authority)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None or method in WITH_BODY:
            connection.putheader("Content-Length", str(len(body or b"")))
        connection.endheaders(body)
        response = connection.getresponse()
        if response.status < FINAL or (self._line and self._line.wire.ended):
            # http.client takes the end of the connection for the end of the head.
            raise http.client.IncompleteRead(b"")
        return response

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"

    def _connected(self, deadline: Deadline) -> http.client.HTTPConnection:
        self.reused = self._line is not None and self._line.is_quiet()
        if self.reused and self._http and self._line:
            self._line.wire.deadline = deadline
            return self._http
        self.close()
        try:
            raw = self._dial(deadline)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            through = f" (through the proxy of {self._proxy.variable})" if self._proxy else ""
            raise NotSent(_reason(problem) + through) from problem
        self._line = Line(raw, deadline)
        self._http = http.client.HTTPConnection(self.host, self.port)
        self._http.response_class = HTTPResponse
        self._http.sock = self._line
        self._http.auto_open = 0
        return self._http

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
        _send(raw, ("\r\n".join(fields) + "\r\n\r\n").encode("ascii"), deadline)
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


def _read(response: http.client.HTTPResponse, deadline: Deadline) -> Response:
    """Read the body, decoded, and return the whole response."""
    headers = {name.lower(): value for name, value in response.getheaders()}
    encoding = headers.get("content-encoding", "").strip().lower()
    pieces = _pieces(response, deadline)
    if encoding in ("gzip", "x-gzip", "deflate"):
        pieces = _inflated(pieces, response.status)
    elif encoding not in ("", "identity"):
        raise Unreadable(
            f"The response is encoded as {encoding[:MAX_NAMED]}, which dpx did not ask for.", response.status
        )
    return Response(response.status, response.reason, headers, _joined(pieces, response.status, deadline))


def _pieces(response: http.client.HTTPResponse, deadline: Deadline) -> Iterator[bytes]:
    """Yield the body as it comes, never more than the bound."""
    if response.length is not None and response.length > MAX_BYTES:
        raise _too_large(response.status)
    size = 0
    while chunk := response.read(CHUNK):
        deadline.remaining()
        size += len(chunk)
        if size > MAX_BYTES:
            raise _too_large(response.status)
        yield chunk
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)


def _inflated(pieces: Iterable[bytes], status: int) -> Iterator[bytes]:
    """Decode gzip or deflate, a bounded piece at a time. gzip may have several members, and zeros after each."""
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
        raise http.client.IncompleteRead(b"")


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
    with contextlib.suppress(TimeoutError):
        thread.join(deadline.remaining())
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
    if isinstance(problem, OSError) and not isinstance(problem, http.client.RemoteDisconnected):
        if verify := getattr(problem, "verify_message", None):
            return f"the server's certificate is not trusted: {verify.rstrip('.')}"
        if isinstance(reason := getattr(problem, "reason", None), str):
            return f"TLS failed: {reason.replace('_', ' ').lower()}"
        return (problem.strerror or str(problem) or "timed out").lower()
    known = {
        http.client.RemoteDisconnected: "the server closed the connection without a response",
        http.client.IncompleteRead: "the response was cut off",
    }
    return known.get(type(problem), f"the response is not HTTP ({type(problem).__name__})")
