"""URLs of users, which texts are host names, and which hosts are this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from urllib.parse import SplitResult


def is_loopback(host: str, *, names: bool = True) -> bool:
    """Return whether a host name or address, without a port, means this machine.

    `x.localhost` counts where dpx itself connects (RFC 6761), but not in a Host header, since a resolver may disagree.
    """
    host = host.strip("[]").lower()
    if host in ("localhost", "::1") or (names and host.endswith(".localhost")):
        return True
    parts = host.split(".")
    # Without leading zeros, which some resolvers take for octal, and "09" for a name to look up.
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit() and str(int(part[:3])) == part]
    return len(parts) == len(numbers) == 4 and numbers[0] == 127 and max(numbers) <= 255  # noqa: PLR2004 - 127.0.0.0/8


def is_host_name(text: str) -> bool:
    """Return whether a text is a host name: labels of ASCII letters, digits, `-` and `_`, without a port."""
    import re

    label = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    return re.fullmatch(rf"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*{label}", text) is not None


def split_url(text: str, source: str, *, hint: str, userinfo_hint: str | None = None) -> SplitResult:
    """Split a URL that has a host, a usable port, no user name and no password.

    `source` is where it came from, for messages: "--to", "DPX_API_URL". `userinfo_hint` says where a user name or
    password belongs instead.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{source} is not a URL.", hint=hint) from None
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise UsageError(f"{source} contains characters that a URL can't.", hint=hint)
    _, bracket, rest = parts.netloc.rpartition("]")
    if bracket and (not parts.netloc.startswith("[") or rest.partition(":")[0]):
        # Python takes what is inside the brackets for the host, a reader what is around them.
        raise UsageError(f"{source} is not a URL.", hint=hint)
    if "@" in parts.netloc:
        raise UsageError(f"{source} must not contain a user name or password.", hint=userinfo_hint or hint)
    if not host or port == 0:
        raise UsageError(f"{source} is not a URL with a host.", hint=hint)
    return parts
