"""Receive webhooks on this machine: verify each delivery, report it, save it, forward it.

The listener is on 127.0.0.1 and never stops by itself: no client, receiver or disk can keep it from serving the next
delivery. Every connection serves one request, so one deadline bounds its headers and one its body.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import DpxError, Failed, UsageError
from dpx_cli.system import signals
from dpx_cli.system.hosts import is_host_name, is_loopback
from dpx_cli.system.loopback.guard import rejection_reason, without_port
from dpx_cli.system.loopback.page import WebPage
from dpx_cli.system.loopback.server import HOST, ClientDisconnected, Server, TooLarge, bind
from dpx_cli.webhook import deliver, explain, record, saved, signature
from dpx_cli.webhook.deliver import NotDelivered
from dpx_cli.webhook.record import DeliveryResult, History, RecordedDelivery

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Mapping, Sequence

    from dpx_cli.system.loopback.guard import Header
    from dpx_cli.system.loopback.server import Connection
    from dpx_cli.webhook.deliver import Endpoint

MAX_BODY = 1024 * 1024
PATIENCE = 10.0  # seconds for a request's headers, and again for its body


@dataclass
class Listener:
    """A listener, configured but not running.

    `report` is called with each delivery; what it raises ends the listener. `warn` is called with each problem, as a
    sentence. Events other than `events` get 200, and are neither reported nor forwarded. `public_host` is the name of
    a tunnel that leads here. A request has `patience` seconds for its headers, and again for its body.
    """

    secret: bytes
    trust: Callable[[], ssl.SSLContext]
    report: Callable[[dict[str, Any]], None]
    warn: Callable[[str], None]
    forward_to: Endpoint | None = None
    events: Collection[str] = ()
    save: str = ""
    public_host: str = ""
    patience: float = PATIENCE

    def __post_init__(self) -> None:
        self.history = History()
        self._page = WebPage(self._describe, {"replay": self._replay})
        self.page_key = self._page.key  # the fragment of the page's address
        self._saving = ThreadPoolExecutor(1)  # one queue: deliveries that come together don't wait for a lock
        self._explaining = threading.Lock()
        self._lock = threading.RLock()
        self._done = threading.Event()
        self._failure: BaseException | None = None

    def run(self, port: int, ready: Callable[[str], None]) -> None:
        """Serve on a port (0 for any free one) until `stop` or Ctrl-C; call `ready` with the URL when it accepts."""
        if self.save:
            saved.prepare(self.save)
        with bind(port, Failed) as listening:
            port = listening.getsockname()[1]
            target = self.forward_to
            if target and target.loopback and target.port == port:
                raise UsageError("--forward-to is this listener.", hint="Pass the port of your own receiver.")
            with Server(listening, self._handle, patience=self.patience):
                ready(f"http://{HOST}:{port}")
                signals.wait(self._done)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the listener soon. May be called from any thread."""
        self._done.set()

    def _handle(self, request: Connection) -> None:
        try:
            self._route(request)
        except (ClientDisconnected, ConnectionError):
            return
        except Exception as exc:  # noqa: BLE001 - no delivery may keep the next one from being served
            self._warn(f"A delivery failed inside dpx: {type(exc).__name__}: {exc}")
            request.respond(500, b"failed\n")

    def _route(self, request: Connection) -> None:
        if refusal := rejection_reason(request.headers, self.public_host):
            self._warn(f"Refused a request. {refusal}{_tunnel_hint(request)}")
            request.respond(403, refusal.encode() + b"\n")
        elif WebPage.wanted(request):
            self._page.respond(request)
        elif request.method != "POST":
            request.respond(405, b"Deliveries are posted.\n", headers=[(b"allow", b"POST")])
        elif (body := self._read(request)) is not None:
            self._receive(request, body)

    def _read(self, request: Connection) -> bytes | None:
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

    def _receive(self, request: Connection, body: bytes) -> None:
        values = request.values(b"x-deploxa-signature")
        header = b", ".join(values)
        if signature.verify(body, self.secret, header):
            self._accept(request, body)
            return
        outcome = DeliveryResult(401, f"{len(values) or 'no'} X-Deploxa-Signature")
        if len(values) == 1:
            with self._explaining:  # one at a time: invalid deliveries must not keep the machine busy
                findings = explain.explain(body, self.secret, header)
            outcome = DeliveryResult(401, explain.mismatch(findings), hint=explain.hint(findings))
        delivery = record.describe({}, outcome, request.began)
        self._record(RecordedDelivery(delivery, outcome, request.headers, (), body))
        # The cause is for the person at this machine; the sender must learn nothing about the secret.
        request.respond(401, b"The signature does not match.\n")

    def _accept(self, request: Connection, body: bytes) -> None:
        """Save, forward and report a verified delivery."""
        payload = record.parse(body)
        header = (request.values(b"x-deploxa-event") or [b""])[0].decode("latin-1")
        # The header is not signed; the body is.
        event = record.text(payload, "event") or header or None
        if header and event != header:
            self._warn(f"The X-Deploxa-Event header is {header}, the event in the signed body is {event}.")
        if self.events and event not in self.events:
            request.respond(200, b"not listened for\n")
            return
        headers = [(name, values[0]) for name in deliver.CARRIED if (values := request.values(name.lower()))]
        outcome = self._save(event or "", body, headers) or self._forward(body, headers)
        delivery = record.describe({**payload, "event": event}, outcome, request.began)
        self._record(RecordedDelivery(delivery, outcome, request.headers, headers, body))
        request.respond(outcome.answer, b"" if outcome.reply else outcome.result.encode() + b"\n")

    def _save(self, event: str, body: bytes, headers: list[Header]) -> DeliveryResult | None:
        """Save a delivery. If that fails, the sender gets an error: a 2xx means that it is saved."""
        if not self.save:
            return None
        try:
            self._saving.submit(saved.save, self.save, event, body, headers).result()
        except (DpxError, OSError) as exc:
            self._warn(f"A delivery was not saved: {exc}")
            return DeliveryResult(500, "not saved")
        return None

    def _forward(self, body: bytes, headers: Sequence[Header]) -> DeliveryResult:
        if self.forward_to is None:
            return DeliveryResult(200, "received")
        try:
            reply = deliver.deliver(self.forward_to, body, headers, self.trust)
        except NotDelivered as exc:
            return DeliveryResult(504 if exc.is_late else 502, f"not forwarded: {exc.reason}")
        return DeliveryResult(reply.status, f"forwarded: {reply.status} in {reply.milliseconds} ms", reply)

    def _replay(self, content: Mapping[str, Any]) -> str:
        """Forward a delivery of the page again and report it; return what became of it."""
        number = content.get("number")
        recorded = self.history.find(number) if isinstance(number, int) else None
        if recorded is None:
            raise UsageError("This delivery can't be replayed.")
        if self.forward_to is None:
            raise UsageError("There is no receiver to replay it to. Start with --forward-to URL.")
        began = time.monotonic()
        outcome = self._forward(recorded.body, recorded.forwarded_headers)
        outcome = outcome._replace(result=f"replayed, {outcome.result}")
        payload = {**record.parse(recorded.body), "event": recorded.delivery["event"]}
        self._record(recorded._replace(delivery=record.describe(payload, outcome, began), outcome=outcome))
        return outcome.result

    def _record(self, recorded: RecordedDelivery) -> None:
        self.history.add(recorded)
        self._call(self.report, recorded.delivery)

    def _describe(self, after: int) -> dict[str, Any]:
        """Return what the page shows: the deliveries after this number."""
        return {
            "kind": "listener",
            "forwardTo": self.forward_to.url if self.forward_to else None,
            "deliveries": [recorded.as_json() for recorded in self.history.after(after)],
        }

    def _warn(self, text: str) -> None:
        self._call(self.warn, text)

    def _call(self, report: Callable[[Any], None], subject: Any) -> None:
        """Report something; if the reader is gone, end the listener with what was raised."""
        try:
            with self._lock:
                report(subject)
        except Exception as exc:  # noqa: BLE001 - raised again by `run`
            self._failure = self._failure or exc
            self._done.set()


def _tunnel_hint(request: Connection) -> str:
    """Return the option that admits a tunnel's name, if the request came with one."""
    hosts = request.values(b"host")
    name = without_port(hosts[0].decode("latin-1")).lower() if len(hosts) == 1 else ""
    is_tunnel = is_host_name(name) and not is_loopback(name)
    return f" If {name} is your tunnel, pass --public-host {name}." if is_tunnel else ""
