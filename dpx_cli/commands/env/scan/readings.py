"""What is found in one source file: the variables that it reads, and the accesses that can't be resolved."""

from __future__ import annotations

import re
from typing import NamedTuple

# A call in place of a default that ends the program: `?? fail("X is not set")`.
STOPS = re.compile(
    r"throw|fail|panic|raise|missing|required|invariant|abort|(?<![a-z])exit|(?<![a-z])die\b", re.IGNORECASE
)


class Reading(NamedTuple):
    """One place that reads a variable; optional if the code has a default there."""

    key: str
    line: int
    optional: bool


class Found(NamedTuple):
    """What one file reads, and the lines of what can't be resolved: `process.env[name]`, `parse(process.env)`."""

    readings: list[Reading]
    dynamic: list[int]
    whole: list[int]

    def by_line(self) -> Found:
        """Return it in the order of the file."""
        return Found(sorted(self.readings, key=lambda each: each.line), sorted(self.dynamic), sorted(self.whole))
