"""Run uvicorn on a loopback socket: silent, bounded in time and connections, signals left to the caller."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import struct
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from dpx_cli.errors import DpxError

HOST = "127.0.0.1"
TICK_SECONDS = 0.5

_TOO_SLOW = (b"408 Request Timeout", b"The headers didn't arrive in time.\n")
_TOO_MANY = (b"503 Service Unavailable", b"Too many connections.\n")


def bind(port: int, error: type[DpxError]) -> socket.socket:
    """Return a socket that listens on a port of 127.0.0.1.

    Args:
        port: 0 picks a free one.
        error: type of the error to raise.

    Raises:
        DpxError: the port is in use, or this user may not take it.
    """
    import errno
    import os

    from dpx_cli.errors import reason

    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # On Windows the option would let two programs share the port.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(512)
    except (OSError, OverflowError) as exc:
        listening.close()
        used = isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE
        why = "is already in use by another program" if used else f"can't be listened on: {reason(exc)}"
        raise error(f"Port {port} {why}.", hint="Choose another port, or pass --port 0 to use any free one.") from exc
    return listening


class Server(uvicorn.Server):
    """A uvicorn server that reports when it is ready and stops at once when told to.

    Args:
        app: the ASGI application.
        ready: called in the event loop when connections are accepted.
        stopped: awaited after the last connection was closed.
        header_seconds: how long a connection may take to send its headers; None for any time.
        max_connections: the oldest connection without a complete request gives way to one above this; None for any.
        keep_alive: seconds after which an idle connection that was used is closed.
        grace: seconds that open connections get at the end.
    """

    def __init__(
        self,
        app: Any,
        *,
        ready: Callable[[], None],
        stopped: Callable[[], Awaitable[None]] | None = None,
        header_seconds: float | None = None,
        max_connections: int | None = None,
        keep_alive: int = 5,
        grace: int = 2,
    ) -> None:
        # Python prints records that have no handler, and uvicorn warns of every malformed request.
        for name in ("uvicorn", "uvicorn.error", "asyncio"):
            logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger("uvicorn").propagate = False
        super().__init__(
            uvicorn.Config(
                app,
                http=functools.partial(HttpConnection, self),  # type: ignore[arg-type]  # uvicorn only calls it
                interface="asgi3",
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=keep_alive,
                timeout_graceful_shutdown=grace,
            )
        )
        self.header_seconds = header_seconds
        self._ready = ready
        self._stopped = stopped
        self._max_connections = max_connections
        self._open: dict[int, HttpConnection] = {}  # by id, the oldest first
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    def stop(self) -> None:
        """End the server soon. May be called from any thread."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # The loop is closed: the server has ended.
                self._loop.call_soon_threadsafe(self._woken.set)

    def reset(self, client: tuple[str, int]) -> None:
        """Reset the connection of a client's address, as a broken network does."""
        for connection in self._open.values():
            if connection.client == client:
                connection.reset()
                return

    def admit(self, connection: HttpConnection) -> bool:
        """Return whether a new connection may stay; the oldest one without a complete request makes room for it."""
        if self._max_connections is not None and len(self._open) >= self._max_connections:
            oldest = next((other for other in self._open.values() if other.is_waiting), None)
            if oldest is None:
                return False
            self.leave(oldest)
            oldest.transport.abort()
        self._open[id(connection)] = connection
        return True

    def leave(self, connection: HttpConnection) -> None:
        """Forget a connection."""
        self._open.pop(id(connection), None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._ready()

    async def main_loop(self) -> None:
        """Keep the Date header right until told to stop; uvicorn's own loop looks ten times a second."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close every connection, then let the caller end."""
        await super().shutdown(sockets)
        if self._stopped is not None:
            await self._stopped()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the caller."""
        yield


class HttpConnection(H11Protocol):
    """One connection of a `Server`."""

    def __init__(self, server: Server, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._server = server
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether no complete request has arrived."""
        return self.cycle is None or (self.cycle.more_body and not self.cycle.response_complete)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Limit the number of connections and the time for the headers."""
        super().connection_made(transport)
        # uvicorn writes head and body apart, and asyncio leaves Nagle's algorithm on for a socket it was given:
        # together with the client's delayed acknowledgement that costs 40 ms an answer.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._server.admit(self):
            self._refuse(*_TOO_MANY)
        elif self._server.header_seconds is not None:
            self._timer = self.loop.call_later(self._server.header_seconds, self._refuse, *_TOO_SLOW)

    def data_received(self, data: bytes) -> None:
        """Take bytes; once the headers are complete, the application limits the time for the body."""
        super().data_received(data)
        if self.cycle is not None:
            self._relax()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and its timer."""
        self._relax()
        self._server.leave(self)
        super().connection_lost(exc)

    def reset(self) -> None:
        """Reset the connection: lingering for no time makes the kernel send RST instead of an orderly end."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _relax(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: bytes, text: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (status, len(text), text)
            )
            self.transport.close()
