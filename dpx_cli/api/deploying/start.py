"""Create a deployment exactly once, even if the network fails.

The newest deployments are listed before the POST, and the POST is sent once. If its answer is lost, or says that the
server is busy, the list is read again before anything else: something between dpx and the server may have answered for
a server that created the deployment.
"""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli import errors
from dpx_cli.api import deployments
from dpx_cli.api.client import REQUEST_TIMEOUT, is_name, is_redirect
from dpx_cli.reference import MAX_PAGE
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.api.deploying.turns import Turn
    from dpx_cli.api.deployments import DeploymentFields
    from dpx_cli.api.retry import Deadline

    Row = dict[str, Any]

MIN_PAUSE = 1.0  # seconds before the second try if the server is busy; doubled up to:
MAX_PAUSE = 30.0
LOOKS = (0.0, 0.5, 1.0, 1.5)  # seconds before each look at the list after a lost answer; lists lag
GRACE = 1.5  # seconds after the deadline in which what was begun may be finished
MAX_DETAILS = 5  # new deployments whose details are read
MIN_SHA = 7  # digits of an abbreviated commit


class _Candidates(NamedTuple):
    """Deployments that may be ours, and whether there is only one and it's certainly ours."""

    rows: list[Row]
    sure: bool


class Starter:
    """Creates one deployment of one project, once.

    Args:
        client: the API.
        project_id: the project.
        deadline: the end of the whole wait.
        say: called with what is waited for.
        warn: called with what may be wrong.
        sleep: called to wait.
        turn: this job's place among those of the same command that wait for a build slot; None if it's the only job.

    Attributes:
        project_id: as given.
        rows: the newest deployments before the POST; set by `look`.
        may_have_started: whether a POST was sent whose outcome isn't known.
    """

    def __init__(
        self,
        client: Client,
        project_id: str,
        *,
        deadline: Deadline,
        say: Callable[[str], None],
        warn: Callable[[str], None],
        sleep: Callable[[float], None] = signals.sleep,
        turn: Turn | None = None,
    ) -> None:
        self.project_id = project_id
        self.rows: list[Row] = []
        self.may_have_started = False
        self._client = client
        self._deadline = deadline
        self._say = say
        self._warn = warn
        self._sleep = sleep
        self._turn = turn
        self._pause = MIN_PAUSE
        self._before: set[str] = set()

    @property
    def last_branch(self) -> str | None:
        """The branch that was deployed last; known after `look`."""
        branch = self.rows[0].get("branch") if self.rows else None
        return branch if isinstance(branch, str) else None

    def look(self) -> None:
        """List the newest deployments before the POST; a busy server is waited for.

        Raises:
            NotFound: if there is no such project.
            RateLimited: if the server stays busy until the deadline.
        """
        while True:
            try:
                self.rows = self._newest()
                break
            except errors.RateLimited as busy:
                if not self._wait(busy):
                    raise
        self._before = {row["id"] for row in self.rows if is_name(row.get("id"))}
        self._pause = MIN_PAUSE

    def start(self, fields: DeploymentFields) -> Row:
        """POST the deployment and return it, with at least its "id".

        Raises:
            OutcomeUnknown: if the answer was lost and the list doesn't show the request's outcome.
            RateLimited: if no build slot came free in time.
            DpxError: if the server refused; then nothing was deployed.
        """
        if self._turn is None:
            return self._start(fields)
        if not self._turn.enter():
            raise errors.RateLimited("No build slot came free in time.", hint="Try again with a longer --timeout.")
        try:
            return self._start(fields)
        finally:
            self._turn.leave()

    def _start(self, fields: DeploymentFields) -> Row:
        while True:
            self.may_have_started = True
            try:
                return self._new(deployments.create_deployment(self._client, self.project_id, fields))
            except errors.RateLimited as busy:
                self.may_have_started = False
                if found := self._made_while_busy(busy, fields):
                    return found
            except errors.DpxError as problem:
                if not _is_lost(problem):
                    self.may_have_started = False
                    raise
                return self._find(problem, fields)

    def _new(self, created: Row) -> Row:
        """Return what the POST answered. Raise InvalidResponse if it names a deployment that was there before."""
        if created["id"] in self._before:
            raise errors.InvalidResponse(f"The response to the POST names an older deployment, {created['id']}.")
        return created

    def _newest(self) -> list[Row]:
        pages = deployments.list_deployments(self._client, self.project_id, limit=MAX_PAGE)
        return [row for page in pages for row in page]

    def _wait(self, busy: errors.RateLimited, turn: Turn | None = None) -> bool:
        """Wait as long as a busy server wants; return False, at once, if the deadline would pass meanwhile."""
        # "Retry-After: 0" is no invitation to flood a server that is busy.
        asked = busy.retry_after if (busy.retry_after or 0.0) >= MIN_PAUSE else None
        pause = self._pause if asked is None else asked
        if time.monotonic() + pause >= self._deadline.at:
            return False
        self._say(f"The server is busy ({busy.message}); trying again in {pause:.0f} s.")
        self._pause = min(self._pause * 2, MAX_PAUSE)
        if turn is not None:
            return turn.wait(pause, asked=asked is not None)
        self._sleep(pause)
        return True

    def _made_while_busy(self, busy: errors.RateLimited, fields: DeploymentFields) -> Row | None:
        """Wait for a busy server, then return our deployment if it was created all the same, or None.

        Raises:
            RateLimited: if the deadline would pass meanwhile.
            OutcomeUnknown: if several deployments may be ours.
        """
        while True:
            in_time = self._wait(busy, self._turn)
            try:
                found = self._candidates(fields)
            except errors.DpxError as problem:
                # Without the list nothing may be sent again.
                if not in_time or _ends(problem):
                    raise busy from None
                continue
            if found.sure:
                self._warn(f"The server answered that it's busy, but deployment {found.rows[0]['id']} was created.")
                return found.rows[0]
            if found.rows:
                raise self._unknown(found.rows) from None
            if not in_time:
                raise busy
            return None

    def _find(self, lost: errors.DpxError, fields: DeploymentFields) -> Row:
        """Find our deployment after its answer was lost.

        Raises:
            OutcomeUnknown: if there is none, or several may be ours.
        """
        self._say(f"The answer was lost ({lost.message}). Checking whether the deployment was created.")
        found = _Candidates([], sure=False)
        seen: list[str] = []
        unlisted: errors.DpxError | None = None
        for pause in LOOKS:
            if pause and time.monotonic() + pause > self._deadline.at + GRACE:
                break
            self._sleep(pause)
            try:
                found, unlisted = self._candidates(fields), None
            except errors.DpxError as problem:
                unlisted = problem
                continue
            names = [row["id"] for row in found.rows]
            # A list that lags may show another's deployment before ours: it must be the only one twice.
            if found.sure and names == seen:
                break
            seen = names
        if found.sure:
            self._warn(f"The answer to the request was lost; deployment {found.rows[0]['id']} is the one it created.")
            return found.rows[0]
        raise self._unknown(found.rows, unlisted) from lost

    def _candidates(self, fields: DeploymentFields) -> _Candidates:
        """Return the deployments that are new, and may be ours by what their rows and details say."""
        meant = fields.get("branch") or self.last_branch
        new: list[Row] = []
        # Without a known deployment below them, nothing says that deployments are new.
        placed = not self._before
        for row in self._newest():
            if row.get("id") in self._before:
                # What follows is older, even if it wasn't on the page before.
                placed = True
                break
            if is_name(row.get("id")) and not _contradicts(row, fields, meant):
                new.append(row)
        detailed = [self._detailed(row) for row in new[:MAX_DETAILS]]
        rows = [row for row in detailed if not _contradicts(row, fields, meant)] + new[MAX_DETAILS:]
        known = meant is None or (len(rows) == 1 and rows[0].get("branch") == meant)
        return _Candidates(rows, sure=placed and known and len(rows) == 1)

    def _detailed(self, row: Row) -> Row:
        """Return a row with its details: the branch, or a commit that isn't ours, may be only there."""
        try:
            return {**row, **deployments.get_deployment(self._client, row["id"])}
        except errors.DpxError:
            return row

    def _unknown(self, rows: Sequence[Row], unlisted: errors.DpxError | None = None) -> errors.OutcomeUnknown:
        if rows:
            rest = "it may be " + " or ".join(f"{row['id']} ({row.get('status')})" for row in rows)
        elif unlisted:
            rest = f"the list could not be read: {unlisted.message}"
        else:
            rest = "no new deployment is listed yet."
        return errors.OutcomeUnknown(
            f"The request to deploy was sent and its answer was lost; {rest}",
            hint="Check whether it runs before you deploy again. "
            f"Run: dpx deploy list --project {shlex.quote(self.project_id)}",
            request=f"POST /projects/{self.project_id}/deployments",
        )


def _is_lost(problem: errors.DpxError) -> bool:
    """Return whether an error leaves open what became of a POST."""
    if isinstance(problem, errors.OutcomeUnknown | errors.ServerError):
        return True
    # 408 is also a proxy's word for a request that it has passed on, and lost.
    return problem.status == REQUEST_TIMEOUT or (
        isinstance(problem, errors.InvalidResponse) and not is_redirect(problem.status)
    )


def _ends(problem: errors.DpxError) -> bool:
    """Return whether waiting won't help: the token or the project is gone."""
    return isinstance(problem, errors.Unauthorized | errors.Forbidden | errors.NotFound)


def _contradicts(row: Mapping[str, Any], fields: DeploymentFields, branch: str | None) -> bool:
    """Return whether a deployment has another branch, commit or message than the one that was sent."""
    theirs = row.get("branch")
    if branch is not None and isinstance(theirs, str) and theirs != branch:
        return True
    sha, their_sha = fields.get("commitSha"), row.get("commitSha")
    if sha and isinstance(their_sha, str) and their_sha:
        size = max(min(len(sha), len(their_sha)), MIN_SHA)  # one of them may be abbreviated
        if sha[:size].lower() != their_sha[:size].lower():
            return True
    message, theirs = fields.get("commitMessage"), row.get("commitMessage")
    if message and isinstance(theirs, str) and theirs:
        size = min(len(message.strip()), len(theirs.strip()))  # a server may keep the beginning
        return message.strip()[:size] != theirs.strip()[:size]
    return False
