"""Gates of a deployment: does its site respond, was its build fast and its bundle small enough?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.api import deployments
from dpx_cli.api.client import is_success
from dpx_cli.api.deploy.figures import Bound, amounts, median
from dpx_cli.errors import CheckFailed, DpxError, UsageError
from dpx_cli.output.format import duration_ms, elapsed, size_kb
from dpx_cli.system import hosts, signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from dpx_cli.api.client import Client
    from dpx_cli.rollout.runner import Task
    from dpx_cli.session import Session

PAUSE = 1.0  # seconds between two requests to the site
MAX_REQUEST = 10.0  # seconds of one of them
CHECK_HINT = "Pass a path of the site, like /health, or a URL."


class Gates(NamedTuple):
    """What must hold once a deployment is READY; `check` is a path of the site, or a whole URL."""

    check: str | None = None
    check_timeout: float = 60.0
    max_build: Bound | None = None
    max_bundle: Bound | None = None

    @property
    def are_set(self) -> bool:
        """Whether there is anything to check."""
        return (self.check, self.max_build, self.max_bundle) != (None, None, None)


def check_target(check: str | None) -> None:
    """Raise UsageError, before any request, for what is neither a path nor a URL that can be requested."""
    if check is None:
        return
    from dpx_cli.webhook.deliver import Endpoint

    url = check if "://" in check else f"https://site/{check.lstrip('/')}"
    parts = hosts.split_url(url, "--check", hint=CHECK_HINT)
    if parts.scheme not in ("https", "http"):
        raise UsageError(f"--check can't request {parts.scheme} URLs.", hint=CHECK_HINT)
    Endpoint.parse(url, "--check")  # as it will be, when it's too late


def check_gates(
    task: Task,
    gates: Gates,
    client: Client,
    deployment: Mapping[str, Any],
    url: str | None,
    earlier: Sequence[dict[str, Any]],
) -> None:
    """Check the gates of a READY deployment with the site `url`; `earlier` are the branch's READY ones before it.

    Raise CheckFailed, with the figures, if any gate doesn't hold.
    """

    def read_earlier(key: str, count: int) -> list[float]:
        """Return a figure of the last deployments; rows that lack it are completed by requests."""
        rows = [row for row in earlier if isinstance(row.get("id"), str)][:count]
        for row in rows:
            if key not in row:
                try:
                    row.update({key: None, **deployments.get_deployment(client, row["id"])})
                except DpxError as problem:
                    task.warn(f"Can't read the earlier deployment {row['id']}: {problem.message}")
        return amounts(rows, key)

    def compare(what: str, key: str, bound: Bound | None) -> str | None:
        """Return what is wrong with one figure, or None."""
        if bound is None:
            return None
        show = duration_ms if key == "buildDurationMs" else size_kb
        now = amounts([deployment], key)
        before = median(read_earlier(key, bound.builds)) if bound.is_factor else 1.0
        if not now or before is None:
            missing = "this deployment's" if not now else "an earlier deployment's"
            task.warn(f"The {what} can't be compared: the API doesn't return {missing}.")
            return None
        limit = before * bound.value
        reference = f" ({bound.text} of {show(before)})" if bound.is_factor else ""
        return f"The {what} is {show(now[0])}, more than {show(limit)}{reference}." if now[0] > limit else None

    problems = [
        compare("build time", "buildDurationMs", gates.max_build),
        compare("bundle size", "bundleSizeKb", gates.max_bundle),
        _check_site(task, gates, url),
    ]
    if failed := [problem for problem in problems if problem]:
        raise CheckFailed(" ".join(failed), hint="The deployment itself is READY.")


def _check_site(task: Task, gates: Gates, url: str | None) -> str | None:
    """Request the site until it responds 2xx; return what is wrong, or None."""
    check = gates.check
    if check is None:
        return None
    if "://" not in check:
        if url is None:
            return "The site can't be checked: the API returned no URL."
        check = f"{url.rstrip('/')}/{check.lstrip('/')}"
    until = time.monotonic() + gates.check_timeout
    while problem := _request(task.session, check, until):
        if time.monotonic() + PAUSE >= until:
            return f"{check} did not respond with 2xx within {elapsed(gates.check_timeout)}: {problem}."
        signals.sleep(PAUSE)
    return None


def _request(session: Session, url: str, until: float) -> str | None:
    """Send one GET, without a token, and follow no redirect. Return what came instead of 2xx, or None."""
    from dpx_cli.webhook.deliver import Endpoint, NotDelivered, deliver

    seconds = max(min(MAX_REQUEST, until - time.monotonic()), 0.1)
    try:
        status = deliver(Endpoint.parse(url, "--check"), b"", (), session.tls_context, seconds, method="GET").status
    except NotDelivered as problem:
        return problem.reason
    except UsageError as problem:  # the environment's proxy
        return problem.message.rstrip(".")
    return None if is_success(status) else f"HTTP {status}"
