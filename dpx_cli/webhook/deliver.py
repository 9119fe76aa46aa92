"""Send one request to a receiver, or to the site that `deploy --check` asks.

A delivery carries Content-Type, the two X-Deploxa headers and User-Agent (Host and Content-Length are HTTP's own):
never Authorization, a cookie, or httpx's own headers. No redirect is followed. Each delivery has a thread and a
connection of its own: a deadline for the whole exchange ends it, while httpx's timeouts are for each read.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli import __version__
from dpx_cli.errors import NetworkError, OutcomeUnknown, UsageError, reason
from dpx_cli.system import hosts, proxy, signals
from dpx_cli.system.hosts import is_loopback
from dpx_cli.system.loopback.guard import without_port

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

    import httpx

    from dpx_cli.system.loopback.guard import Header

SECONDS = 30.0  # for one delivery, from the name lookup to the end of the response
GRACE = 5.0  # seconds after which the abandoned thread ends by itself
SIGNATURE = b"X-Deploxa-Signature"
EVENT = b"X-Deploxa-Event"
CONTENT_TYPE = b"Content-Type"
CARRIED = (CONTENT_TYPE, SIGNATURE, EVENT)  # all that is sent on, in the reference's order

MAX_REPLY = 64 * 1024  # bytes of the receiver's body; the rest is not read
MAX_EXCERPT = 200  # characters of it that are shown


class Endpoint(NamedTuple):
    """A receiver's URL that was checked."""

    url: str  # absolute, without a fragment
    path: str  # and query, for error lines
    host: str
    port: int
    secure: bool  # https
    loopback: bool  # certain to be this machine

    @classmethod
    def parse(cls, text: str, flag: str) -> Endpoint:
        """Parse a URL; `localhost:3000/hook` is http on this machine, https elsewhere."""
        import httpx

        hint = f"Pass one like {flag} http://127.0.0.1:3000/webhook."
        if "://" not in text:
            name = without_port(text.partition("/")[0].partition("?")[0])
            text = f"{'http' if is_loopback(name) else 'https'}://{text}"
        parts = hosts.split_url(text, flag, hint=hint)
        if parts.scheme not in ("http", "https"):
            raise UsageError(f"{flag} must be an http or https URL.", hint=hint)
        secure = parts.scheme == "https"
        url = text.partition("#")[0]
        try:
            httpx.URL(url)
        except httpx.InvalidURL:
            raise UsageError(f"{flag} isn't a URL.", hint=hint) from None
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.hostname or ""
        return cls(url, path, host, parts.port or (443 if secure else 80), secure, is_loopback(host))


class Reply(NamedTuple):
    """A receiver's response: HTTP status, milliseconds from start to end, and the first MAX_REPLY bytes of its body."""

    status: int
    milliseconds: int
    body: bytes = b""

    @property
    def excerpt(self) -> str:
        """The first line of the body that is not blank, cut, not neutralized."""
        lines = self.body[: 4 * MAX_EXCERPT].decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in lines if line.strip()), "")[:MAX_EXCERPT]

    def as_json(self) -> dict[str, int]:
        """Return the response as commands print it."""
        return {"status": self.status, "milliseconds": self.milliseconds}


class NotDelivered(Exception):
    """No response came; `is_sent` if the receiver may have received the delivery, `is_late` after the deadline."""

    def __init__(self, reason: str, *, is_sent: bool, is_late: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_sent = is_sent
        self.is_late = is_late

    def as_error(self, endpoint: Endpoint) -> NetworkError | OutcomeUnknown:
        """Return the error for a receiver that wasn't reached, or whose response was lost."""
        request = f"POST {endpoint.path}"
        if self.is_sent:
            message = f"The delivery was sent to {endpoint.url}, but the response was lost: {self.reason}."
            return OutcomeUnknown(message, hint="Check the receiver's log.", request=request)
        message = f"Can't reach {endpoint.url}: {self.reason}."
        hint = "Check the URL and the network. If the certificate is your own authority's, set DPX_CA_BUNDLE."
        if endpoint.loopback and not endpoint.secure:
            hint = "Start the receiver, then try again."
        return NetworkError(message, hint=hint, request=request)


def headers(signature: str, event: str) -> list[Header]:
    """Return the headers of a new delivery."""
    return [(CONTENT_TYPE, b"application/json"), (SIGNATURE, signature.encode()), (EVENT, event.encode())]


def deliver(
    endpoint: Endpoint,
    body: bytes,
    with_headers: Sequence[Header],
    trust: Callable[[], ssl.SSLContext],
    seconds: float = SECONDS,
    *,
    method: str = "POST",
) -> Reply:
    """Send one delivery, byte for byte, once. Raise NotDelivered if no response comes within `seconds`."""
    began = time.monotonic()
    exchange = _Exchange(method, endpoint, body, with_headers, seconds)
    scheme = "https" if endpoint.secure else "http"
    through = None if endpoint.loopback else proxy.find(os.environ, scheme, endpoint.host, endpoint.port)
    client = _client(endpoint, trust, through)
    threading.Thread(target=exchange.run, args=(client,), name="dpx-delivery", daemon=True).start()
    if not signals.wait(exchange.ended, seconds):
        exchange.abort()
        if not exchange.status:
            raise NotDelivered(f"no response within {round(seconds, 1):g} s", is_sent=exchange.is_sent, is_late=True)
    if not exchange.status:
        way = f" (through the proxy in {through.variable})" if through else ""
        raise NotDelivered(_reason(exchange.failure) + way, is_sent=exchange.is_sent) from exchange.failure
    # With a status it has responded, even if the body was lost.
    return Reply(exchange.status, round((time.monotonic() - began) * 1000), bytes(exchange.reply[:MAX_REPLY]))


def deliver_now(
    endpoint: Endpoint, body: bytes, with_headers: Sequence[Header], trust: Callable[[], ssl.SSLContext]
) -> Reply:
    """Post one delivery; raise NetworkError if the receiver wasn't reached, OutcomeUnknown if its response was lost."""
    try:
        return deliver(endpoint, body, with_headers, trust)
    except NotDelivered as exc:
        raise exc.as_error(endpoint) from exc


class _Exchange:
    """One request and its response, in a thread that another one may give up."""

    def __init__(
        self, method: str, endpoint: Endpoint, body: bytes, with_headers: Sequence[Header], seconds: float
    ) -> None:
        import httpx

        self.ended = threading.Event()
        self.is_sent = False  # whether the receiver may have received something
        self.status = 0  # until the response comes
        self.reply = bytearray()
        self.failure: Exception | None = None
        self._stream: Any = None
        self._lock = threading.Lock()  # between giving up and beginning to send
        self._is_aborted = False
        url = httpx.URL(endpoint.url)
        name = url.netloc
        if url.host.endswith(".localhost"):
            url = url.copy_with(host="localhost")  # always this machine (RFC 6761)
        self._request = httpx.Request(
            method,
            url,
            headers=[(b"Host", name), *with_headers, (b"User-Agent", f"dpx/{__version__}".encode())],
            content=body,
            extensions={"trace": self._trace, "timeout": httpx.Timeout(seconds + GRACE).as_dict()},
        )

    def run(self, client: httpx.Client) -> None:
        """Send the request and read the response."""
        try:
            with client:
                response = client.send(self._request, stream=True)
                self.status = response.status_code
                for piece in response.iter_raw():
                    self.reply += piece
                    if len(self.reply) >= MAX_REPLY:
                        break
                response.close()
        except Exception as problem:  # noqa: BLE001 - the thread that waits raises it
            self.failure = problem
        self.ended.set()

    def abort(self) -> None:
        """End the thread soon: wake it from waiting for bytes, and send nothing that hasn't begun."""
        with self._lock:
            self._is_aborted = True
        if self._stream is not None:
            with contextlib.suppress(OSError):
                # A TLS socket's own shutdown forgets its encryption first.
                socket.socket.shutdown(self._stream.get_extra_info("socket"), socket.SHUT_RDWR)

    def _trace(self, name: str, info: Mapping[str, Any]) -> None:
        if name.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._stream = info["return_value"]
        if name.endswith(".send_request_headers.started"):
            with self._lock:
                if self._is_aborted:  # the name or the connection came too late, and the sender may try again
                    raise TimeoutError
                # CONNECT goes to the proxy; the receiver has received nothing yet.
                self.is_sent = self.is_sent or getattr(info.get("request"), "method", b"") != b"CONNECT"


def _client(endpoint: Endpoint, trust: Callable[[], ssl.SSLContext], through: proxy.Proxy | None) -> httpx.Client:
    import ssl

    import httpx

    used = None
    if through:
        try:
            used = httpx.Proxy(httpx.URL(scheme="http", host=through.host, port=through.port), headers=through.headers)
        except httpx.InvalidURL:
            raise UsageError(f"{through.variable} is not the URL of a proxy.") from None
    context = trust() if endpoint.secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.Client(verify=context, proxy=used, trust_env=False, follow_redirects=False)


def _reason(problem: Exception | None) -> str:
    """Return what the system says went wrong, from the first exception in the chain that knows."""
    link: BaseException | None = problem
    while link is not None:
        if isinstance(link, OSError) and link.strerror:
            return reason(link)
        link = link.__cause__ or link.__context__
    return str(problem).rstrip(".") or type(problem).__name__
