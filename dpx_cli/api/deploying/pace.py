"""When to poll a deployment: often when its end is likely, seldom before; by how long past builds took."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dpx_cli.api.deploying.figures import amounts
from dpx_cli.reference import QUEUED, READY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

FIRST = 0.3  # seconds before the second poll
GROWTH = 1.3  # of the interval, as long as nothing is known
MAX = 5.0  # seconds between two polls
MAX_EARLY = 15.0  # seconds between two polls before the end is likely
MIN_EARLY = 1.5  # seconds
EARLY = 1.0  # of the time that the build has taken, before its end is likely
IN_VAIN = 7.0  # seconds * seconds of a usual build: what users may expect to have waited in vain at the next poll
MIN_IN_VAIN, MAX_IN_VAIN = 0.028, 0.15  # seconds
STEP = 0.1  # seconds, of the search for that moment
ENOUGH = 2  # past builds, from which on they say something
MAX_BUILDS = 10  # past builds that count
ASK_AFTER = 3.0  # seconds; only of longer builds past ones are asked for
ASKED = 2  # past builds that are asked for
SPREAD = 0.1  # of build times (sigma of their logarithm), if two builds alone are known


class Pace:
    """The intervals between the polls of one deployment.

    Args:
        builds: how long past builds took, in seconds; newest first.
        ask: returns how long they took, if `builds` is too few; called once, when the build takes longer.
    """

    def __init__(self, builds: Sequence[float] = (), *, ask: Callable[[], Sequence[float]] | None = None) -> None:
        self._ask = ask
        self._pause = FIRST / GROWTH
        self._begin: float | None = None
        self._queued_until = 0.0
        self._mean = self._spread = 0.0
        self.is_informed = False
        self.learn(builds)

    def learn(self, builds: Sequence[float]) -> None:
        """Take how long past builds took, in seconds; newest first. Too few say nothing."""
        logs = [math.log(build) for build in builds[:MAX_BUILDS] if build > 0]
        self.is_informed = len(logs) >= ENOUGH
        if self.is_informed:
            # Build times are close to log-normal. A few builds alone would look more alike than they are.
            self._mean = math.fsum(logs) / len(logs)
            squares = math.fsum((log - self._mean) ** 2 for log in logs)
            self._spread = math.sqrt((squares + 2 * SPREAD**2) / len(logs))

    def pause(self, elapsed: float, status: object) -> float:
        """Return the seconds until the next poll.

        Args:
            elapsed: seconds since the deployment was created.
            status: as it was polled now; None if the poll failed.
        """
        self._pause = min(self._pause * GROWTH, MAX)
        if status == QUEUED:
            self._queued_until = elapsed
        elif status is not None and self._begin is None:
            # The build began between the last poll that found it queued and this one.
            self._begin = (self._queued_until + elapsed) / 2
        if not self.is_informed and self._ask and elapsed > ASK_AFTER:
            ask, self._ask = self._ask, None
            self.learn(ask())
        if not self.is_informed or self._begin is None:
            return self._pause
        return self._informed(elapsed - self._begin)

    @property
    def usual(self) -> float | None:
        """How long a build usually takes, in seconds; None if nothing is known."""
        return math.exp(self._mean) if self.is_informed else None

    def _informed(self, built: float) -> float:
        """Return the pause after which the time that's expected to be waited in vain is as long as it may be."""
        before = self._ended_by(built)
        left = 1 - before
        usual = math.exp(self._mean)
        # Of a long build more polls are worth a second of the user's.
        limit = min(max(IN_VAIN / usual, MIN_IN_VAIN), MAX_IN_VAIN)
        # A build that fails ends early: what it takes to learn that is bounded by what it took.
        longest = min(MAX_EARLY, max(EARLY * built, MIN_EARLY)) if built < usual else MAX
        pause, in_vain = 0.0, 0.0
        while in_vain < limit and pause < longest:
            pause += STEP
            in_vain += STEP * ((self._ended_by(built + pause) - before) / left if left > 1e-6 else 1)  # noqa: PLR2004
        return max(pause, FIRST)

    def _ended_by(self, built: float) -> float:
        """Return the probability that a build has ended after some seconds."""
        if built <= 0:
            return 0.0
        return 0.5 * math.erfc((self._mean - math.log(built)) / (self._spread * math.sqrt(2)))


def of_rows(rows: Iterable[Mapping[str, Any]], branch: str | None) -> list[float]:
    """Return the build times, in seconds, of READY deployments that have one: of a branch, or else of all."""
    ready = [row for row in rows if row.get("status") == READY]
    own = [row for row in ready if row.get("branch") == branch]
    found = amounts(own, "buildDurationMs")
    return [time / 1000 for time in (found if len(found) >= ENOUGH else amounts(ready, "buildDurationMs"))]


def to_ask(rows: Iterable[Mapping[str, Any]], branch: str | None) -> list[str]:
    """Return the IDs of the newest READY deployments whose details have the build time: of a branch first."""
    ready = [row for row in rows if row.get("status") == READY and isinstance(row.get("id"), str)]
    ready.sort(key=lambda row: row.get("branch") != branch)
    return [row["id"] for row in ready[:ASKED]]
