"""Receive webhooks on this machine: verify each delivery, report it, save it, forward it.

The listener is on 127.0.0.1 and never stops by itself: no client, receiver or disk can keep it from serving the next
delivery. Every connection serves one request, so one deadline bounds its headers and one its body.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import DpxError, Failed, UsageError
from dpx_cli.system import signals
from dpx_cli.system.loopback.page import WebPage
from dpx_cli.system.loopback.request import ClientDisconnected, Request, TooLarge, rejection_reason
from dpx_cli.webhook import deliver, record, saved, signature
from dpx_cli.webhook.deliver import NotDelivered
from dpx_cli.webhook.record import DeliveryResult, History

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Mapping, Sequence

    from dpx_cli.system.loopback.request import Header
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
        patience: seconds for the headers, and again for the body.

    Attributes:
        page_key: the fragment of the page's address.
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
        self.patience = patience
        self.history = History()
        self._page = WebPage(self._shown, {"replay": self._replay})
        self.page_key = self._page.key
        self._taken = 0
        self._served = 0
        self._lock = threading.RLock()
        self._done = threading.Event()
        self._failure: BaseException | None = None

    def run(self, port: int, ready: Callable[[str], None]) -> None:
        """Serve until the last delivery or Ctrl-C.

        Args:
            port: 0 for any free one.
            ready: called with the URL when connections are accepted.

        Raises:
            Failed: the port is in use.
            UsageError: the listener would forward to itself.
        """
        from dpx_cli.system.loopback.server import HOST, Server, bind

        with bind(port, Failed) as listening:
            port = listening.getsockname()[1]
            target = self.forward_to
            if target and target.loopback and target.port == port:
                raise UsageError("--forward-to is this listener.", hint="Pass the port of your own receiver.")
            with Server(listening, self._handle, patience=self.patience, max_connections=MAX_CONNECTIONS):
                ready(f"http://{HOST}:{port}")
                signals.wait(self._done)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the listener soon. May be called from any thread."""
        self._done.set()

    def _handle(self, request: Request) -> None:
        """Answer one request."""
        try:
            self._route(request)
        except (ClientDisconnected, ConnectionError):
            return
        except Exception as exc:  # noqa: BLE001 - no delivery may keep the next one from being served
            self._warn(f"A delivery failed inside dpx: {type(exc).__name__}: {exc}")
            request.respond(500, b"failed\n")

    def _route(self, request: Request) -> None:
        if refusal := rejection_reason(request, self.public_host):
            self._warn(f"Refused a request. {refusal}")
            request.respond(403, refusal.encode() + b"\n")
        elif WebPage.wanted(request):
            self._page.respond(request)
        elif request.method != "POST":
            request.respond(405, b"Deliveries are posted.\n", headers=[(b"allow", b"POST")])
        elif (body := self._read(request)) is not None:
            self._receive(request, body)

    def _read(self, request: Request) -> bytes | None:
        """Return the body; None if the request was refused."""
        try:
            return request.body(MAX_BODY)
        except TimeoutError:
            self._warn(f"Refused a delivery: its body didn't arrive within {self.patience:g} s.")
            request.respond(408, b"The body didn't arrive in time.\n")
        except TooLarge:
            self._warn("Refused a delivery: its body is over 1 MiB.")
            request.respond(413, b"The body is over 1 MiB.\n")
        return None

    def _receive(self, request: Request, body: bytes) -> None:
        values = request.values(b"x-deploxa-signature")
        given = values[0] if len(values) == 1 else b", ".join(values)
        if signature.verify(body, self.secret, given):
            self._take(request, body)
            return
        outcome = DeliveryResult(401, self._why_not(body, given, len(values)))
        delivery = record.describe({}, outcome, verified=False, began=request.began)
        self.history.add(delivery, request.headers, (), body)
        self._report(delivery)
        # The cause is for the person at this machine; the sender must learn nothing about the secret.
        request.respond(401, b"The signature does not match.\n")

    def _why_not(self, body: bytes, given: bytes, count: int) -> str:
        """Return why a signature was refused."""
        if count == 0:
            return "no X-Deploxa-Signature"
        return signature.mismatch(signature.explain(body, self.secret, given) if len(body) <= MAX_EXPLAINED else [])

    def _take(self, request: Request, body: bytes) -> None:
        """Save, forward and report a verified delivery."""
        payload = record.parse(body)
        named = (request.values(b"x-deploxa-event") or [b""])[0].decode("latin-1")
        # The header is not signed; the body is.
        event = record.text(payload.get("event")) or named or None
        if named and event != named:
            self._warn(f"The X-Deploxa-Event header is {named}, the event in the signed body is {event}.")
        if self.events and event not in self.events:
            request.respond(200, b"not listened for\n")
            return
        with self._lock:
            self._taken += 1
            is_late = bool(self.exit_after) and self._taken > self.exit_after
        if is_late:
            request.respond(503, b"The listener is about to stop.\n")
            return
        try:
            carried = [(name, values[0]) for name in deliver.CARRIED if (values := request.values(name.lower()))]
            outcome = self._save(event or "", body, carried) or self._forward(body, carried)
            delivery = record.describe({**payload, "event": event}, outcome, verified=True, began=request.began)
            self.history.add(delivery, request.headers, carried, body)
            self._report(delivery)
            request.respond(outcome.answer, b"" if outcome.forwarded else outcome.result.encode() + b"\n")
        finally:
            with self._lock:
                self._served += 1
                is_last = self._served == self.exit_after
            if is_last:
                self.stop()

    def _save(self, event: str, body: bytes, headers: list[Header]) -> DeliveryResult | None:
        """Save a delivery. If that fails, the sender gets an error: a 2xx means that it is saved."""
        if not self.save:
            return None
        try:
            saved.save(self.save, event, body, headers)
        except (DpxError, OSError) as exc:
            self._warn(f"A delivery was not saved: {exc}")
            return DeliveryResult(500, "not saved")
        return None

    def _forward(self, body: bytes, headers: Sequence[Header]) -> DeliveryResult:
        """Send a delivery on, as often as `retry` allows."""
        outcome = self._forward_once(body, headers)
        for again in range(self.retry):
            if outcome.answer != 429 and outcome.answer < 500:  # noqa: PLR2004 - what may be different the next time
                break
            time.sleep(min(0.5 * 2**again, MAX_PAUSE))
            outcome = self._forward_once(body, headers)
            outcome = outcome._replace(result=f"{outcome.result} (retry {again + 1})")
        return outcome

    def _forward_once(self, body: bytes, headers: Sequence[Header]) -> DeliveryResult:
        if self.forward_to is None:
            return DeliveryResult(200, "received")
        try:
            reply = deliver.deliver_once(self.forward_to, body, headers, self.trust)
        except NotDelivered as exc:
            return DeliveryResult(504 if exc.late else 502, f"not forwarded: {exc.reason}")
        if reply.status not in _STATUSES:
            return DeliveryResult(502, f"forwarded: {reply.status}, which is not an HTTP status", reply.status)
        return DeliveryResult(reply.status, f"forwarded: {reply.status} in {reply.milliseconds} ms", reply.status)

    def _repeat(self, kept: Kept) -> str:
        """Forward a delivery again and report it; return what became of it.

        Raises:
            UsageError: nothing is forwarded.
        """
        if self.forward_to is None:
            raise UsageError("There is no receiver to repeat it to. Start with --forward-to URL.")
        began = time.monotonic()
        outcome = self._forward(kept.body, kept.carried)
        outcome = outcome._replace(result=f"repeated, {outcome.result}")
        payload = {**record.parse(kept.body), "event": kept.delivery["event"]}
        delivery = record.describe(payload, outcome, verified=True, began=began)
        self.history.add(delivery, kept.headers, kept.carried, kept.body)
        self._report(delivery)
        return outcome.result

    def _replay(self, content: Mapping[str, Any]) -> str:
        """Repeat the delivery that the page names."""
        number = content.get("number")
        kept = self.history.find(number) if isinstance(number, int) else None
        if kept is None:
            raise UsageError("This delivery can't be replayed.")
        return self._repeat(kept)

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
            with self._lock:
                tell(what)
        except Exception as exc:  # noqa: BLE001 - raised again by `run`
            self._failure = self._failure or exc
            self._done.set()
