"""Send one delivery to a receiver: what `send`, `replay` and the forwarding of `listen` have in common.

A delivery carries Content-Type, the two X-Deploxa headers and User-Agent (Host and Content-Length are HTTP's own):
never Authorization, never a cookie, never the headers of httpx. No redirect is followed, and the deadline is for the
whole exchange, where httpx's time-outs are for each read.

Floor 1; neighbours: `signature.py`, `events.py`, `saved.py`, `listener.py`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dpx_cli import __version__
from dpx_cli.errors import NetworkError, OutcomeUnknown, UsageError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import httpx

SECONDS = 30.0  # for one delivery, from the look-up of the name to the end of the answer
SIGNATURE = b"X-Deploxa-Signature"
EVENT = b"X-Deploxa-Event"
CONTENT_TYPE = b"Content-Type"
CARRIED = (CONTENT_TYPE, SIGNATURE, EVENT)  # all that is sent on, in the reference's order

_LONGEST_ANSWER = 64 * 1024  # of the receiver's body; the rest is not read
_EXCERPT = 200  # characters of it that are shown

Header = tuple[bytes, bytes]


class Target:
    """A receiver's URL that was checked.

    Attributes:
        url: as given.
        path: path and query, for error lines.
        host: name or address.
        port: the port, the scheme's own where the URL has none.
        secure: whether it is https.
        loopback: whether it is certain to be this machine.
    """

    __slots__ = ("host", "loopback", "path", "port", "secure", "url")

    def __init__(self, text: str, flag: str) -> None:
        """Check a URL.

        Raises:
            UsageError: not http or https, no host, a user name or password, characters that no URL has.
        """
        from dpx_cli.config import urls

        hint = f"give one like {flag} http://127.0.0.1:3000/webhook"
        parts = urls.split(text, flag, hint=hint)
        if parts.scheme not in ("http", "https"):
            raise UsageError(f"{flag} must be an http or https URL", hint=hint)
        self.secure = parts.scheme == "https"
        self.url = text.partition("#")[0]
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.secure else 80)
        self.loopback = is_loopback(self.host)
        httpx = _httpx()
        try:
            httpx.URL(self.url)
        except httpx.InvalidURL:
            raise UsageError(f"{flag} is not a URL", hint=hint) from None


def is_loopback(host: str) -> bool:
    """Whether a host is certain to be this machine.

    Stricter than `settings.is_loopback`: a resolver may send `name.localhost` anywhere, and what is forwarded there is
    signed.
    """
    import ipaddress

    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Answer:
    """What a receiver said.

    Attributes:
        status: the HTTP status.
        milliseconds: from the start to the end of its answer.
        excerpt: the first line of its body, at most 200 characters, not neutralized.
    """

    __slots__ = ("excerpt", "milliseconds", "status")

    def __init__(self, status: int, milliseconds: int, excerpt: str) -> None:
        self.status = status
        self.milliseconds = milliseconds
        self.excerpt = excerpt


class NotDelivered(Exception):
    """No answer came.

    Attributes:
        reason: why, in words.
        sent: whether the receiver may have got the delivery.
        late: whether the deadline passed.
    """

    def __init__(self, reason: str, *, sent: bool, late: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.late = late


def headers(signature: str, event: str) -> list[Header]:
    """Make the headers of a new delivery."""
    return [(CONTENT_TYPE, b"application/json"), (SIGNATURE, signature.encode()), (EVENT, event.encode())]


def client(target: Target, trust: Callable[[], ssl.SSLContext]) -> httpx.AsyncClient:
    """Make the client for one target; proxies of the environment are for receivers elsewhere alone.

    Args:
        target: the receiver.
        trust: gives the TLS context for an https receiver.

    Raises:
        UsageError: the environment names a proxy of a kind that httpx does not speak.
    """
    library = _httpx()
    try:
        made: httpx.AsyncClient = library.AsyncClient(
            verify=trust() if target.secure else _trust_nobody(),
            trust_env=not target.loopback,
            follow_redirects=False,
            # A connection that the receiver is about to close would lose a delivery now and then.
            limits=library.Limits(max_keepalive_connections=0),
        )
    except (ImportError, ValueError, library.InvalidURL) as exc:
        raise UsageError(
            # Not what httpx says of it: a password that breaks the URL would be in that.
            "the proxy that the environment names cannot be used",
            hint="set HTTPS_PROXY to an http:// URL",
        ) from exc
    return made


async def deliver(
    sender: httpx.AsyncClient, target: Target, body: bytes, with_headers: Sequence[Header], seconds: float = SECONDS
) -> Answer:
    """Post one delivery, byte for byte, once.

    Raises:
        NotDelivered: not reached, or no answer within `seconds`.
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
            # CONNECT goes to the proxy; the receiver has seen nothing yet.
            sent = sent or getattr(info.get("request"), "method", b"") != b"CONNECT"

    request = httpx.Request(
        "POST",
        target.url,
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
                    if len(start) > _LONGEST_ANSWER:
                        break
            finally:
                await response.aclose()
    except TimeoutError as exc:
        if not status:
            raise NotDelivered(f"no answer within {seconds:g} s", sent=sent, late=True) from exc
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ssl.SSLError, ValueError) as exc:
        if not status:  # with a status it has answered, whatever became of the body
            raise NotDelivered(_reason(exc), sent=sent) from exc
    return Answer(status, round((time.monotonic() - began) * 1000), _excerpt(start))


def deliver_now(
    target: Target, body: bytes, with_headers: Sequence[Header], trust: Callable[[], ssl.SSLContext]
) -> Answer:
    """Post one delivery and wait for the answer.

    Raises:
        NetworkError: the receiver was not reached.
        OutcomeUnknown: it was sent, and no answer came.
    """
    from dpx_cli.webhook import loop

    async def once() -> Answer:
        async with client(target, trust) as sender:
            return await deliver(sender, target, body, with_headers)

    try:
        return loop.run(once())
    except NotDelivered as exc:
        request = f"POST {target.path}"
        if exc.sent:
            raise OutcomeUnknown(
                f"it was sent to {target.url} and the answer was lost: {exc.reason}",
                hint="look into the receiver's own log",
                request=request,
            ) from exc
        raise NetworkError(
            f"cannot reach {target.url}: {exc.reason}", hint="start the receiver, then try again", request=request
        ) from exc


def _httpx() -> Any:
    """Import httpx without its own command line, which would bring click, rich and pygments."""
    import sys

    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None keeps a module from being imported
    import httpx

    return httpx


def _trust_nobody() -> ssl.SSLContext:
    """Make a context for a URL that needs none; httpx would read a whole bundle for it."""
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _excerpt(body: bytes | bytearray) -> str:
    """The first line of a body that has words in it, cut."""
    lines = body[: 4 * _EXCERPT].decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in lines if line.strip()), "")[:_EXCERPT]


def _reason(exc: BaseException) -> str:
    """The system's own words for what went wrong, from wherever the libraries have wrapped them."""
    import os
    import socket
    import ssl

    for link in _causes(exc):
        if isinstance(link, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {link.verify_message}"
        if isinstance(link, OSError) and link.strerror:
            # asyncio puts addresses into strerror; a look-up's or TLS's number is none of the system's.
            own = isinstance(link, socket.gaierror | ssl.SSLError)
            words = os.strerror(link.errno) if link.errno and not own else link.strerror
            return words[:1].lower() + words[1:]
    return str(exc) or type(exc).__name__


def _causes(exc: BaseException | None, depth: int = 8) -> Iterator[BaseException]:
    """Walk an exception's causes, into groups too."""
    if exc is None or depth == 0:
        return
    yield exc
    if isinstance(exc, BaseExceptionGroup):
        for inner in exc.exceptions:
            yield from _causes(inner, depth - 1)
    yield from _causes(exc.__cause__ or exc.__context__, depth - 1)
