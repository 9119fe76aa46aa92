"""Create a deployment exactly once, even if the network fails; `api/once.py` decides, this module knows deployments."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.api import deployments
from dpx_cli.api.client import is_name
from dpx_cli.api.once import Candidates, Creation, is_lost
from dpx_cli.api.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dpx_cli.api.client import Client
    from dpx_cli.api.deployments import DeploymentFields
    from dpx_cli.api.retry import Deadline

    Row = dict[str, Any]

MIN_PAUSE, MAX_PAUSE = 1.0, 30.0  # seconds before the next try if the server is busy; doubled each time
MAX_DETAILS = 5  # new deployments whose details are read
MIN_SHA = 7  # digits of an abbreviated commit


class Creator:
    """Creates one deployment of one project, once, until `deadline`; `check` is the command that lists them.

    `show` is called with a state ("checking", "waiting for a slot") and a sentence.
    """

    def __init__(
        self,
        client: Client,
        project_id: str,
        *,
        deadline: Deadline,
        check: str,
        show: Callable[[str, str], None],
        warn: Callable[[str], None],
    ) -> None:
        self.project_id = project_id
        self.rows: list[Row] = []  # the newest deployments before the POST
        self.may_have_started = False  # whether a POST was sent whose outcome isn't known
        self._client = client
        self._deadline = deadline
        self._check = check
        self._show = show
        self._warn = warn
        self._backoff = Backoff(MIN_PAUSE, 2.0, MAX_PAUSE, deadline)
        self._before: set[str] = set()

    @property
    def last_branch(self) -> str | None:
        """The branch that was deployed last."""
        branch = self.rows[0].get("branch") if self.rows else None
        return branch if isinstance(branch, str) else None

    def list_recent(self) -> None:
        """List the newest deployments before the POST; a busy server is waited for."""
        while True:
            try:
                self.rows = deployments.list_newest(self._client, self.project_id)
                break
            except errors.RateLimited as busy:
                if not self._wait(busy):
                    raise
        self._before = {row["id"] for row in self.rows if is_name(row.get("id"))}
        self._backoff.reset()

    def create(self, fields: DeploymentFields) -> Row:
        """POST the deployment and return it, with at least its "id". Raises what `Creation.create` raises."""

        def post() -> Row:
            self.may_have_started = True
            try:
                created = deployments.create_deployment(self._client, self.project_id, fields)
            except errors.DpxError as problem:
                self.may_have_started = is_lost(problem)
                raise
            if created["id"] in self._before:
                raise errors.InvalidResponse(f"The response to the POST has an older deployment, {created['id']}.")
            return created

        return Creation(
            what="deployment",
            request=f"POST {deployments.path_of(self.project_id)}",
            check=self._check,
            find=lambda: self._find_candidates(fields),
            deadline=self._deadline,
            warn=self._warn,
            say=lambda text: self._show("checking", text),
            wait_while_busy=self._wait,
        ).create(post)

    def _wait(self, busy: errors.RateLimited) -> bool:
        """Wait as long as a busy server wants; return False, at once, if the deadline would pass before the end."""
        # Never retry sooner than MIN_PAUSE, and later only if the server asks for it.
        if (busy.retry_after or 0.0) >= MIN_PAUSE:
            self._backoff.reset()
        pause = max(self._backoff.next, busy.retry_after or 0.0)
        if time.monotonic() + pause >= self._deadline.at:
            return False
        self._show("waiting for a slot", f"{brief(busy.message)}. Retrying in {pause:.0f} s.")
        return self._backoff.wait(pause)

    def _find_candidates(self, fields: DeploymentFields) -> Candidates:
        """Return the deployments that are new, and may be ours by what their rows and details say."""
        branch = fields.get("branch") or self.last_branch
        new: list[Row] = []
        # Without a known deployment below them, nothing says that deployments are new.
        is_placed = not self._before
        for row in deployments.list_newest(self._client, self.project_id):
            if row.get("id") in self._before:
                # What follows is older, even if it wasn't on the page before.
                is_placed = True
                break
            if is_name(row.get("id")) and not _contradicts(row, fields, branch):
                new.append(row)
        detailed = [self._add_details(row) for row in new[:MAX_DETAILS]]
        rows = [row for row in detailed if not _contradicts(row, fields, branch)] + new[MAX_DETAILS:]
        has_branch = branch is None or (len(rows) == 1 and rows[0].get("branch") == branch)
        return Candidates(rows, sure=is_placed and has_branch and len(rows) == 1)

    def _add_details(self, row: Row) -> Row:
        """Return a row with its details: the branch, or a commit that isn't ours, may be only there."""
        try:
            return {**row, **deployments.get_deployment(self._client, row["id"])}
        except errors.DpxError:
            return row


def brief(message: str) -> str:
    """Return another message to be quoted: without its final period and the request in parentheses."""
    return re.sub(r" \(HTTP [^()]*\)", "", message).rstrip(".")


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
