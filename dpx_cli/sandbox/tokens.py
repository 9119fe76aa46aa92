"""The tokens that a sandbox accepts, the person of each, and the rate limit."""

from __future__ import annotations

import hmac
import math
import re
import time
from collections.abc import Mapping

from dpx_cli.durations import delay
from dpx_cli.errors import UsageError
from dpx_cli.sandbox import Behavior

TOKEN = re.compile(r"(dpx_[!-9;-~]{1,500})(?::([^:]*))?(?::([^:]*))?")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Tokens:
    """The accepted tokens; `first` is the first one, as a client sends it, `owner` an email address.

    Without any in the options, one token is derived from the store's secret, so that it stays the same. Raises
    UsageError, which doesn't show a token, for what isn't `TOKEN`, `TOKEN:ROLE` or `TOKEN:ROLE:SECONDS`.
    """

    def __init__(self, behavior: Behavior, *, people: Mapping[str, str], secret: bytes, now: float) -> None:
        self.owner = people["owner"]
        self.first = ""
        self._known: dict[str, tuple[str, float]] = {}
        for text in behavior.tokens or [f"dpx_{hmac.digest(secret, b'token', 'sha256').hex()[:60]}"]:
            match = TOKEN.fullmatch(text)
            try:
                if match is None:
                    raise ValueError  # noqa: TRY301 - reported as an invalid lifetime is
                token, role, seconds = match[1], match[2] or behavior.role, behavior.token_ttl
                seconds = delay(match[3]) if match[3] is not None else math.inf if seconds is None else seconds
                self._known[token] = (people[role], now + seconds)
            except (KeyError, ValueError):
                raise UsageError(
                    "A --token of the sandbox is invalid.",
                    hint="Write it as dpx_TOKEN, dpx_TOKEN:ROLE or dpx_TOKEN:ROLE:SECONDS, without spaces. "
                    f"ROLE is one of {', '.join(people)}.",
                ) from None
            self.first = self.first or token

    def person(self, token: str, now: float) -> str | None:
        """Return the email address of a token's person; None if it is unknown or expired."""
        email, expires_at = self._known.get(token, (None, 0.0))
        return email if now < expires_at else None


class Rate:
    """The rate limit: `10/s` allows each token ten requests immediately and ten more per second."""

    def __init__(self, text: str) -> None:
        match = re.fullmatch(r"([0-9]{1,9})/([smh])", text)
        if match is None or not int(match[1]):
            raise UsageError(f"Invalid rate {text!r}.", hint="Write it like 10/s, 100/m or 1000/h.")
        self.size = float(match[1])
        self.per_second = self.size / UNITS[match[2]]
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, token: str) -> int:
        """Use up one request of a token; return 0, or the whole seconds to wait if it has none."""
        now = time.monotonic()
        left, then = self._buckets.get(token, (self.size, now))
        left = min(self.size, left + (now - then) * self.per_second)
        allowed = left >= 1
        self._buckets[token] = (left - 1 if allowed else left, now)
        return 0 if allowed else max(1, math.ceil((1 - left) / self.per_second))
