"""The rate limit: `--rate 10/s` allows each token ten requests at once and ten more per second."""

from __future__ import annotations

import math
import re
import time

from dpx_cli.errors import UsageError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Rate:
    """A bucket per token that fills at the given rate, up to its count.

    Raises:
        UsageError: the text isn't like 10/s, 100/m or 1000/h.
    """

    def __init__(self, text: str) -> None:
        match = re.fullmatch(r"([0-9]{1,9})/([smh])", text)
        if match is None or not int(match[1]):
            raise UsageError(f"Invalid rate {text!r}.", hint="Write it like 10/s, 100/m or 1000/h.")
        self.size = float(match[1])
        self.per_second = self.size / UNITS[match[2]]
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, who: str) -> int:
        """Take one request out of a bucket; return 0, or the whole seconds to wait if it is empty."""
        now = time.monotonic()
        left, then = self._buckets.get(who, (self.size, now))
        left = min(self.size, left + (now - then) * self.per_second)
        allowed = left >= 1
        self._buckets[who] = (left - 1 if allowed else left, now)
        return 0 if allowed else max(1, math.ceil((1 - left) / self.per_second))
