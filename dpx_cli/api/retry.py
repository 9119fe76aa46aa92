"""Wait and try again: a deadline for a whole request or wait, and growing pauses within it."""

from __future__ import annotations

import time

from dpx_cli.system import signals


class Deadline:
    """The moment, `seconds` from now, by which a whole request with its retries must be over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether the moment has passed."""
        return time.monotonic() >= self.at

    def remaining(self) -> float:
        """Return the seconds left. Raise TimeoutError if there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no complete response within {round(self.seconds, 1):g} s")
        return left


class Backoff:
    """Pauses between tries that grow by a factor from the first to the longest, in seconds, within a deadline."""

    def __init__(
        self,
        first: float,
        factor: float,
        most: float,
        deadline: Deadline,
        *,
        jitter: bool = False,
    ) -> None:
        self.next = self._first = first  # seconds of the next pause, unless `wait` is called with more
        self._factor = factor
        self._most = most
        self._deadline = deadline
        self._jitter = jitter

    def reset(self) -> None:
        """Begin with the first pause again, after a success."""
        self.next = self._first

    def wait(self, at_least: float = 0.0) -> bool:
        """Pause, `at_least` as long as the server asked. Return False, at once, if the deadline would pass."""
        pause = self.next
        if self._jitter:  # so that many programs don't try together
            import random

            pause *= random.uniform(0.5, 1.0)  # noqa: S311 - jitter needs no secrecy
        # Never less than the backoff: "Retry-After: 0" must not become a flood.
        pause = max(pause, at_least)
        if pause >= self._deadline.at - time.monotonic():
            return False
        self.next = min(self.next * self._factor, self._most)
        signals.sleep(pause)
        return True
