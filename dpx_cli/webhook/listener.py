"""A receiver of webhooks on the desk: verifies each delivery, tells of it, saves it, forwards it.

It stands on 127.0.0.1 and takes what comes: whatever a client, a forward target or a disk does, the next delivery is
served. Every connection serves one request, so that one deadline bounds its headers and one its body, and a body is
counted while it arrives. A web page that makes a browser post here, or that has its own name resolve to 127.0.0.1, is
told from Deploxa by the Origin and Host headers.

Floor 1; neighbours: `signature.py`, `deliver.py`, `saved.py`, `server.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING, Any, TypedDict

from dpx_cli.errors import DpxError, Failed, UsageError, reason
from dpx_cli.webhook import deliver, loop, saved, signature
from dpx_cli.webhook.deliver import NotDelivered

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Awaitable, Callable, Collection, Mapping

    import httpx

    from dpx_cli.webhook.deliver import Header, Target
    from dpx_cli.webhook.server import Server

    Scope = Mapping[str, Any]
    Receive = Callable[[], Awaitable[Mapping[str, Any]]]
    Send = Callable[[Mapping[str, Any]], Awaitable[None]]

HOST = "127.0.0.1"
LARGEST_BODY = 1024 * 1024
PATIENCE = 10.0  # seconds for a request's headers, and again for its body

_OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
_EXPLAINED = 64 * 1024  # bytes; what strangers send must not keep the machine busy
_LONGEST_DRAIN = 8 * 1024 * 1024
_DRAIN_SECONDS = 2.0
_STATUSES = range(200, 600)
_BODILESS = (204, 304)


class Delivery(TypedDict):
    """One delivery, as `--json` prints it. What the body says is null where the signature does not fit.

    `status` is the deployment's; `forwarded` is the receiver's HTTP status, null where nothing was forwarded or no
    answer came; `answer` is what the sender was told; `milliseconds` is from the request to that answer.
    """

    time: str
    event: str | None
    project: str | None
    branch: str | None
    status: str | None
    deployment_id: str | None
    verified: bool
    forwarded: int | None
    answer: int
    result: str
    milliseconds: int


class Listener:
    """What `listen` was told to do.

    Args:
        secret: the webhook's secret.
        trust: gives the TLS context for an https receiver.
        report: is given each delivery; what it raises ends the listener.
        warn: is given each thing that went wrong, in words.
        forward_to: where verified deliveries go on to; None for nowhere.
        events: the events of interest; empty for all. Others are answered 200, and neither reported nor forwarded.
        exit_after: stop after this many verified deliveries of interest; 0 for never.
        save: a folder that keeps them; "" for none.
        patience: seconds for the headers, and again for the body.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        trust: Callable[[], ssl.SSLContext],
        report: Callable[[Delivery], None],
        warn: Callable[[str], None],
        forward_to: Target | None = None,
        events: Collection[str] = (),
        exit_after: int = 0,
        save: str = "",
        patience: float = PATIENCE,
    ) -> None:
        self.secret = secret
        self.trust = trust
        self.report = report
        self.warn = warn
        self.forward_to = forward_to
        self.events = frozenset(events)
        self.exit_after = exit_after
        self.save = save
        self.patience = patience
        self._taken = 0
        self._served = 0
        self._sender: httpx.AsyncClient | None = None
        self._server: Server | None = None
        self._failure: asyncio.Future[None] | None = None

    def run(self, port: int, ready: Callable[[str], None]) -> None:
        """Serve until the last delivery or Ctrl-C.

        Args:
            port: where; 0 for any free one.
            ready: is given the URL when connections are taken.

        Raises:
            Failed: the port cannot be had.
            UsageError: it would forward to itself.
        """
        with bind(port) as listening:
            url = f"http://{HOST}:{listening.getsockname()[1]}"
            target = self.forward_to
            if target and target.loopback and target.port == listening.getsockname()[1]:
                raise UsageError("--forward-to is this listener itself", hint="give the port of your own receiver")
            loop.run(self._serve(listening, lambda: ready(url)))

    async def _serve(self, listening: socket.socket, ready: Callable[[], None]) -> None:
        """Run the server beside whatever may end it."""
        from dpx_cli.webhook.server import Server

        running = asyncio.get_running_loop()
        # Connections that break have nothing to say to a person.
        running.set_exception_handler(lambda _loop, _context: None)
        self._failure = running.create_future()
        async with contextlib.AsyncExitStack() as stack:
            if self.forward_to:
                self._sender = await stack.enter_async_context(deliver.client(self.forward_to, self.trust))
            self._server = server = Server(self._app, self.patience, ready)
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            await asyncio.wait((serving, self._failure), return_when=asyncio.FIRST_COMPLETED)
            if self._failure.done():
                self._failure.result()
            await serving

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        exchange = _Exchange(scope, receive, send)
        try:
            await self._answer(exchange)
        except Exception as exc:  # noqa: BLE001 - whatever one delivery brings about, the next one is served
            self._warn(f"a delivery failed inside dpx: {type(exc).__name__}: {exc}")
            with contextlib.suppress(Exception):
                await exchange.answer(500, "failed")

    async def _answer(self, exchange: _Exchange) -> None:
        if refusal := _foreign(exchange):
            self._warn(f"refused a request: {refusal}")
            await exchange.answer(403, refusal)
            return
        if exchange.method != "POST":
            await exchange.answer(405, "deliveries are posted", [(b"allow", b"POST")])
            return
        try:
            async with asyncio.timeout(self.patience):
                body = await exchange.body()
        except TimeoutError:
            self._warn(f"refused a delivery: its body did not arrive within {self.patience:g} s")
            await exchange.answer(408, "the body did not arrive in time")
            return
        except _TooLarge:
            self._warn("refused a delivery: its body is over 1 MiB")
            await exchange.answer(413, "the body is over 1 MiB")
            return
        except _Gone:
            return
        values = exchange.values(b"x-deploxa-signature")
        given = values[0] if len(values) == 1 else b", ".join(values)
        if signature.verify(body, self.secret, given):
            await self._take(exchange, body)
        else:
            result = self._why_not(body, given, len(values))
            self._report(_delivery(exchange, {}, verified=False, answer=401, result=result))
            # The cause is for the person at this desk; whoever posted it learns nothing of the secret's fit.
            await exchange.answer(401, "the signature does not match")

    def _why_not(self, body: bytes, given: bytes, count: int) -> str:
        """Why a signature was refused."""
        if count == 0:
            return "no X-Deploxa-Signature"
        return signature.mismatch(signature.explain(body, self.secret, given) if len(body) <= _EXPLAINED else [])

    async def _take(self, exchange: _Exchange, body: bytes) -> None:
        """Deal with a verified delivery."""
        payload = _payload(body)
        named = (exchange.values(b"x-deploxa-event") or [b""])[0]
        # The header is not signed; the body is.
        event = _text(payload.get("event")) or named.decode("latin-1") or None
        if named and event != named.decode("latin-1"):
            self._warn(f"the X-Deploxa-Event header says {named.decode('latin-1')}, the signed body says {event}")
        if self.events and event not in self.events:
            await exchange.answer(200, "not listened for")
            return
        if self.exit_after and self._taken >= self.exit_after:
            await exchange.answer(503, "the listener is about to stop")
            return
        self._taken += 1
        try:
            headers = [(name, values[0]) for name in deliver.CARRIED if (values := exchange.values(name.lower()))]
            if self.save:
                await self._keep(event or "", body, headers)
            status, forwarded, result = await self._forward(body, headers)
            about = {**payload, "event": event}
            self._report(_delivery(exchange, about, verified=True, answer=status, result=result, forwarded=forwarded))
            await exchange.answer(status, "" if forwarded else result)
        finally:
            self._served += 1
            if self._served == self.exit_after and self._server:
                self._server.should_exit = True

    async def _keep(self, event: str, body: bytes, headers: list[Header]) -> None:
        """Save a delivery; a disk that refuses costs a warning and nothing else."""
        try:
            await asyncio.to_thread(saved.save, self.save, event, body, headers)
        except (DpxError, OSError) as exc:
            self._warn(f"the delivery was not saved: {exc}")

    async def _forward(self, body: bytes, headers: list[Header]) -> tuple[int, int | None, str]:
        """Send a delivery on: (status for the sender, status of the receiver, result in words)."""
        if self.forward_to is None or self._sender is None:
            return 200, None, "received"
        try:
            answer = await deliver.deliver(self._sender, self.forward_to, body, headers)
        except NotDelivered as exc:
            return (504 if exc.late else 502), None, f"not forwarded: {exc.reason}"
        if answer.status not in _STATUSES:
            return 502, answer.status, f"forwarded: {answer.status}, which is no status"
        return answer.status, answer.status, f"forwarded: {answer.status} in {answer.milliseconds} ms"

    def _report(self, delivery: Delivery) -> None:
        self._tell(self.report, delivery)

    def _warn(self, text: str) -> None:
        self._tell(self.warn, text)

    def _tell(self, tell: Callable[[Any], None], what: Any) -> None:
        """Say something; where nobody can hear any more, end the listener with what was raised."""
        try:
            tell(what)
        except Exception as exc:  # noqa: BLE001 - raised again by _serve; uvicorn would eat it
            if self._failure and not self._failure.done():
                self._failure.set_exception(exc)


class _TooLarge(Exception):
    """The body is larger than a delivery may be."""


class _Gone(Exception):
    """The client has gone."""


class _Exchange:
    """One request and its answer, over ASGI."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began = time.monotonic()
        self.method: str = scope["method"]
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self._receive = receive
        self._send = send
        self._unread = True
        self._answered = False

    def values(self, name: bytes) -> list[bytes]:
        """All values of a header."""
        return [value for key, value in self._headers if key == name]

    async def body(self) -> bytes:
        """Read the body; never holds more than one piece above the bound.

        Raises:
            _TooLarge: it is above the bound, or says that it will be.
            _Gone: the client went away.
        """
        announced = self.values(b"content-length")
        if announced and int(announced[0]) > LARGEST_BODY:
            raise _TooLarge
        pieces = bytearray()
        while self._unread:
            pieces += await self._piece()
            if len(pieces) > LARGEST_BODY:
                raise _TooLarge
        return bytes(pieces)

    async def _piece(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        self._unread = message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        return piece

    async def answer(self, status: int, text: str, headers: Collection[Header] = ()) -> None:
        """Answer and close; does nothing where it was answered already."""
        if self._answered:
            return
        self._answered = True
        body = b"" if status in _BODILESS or not text else text.encode() + b"\n"
        start = [(b"connection", b"close"), *headers]
        if status not in _BODILESS:
            start += [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": start})
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        await self._drain()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self) -> None:
        """Read on for a while: to close on unread bytes resets the connection, and the client may lose the answer."""
        if self.values(b"expect"):
            return  # it waits for leave to send its body, and the answer says no
        drained = 0
        with contextlib.suppress(TimeoutError, _Gone):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while self._unread and drained < _LONGEST_DRAIN:
                    drained += len(await self._piece())


def bind(port: int) -> socket.socket:
    """Take a port of 127.0.0.1.

    Raises:
        Failed: it is in use, or not ours to take.
    """
    import os
    import socket

    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # there it would let two programs share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(128)
    except OSError as exc:
        listening.close()
        raise Failed(
            f"cannot listen on {HOST}:{port}: {reason(exc)}", hint="take another port, or any free one: --port 0"
        ) from exc
    return listening


def _foreign(exchange: _Exchange) -> str:
    """Why a request is not meant for this listener; empty where it may be."""
    hosts = exchange.values(b"host")
    host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
    if _without_port(host).lower() not in _OWN_NAMES:
        return "its Host is not this machine; a tunnel must set it to 127.0.0.1"
    for value in exchange.values(b"origin"):
        # Deploxa sends none; a page of this listener would have the origin that its Host names.
        if value.decode("latin-1").lower() != f"http://{host}".lower():
            return "it comes from a web page, by its Origin"
    return ""


def _without_port(host: str) -> str:
    """The name in a Host header."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isascii() and port.isdigit() else host


def _payload(body: bytes) -> dict[str, Any]:
    """Read a verified body, as far as it is what the reference shows."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _delivery(
    exchange: _Exchange,
    payload: Mapping[str, Any],
    *,
    verified: bool,
    answer: int,
    result: str,
    forwarded: int | None = None,
) -> Delivery:
    """Make the record of a delivery; the time is UTC, to the millisecond."""
    from datetime import UTC, datetime

    deployment, project = _object(payload.get("deployment")), _object(payload.get("project"))
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": _text(payload.get("event")),
        "project": _text(project.get("slug")) or _text(project.get("name")),
        "branch": _text(deployment.get("branch")),
        "status": _text(deployment.get("status")),
        "deployment_id": _text(deployment.get("id")),
        "verified": verified,
        "forwarded": forwarded,
        "answer": answer,
        "result": result,
        "milliseconds": round((time.monotonic() - exchange.began) * 1000),
    }


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
