"""Find deployments: by ID in their project, the latest one, and those that filters leave."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api import deployments
from dpx_cli.durations import epoch
from dpx_cli.errors import NotFound, UsageError, exclusive

if TYPE_CHECKING:
    from dpx_cli.api.client import Client
    from dpx_cli.api.pages import Filtered, Pages
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session


class Filters(NamedTuple):
    """What `deploy list` shows.

    Attributes:
        statuses: only these; empty for all.
        branch: only this one; None for all.
        since: seconds; only what was created since then; None for all.
    """

    statuses: tuple[str, ...] = ()
    branch: str | None = None
    since: float | None = None


class Selection:
    """A project's deployments that filters leave, newest first.

    Attributes:
        pages: the deployments.
        undated: after iteration, how many were left out because they have no creation time.
    """

    def __init__(
        self, client: Client, project_id: str, filters: Filters, *, limit: int | None = None, cursor: str | None = None
    ) -> None:
        self.undated = 0
        self._filters = filters
        self._oldest = None if filters.since is None else time.time() - filters.since
        statuses = set(filters.statuses)
        status = filters.statuses[0] if len(statuses) == 1 else None  # the server filters by one
        # The server can't count what is left after filters of ours.
        is_plain = filters.branch is None and filters.since is None and len(statuses) <= 1
        pages = deployments.list_deployments(
            client, project_id, status=status, limit=limit if is_plain else None, cursor=cursor
        )
        self.pages: Pages | Filtered = pages if is_plain else pages.filter(self._fits, limit, ends=self._is_old)

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


def resolve_deployment_id(
    session: Session, deployment_id: str | None, project: str | None, *, latest: bool, branch: str | None
) -> str:
    """Return the ID of the deployment that is specified: by its ID, or as a project's latest.

    Raises:
        UsageError: if both or neither was given.
        NotFound: if there is no such deployment.
    """
    check_choice(deployment_id is not None, latest=latest, branch=branch)
    if deployment_id is not None:
        return deployment_id
    return session.projects.on(project, lambda project_id: str(find_newest(session, project_id, project, branch)["id"]))


def check_choice(has_id: bool, *, latest: bool, branch: str | None) -> None:
    """Raise UsageError unless exactly one of an ID and --latest was given, and --branch only with --latest."""
    exclusive(("A deployment ID", has_id), ("--latest", latest))
    if not has_id and not latest:
        raise UsageError("No deployment specified.", hint="Pass a deployment ID, or --latest.")
    if branch is not None and not latest:
        raise UsageError("--branch needs --latest.", hint="Add --latest, or leave --branch out.")


def find_newest(session: Session, project_id: str, project: str | None, branch: str | None = None) -> dict[str, Any]:
    """Return a project's newest deployment, of a branch if one is given. Raise NotFound if there is none."""
    for page in Selection(session.client, project_id, Filters(branch=branch), limit=1).pages:
        return page[0]
    ref: ProjectRef = session.projects.ref(project)
    what = f"{ref.name} was never deployed" + (f" from branch {branch}." if branch is not None else ".")
    raise NotFound(what, hint=f"Run: {session.command('deploy', 'list', project=ref)}")


def find_in_project(client: Client, project_id: str, deployment_id: str, name: str) -> dict[str, Any]:
    """Return a deployment's row in its project's list. Raise NotFound if the project doesn't list it."""
    for page in deployments.list_deployments(client, project_id):
        for row in page:
            if row.get("id") == deployment_id:
                return row
    raise NotFound(f"Project {name} has no deployment {deployment_id}.", hint="Pass --project with its own project.")
