"""URLs that a user named: what each of them must be, whatever it is for.

Floor 0: imports `errors.py` alone. Schemes, hosts and paths are for the callers to judge: `settings.py` (the API),
`webhook/deliver.py` (receivers), `sandbox/server.py` (where it sends webhooks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from urllib.parse import SplitResult


def split(text: str, source: str, *, hint: str, userinfo_hint: str | None = None) -> SplitResult:
    """A URL in its parts: it has a host, a port that can be connected to, no user name and no password.

    Args:
        text: as given.
        source: where it came from, for messages: "--to", "DPX_API_URL".
        hint: what a right one looks like.
        userinfo_hint: where a user name or password belongs instead; the same hint, if not given.

    Raises:
        UsageError: for anything else. What may be a password is not shown.
    """
    # Here, so that no command without such a URL waits for urllib.
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{source} is not a URL", hint=hint) from None
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise UsageError(f"{source} has characters that a URL cannot have", hint=hint)
    _, bracket, rest = parts.netloc.rpartition("]")
    if bracket and (not parts.netloc.startswith("[") or rest.partition(":")[0]):
        # Python takes what is in the brackets for the host, and a reader what is around them.
        raise UsageError(f"{source} is not a URL", hint=hint)
    if "@" in parts.netloc:
        raise UsageError(f"{source} must not hold a user name or password", hint=userinfo_hint or hint)
    if not host or port == 0:
        raise UsageError(f"{source} is not a URL with a host: {text}", hint=hint)
    return parts
