"""Gates of a deployment: does its site answer, was its build fast and its bundle small enough?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api.deploying.figures import amounts
from dpx_cli.errors import CheckFailed, DpxError, UsageError
from dpx_cli.output.format import duration_ms, elapsed, size_kb

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpx_cli.cli.values import Bound
    from dpx_cli.session import Session

PAUSE = 1.0  # seconds between two requests to the site
MAX_REQUEST = 10.0  # seconds of one of them
OK, REDIRECT = 200, 300


class Gates(NamedTuple):
    """What must hold once a deployment is READY.

    Attributes:
        check: a path of the site, or a whole URL, that must answer 2xx; None for no check.
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


class Watchman:
    """Checks the gates of one deployment.

    Args:
        session: the session.
        gates: the gates.
        warn: called with what can't be compared.
        sleep: called to wait.
    """

    def __init__(
        self, session: Session, gates: Gates, *, warn: Callable[[str], None], sleep: Callable[[float], None]
    ) -> None:
        self._session = session
        self._gates = gates
        self._warn = warn
        self._sleep = sleep

    def check(self, now: dict[str, Any], before: Callable[[], dict[str, Any] | None], url: str | None) -> None:
        """Check all gates.

        Args:
            now: the deployment.
            before: returns the branch's READY deployment before it, with its details; None if there is none.
            url: the site.

        Raises:
            CheckFailed: if any doesn't hold; its message has the figures.
        """
        bounds = (
            ("build time", "buildDurationMs", self._gates.max_build, duration_ms),
            ("bundle size", "bundleSizeKb", self._gates.max_bundle, size_kb),
        )
        failed = [self._compare(*bound, now, before) for bound in bounds]
        failed.append(self._site(url))
        if found := [problem for problem in failed if problem]:
            raise CheckFailed(" ".join(found), hint="The deployment itself is READY.")

    def _compare(
        self,
        what: str,
        key: str,
        bound: Bound | None,
        show: Callable[[Any], str],
        now: dict[str, Any],
        before: Callable[[], dict[str, Any] | None],
    ) -> str | None:
        """Return what is wrong with one figure, or None."""
        if bound is None:
            return None
        found = amounts([now], key)
        limit: float | None = bound.value
        reference = ""
        if bound.is_factor:
            earlier = amounts([before() or {}], key)
            limit = earlier[0] * bound.value if earlier else None
            reference = f" ({bound.text} of {show(earlier[0])})" if earlier else ""
        if not found or limit is None:
            missing = "this deployment's" if not found else "an earlier deployment's"
            self._warn(f"The {what} can't be compared: the API doesn't tell {missing}.")
            return None
        if found[0] <= limit:
            return None
        return f"The {what} is {show(found[0])}, more than {show(limit)}{reference}."

    def _site(self, url: str | None) -> str | None:
        """Ask the site until it answers 2xx; return what is wrong, or None."""
        check = self._gates.check
        if check is None:
            return None
        if "://" not in check:
            if url is None:
                return "The site can't be checked: the API returned no URL."
            check = f"{url.rstrip('/')}/{check.lstrip('/')}"
        until = time.monotonic() + self._gates.check_timeout
        while True:
            said = self._ask(check, until)
            if said is None:
                return None
            if time.monotonic() + PAUSE >= until:
                return f"{check} did not answer 2xx within {elapsed(self._gates.check_timeout)}: {said}."
            self._sleep(PAUSE)

    def _ask(self, url: str, until: float) -> str | None:
        """Send one GET, without a token, and follow no redirect. Return what came instead of 2xx, or None."""
        from dpx_cli import __version__
        from dpx_cli.api import proxy
        from dpx_cli.api.retry import Deadline
        from dpx_cli.api.transport import Connection, Lost, NotSent, Unreadable
        from dpx_cli.config import urls

        parts = urls.split(url, "--check", hint="Pass a path of the site, or a URL.")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = str(parts.hostname)
        connection = Connection(
            parts.scheme,
            host,
            port,
            context=self._session.tls_context,
            proxy=proxy.find(self._session.env, parts.scheme, host, port),
        )
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


def check_target(check: str | None) -> None:
    """Raise UsageError, before any request, for what is neither a path nor a URL that can be asked."""
    from dpx_cli.config import urls

    if check is None:
        return
    hint = "Pass a path of the site, like /health, or a URL."
    parts = urls.split(check if "://" in check else f"https://site/{check.lstrip('/')}", "--check", hint=hint)
    if parts.scheme not in ("https", "http"):
        raise UsageError(f"--check can't ask {parts.scheme} URLs.", hint=hint)


def details(session: Session, fetch: Callable[[], dict[str, Any]], row: dict[str, Any]) -> dict[str, Any]:
    """Return a listed deployment with its details; its row alone if they can't be read."""
    try:
        return {**row, **fetch()}
    except DpxError as problem:
        session.screen.warn(f"Can't read the earlier deployment: {problem.message}")
        return row
