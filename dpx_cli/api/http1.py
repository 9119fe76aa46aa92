"""HTTP/1.1 over a connected socket (RFC 9112): write a request, read one response, strictly and within a deadline.

Stricter and lighter than `http.client`: importing that takes as long as two bare interpreters, and it mistakes the end
of a connection for the end of a response's head.
"""

from __future__ import annotations

import sys

from dpx_cli.system import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

    from dpx_cli.api.retry import Deadline

CHUNK = 64 * 1024
MAX_LINE = 64 * 1024  # bytes
MAX_FIELDS = 200  # header fields of a response, and fields of its trailer
MAX_INTERIM = 100  # interim responses before the final one
SWITCHING_PROTOCOLS, FINAL, NO_CONTENT, REDIRECT, NOT_MODIFIED = 101, 200, 204, 300, 304
HEX = frozenset(b"0123456789abcdefABCDEF")
MAX_HEX = 16  # digits of a chunk's size
# Seconds of one wait. Windows doesn't interrupt it for Ctrl-C, which is noticed between two.
SLICE = 0.5 if sys.platform == "win32" else float("inf")


CUT_OFF = "the response was cut off"


class BadResponse(Exception):
    """No whole HTTP/1.1 response came; the text says why."""


def _not_http(what: str) -> BadResponse:
    return BadResponse(f"the response is not HTTP: {what}")


class Response:
    """One response, of status 200 or above, and its decoded body when that was read.

    No class on the way to a list is a NamedTuple or TypedDict: the first one of a process costs a tenth of a start.
    """

    def __init__(
        self, status: int, reason: str, headers: dict[str, str], body: bytes = b"", *, method: str = ""
    ) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers  # names in lower case
        self.body = body
        coding = headers.get("transfer-encoding", "").lower()
        self.chunked = bool(coding)
        if coding not in ("", "chunked"):
            raise _not_http("Transfer-Encoding")
        self.length = _length(headers.get("content-length"))  # of the body; None if it ends with the connection
        is_open = "close" not in headers.get("connection", "").lower()
        if self.chunked and self.length is not None:
            # A sender that says both may mean either: what follows on the connection can't be trusted.
            self.length, is_open = None, False
        if method == "HEAD" or status in (NO_CONTENT, NOT_MODIFIED):
            self.chunked, self.length = False, 0
        self.keeps_open = is_open and (self.chunked or self.length is not None)


def _length(text: str | None) -> int | None:
    if text is None:
        return None
    value, *others = {value.strip() for value in text.split(",")}
    if others or not (value.isascii() and value.isdigit()) or len(value) > MAX_HEX:
        raise _not_http("Content-Length")
    return int(value)


class Http1Connection:
    """An open connection. All responses are read through one buffer, so bytes that no request asked for are noticed."""

    def __init__(self, raw: socket.socket, deadline: Deadline) -> None:
        self.deadline = deadline
        self._socket = raw
        self._buffer = b""
        self._space = bytearray(CHUNK)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def is_idle(self) -> bool:
        """Return whether the connection can be reused: nothing came after the last response, and it is open."""
        if self._buffer:
            return False
        self._socket.settimeout(0)
        try:
            self._socket.recv_into(self._space)
        except BlockingIOError:
            return True
        except OSError as problem:
            return type(problem).__name__ == "SSLWantReadError"
        return False

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> None:
        """Write a request. Raise ValueError if the target or a header field can't be part of a head."""
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        if " " in target or any("\r" in line or "\n" in line or "\0" in line for line in lines):
            raise ValueError("a character that can't be part of a request")
        left = memoryview(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b""))
        while left:
            # Not the socket's own sendall: over TLS its timeout starts again with every piece.
            self._socket.settimeout(min(self.deadline.remaining(), SLICE))
            try:
                left = left[self._socket.send(left) :]
            except TimeoutError:
                signals.check()

    def head(self, method: str) -> Response:
        """Read the head of the response to a method, past interim responses (RFC 9110, 15.2)."""
        for _ in range(MAX_INTERIM):
            if not self._buffer and not self._receive():
                raise BadResponse("the server closed the connection without a response")
            version, status, reason = _status_line(self._read_line())
            headers = self._fields()
            if status == SWITCHING_PROTOCOLS:
                raise _not_http("a protocol switch that wasn't requested")
            if status >= FINAL:
                response = Response(status, reason, headers, method=method)
                response.keeps_open = response.keeps_open and version == "HTTP/1.1"
                return response
        raise _not_http("no end of interim responses")

    def body(self, head: Response) -> Iterator[bytes]:
        """Yield the body that follows a head. Raise BadResponse if it isn't complete."""
        if head.chunked:
            while size := self._chunk_size():
                yield from self._exactly(size)
                if self._read_line():
                    raise _not_http("a chunk without its end")
            self._fields()
        elif head.length is not None:
            yield from self._exactly(head.length)
        else:
            while self._buffer or self._receive():
                data, self._buffer = self._buffer, b""
                yield data

    def _receive(self) -> int:
        """Wait for bytes, add them to the buffer, and return their number; 0 at the end of the connection."""
        while True:
            signals.check()
            self._socket.settimeout(min(self.deadline.remaining(), SLICE))
            try:
                count = self._socket.recv_into(self._space)
            except TimeoutError:
                continue
            self._buffer += self._space[:count]
            return count

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._buffer and not self._receive():
                raise BadResponse(CUT_OFF)
            data, self._buffer = self._buffer[:size], self._buffer[size:]
            size -= len(data)
            yield data

    def _read_line(self) -> bytes:
        """Read a line; its end (CRLF, or LF alone) is not part of it."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > MAX_LINE:
                raise _not_http("a line without an end")
            if not self._receive():
                raise BadResponse(CUT_OFF)
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        return line.removesuffix(b"\r")

    def _fields(self) -> dict[str, str]:
        """Read header fields, or those of a trailer: names in lower case, values of a repeated one with commas."""
        fields: dict[str, str] = {}
        name = ""
        for _ in range(MAX_FIELDS):
            line = self._read_line().decode("latin-1")
            if not line:
                return fields
            if line[0] in " \t" and name:
                # An obsolete line folding (RFC 9112, 5.2) stands for one space.
                fields[name] = " ".join(filter(None, (fields[name], line.strip(" \t"))))
                continue
            name, colon, value = line.partition(":")
            if not colon or not name or not name.isascii() or any(mark in name for mark in " \t"):
                raise _not_http("a header field")
            name, value = name.lower(), value.strip(" \t")
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        raise _not_http("too many header fields")

    def _chunk_size(self) -> int:
        digits = self._read_line().partition(b";")[0].strip(b" \t")
        if not digits or len(digits) > MAX_HEX or not HEX.issuperset(digits):
            raise _not_http("the size of a chunk")
        return int(digits, 16)


def _status_line(line: bytes) -> tuple[str, int, str]:
    """Return protocol, status and reason phrase."""
    protocol, _, rest = line.decode("latin-1").partition(" ")
    status, _, reason = rest.partition(" ")
    is_status = len(status) == len("200") and status.isascii() and status.isdigit() and status >= "100"
    if protocol not in ("HTTP/1.1", "HTTP/1.0") or not is_status:
        raise _not_http("the status line")
    return protocol, int(status), reason
