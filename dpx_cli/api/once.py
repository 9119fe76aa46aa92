"""Create something exactly once, even if the network fails.

The caller lists what exists before the request. If its response is lost, or says that the server is busy, the list is
read again before anything else: a proxy may have responded for a server that did create it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli import errors
from dpx_cli.api.client import REQUEST_TIMEOUT, hide_project, is_redirect, is_success
from dpx_cli.reference import GRACE
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpx_cli.api.retry import Deadline
    from dpx_cli.api.rows import Row

RECHECK_DELAYS = (0.0, 0.5, 1.0, 1.5)  # seconds before each look at the list after a lost response; lists lag


class Candidates(NamedTuple):
    """Rows that were not there before the request; `sure` if it is exactly one, and certainly ours."""

    rows: list[Row]
    sure: bool


class Creation(NamedTuple):
    """One creation of a "deployment" or "project"."""

    what: str
    request: str  # method and path
    check: str  # the command that shows whether it was created
    find: Callable[[], Candidates]  # lists again, and returns what is new and may be ours
    deadline: Deadline  # of the whole creation; what was begun may take GRACE more
    warn: Callable[[str], None]
    say: Callable[[str], None] = lambda _: None
    # Called after each 429, before the list is read; returns whether there is time for another try.
    wait_while_busy: Callable[[errors.RateLimited], bool] = lambda _: False

    def create(self, post: Callable[[], Row]) -> Row:
        """Send the request, once, and return what it created. Raise OutcomeUnknown if the list doesn't show it either.

        Any other error means that nothing was created.
        """
        while True:
            try:
                return post()
            except errors.RateLimited as busy:
                if (created := self._find_after_429(busy)) is not None:
                    return created
            except errors.DpxError as problem:
                if not is_lost(problem):
                    raise
                return self._find_after_loss(problem)

    def _find_after_429(self, busy: errors.RateLimited) -> Row | None:
        """Return what was created although the server said that it is busy; None if the request may be sent again."""
        in_time = self.wait_while_busy(busy)
        looks = 0
        while True:
            try:
                candidates = self.find()
            except errors.DpxError as problem:
                # Without the list nothing may be sent again.
                if not in_time or isinstance(problem, errors.Unauthorized | errors.Forbidden | errors.NotFound):
                    raise self._unknown("server was busy", [], problem) from None
                in_time = self.wait_while_busy(busy)
                continue
            if candidates.sure:
                self.warn(f"The server was busy, but {self.what} {candidates.rows[0]['id']} was created.")
                return candidates.rows[0]
            if candidates.rows:
                raise self._unknown("server was busy", candidates.rows) from None
            looks += 1
            if in_time:
                return None
            if looks > 1:
                raise busy
            signals.sleep(RECHECK_DELAYS[-1])

    def _find_after_loss(self, lost: errors.DpxError) -> Row:
        """Return what a request created whose response was lost."""
        self.say(f"{_describe(lost, hide_project(self.request))} Checking whether the {self.what} was created …")
        candidates = Candidates([], sure=False)
        before: list[str] = []
        unlisted: errors.DpxError | None = None
        for pause in RECHECK_DELAYS:
            if pause and time.monotonic() + pause > self.deadline.at + GRACE:
                break
            signals.sleep(pause)
            try:
                candidates, unlisted = self.find(), None
            except errors.DpxError as problem:
                unlisted = problem
                continue
            ids = [row["id"] for row in candidates.rows]
            # A list that lags may show another's before ours: it must be the only one twice.
            if candidates.sure and ids == before:
                break
            before = ids
        if candidates.sure:
            self.warn(f"The response was lost, but {self.what} {candidates.rows[0]['id']} was created.")
            return candidates.rows[0]
        raise self._unknown(f"response to {hide_project(self.request)} was lost", candidates.rows, unlisted) from lost

    def _unknown(
        self, event: str, rows: Sequence[Row], unlisted: errors.DpxError | None = None
    ) -> errors.OutcomeUnknown:
        state = f"No new {self.what} is listed yet."
        if rows:
            ids = [f"{row['id']} ({row['status']})" if row.get("status") else str(row["id"]) for row in rows]
            state = f"It may have created {' or '.join(ids)}."
        elif unlisted:
            state = f"The list could not be read: {unlisted.message}"
        hint = f"Before you try again, check whether the {self.what} exists. Run: {self.check}"
        return errors.OutcomeUnknown(f"The {event}. {state}", hint=hint, request=self.request)


def is_lost(problem: errors.DpxError) -> bool:
    """Return whether an error leaves open what became of a request that creates something."""
    if isinstance(problem, errors.OutcomeUnknown | errors.ServerError) or problem.status == REQUEST_TIMEOUT:
        return True
    return isinstance(problem, errors.InvalidResponse) and not is_redirect(problem.status)


def _describe(problem: errors.DpxError, request: str) -> str:
    """Return what became of a response, as a sentence."""
    if isinstance(problem, errors.InvalidResponse) or is_success(problem.status or 0):
        return f"The response to {request} can't be read."
    if problem.status is None:
        cause = getattr(problem, "cause", "")
        return f"No response to {request}{f' ({cause})' if cause else ''}."
    return f"The server failed (HTTP {problem.status})."
