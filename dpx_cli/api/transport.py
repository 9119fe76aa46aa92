"""One HTTP/1.1 exchange over a socket, within a deadline and in bounded memory.

On `http.client`, not httpx: importing httpx alone takes six times a bare interpreter here and a list may take seven in
all, while its own timeouts are per read and its decoders unbounded, so both would have to be replaced anyway. httpx
serves where start-up does not matter (`webhook/deliver.py`).

What the caller must be able to tell apart is whether a request can have reached the server: `NotSent` says it cannot,
`Lost` says it may have. Floor 1; neighbours: `client.py` (retries, meaning), `trust.py` (certificates), `proxy.py`.
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
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

    from dpx_cli.api.nested_tls import NestedTls
    from dpx_cli.api.proxy import Proxy

    Socket = socket.socket | NestedTls

MOST_BYTES = 32 * 1024 * 1024
CHUNK = 64 * 1024
WITH_BODY = ("POST", "PUT", "PATCH")  # whose servers want to be told even of an empty body
LONGEST_NAMED = 100  # characters of what the other side said that an error repeats
FINAL = 200  # the first status that is not an interim answer's


class NotSent(Exception):
    """The request did not leave: no address, no connection, no TLS."""


class Lost(Exception):
    """The request, or a part of it, was sent, and no whole answer came back."""


class Unreadable(Exception):
    """A whole answer came that cannot be taken: too large, or encoded in an unknown way.

    Attributes:
        status: its HTTP status, None where not even that was readable.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Deadline:
    """A moment, `seconds` from now, by which a whole request with its retries must be over."""

    __slots__ = ("at", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; raises TimeoutError where there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no whole answer within {round(self.seconds, 1):g} s")
        return left


class Answer:
    """One answer as it came: status, header fields (names in lower case), decoded body."""

    __slots__ = ("body", "headers", "reason", "status")

    def __init__(self, status: int, reason: str, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body


class Wire(io.RawIOBase):
    """A socket whose every wait ends at the deadline, however slowly the other side drips."""

    def __init__(self, raw: Socket, deadline: Deadline) -> None:
        self._socket = raw
        self.deadline = deadline
        self.reading: Wire | None = None
        self.ended = False

    def readable(self) -> bool:
        """It is for reading, says io's protocol."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Wait for bytes, no longer than the deadline; gives their number, 0 at the end."""
        self._socket.settimeout(self.deadline.remaining())
        count = self._socket.recv_into(buffer)
        self.ended = count == 0
        return count

    def readall(self) -> bytes:
        """Refuse: what asks for all there is, is http.client at a chunk of length -1, and it would find no end."""
        raise ValueError("a chunk of negative length")

    def sendall(self, data: Any) -> None:
        """Send all of it within what is left of the deadline."""
        rest = memoryview(data)
        while rest:
            # Not the socket's own sendall: over TLS its timeout begins anew with every piece that leaves.
            self._socket.settimeout(self.deadline.remaining())
            rest = rest[self._socket.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The reading end of one response, as http.client asks for it."""
        self.reading = Wire(self._socket, self.deadline)
        return io.BufferedReader(self.reading, CHUNK)

    def close(self) -> None:
        """Leave the socket open: http.client closes its end before the response is read. `Connection` hangs up."""

    def hang_up(self) -> None:
        """Close the socket."""
        self._socket.close()


class Connection:
    """One connection to one origin, opened when it is needed and kept open between requests.

    Args:
        scheme, host, port: the origin.
        context: makes the TLS context, called once a connection; not called for http.
        proxy: the proxy to go through, or None.
    """

    def __init__(
        self, scheme: str, host: str, port: int, *, context: Callable[[], ssl.SSLContext], proxy: Proxy | None = None
    ) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self._context = context
        self._proxy = proxy
        self._http: http.client.HTTPConnection | None = None
        self._wire: Wire | None = None

    @property
    def is_open(self) -> bool:
        """Whether the next request would go over a connection that is already there."""
        return self._http is not None

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        wire, self._http, self._wire = self._wire, None, None
        if wire is not None:
            wire.hang_up()

    def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None, deadline: Deadline
    ) -> Answer:
        """Send one request and read the whole answer.

        Raises:
            NotSent: nothing of it left this machine.
            Lost: it was sent, in part or whole; no whole answer came.
            Unreadable: an answer came that cannot be taken.
        """
        connection = self._connected(deadline)
        if self._proxy and self.scheme == "http":
            target = f"http://{self._authority}{target}"
            headers = {**headers, **self._proxy.headers}
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", self._authority)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None or method in WITH_BODY:
                connection.putheader("Content-Length", str(len(body or b"")))
            connection.endheaders(body)
            response = connection.getresponse()
            if response.status < FINAL or (self._wire and self._wire.reading and self._wire.reading.ended):
                # http.client takes the end of the connection for the end of the head, and 103 for an answer.
                raise http.client.IncompleteRead(b"")
        except (OSError, http.client.HTTPException, ValueError) as problem:
            self.close()
            raise Lost(_reason(problem)) from problem
        try:
            answer = self._read(response, deadline)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            self.close()
            raise Lost(_reason(problem)) from problem
        except Unreadable:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"

    def _connected(self, deadline: Deadline) -> http.client.HTTPConnection:
        if self._http is not None and self._wire is not None:
            self._wire.deadline = deadline
            return self._http
        try:
            raw = self._dial(deadline)
        except (OSError, http.client.HTTPException, ValueError, UnicodeError) as problem:
            through = f" (through the proxy that {self._proxy.variable} names)" if self._proxy else ""
            raise NotSent(_reason(problem) + through) from problem
        self._wire = Wire(raw, deadline)
        self._http = http.client.HTTPConnection(self.host, self.port)
        self._http.sock = self._wire
        self._http.auto_open = 0
        return self._http

    def _dial(self, deadline: Deadline) -> Socket:
        """A connected socket, through the proxy and inside TLS where there are such."""
        via = self._proxy or self
        raw: Socket = _connect(via.host, via.port, deadline)
        try:
            if self._proxy and self._proxy.scheme == "https":
                raw = self._wrap(raw, self._proxy.host, deadline)
            if self._proxy and self.scheme == "https":
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
            from dpx_cli.api.nested_tls import NestedTls

            return NestedTls(raw, self._context(), _plain(host))
        return self._context().wrap_socket(raw, server_hostname=_plain(host))  # type: ignore[arg-type]  # nothing is wrapped thrice

    def _tunnel(self, raw: Socket, deadline: Deadline) -> None:
        """Ask the proxy for a tunnel to the origin."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        fields = [f"CONNECT {host}:{self.port} HTTP/1.1", f"Host: {host}:{self.port}"]
        fields += [f"{name}: {value}" for name, value in (self._proxy.headers if self._proxy else {}).items()]
        wire = Wire(raw, deadline)
        wire.sendall(("\r\n".join(fields) + "\r\n\r\n").encode("ascii"))
        # Byte by byte up to the empty line: what follows belongs to TLS.
        head = bytearray()
        buffer = bytearray(1)
        while not head.endswith(b"\r\n\r\n"):
            if len(head) > CHUNK or not wire.readinto(buffer):
                raise OSError("the proxy closed the connection instead of opening a tunnel")
            head += buffer
        status = head.split(b" ", 2)[1:2]
        if not status or not status[0].startswith(b"2"):
            line = bytes(head.split(b"\r\n", 1)[0]).decode("ascii", "replace")
            raise OSError(f"the proxy refused the tunnel: {line[:LONGEST_NAMED]}")

    def _read(self, response: http.client.HTTPResponse, deadline: Deadline) -> Answer:
        headers = {name.lower(): value for name, value in response.getheaders()}
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("gzip", "x-gzip", "deflate"):
            body = _inflate(response, deadline)
        elif encoding in ("", "identity"):
            body = _whole(response, deadline)
        else:
            raise Unreadable(
                f"the answer is encoded as {encoding[:LONGEST_NAMED]}, which was not asked for", response.status
            )
        return Answer(response.status, response.reason, headers, body)


def _whole(response: http.client.HTTPResponse, deadline: Deadline) -> bytes:
    if response.length is not None and response.length > MOST_BYTES:
        raise _too_large(response)
    parts = []
    size = 0
    while chunk := response.read(CHUNK):
        deadline.remaining()
        size += len(chunk)
        if size > MOST_BYTES:
            raise _too_large(response)
        parts.append(chunk)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(parts)


def _inflate(response: http.client.HTTPResponse, deadline: Deadline) -> bytes:
    """Decode as it comes, never more than the bound, so that a bomb goes off in bounded memory."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip and zlib headers are told apart
    parts = []
    size = 0
    received = 0
    try:
        while chunk := response.read(CHUNK):
            # What follows the end of the compressed data is dropped, and counts as well.
            received += len(chunk)
            if received > MOST_BYTES:
                raise _too_large(response)
            while chunk and not inflater.eof:
                deadline.remaining()
                decoded = inflater.decompress(chunk, CHUNK * 16)
                chunk = inflater.unconsumed_tail
                size += len(decoded)
                if size > MOST_BYTES:
                    raise _too_large(response)
                parts.append(decoded)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
    except zlib.error as problem:
        raise Unreadable(f"the answer cannot be decompressed: {problem}", response.status) from None
    if parts and not inflater.eof:
        raise http.client.IncompleteRead(b"")
    return b"".join(parts)


def _too_large(response: http.client.HTTPResponse) -> Unreadable:
    return Unreadable(f"the answer is larger than {MOST_BYTES // 1024 // 1024} MiB", response.status)


def _connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address of a host that answers, within the deadline, each with a fair share of it."""
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
    """Look a host up. The resolver knows no deadline, so a name (not an address) is asked for in a daemon thread."""
    if host.endswith(".localhost"):
        # http is allowed for it because it stays on this machine (RFC 6761); a resolver might say otherwise.
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
    """A host's name as bytes where it is ASCII: given text, Python loads its tables for all others, 2 ms of a start."""
    return host.encode("ascii") if host.isascii() else host


def _reason(problem: Exception) -> str:
    """A problem in a few words, without the numbers and brackets of the operating system's."""
    if isinstance(problem, OSError) and not isinstance(problem, http.client.RemoteDisconnected):
        if verify := getattr(problem, "verify_message", None):
            return f"the server's certificate is not trusted: {verify.rstrip('.')}"
        if isinstance(reason := getattr(problem, "reason", None), str):
            return f"TLS failed: {reason.replace('_', ' ').lower()}"
        return (problem.strerror or str(problem) or "timed out").lower()
    known = {
        http.client.RemoteDisconnected: "the server closed the connection without an answer",
        http.client.IncompleteRead: "the answer was cut off",
    }
    return known.get(type(problem), f"the answer is not HTTP ({type(problem).__name__})")
