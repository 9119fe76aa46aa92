"""Which texts are host names, and which hosts are this machine."""

from __future__ import annotations


def is_loopback(host: str, *, names: bool = True) -> bool:
    """Return whether a host name or address, without a port, means this machine.

    `x.localhost` counts where dpx itself connects (RFC 6761), but not in a Host header, since a resolver may disagree.
    """
    host = host.strip("[]")
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
