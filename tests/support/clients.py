"""A client of an API root, without a session around it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fault_server import TOKEN

from dpx_cli.api.client import Client
from dpx_cli.api.transport import Connection

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from dpx_cli.system.proxy import Proxy


def client_of(
    url: str,
    *,
    timeout: float = 3.0,
    token: str = TOKEN,
    attempts: list[str] | None = None,
    notes: list[str] | None = None,
    read_only: str | None = None,
    context: Callable[[], ssl.SSLContext] | None = None,
    proxy: Proxy | None = None,
) -> Client:
    """A client of an API root."""
    parts = urlsplit(url)

    def no_context() -> ssl.SSLContext:
        raise AssertionError("http needs no TLS context")

    connection = Connection(
        parts.scheme, parts.hostname or "", parts.port or 443, context=context or no_context, proxy=proxy
    )
    return Client(
        url,
        token,
        connection,
        timeout=timeout,
        read_only=lambda: read_only,
        on_attempt=None if attempts is None else attempts.append,
        on_note=(lambda _: None) if notes is None else notes.append,
    )
