"""Receive webhooks on this machine: verify each delivery, report it, save it, forward it.

The listener is on 127.0.0.1 and never stops by itself: no client, receiver or disk can keep it from serving the next
delivery. Every connection serves one request, so one deadline bounds its headers and one its body.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import DpxError, Failed, UsageError
from dpx_cli.system.loopback.exchange import Exchange, Gone, TooLarge, foreign
from dpx_cli.system.loopback.page import WebPage
from dpx_cli.webhook import deliver, keys, loop, record, saved, signature
from dpx_cli.webhook.deliver import NotDelivered
from dpx_cli.webhook.record import DeliveryResult, History

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Collection, Mapping, Sequence

    import httpx

    from dpx_cli.system.loopback.exchange import Header, Receive, Scope, Send
    from dpx_cli.system.loopback.server import Server
    from dpx_cli.webhook.deliver import Endpoint
    from dpx_cli.webhook.record import Delivery, Kept

MAX_BODY = 1024 * 1024
MAX_CONNECTIONS = 256  # at once; each may hold one body
MAX_EXPLAINED = 16 * 1024  # bytes; requests with invalid signatures must not keep the machine busy
MAX_PAUSE = 8.0  # seconds between two tries to forward
PATIENCE = 10.0  # seconds for a request's headers, and again for its body

_STATUSES = range(200, 600)


class Listener:
    """A listener, configured but not running.

    Args:
        secret: the webhook's secret.
        trust: returns the TLS context for an https receiver.
        report: called with each delivery; what it raises ends the listener.
        warn: called with each problem, as a sentence.
        forward_to: where verified deliveries are forwarded; None for nowhere.
        retry: how often a delivery is forwarded again if the receiver can't be reached or answers 429 or 5xx.
        events: the events of interest; empty for all. Others are answered 200, and neither reported nor forwarded.
        exit_after: stop after this many verified deliveries of interest; 0 for never.
        save: a directory to save them in; "" for none.
        public_host: the name of a tunnel that leads here; "" for none.
        keyboard: the file descriptor of a terminal, where r repeats the last delivery; None for none.
        patience: seconds for the headers, and again for the body.

    Attributes:
        page_key: the fragment of the page's address; "" if it needs none. Visitors of a tunnel can pretend to be on
            this machine, so with one the page needs a key.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        trust: Callable[[], ssl.SSLContext],
        report: Callable[[Delivery], None],
        warn: Callable[[str], None],
        forward_to: Endpoint | None = None,
        retry: int = 0,
        events: Collection[str] = (),
        exit_after: int = 0,
        save: str = "",
        public_host: str = "",
        keyboard: int | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.secret = secret
        self.trust = trust
        self.report = report
        self.warn = warn
        self.forward_to = forward_to
        self.retry = retry
        self.events = frozenset(events)
        self.exit_after = exit_after
        self.save = save
        self.public_host = public_host
        self.keyboard = keyboard
        self.patience = patience
        self.page_key = secrets.token_urlsafe(16) if public_host else ""
        self.history = History()
        self._page = WebPage(self._shown, {"replay": self._replay}, key=self.page_key)
        self._repeating: set[asyncio.Task[None]] = set()
        self._taken = 0
        self._served = 0
        self._sender: httpx.AsyncClient | None = None
        self._server: Server | None = None
        self._failure: asyncio.Future[None] | None = None

    def run(self, port: int, ready: Callable[[str], None]) -> None:
        """Serve until the last delivery or Ctrl-C.

        Args:
            port: 0 for any free one.
            ready: called with the URL when connections are accepted.

        Raises:
            Failed: the port is in use.
            UsageError: the listener would forward to itself.
        """
        from dpx_cli.system.loopback.server import HOST, bind

        with bind(port, Failed) as listening:
            port = listening.getsockname()[1]
            target = self.forward_to
            if target and target.loopback and target.port == port:
                raise UsageError("--forward-to is this listener.", hint="Pass the port of your own receiver.")
            loop.run(self._serve(listening, lambda: ready(f"http://{HOST}:{port}")))

    def stop(self) -> None:
        """End the listener soon. May be called from any thread."""
        if self._server:
            self._server.stop()

    async def _serve(self, listening: socket.socket, ready: Callable[[], None]) -> None:
        from dpx_cli.system.loopback.server import Server

        running = asyncio.get_running_loop()
        # asyncio would print broken connections.
        running.set_exception_handler(lambda _loop, _context: None)
        self._failure = running.create_future()
        async with contextlib.AsyncExitStack() as stack:
            if self.forward_to:
                self._sender = await stack.enter_async_context(deliver.client(self.forward_to, self.trust))
            self._server = Server(self._app, ready=ready, header_seconds=self.patience, max_connections=MAX_CONNECTIONS)
            if self.keyboard is not None:
                stack.enter_context(keys.watch(running, self.keyboard, self._press))
            serving = asyncio.create_task(self._server.serve(sockets=[listening]))
            await asyncio.wait((serving, self._failure), return_when=asyncio.FIRST_COMPLETED)
            if self._failure.done():
                self._failure.result()
            await serving

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        exchange = Exchange(scope, receive, send)
        try:
            await self._route(exchange)
        except Gone:
            return
        except Exception as exc:  # noqa: BLE001 - no delivery may keep the next one from being served
            self._warn(f"A delivery failed inside dpx: {type(exc).__name__}: {exc}")
            with contextlib.suppress(Exception):
                await exchange.answer(500, b"failed\n")

    async def _route(self, exchange: Exchange) -> None:
        if refusal := foreign(exchange, self.public_host):
            self._warn(f"Refused a request. {refusal}")
            await exchange.answer(403, refusal.encode() + b"\n")
        elif WebPage.wanted(exchange):
            await self._page.answer(exchange)
        elif exchange.method != "POST":
            await exchange.answer(405, b"Deliveries are posted.\n", headers=[(b"allow", b"POST")])
        elif (body := await self._read(exchange)) is not None:
            await self._receive(exchange, body)

    async def _read(self, exchange: Exchange) -> bytes | None:
        """Return the body; None if the request was refused."""
        try:
            async with asyncio.timeout(self.patience):
                return await exchange.body(MAX_BODY)
        except TimeoutError:
            self._warn(f"Refused a delivery: its body didn't arrive within {self.patience:g} s.")
            await exchange.answer(408, b"The body didn't arrive in time.\n")
        except TooLarge:
            self._warn("Refused a delivery: its body is over 1 MiB.")
            await exchange.answer(413, b"The body is over 1 MiB.\n")
        return None

    async def _receive(self, exchange: Exchange, body: bytes) -> None:
        values = exchange.values(b"x-deploxa-signature")
        given = values[0] if len(values) == 1 else b", ".join(values)
        if signature.verify(body, self.secret, given):
            await self._take(exchange, body)
            return
        outcome = DeliveryResult(401, self._why_not(body, given, len(values)))
        delivery = record.describe({}, outcome, verified=False, began=exchange.began)
        self.history.add(delivery, exchange.headers, (), body)
        self._report(delivery)
        # The cause is for the person at this machine; the sender must learn nothing about the secret.
        await exchange.answer(401, b"The signature does not match.\n")

    def _why_not(self, body: bytes, given: bytes, count: int) -> str:
        """Return why a signature was refused."""
        if count == 0:
            return "no X-Deploxa-Signature"
        return signature.mismatch(signature.explain(body, self.secret, given) if len(body) <= MAX_EXPLAINED else [])

    async def _take(self, exchange: Exchange, body: bytes) -> None:
        """Save, forward and report a verified delivery."""
        payload = record.parse(body)
        named = (exchange.values(b"x-deploxa-event") or [b""])[0].decode("latin-1")
        # The header is not signed; the body is.
        event = record.text(payload.get("event")) or named or None
        if named and event != named:
            self._warn(f"The X-Deploxa-Event header is {named}, the event in the signed body is {event}.")
        if self.events and event not in self.events:
            await exchange.answer(200, b"not listened for\n")
            return
        if self.exit_after and self._taken >= self.exit_after:
            await exchange.answer(503, b"The listener is about to stop.\n")
            return
        self._taken += 1
        try:
            carried = [(name, values[0]) for name in deliver.CARRIED if (values := exchange.values(name.lower()))]
            outcome = await self._save(event or "", body, carried) or await self._forward(body, carried)
            delivery = record.describe({**payload, "event": event}, outcome, verified=True, began=exchange.began)
            self.history.add(delivery, exchange.headers, carried, body)
            self._report(delivery)
            await exchange.answer(outcome.answer, b"" if outcome.forwarded else outcome.result.encode() + b"\n")
        finally:
            self._served += 1
            if self._served == self.exit_after:
                self.stop()

    async def _save(self, event: str, body: bytes, headers: list[Header]) -> DeliveryResult | None:
        """Save a delivery. If that fails, the sender gets an error: a 2xx means that it is saved."""
        if not self.save:
            return None
        try:
            await asyncio.to_thread(saved.save, self.save, event, body, headers)
        except (DpxError, OSError) as exc:
            self._warn(f"A delivery was not saved: {exc}")
            return DeliveryResult(500, "not saved")
        return None

    async def _forward(self, body: bytes, headers: Sequence[Header]) -> DeliveryResult:
        """Send a delivery on, as often as `retry` allows."""
        outcome = await self._forward_once(body, headers)
        for again in range(self.retry):
            if outcome.answer != 429 and outcome.answer < 500:  # noqa: PLR2004 - what may be different the next time
                break
            await asyncio.sleep(min(0.5 * 2**again, MAX_PAUSE))
            outcome = await self._forward_once(body, headers)
            outcome = outcome._replace(result=f"{outcome.result} (retry {again + 1})")
        return outcome

    async def _forward_once(self, body: bytes, headers: Sequence[Header]) -> DeliveryResult:
        if self.forward_to is None or self._sender is None:
            return DeliveryResult(200, "received")
        try:
            reply = await deliver.deliver(self._sender, self.forward_to, body, headers)
        except NotDelivered as exc:
            return DeliveryResult(504 if exc.late else 502, f"not forwarded: {exc.reason}")
        if reply.status not in _STATUSES:
            return DeliveryResult(502, f"forwarded: {reply.status}, which is not an HTTP status", reply.status)
        return DeliveryResult(reply.status, f"forwarded: {reply.status} in {reply.milliseconds} ms", reply.status)

    async def _repeat(self, kept: Kept) -> str:
        """Forward a delivery again and report it; return what became of it.

        Raises:
            UsageError: nothing is forwarded.
        """
        if self.forward_to is None:
            raise UsageError("There is no receiver to repeat it to. Start with --forward-to URL.")
        began = time.monotonic()
        outcome = await self._forward(kept.body, kept.carried)
        outcome = outcome._replace(result=f"repeated, {outcome.result}")
        payload = {**record.parse(kept.body), "event": kept.delivery["event"]}
        delivery = record.describe(payload, outcome, verified=True, began=began)
        self.history.add(delivery, kept.headers, kept.carried, kept.body)
        self._report(delivery)
        return outcome.result

    def _press(self, key: str) -> None:
        """Repeat the last verified delivery if r is pressed."""
        if key.lower() == "r":
            task = asyncio.get_running_loop().create_task(self._repeat_last())
            self._repeating.add(task)
            task.add_done_callback(self._repeating.discard)

    async def _repeat_last(self) -> None:
        last = self.history.last
        if last is None:
            self._warn("There is no verified delivery to repeat yet.")
            return
        try:
            await self._repeat(last)
        except UsageError as exc:
            self._warn(exc.message)

    async def _replay(self, content: Mapping[str, Any]) -> str:
        """Repeat the delivery that the page names."""
        number = content.get("number")
        kept = self.history.find(number) if isinstance(number, int) else None
        if kept is None:
            raise UsageError("This delivery can't be replayed.")
        return await self._repeat(kept)

    def _shown(self, after: int) -> dict[str, Any]:
        """Return what the page shows: the deliveries after this number."""
        return {
            "kind": "listener",
            "forwardTo": self.forward_to.url if self.forward_to else None,
            "deliveries": [record.shown(kept) for kept in self.history.after(after)],
        }

    def _report(self, delivery: Delivery) -> None:
        self._tell(self.report, delivery)

    def _warn(self, text: str) -> None:
        self._tell(self.warn, text)

    def _tell(self, tell: Callable[[Any], None], what: Any) -> None:
        """Report something; if the reader is gone, end the listener with what was raised."""
        try:
            tell(what)
        except Exception as exc:  # noqa: BLE001 - raised again by _serve; uvicorn would swallow it
            if self._failure and not self._failure.done():
                self._failure.set_exception(exc)
