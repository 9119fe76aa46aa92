"""TLS inside TLS: an https origin behind an https proxy.

`SSLContext.wrap_socket` takes over the bare socket below and would speak past the proxy's own TLS, so the inner layer
runs over buffers in memory. Floor 1; neighbour: `transport.py`, which imports it where it is needed.
"""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

RECORD = 16 * 1024


class NestedTls:
    """A TLS connection over another; has the part of a socket that `transport.Wire` uses.

    Args:
        outer: the TLS connection to the proxy, with a timeout set, which the handshake keeps.
        context: for the inner layer.
        host: the name that the inner certificate must have.
    """

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str | bytes) -> None:
        self._outer = outer
        self._timeout = outer.gettimeout()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._run(self._inner.do_handshake)

    def settimeout(self, seconds: float | None) -> None:
        """Give the next call so many seconds."""
        self._timeout = seconds

    def recv_into(self, buffer: WriteableBuffer) -> int:
        """Read into a buffer; gives the number of bytes, 0 at the end."""
        try:
            return int(self._run(self._inner.read, len(memoryview(buffer)), buffer))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return 0

    def send(self, data: Any) -> int:
        """Send at least a part of some bytes; gives its length."""
        return int(self._run(self._inner.write, memoryview(data)[:RECORD]))

    def close(self) -> None:
        """Close the connection to the proxy."""
        self._outer.close()

    def _run(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """Take one step of the inner layer, moving bytes between it and the outer one for as long as it wants."""
        end = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            try:
                result = step(*arguments)
            except ssl.SSLWantReadError:
                self._flush(end)
                self._limit(end)
                received = self._outer.recv(RECORD)
                if received:
                    self._incoming.write(received)
                else:
                    self._incoming.write_eof()
            else:
                self._flush(end)
                return result

    def _flush(self, end: float | None) -> None:
        rest = memoryview(self._outgoing.read())
        while rest:
            self._limit(end)
            rest = rest[self._outer.send(rest) :]

    def _limit(self, end: float | None) -> None:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("timed out")
        self._outer.settimeout(left)
