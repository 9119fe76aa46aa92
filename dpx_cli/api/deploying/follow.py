"""Follow a deployment until it is READY or ERROR."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.api import deployments
from dpx_cli.api.client import REQUEST_TIMEOUT
from dpx_cli.api.deploying.pace import Pace
from dpx_cli.reference import ENDED
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpx_cli.api.client import Client
    from dpx_cli.api.retry import Deadline

WAIT = 900.0  # seconds; how long commands wait unless --timeout says otherwise
SETTLING = 10.0  # seconds in which a deployment that was just created may not be found yet


def follow(
    client: Client,
    deployment_id: str,
    deadline: Deadline,
    *,
    say: Callable[[dict[str, Any] | None, str | None], None],
    created: dict[str, Any] | None,
    command: str,
    pace: Pace | None = None,
    sleep: Callable[[float], None] = signals.sleep,
) -> dict[str, Any]:
    """Poll a deployment until it is READY or ERROR, and return its last object.

    Outages and every fault that waiting can cure are waited out.

    Args:
        client: the API.
        deployment_id: the deployment.
        deadline: the end of the wait.
        say: called after each poll with the deployment, or with None and the fault that is waited out.
        created: the deployment as it was just created, or None; a 404 may mean that it isn't there yet.
        command: what the hint of an error says to run.
        pace: when to poll; None if nothing is known of past builds.
        sleep: called to wait.

    Raises:
        WaitTimeout: at the deadline, with the last object seen.
        DpxError: for what waiting doesn't cure: 400, 401, 403, 404.
    """
    started = time.monotonic()
    last = created
    pace = pace or Pace()
    while True:
        asked, status = 0.0, None
        try:
            last = deployments.get_deployment(client, deployment_id)
        except errors.DpxError as fault:
            settling = created is not None and time.monotonic() - started < SETTLING
            if not (_passes(fault) or (settling and isinstance(fault, errors.NotFound))):
                raise _followable(fault, command) from None
            asked = (isinstance(fault, errors.RateLimited) and fault.retry_after) or 0.0
            say(None, fault.message)
        else:
            status = last.get("status")
            if status in ENDED:
                return last
            say(last, None)
        left = deadline.at - time.monotonic()
        if left <= 0:
            raise timed_out(deadline.seconds, last, command)
        # The last poll is at the very end of the wait.
        sleep(min(max(pace.pause(time.monotonic() - started, status), asked), left))


def timed_out(seconds: float, last: dict[str, Any] | None, command: str) -> errors.WaitTimeout:
    """Return the error for a wait that ended before its deployment did."""
    error = errors.WaitTimeout(
        f"Timed out after {seconds:g} s; the deployment is still running.", hint=f"Run: {command}"
    )
    error.deployment = last
    return error


def _passes(fault: errors.DpxError) -> bool:
    """Return whether a fault may be gone at the next poll: an outage, a restart, a busy server, a broken answer."""
    passing = (
        errors.NetworkError,
        errors.OutcomeUnknown,
        errors.ServerError,
        errors.InvalidResponse,
        errors.RateLimited,
    )
    return isinstance(fault, passing) or fault.status == REQUEST_TIMEOUT


def _followable(fault: errors.DpxError, command: str) -> errors.DpxError:
    """Return an error whose hint also says how to wait again."""
    before = f"{fault.hint.rstrip('.')}. To wait again, run" if fault.hint else "To wait again, run"
    fault.hint = f"{before}: {command}"
    return fault
