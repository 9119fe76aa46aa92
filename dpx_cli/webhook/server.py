"""uvicorn as the listener needs it: bounded in time, silent, and with Ctrl-C left to us.

Floor 1; imported by `listener.py` when it runs, and by nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable, Generator

_CONNECTIONS = 256  # at once; each may hold one body
_FAREWELL = 2  # seconds that open connections get when the last delivery was served

_TOO_SLOW = b"the headers did not arrive in time\n"


class Server(uvicorn.Server):
    """A server that says when it is ready and catches no signal.

    Args:
        app: the ASGI application.
        patience: seconds for the headers of a connection's request.
        ready: called when connections are taken.
    """

    def __init__(self, app: Any, patience: float, ready: Callable[[], None]) -> None:
        # Python prints what nobody handles, and uvicorn warns of every malformed request.
        for name in ("uvicorn", "asyncio"):
            logging.getLogger(name).addHandler(logging.NullHandler())
            logging.getLogger(name).propagate = False
        super().__init__(
            uvicorn.Config(
                app,
                http=functools.partial(Connection, patience),  # type: ignore[arg-type]  # is called, as a class would be
                interface="asgi3",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=_CONNECTIONS,
                timeout_graceful_shutdown=_FAREWELL,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to `loop.py`."""
        yield


class Connection(H11Protocol):
    """One connection, whose request's headers must be there in time; uvicorn itself would wait for ever."""

    def __init__(self, patience: float, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seconds = patience
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin to wait."""
        super().connection_made(transport)
        self._patience = self.loop.call_later(self._seconds, self._too_slow)

    def data_received(self, data: bytes) -> None:
        """Take bytes; with the headers complete, the application's own deadline takes over."""
        super().data_received(data)
        if self.cycle is not None:
            self._relax()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer with the connection."""
        self._relax()
        super().connection_lost(exc)

    def _relax(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(_TOO_SLOW), _TOO_SLOW)
            )
            self.transport.close()
