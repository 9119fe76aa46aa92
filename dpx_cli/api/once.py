"""Create something exactly once, even if the network fails.

The caller lists what is there before the request; the request is sent once. If its response is lost, or says that the
server is busy, the list is read again before anything else: a proxy may have answered for a server that did create it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli import errors
from dpx_cli.api.client import REQUEST_TIMEOUT, is_redirect, is_success
from dpx_cli.reference import GRACE
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpx_cli.api.retry import Deadline

    Row = dict[str, Any]

RECHECK_DELAYS = (0.0, 0.5, 1.0, 1.5)  # seconds before each look at the list after a lost response; lists lag


class Candidates(NamedTuple):
    """Rows that were not there before the request and may be what it created.

    Attributes:
        rows: each with a usable "id".
        sure: whether it is exactly one, and certainly ours.
    """

    rows: list[Row]
    sure: bool


class Texts(NamedTuple):
    """How `create_once` names things.

    Attributes:
        what: "deployment", "project".
        request: method and path.
        check: the command that shows whether it was created.
    """

    what: str
    request: str
    check: str


def create_once(
    post: Callable[[], Row],
    find: Callable[[], Candidates],
    texts: Texts,
    *,
    deadline: Deadline,
    warn: Callable[[str], None],
    say: Callable[[str], None] = lambda _: None,
    wait_while_busy: Callable[[errors.RateLimited], bool] = lambda _: False,
    sleep: Callable[[float], None] = signals.sleep,
) -> Row:
    """Send a request that creates something, once, and return what it created.

    Args:
        post: sends the request, once, and returns the created object.
        find: lists again, and returns what is new and may be ours.
        texts: how messages name it.
        deadline: of the whole creation; what was begun may take GRACE more.
        warn: called with a message if the list, not the response, shows what was created.
        say: called with what is waited for.
        wait_while_busy: called after each 429; waits, and returns whether there is time for another try. The list is
            read between the two.
        sleep: called to wait.

    Raises:
        OutcomeUnknown: the response was lost, and the list doesn't show what became of the request.
        RateLimited: the server stayed busy, and the list shows nothing new.
        DpxError: the server refused; nothing was created.
    """
    while True:
        try:
            return post()
        except errors.RateLimited as busy:
            in_time = wait_while_busy(busy)
            created = _find_after_429(find, texts, busy, wait_while_busy, warn, sleep, in_time=in_time)
            if created is not None:
                return created
        except errors.DpxError as problem:
            if not is_lost(problem):
                raise
            say(f"{_describe(problem, texts.request)} Checking whether the {texts.what} was created …")
            return _find_after_loss(find, texts, problem, deadline, warn, sleep)


def is_lost(problem: errors.DpxError) -> bool:
    """Return whether an error leaves open what became of a request that creates something."""
    if isinstance(problem, errors.OutcomeUnknown | errors.ServerError):
        return True
    # A proxy may answer 408 after forwarding the request.
    return problem.status == REQUEST_TIMEOUT or (
        isinstance(problem, errors.InvalidResponse) and not is_redirect(problem.status)
    )


def _describe(problem: errors.DpxError, request: str) -> str:
    """Return what became of a response, as a sentence."""
    if problem.status is None:
        cause = getattr(problem, "cause", "")
        return f"No response to {request}{f' ({cause})' if cause else ''}."
    if is_success(problem.status):
        return f"The response to {request} can't be read."
    return f"The server failed (HTTP {problem.status})."


def _find_after_429(
    find: Callable[[], Candidates],
    texts: Texts,
    busy: errors.RateLimited,
    wait: Callable[[errors.RateLimited], bool],
    warn: Callable[[str], None],
    sleep: Callable[[float], None],
    *,
    in_time: bool,
) -> Row | None:
    """Return what was created although the server said that it is busy; None if nothing was and there is time left.

    Raises:
        RateLimited: there is no time left, and two looks at the list, some time apart, show nothing new.
        OutcomeUnknown: the list can't be read, or several rows may be ours.
    """
    looks = 0
    while True:
        try:
            candidates = find()
        except errors.DpxError as problem:
            # Without the list nothing may be sent again.
            if not in_time or isinstance(problem, errors.Unauthorized | errors.Forbidden | errors.NotFound):
                raise outcome_unknown(texts, [], problem, is_busy=True) from None
            in_time = wait(busy)
            continue
        if candidates.sure:
            warn(f"The server said that it is busy, but {texts.what} {candidates.rows[0]['id']} was created.")
            return candidates.rows[0]
        if candidates.rows:
            raise outcome_unknown(texts, candidates.rows, is_busy=True) from None
        looks += 1
        if in_time:
            return None
        if looks > 1:
            raise busy
        sleep(RECHECK_DELAYS[2])


def _find_after_loss(
    find: Callable[[], Candidates],
    texts: Texts,
    lost: errors.DpxError,
    deadline: Deadline,
    warn: Callable[[str], None],
    sleep: Callable[[float], None],
) -> Row:
    """Return what a request created whose response was lost."""
    candidates = Candidates([], sure=False)
    before: list[str] = []
    unlisted: errors.DpxError | None = None
    for pause in RECHECK_DELAYS:
        if pause and time.monotonic() + pause > deadline.at + GRACE:
            break
        sleep(pause)
        try:
            candidates, unlisted = find(), None
        except errors.DpxError as problem:
            unlisted = problem
            continue
        names = [row["id"] for row in candidates.rows]
        # A list that lags may show another's before ours: it must be the only one twice.
        if candidates.sure and names == before:
            break
        before = names
    if candidates.sure:
        warn(f"The response was lost, but {texts.what} {candidates.rows[0]['id']} was created.")
        return candidates.rows[0]
    raise outcome_unknown(texts, candidates.rows, unlisted) from lost


def outcome_unknown(
    texts: Texts, rows: list[Row], unlisted: errors.DpxError | None = None, *, is_busy: bool = False
) -> errors.OutcomeUnknown:
    """Return the error for a creation that the list doesn't settle, with the candidates."""
    if rows:
        ids = [f"{row['id']} ({row['status']})" if row.get("status") else str(row["id"]) for row in rows]
        so_far = f"It may have created {' or '.join(ids)}."
    elif unlisted:
        so_far = f"The list could not be read: {unlisted.message}"
    else:
        so_far = f"No new {texts.what} is listed yet."
    return errors.OutcomeUnknown(
        f"The {'server said that it is busy' if is_busy else f'response to {texts.request} was lost'}. {so_far}",
        hint=f"Before you try again, check whether the {texts.what} exists. Run: {texts.check}",
        request=texts.request,
    )
