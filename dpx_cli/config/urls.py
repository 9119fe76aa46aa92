"""Check URLs of users; schemes, hosts and paths are for the callers to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from urllib.parse import SplitResult


def split(text: str, source: str, *, hint: str, userinfo_hint: str | None = None) -> SplitResult:
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
