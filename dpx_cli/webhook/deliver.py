"""Send one delivery to a receiver: what `send`, `replay`, `check` and the forwarding of `listen` have in common.

A delivery carries Content-Type, the two X-Deploxa headers and User-Agent (Host and Content-Length are HTTP's own):
never Authorization, a cookie, or httpx's own headers. No redirect is followed, and the deadline is for the whole
exchange, while httpx's timeouts are for each read.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli import __version__
from dpx_cli.errors import NetworkError, OutcomeUnknown, UsageError
from dpx_cli.system.hosts import is_loopback
from dpx_cli.system.loopback.request import without_port

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx

    from dpx_cli.system.loopback.request import Header

SECONDS = 30.0  # for one delivery, from the name lookup to the end of the response
SIGNATURE = b"X-Deploxa-Signature"
EVENT = b"X-Deploxa-Event"
CONTENT_TYPE = b"Content-Type"
CARRIED = (CONTENT_TYPE, SIGNATURE, EVENT)  # all that is sent on, in the reference's order

_MAX_REPLY = 64 * 1024  # bytes of the receiver's body; the rest is not read
_MAX_EXCERPT = 200  # characters of it that are shown


class Endpoint(NamedTuple):
    """A receiver's URL that was checked.

    Attributes:
        url: absolute, without a fragment.
        path: path and query, for error lines.
        host: name or address.
        port: the port, the scheme's own if the URL has none.
        secure: whether it is https.
        loopback: whether it is certain to be this machine.
    """

    url: str
    path: str
    host: str
    port: int
    secure: bool
    loopback: bool

    @classmethod
    def parse(cls, text: str, flag: str) -> Endpoint:
        """Parse a URL. `localhost:3000/hook` is taken too: http on this machine, https elsewhere.

        Raises:
            UsageError: not http or https, no host, a user name or password, characters that a URL can't have.
        """
        from dpx_cli.config import urls

        hint = f"Pass one like {flag} http://127.0.0.1:3000/webhook."
        if "://" not in text:
            name = without_port(text.partition("/")[0].partition("?")[0])
            text = f"{'http' if is_loopback(name) else 'https'}://{text}"
        parts = urls.split(text, flag, hint=hint)
        if parts.scheme not in ("http", "https"):
            raise UsageError(f"{flag} must be an http or https URL.", hint=hint)
        secure = parts.scheme == "https"
        url = text.partition("#")[0]
        httpx = _httpx()
        try:
            httpx.URL(url)
        except httpx.InvalidURL:
            raise UsageError(f"{flag} isn't a URL.", hint=hint) from None
        host = parts.hostname or ""
        return cls(
            url=url,
            path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            host=host,
            port=parts.port or (443 if secure else 80),
            secure=secure,
            loopback=is_loopback(host),
        )


class Reply(NamedTuple):
    """A receiver's response.

    Attributes:
        status: the HTTP status.
        milliseconds: from the start to the end of the response.
        excerpt: the first line of its body, at most 200 characters, not neutralized.
    """

    status: int
    milliseconds: int
    excerpt: str

    @property
    def accepted(self) -> bool:
        """Whether the receiver accepted the delivery: 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - 2xx

    @property
    def shown(self) -> dict[str, int]:
        """The response as commands print it."""
        return {"status": self.status, "milliseconds": self.milliseconds}


class NotDelivered(Exception):
    """No response came.

    Attributes:
        reason: why, in words.
        sent: whether the receiver may have received the delivery.
        late: whether the deadline passed.
    """

    def __init__(self, reason: str, *, sent: bool, late: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.late = late


def headers(signature: str, event: str) -> list[Header]:
    """Return the headers of a new delivery."""
    return [(CONTENT_TYPE, b"application/json"), (SIGNATURE, signature.encode()), (EVENT, event.encode())]


def client(endpoint: Endpoint, trust: Callable[[], ssl.SSLContext]) -> httpx.AsyncClient:
    """Return the client for one receiver; the environment's proxies are used for other machines only.

    Args:
        endpoint: the receiver.
        trust: returns the TLS context for an https receiver.

    Raises:
        UsageError: httpx does not support the environment's proxy.
    """
    library = _httpx()
    try:
        made: httpx.AsyncClient = library.AsyncClient(
            verify=trust() if endpoint.secure else _no_trust(),
            trust_env=not endpoint.loopback,
            follow_redirects=False,
            # A kept connection that the receiver is about to close would lose a delivery now and then.
            limits=library.Limits(max_keepalive_connections=0),
        )
    except (ImportError, ValueError, library.InvalidURL) as exc:
        raise UsageError(
            # httpx's own message is not shown: it can hold the proxy's password.
            "The environment's proxy can't be used.",
            hint="Set HTTPS_PROXY to an http:// URL.",
        ) from exc
    return made


async def deliver(
    sender: httpx.AsyncClient, endpoint: Endpoint, body: bytes, with_headers: Sequence[Header], seconds: float = SECONDS
) -> Reply:
    """Post one delivery, byte for byte, once.

    Raises:
        NotDelivered: not reached, or no response within `seconds`.
    """
    import asyncio
    import ssl

    httpx = _httpx()
    sent = False
    status = 0
    start = bytearray()

    async def trace(name: str, info: Mapping[str, Any]) -> None:
        nonlocal sent
        if name.endswith(".send_request_headers.started"):
            # CONNECT goes to the proxy; the receiver has received nothing yet.
            sent = sent or getattr(info.get("request"), "method", b"") != b"CONNECT"

    request = httpx.Request(
        "POST",
        endpoint.url,
        headers=[*with_headers, (b"User-Agent", f"dpx/{__version__}".encode())],
        content=body,
        extensions={"trace": trace},
    )
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            response = await sender.send(request, stream=True)
            status = response.status_code
            try:
                async for piece in response.aiter_raw():
                    start += piece
                    if len(start) > _MAX_REPLY:
                        break
            finally:
                await response.aclose()
    except TimeoutError as exc:
        if not status:
            raise NotDelivered(f"no response within {seconds:g} s", sent=sent, late=True) from exc
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ssl.SSLError, ValueError) as exc:
        if not status:  # With a status it has answered, even if the body was lost.
            raise NotDelivered(_reason(exc), sent=sent) from exc
    return Reply(status, round((time.monotonic() - began) * 1000), _excerpt(start))


def deliver_once(
    endpoint: Endpoint,
    body: bytes,
    with_headers: Sequence[Header],
    trust: Callable[[], ssl.SSLContext],
    seconds: float = SECONDS,
) -> Reply:
    """Post one delivery over a connection of its own and wait for the response. Raises NotDelivered as `deliver`."""
    from dpx_cli.webhook import loop

    async def once() -> Reply:
        async with client(endpoint, trust) as sender:
            return await deliver(sender, endpoint, body, with_headers, seconds)

    return loop.run(once())


def deliver_now(
    endpoint: Endpoint, body: bytes, with_headers: Sequence[Header], trust: Callable[[], ssl.SSLContext]
) -> Reply:
    """Post one delivery and wait for the response.

    Raises:
        NetworkError: the receiver was not reached.
        OutcomeUnknown: it was sent, and no response came.
    """
    try:
        return deliver_once(endpoint, body, with_headers, trust)
    except NotDelivered as exc:
        if exc.sent:
            raise OutcomeUnknown(
                f"The delivery was sent to {endpoint.url}, but the response was lost: {exc.reason}.",
                hint="Check the receiver's log.",
                request=f"POST {endpoint.path}",
            ) from exc
        raise unreachable(endpoint, exc) from exc


def unreachable(endpoint: Endpoint, problem: NotDelivered) -> NetworkError:
    """Return the error for a receiver that can't be reached."""
    return NetworkError(
        f"Can't reach {endpoint.url}: {problem.reason}.",
        hint="Start the receiver, then try again.",
        request=f"POST {endpoint.path}",
    )


def _httpx() -> Any:
    """Import httpx without its own command line, which would bring click, rich and pygments."""
    import sys

    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None keeps the module from being imported
    import httpx

    return httpx


def _no_trust() -> ssl.SSLContext:
    """Return an empty context for an http URL; httpx would load all certificates for it."""
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _excerpt(body: bytes | bytearray) -> str:
    """Return the first line of a body that is not blank, cut."""
    lines = body[: 4 * _MAX_EXCERPT].decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in lines if line.strip()), "")[:_MAX_EXCERPT]


def _reason(exc: BaseException) -> str:
    """Return what the system says went wrong, from the innermost exception that knows."""
    import os
    import socket
    import ssl

    for link in _causes(exc):
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {link.verify_message}"
        if isinstance(link, OSError) and link.strerror:
            # asyncio puts addresses into strerror; numbers of name lookups and TLS are not the system's.
            own = isinstance(link, socket.gaierror | ssl.SSLError)
            words = os.strerror(link.errno) if link.errno and not own else link.strerror
            return words[:1].lower() + words[1:]
    return str(exc) or type(exc).__name__


def _causes(exc: BaseException | None, depth: int = 8) -> Iterator[BaseException]:
    """Yield an exception and its causes, also those in groups."""
    if exc is None or depth == 0:
        return
    yield exc
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            yield from _causes(inner, depth - 1)
    yield from _causes(exc.__cause__ or exc.__context__, depth - 1)
