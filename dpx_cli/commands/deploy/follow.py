"""Follow a deployment until it is READY or ERROR."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.api import deployments
from dpx_cli.api.transport import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpx_cli.api.client import Client

FIRST_POLL = 0.3  # seconds
MAX_POLL = 5.0  # seconds
GROWTH = 1.3  # of the polling interval
SETTLING = 10.0  # seconds in which a deployment that was just created may not be found yet


def follow(
    client: Client,
    deployment_id: str,
    deadline: Deadline,
    *,
    say: Callable[[dict[str, Any] | None, str | None], None],
    created_now: bool,
) -> dict[str, Any]:
    """Poll a deployment until it is READY or ERROR; gives its last object.

    Args:
        client: the API.
        deployment_id: which.
        deadline: the end of the wait.
        say: told after each poll: the deployment, or None and what went wrong (and is waited out).
        created_now: whether it was just made, so that a 404 may mean "not yet".

    Raises:
        WaitTimeout: at the deadline.
        DpxError: for what waiting does not mend: 401, 403, 404.
    """
    started = time.monotonic()
    pause = FIRST_POLL
    while True:
        try:
            left = min(deadline.remaining(), client.timeout)
            found = deployments.get_deployment(client, deployment_id, deadline=Deadline(left))
        except TimeoutError:
            raise timed_out(deployment_id, deadline.seconds) from None
        except errors.NotFound as gone:
            if not created_now or time.monotonic() - started > SETTLING:
                raise
            say(None, gone.message)
        except (errors.NetworkError, errors.ServerError, errors.InvalidResponse, errors.RateLimited) as fault:
            say(None, fault.message)
        else:
            if found.get("status") in (deployments.READY, deployments.ERROR):
                return found
            say(found, None)
        if time.monotonic() + pause >= deadline.at:
            # One last look at the very end of the wait.
            pause = max(0.0, deadline.at - time.monotonic() - 0.05)
            if pause == 0.0:
                raise timed_out(deployment_id, deadline.seconds)
        time.sleep(pause)
        pause = min(max(pause, FIRST_POLL) * GROWTH, MAX_POLL)


def timed_out(deployment_id: str, seconds: float) -> errors.WaitTimeout:
    return errors.WaitTimeout(
        f"deployment {deployment_id} didn't end within {seconds:g} s; it's still running",
        hint=f"dpx deploy wait {shlex.quote(deployment_id)}",
    )
