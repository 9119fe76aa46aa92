"""A small, bounded HTTP/1.1 server on a loopback socket: h11 for the protocol, a thread per connection."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Self
from urllib.parse import unquote

import h11

from dpx_cli.errors import DpxError, reason
from dpx_cli.system.loopback.guard import Header

HOST = "127.0.0.1"
MAX_HEAD = 64 * 1024  # bytes of a request's first line and headers
MAX_DRAIN = 16 * 1024 * 1024  # bytes that are read after a refusal
DRAIN_SECONDS = 2.0
MAX_CONNECTIONS = 256  # at once; each has a thread and may hold one body
GRACE_SECONDS = 2.0  # that requests under way get at the end
ACCEPT_PAUSE = 0.1  # after a failed accept: no file descriptor is free
BODILESS = (204, 304)
TEXT = b"text/plain; charset=utf-8"


class TooLarge(Exception):
    """The body is larger than allowed."""


class ClientDisconnected(Exception):
    """The client closed the connection, or what it sends is no HTTP."""


def bind(port: int, error: type[DpxError]) -> socket.socket:
    """Return a socket that listens on a port of 127.0.0.1; 0 picks a free one. Raises `error` if that's impossible."""
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


class Server:
    """A running server, until it is closed.

    `handle` responds to one request, in the thread of its connection, which serves several with `keep_alive`. The
    headers may take `patience` seconds, and the body again. Above MAX_CONNECTIONS, the oldest connection without a
    complete request gives way.
    """

    def __init__(
        self,
        listening: socket.socket,
        handle: Callable[[Connection], None],
        *,
        patience: float,
        keep_alive: bool = False,
    ) -> None:
        self.handle = handle
        self.patience = patience
        self.keep_alive = keep_alive
        self.closing = False
        self._listening = listening
        self._lock = threading.Lock()
        self._open: dict[Connection, threading.Thread] = {}  # the oldest first
        self._accepting = threading.Thread(target=self._accept, name="dpx-server", daemon=True)
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Accept no more connections, let requests under way end within GRACE_SECONDS, and close everything."""
        self.closing = True
        with contextlib.suppress(OSError):  # wakes `accept`, on every system
            socket.create_connection(self._listening.getsockname(), timeout=1).close()
        self._accepting.join()
        self._listening.close()
        deadline = time.monotonic() + GRACE_SECONDS
        with self._lock:
            threads = dict(self._open)
        for connection in threads:
            if connection.is_waiting:
                connection.abort()
        for connection, thread in threads.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            connection.abort()

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._open.pop(connection, None)

    def _accept(self) -> None:
        while not self.closing:
            try:
                client, _ = self._listening.accept()
            except OSError:
                time.sleep(ACCEPT_PAUSE)
                continue
            connection = Connection(self, client)
            thread = threading.Thread(target=connection.serve, name="dpx-connection", daemon=True)
            with self._lock:
                if fits := self._make_room():
                    self._open[connection] = thread
            if fits:
                thread.start()
            else:
                connection.refuse(503, b"Too many connections.\n")

    def _make_room(self) -> bool:
        """Return whether one more connection may stay, after closing the oldest one without a complete request."""
        if len(self._open) < MAX_CONNECTIONS:
            return True
        oldest = next((connection for connection in self._open if connection.is_waiting), None)
        if oldest is not None:
            del self._open[oldest]
            oldest.abort()
        return oldest is not None


class Connection:
    """One connection of a `Server`, and its current request: `path` is decoded, `query` isn't, header names are small.

    `is_waiting` is whether no complete request has arrived since the last response; `began` is on the monotonic clock.
    """

    method = path = query = ""
    headers: tuple[Header, ...] = ()
    began = 0.0

    def __init__(self, server: Server, client: socket.socket) -> None:
        self._server = server
        self._socket = client
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self.is_waiting = True
        # Without this the last piece of a large response waits for the client's delayed acknowledgment.
        with contextlib.suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self) -> None:
        """Serve requests until one side closes."""
        try:
            while self._serve_request() and not self._server.closing:
                self._http.start_next_cycle()
                self.is_waiting = True
        except h11.RemoteProtocolError as error:
            self.refuse(error.error_status_hint, b"Invalid HTTP.\n")
        except TimeoutError:
            self.refuse(408, b"The request didn't arrive in time.\n")
        except (ClientDisconnected, OSError):
            pass
        finally:
            self._server.remove(self)
            self._socket.close()

    def _serve_request(self) -> bool:
        """Serve one request; return whether the connection can serve another one."""
        event = self._next_event(time.monotonic() + self._server.patience)
        if not isinstance(event, h11.Request):
            return False
        self.began = time.monotonic()
        self.method = event.method.decode("latin-1")
        path, _, self.query = event.target.decode("latin-1").partition("?")
        self.path = unquote(path)
        self.headers = tuple(event.headers)
        if not self.values(b"content-length") and not self.values(b"transfer-encoding"):
            self._next_event(0)  # the end of a request without a body
            self.is_waiting = False
        try:
            self._server.handle(self)
        finally:
            self._drain()
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    def values(self, name: bytes) -> list[bytes]:
        """Return all values of a header."""
        return [value for key, value in self.headers if key == name]

    def body(self, limit: int) -> bytes:
        """Read the body; never hold more than one piece above the limit.

        Raises TooLarge, TimeoutError (it didn't arrive within the server's patience) and ClientDisconnected.
        """
        deadline = time.monotonic() + self._server.patience
        body = bytearray()
        if any(int(length) > limit for length in self.values(b"content-length")):
            raise TooLarge
        try:
            while self._http.their_state is h11.SEND_BODY:
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[]))
                event = self._next_event(deadline)
                if isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > limit:
                        raise TooLarge
        except h11.RemoteProtocolError as error:
            self.refuse(error.error_status_hint, b"Invalid HTTP.\n")
            raise ClientDisconnected from error
        self.is_waiting = False
        return bytes(body)

    def respond(
        self, status: int, body: bytes = b"", *, content_type: bytes = TEXT, headers: Iterable[Header] = ()
    ) -> None:
        """Send a response; do nothing if there was one already."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        head = [(b"date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()).encode()), *headers]
        # A body that wasn't read leaves the connection in the middle of it.
        if not self._server.keep_alive or self._http.their_state is not h11.DONE:
            head.append((b"connection", b"close"))
        events: list[h11.Event] = [h11.EndOfMessage()]
        if status not in BODILESS:
            head += [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
            if self.method != "HEAD":
                events.insert(0, h11.Data(data=body))
        self._send(h11.Response(status_code=status, headers=head), *events)

    def respond_json(self, status: int, document: Any, *, headers: Iterable[Header] = ()) -> None:
        """Send compact JSON in UTF-8."""
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
        self.respond(status, body, content_type=b"application/json", headers=headers)

    def refuse(self, status: int, text: bytes) -> None:
        """Send an error response of the server itself, and close."""
        with contextlib.suppress(OSError, h11.LocalProtocolError):
            self.respond(status, text)
        self._socket.close()

    def reset(self) -> None:
        """Reset the connection: lingering for no time makes the kernel send RST instead of an orderly end."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def abort(self) -> None:
        """End the connection from another thread, while its own one waits for bytes."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _next_event(self, deadline: float) -> Any:
        """Return what comes next. Raises TimeoutError, ClientDisconnected and h11.RemoteProtocolError."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            self._http.receive_data(self._socket.recv(65536))
        if isinstance(event, h11.ConnectionClosed):
            raise ClientDisconnected
        return event

    def _send(self, *events: h11.Event) -> None:
        self._socket.settimeout(self._server.patience)
        self._socket.sendall(b"".join(self._http.send(event) or b"" for event in events))

    def _drain(self) -> None:
        """Read what the client is still sending. Closing on unread bytes would reset the connection."""
        deadline = time.monotonic() + DRAIN_SECONDS
        size = 0
        with contextlib.suppress(h11.RemoteProtocolError, ClientDisconnected, OSError):
            # A client that waits for permission to send its body has been refused.
            while (
                self._http.their_state is h11.SEND_BODY
                and not self._http.they_are_waiting_for_100_continue
                and size <= MAX_DRAIN
            ):
                event = self._next_event(deadline)
                size += len(event.data) if isinstance(event, h11.Data) else 0
