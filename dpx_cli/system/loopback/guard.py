"""Tell a web page from a program.

A page in a browser on this machine can send requests to the loopback interface, and a name of its owner's can resolve
to 127.0.0.1. Host and Origin headers give both away.
"""

from __future__ import annotations

from collections.abc import Sequence

from dpx_cli.system.hosts import is_loopback

Header = tuple[bytes, bytes]


def rejection_reason(headers: Sequence[Header], public_host: str = "") -> str:
    """Return why a request is not for this server, in one sentence; "" if it may be.

    `public_host` is a tunnel's name, which may be the Host too; no web page is served under it.
    """
    hosts = [value for name, value in headers if name == b"host"]
    host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
    name = without_port(host).lower()
    if not is_loopback(name, names=False) and not (public_host and name == public_host.lower()):
        return "Its Host header isn't this machine."
    for header, value in headers:
        is_own = is_loopback(name, names=False) and value.decode("latin-1").lower() == f"http://{host}".lower()
        if header == b"origin" and not is_own:
            return "Its Origin header is a web page of another site."
    return ""


def without_port(host: str) -> str:
    """Return the name in a Host header."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isascii() and port.isdigit() else host
