"""Follow a deployment until it is READY or ERROR."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.api import deployments
from dpx_cli.api.client import REQUEST_TIMEOUT
from dpx_cli.api.deploy.figures import amounts, median
from dpx_cli.reference import ENDED, QUEUED, READY
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dpx_cli.api.client import Client
    from dpx_cli.api.retry import Deadline

SETTLING = 10.0  # seconds in which a deployment that was just created may not be found yet
FIRST, GROWTH, MAX_PAUSE = 0.3, 1.3, 5.0  # seconds between two polls
MAX_WATCHED, MAX_WATCHED_LATER, LATER = 1.8, 4.8, 60.0  # seconds, if someone watches: with the request, 2 and 5
NEAR, EARLIEST, LATEST = 1.0, 0.8, 1.3  # the pause around the usual end, and which part of the usual time that is
MIN_BUILDS, MAX_BUILDS = 2, 10  # past builds that say how long one usually takes
ASK_AFTER = 3.0  # seconds; only during longer builds the details of past ones are requested


class PollSchedule:
    """The pauses between the polls of one deployment: growing, and short when past builds suggest that it ends.

    `usual` is how long a build usually takes, in seconds; `ask` finds that out by requests, once, during a long build.
    """

    def __init__(
        self, usual: float | None = None, *, ask: Callable[[], float | None] | None = None, watched: bool = False
    ) -> None:
        self.usual = usual
        self._ask = ask if usual is None else None
        self._watched = watched
        self._pause = FIRST / GROWTH
        self._building_since: float | None = None

    def pause(self, elapsed: float, status: object) -> float:
        """Return the seconds until the next poll, `elapsed` seconds after the first; `status` is None after a fault."""
        self._pause = pause = min(self._pause * GROWTH, MAX_PAUSE)
        if self._ask and elapsed > ASK_AFTER:
            ask, self._ask = self._ask, None
            self.usual = ask()
        if self._building_since is None and status not in (None, QUEUED):
            self._building_since = elapsed
        if self.usual and self._building_since is not None:
            built = elapsed - self._building_since
            if built < self.usual * LATEST:
                pause = min(pause, max(self.usual * EARLIEST - built, NEAR))
        if self._watched:
            pause = min(pause, MAX_WATCHED if elapsed < LATER else MAX_WATCHED_LATER)
        return pause


def usual_seconds(rows: Iterable[Mapping[str, Any]], branch: str | None) -> float | None:
    """Return how long READY builds took, by their median: on a branch, or on all. None if too few rows show it."""
    ready = [row for row in rows if row.get("status") == READY]
    builds = amounts([row for row in ready if row.get("branch") == branch], "buildDurationMs")
    if len(builds) < MIN_BUILDS:
        builds = amounts(ready, "buildDurationMs")
    usual = median(builds[:MAX_BUILDS]) if len(builds) >= MIN_BUILDS else None
    return None if usual is None else usual / 1000


def follow(
    client: Client,
    deployment_id: str,
    deadline: Deadline,
    *,
    say: Callable[[dict[str, Any] | None, str | None], None],
    created: dict[str, Any] | None,
    command: str,
    schedule: PollSchedule | None = None,
) -> dict[str, Any]:
    """Poll a deployment until it is READY or ERROR, and return its last object. Every passing fault is waited out.

    `say` is called after each poll with the deployment, or with None and the fault that is waited out. `created` is the
    deployment as it was just created; then a 404 may mean that it isn't there yet. `command` waits again, for hints.
    WaitTimeout has the last object seen.
    """
    started = time.monotonic()
    last = created
    schedule = schedule or PollSchedule()
    while True:
        requested_pause, status = 0.0, None
        try:
            last = deployments.get_deployment(client, deployment_id)
        except errors.DpxError as fault:
            settling = created is not None and time.monotonic() - started < SETTLING
            if not (_is_passing(fault) or (settling and isinstance(fault, errors.NotFound))):
                if not isinstance(fault, errors.NotFound):
                    fault.hint = f"{fault.hint.rstrip('.')}. " if fault.hint else ""
                    fault.hint += f"To wait again, run: {command}"
                raise
            if last is not None and last.get("status") in ENDED:
                return last  # the list has shown its end
            requested_pause = fault.retry_after or 0.0
            say(None, fault.message)
        else:
            status = last.get("status")
            if status in ENDED:
                return last
            say(last, None)
        left = deadline.at - time.monotonic()
        if left <= 0:
            error = errors.WaitTimeout(
                f"Timed out after {deadline.seconds:g} s; the deployment is still running.", hint=f"Run: {command}"
            )
            error.deployment = last
            raise error
        # The last poll is at the very end of the wait.
        signals.sleep(min(max(schedule.pause(time.monotonic() - started, status), requested_pause), left))


def _is_passing(fault: errors.DpxError) -> bool:
    """Return whether a fault may be gone at the next poll: an outage, a busy server, a broken response."""
    passing = (errors.NetworkError, errors.ServerError, errors.InvalidResponse, errors.RateLimited)
    return isinstance(fault, passing) or fault.status == REQUEST_TIMEOUT
