"""Gates of a deployment: does its site respond, was its build fast and its bundle small enough?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api.deploy.figures import amounts, median
from dpx_cli.errors import CheckFailed, DpxError, UsageError
from dpx_cli.output.format import duration_ms, elapsed, size_kb

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpx_cli.api.client import Client
    from dpx_cli.cli.values import Bound
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session

PAUSE = 1.0  # seconds between two requests to the site
MAX_REQUEST = 10.0  # seconds of one of them
OK, REDIRECT = 200, 300
CHECK_HINT = "Pass a path of the site, like /health, or a URL."


class Gates(NamedTuple):
    """What must hold once a deployment is READY.

    Attributes:
        check: a path of the site, or a whole URL, that must respond 2xx; None for no check.
        check_timeout: seconds until it must.
        max_build: how long the build may take; None for any time.
        max_bundle: how large the bundle may be; None for any size.
    """

    check: str | None = None
    check_timeout: float = 60.0
    max_build: Bound | None = None
    max_bundle: Bound | None = None

    @property
    def are_set(self) -> bool:
        """Whether there is anything to check."""
        return self.check is not None or self.max_build is not None or self.max_bundle is not None


def check_target(check: str | None) -> None:
    """Raise UsageError, before any request, for what is neither a path nor a URL that can be requested."""
    from dpx_cli.config import urls

    if check is None:
        return
    parts = urls.split(check if "://" in check else f"https://site/{check.lstrip('/')}", "--check", hint=CHECK_HINT)
    if parts.scheme not in ("https", "http"):
        raise UsageError(f"--check can't request {parts.scheme} URLs.", hint=CHECK_HINT)


def check_gates(task: DeployTask, gates: Gates, client: Client) -> None:
    """Check the gates of a deployment that is READY.

    Raises:
        CheckFailed: if any doesn't hold; its message has the figures.
    """
    earlier = _Earlier(task, client)
    problems = [
        _compare(task, "build time", "buildDurationMs", gates.max_build, duration_ms, earlier),
        _compare(task, "bundle size", "bundleSizeKb", gates.max_bundle, size_kb, earlier),
        _check_site(task, gates),
    ]
    if failed := [problem for problem in problems if problem]:
        raise CheckFailed(" ".join(failed), hint="The deployment itself is READY.")


class _Earlier:
    """The branch's READY deployments before this one; what their rows lack is requested, once."""

    def __init__(self, task: DeployTask, client: Client) -> None:
        self._task = task
        self._client = client
        self._details: dict[str, dict[str, Any]] = {}

    def amounts(self, key: str, count: int) -> list[float]:
        """Return a figure of the last `count` of them, as far as it is known."""
        from dpx_cli.api import deployments

        rows = [row for row in self._task.ready_before() if isinstance(row.get("id"), str)][:count]
        for row in rows:
            if key in row or row["id"] in self._details:
                continue
            self._details[row["id"]] = {}
            try:
                self._details[row["id"]] = deployments.get_deployment(self._client, row["id"])
            except DpxError as problem:
                self._task.warn(f"Can't read the earlier deployment {row['id']}: {problem.message}")
        return amounts([{**row, **self._details.get(row["id"], {})} for row in rows], key)


def _compare(
    task: DeployTask,
    what: str,
    key: str,
    bound: Bound | None,
    show: Callable[[Any], str],
    earlier: _Earlier,
) -> str | None:
    """Return what is wrong with one figure, or None."""
    if bound is None:
        return None
    now = amounts([task.deployment or {}], key)
    limit: float | None = bound.value
    reference = ""
    if bound.is_factor:
        before = median(earlier.amounts(key, bound.builds))
        limit = before * bound.value if before is not None else None
        reference = f" ({bound.text} of {show(before)})" if before is not None else ""
    if not now or limit is None:
        missing = "this deployment's" if not now else "an earlier deployment's"
        task.warn(f"The {what} can't be compared: the API doesn't return {missing}.")
        return None
    if now[0] <= limit:
        return None
    return f"The {what} is {show(now[0])}, more than {show(limit)}{reference}."


def _check_site(task: DeployTask, gates: Gates) -> str | None:
    """Request the site until it responds 2xx; return what is wrong, or None."""
    check = gates.check
    if check is None:
        return None
    if "://" not in check:
        if task.url is None:
            return "The site can't be checked: the API returned no URL."
        check = f"{task.url.rstrip('/')}/{check.lstrip('/')}"
    until = time.monotonic() + gates.check_timeout
    while True:
        problem = _request(task.session, check, until)
        if problem is None:
            return None
        if time.monotonic() + PAUSE >= until:
            return f"{check} did not respond with 2xx within {elapsed(gates.check_timeout)}: {problem}."
        task.sleep(PAUSE)


def _request(session: Session, url: str, until: float) -> str | None:
    """Send one GET, without a token, and follow no redirect. Return what came instead of 2xx, or None."""
    from dpx_cli import __version__
    from dpx_cli.api import proxy
    from dpx_cli.api.retry import Deadline
    from dpx_cli.api.transport import Connection, Lost, NotSent, Unreadable
    from dpx_cli.config import urls

    parts = urls.split(url, "--check", hint=CHECK_HINT)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = str(parts.hostname)
    through = proxy.find(session.env, parts.scheme, host, port)
    connection = Connection(parts.scheme, host, port, context=session.tls_context, proxy=through)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"User-Agent": f"dpx/{__version__}", "Accept": "*/*"}
    deadline = Deadline(max(min(MAX_REQUEST, until - time.monotonic()), 0.1))
    try:
        status: int | None = connection.exchange("GET", target, headers, None, deadline).status
    except (NotSent, Lost) as problem:
        return str(problem).rstrip(".")
    except Unreadable as problem:  # too large, say: the status is what counts
        status = problem.status
    finally:
        connection.close()
    return None if status is not None and OK <= status < REDIRECT else f"HTTP {status}"
