"""Find deployments: by ID in their project, the latest one, and those that filters leave."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api.pages import Pages
from dpx_cli.durations import epoch
from dpx_cli.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpx_cli.api.client import Client
    from dpx_cli.commands.deploy.job import Wanted
    from dpx_cli.session import Session


class Filters(NamedTuple):
    """What `deploy list` leaves out.

    Attributes:
        statuses: show only these; empty for all.
        branch: show only this one; None for all.
        since: seconds; show only what was created since then; None for all.
    """

    statuses: tuple[str, ...] = ()
    branch: str | None = None
    since: float | None = None

    @property
    def server_status(self) -> str | None:
        """The status that the server filters by: it takes one."""
        return self.statuses[0] if len(set(self.statuses)) == 1 else None


class Filtered(Pages):
    """A project's deployments, without those that the filters leave out. Args and attributes as for `Pages`.

    Attributes:
        undated: how many were left out because they have no creation time.
        more: whether `limit` cut the list.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        filters: Filters,
        *,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> None:
        # The server can't count what is left after filters of ours.
        plain = filters.branch is None and filters.since is None and len(set(filters.statuses)) <= 1
        super().__init__(client, path, {"status": filters.server_status}, limit=limit if plain else None, cursor=cursor)
        self._filters = filters
        self._most = None if plain else limit
        self._oldest = None if filters.since is None else time.time() - filters.since
        self.undated = 0
        self.more = False

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        count = 0
        for page in super().__iter__():
            found = [item for item in page if self._fits(item)]
            if self._most is not None and count + len(found) > self._most:
                found, self.more = found[: self._most - count], True
            count += len(found)
            if found:
                yield found
            if self.more or self._is_old(page):
                return

    def _fits(self, item: dict[str, Any]) -> bool:
        statuses, branch, _ = self._filters
        if (statuses and item.get("status") not in statuses) or (branch is not None and item.get("branch") != branch):
            return False
        if self._oldest is None:
            return True
        created = epoch(item.get("created_at"))
        self.undated += created is None
        return created is not None and created >= self._oldest

    def _is_old(self, page: list[dict[str, Any]]) -> bool:
        """Return whether what follows a page is too old: the list is newest first."""
        if self._oldest is None:
            return False
        moments = [moment for item in page if (moment := epoch(item.get("created_at"))) is not None]
        return bool(moments) and max(moments) < self._oldest


def meant(session: Session, deployment_id: str | None, project: str | None, *, latest: bool, branch: str | None) -> str:
    """Return the ID of the deployment that the user means: the one given, or a project's latest.

    Raises:
        UsageError: if both or neither was given.
        NotFound: if there is no such deployment.
    """
    check_choice(deployment_id is not None, latest=latest, branch=branch)
    if deployment_id is not None:
        return deployment_id
    return session.projects.on(project, lambda project_id: str(newest(session, project_id, project, branch)["id"]))


def check_choice(given: bool, *, latest: bool, branch: str | None) -> None:
    """Raise UsageError unless exactly one of an ID and --latest was given, and --branch only with --latest."""
    if given and latest:
        raise UsageError("A deployment ID and --latest can't be used together.", hint="Leave one of them out.")
    if not given and not latest:
        raise UsageError("No deployment specified.", hint="Pass a deployment ID, or --latest.")
    if branch is not None and not latest:
        raise UsageError("--branch needs --latest.", hint="Add --latest, or leave --branch out.")


def newest(session: Session, project_id: str, project: str | None, branch: str | None = None) -> dict[str, Any]:
    """Return a project's newest deployment, of a branch if one is given. Raise NotFound if there is none."""
    from dpx_cli.api.deployments import path_of

    for page in Filtered(session.client, path_of(project_id), Filters(branch=branch), limit=1):
        return page[0]
    title = session.projects.title(project)
    what = f"{title} was never deployed" + (f" from branch {branch}." if branch is not None else ".")
    raise NotFound(what, hint=f"Run: dpx deploy list --project {shlex.quote(session.projects.reference(project))}")


def in_project(client: Client, project_id: str, deployment_id: str) -> dict[str, Any]:
    """Return a deployment's row in its project's list. Raise NotFound if the project doesn't list it."""
    from dpx_cli.api import deployments

    for page in deployments.list_deployments(client, project_id):
        for row in page:
            if row.get("id") == deployment_id:
                return row
    raise NotFound(
        f"Deployment {deployment_id} isn't one of project {project_id}.", hint="Pass --project with its own project."
    )


def as_wanted(deployment: dict[str, Any]) -> Wanted:
    """Return what to ask for to deploy a deployment's branch, and its commit if the API returns it, once more.

    Raises:
        NotFound: if the API doesn't return the branch.
    """
    from dpx_cli.commands.deploy.job import Wanted

    branch, sha = deployment.get("branch"), deployment.get("commitSha")
    if not isinstance(branch, str):
        raise NotFound("The API doesn't tell the deployment's branch.", hint="Run: dpx deploy --branch BRANCH")
    source = f"as deployment {deployment['id']}"
    return Wanted(branch, sha=sha if isinstance(sha, str) and sha else None, no_git=True, source=source)
