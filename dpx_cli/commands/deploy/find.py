"""Find deployments: by ID in their project, the latest one, and those that filters leave."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api import deployments
from dpx_cli.api.client import is_name, shape_error
from dpx_cli.api.retry import Backoff, Deadline
from dpx_cli.durations import epoch
from dpx_cli.errors import NotFound, UsageError, exclusive
from dpx_cli.output.columns import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.api.pages import Pages
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session

APPEAR = 300.0  # seconds; the default of --appear
FIRST_PAUSE, MAX_PAUSE = 1.0, 5.0  # seconds between two looks for a deployment that hasn't appeared
MAX_DETAILS = 20  # deployments whose details are requested, if the list has no commits
MAX_SHOWN = 3  # deployments in an error
PROJECT = Column("Project", "project", required=True, missing="Total")


def list_refs(
    session: Session, projects: Sequence[str], org: str | None, *, every: bool, cursor: str | None = None
) -> list[ProjectRef] | None:
    """Return several projects of `--project`, those of an organization, or all; None for one project."""
    exclusive(("--project", projects), ("--org", org), ("--all", every))
    if len(set(projects)) <= 1 and org is None and not every:
        return None
    if cursor is not None:
        raise UsageError("--cursor continues the list of one project.", hint="Pass --limit, or one --project.")
    if projects:
        return session.projects.refs(projects)
    return list({ref.id: ref for page in session.projects.list_refs(org) for ref in page}.values())


class Filters(NamedTuple):
    """What `deploy list` shows: statuses (none for all), a branch, the last `since` seconds, a commit."""

    statuses: tuple[str, ...] = ()
    branch: str | None = None
    since: float | None = None
    sha: str | None = None


class Selection:
    """A project's deployments that filters leave, newest first: `pages`."""

    def __init__(
        self,
        session: Session,
        project_id: str,
        filters: Filters,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        client: Client | None = None,
    ) -> None:
        self._session = session
        self._undated = self._unknown = 0
        self._filters = filters
        self._oldest = None if filters.since is None else time.time() - filters.since
        if filters.sha is not None:
            from dpx_cli.rollout.commits import KnownCommits

            self._commits = KnownCommits(session, project_id)
        statuses = set(filters.statuses)
        self.status = filters.statuses[0] if len(statuses) == 1 else None  # the server filters by one
        # The server can't count what is left after filters of ours.
        is_plain = filters[1:] == (None, None, None) and len(statuses) <= 1
        pages = deployments.list_deployments(
            client or session.client,
            project_id,
            status=self.status,
            limit=limit if is_plain else None,
            cursor=cursor,
        )
        self.pages: Pages = pages if is_plain else pages.filter(self.fits, limit, ends=self.is_old)

    def warn(self) -> None:
        """Warn about what was left out because it isn't known whether it fits."""
        if self._undated:
            self._session.screen.warn(f"{self._undated} deployments without a creation time are left out.")
        if self._unknown:
            self._session.screen.warn(f"{self._unknown} deployments whose commit isn't known are left out.")

    def raise_first(self) -> None:
        """Raise nothing: what fails here was raised already."""

    def fits(self, item: dict[str, Any]) -> bool:
        """Return whether the filters leave a deployment."""
        statuses, branch, _, sha = self._filters
        if (statuses and item.get("status") not in statuses) or (branch is not None and item.get("branch") != branch):
            return False
        if sha is not None:
            from dpx_cli.rollout.commits import is_same

            commit = self._commits.find(item)
            self._unknown += commit is None
            if commit is None or not is_same(commit, sha):
                return False
        if self._oldest is None:
            return True
        created = epoch(item.get("created_at"))
        self._undated += created is None
        return created is not None and created >= self._oldest

    def is_old(self, page: list[dict[str, Any]]) -> bool:
        """Return whether what follows a page is too old: the list is newest first."""
        if self._oldest is None:
            return False
        moments = [moment for item in page if (moment := epoch(item.get("created_at"))) is not None]
        return bool(moments) and max(moments) < self._oldest


class Choice(NamedTuple):
    """How a deployment is specified: by its ID, as the latest (of a branch), or by its commit."""

    ids: tuple[str, ...] = ()
    latest: bool = False
    branch: str | None = None
    sha: str | None = None

    def check(self) -> None:
        """Raise UsageError unless it is one of them, and --branch is only with --latest."""
        exclusive(("A deployment ID", self.ids), ("--latest", self.latest), ("--sha", self.sha))
        if not self.ids and not self.latest and self.sha is None:
            raise UsageError("No deployment specified.", hint="Pass a deployment ID, --latest or --sha.")
        if self.branch is not None and not self.latest:
            raise UsageError("--branch needs --latest.", hint="Add --latest, or leave --branch out.")


def resolve_deployment_id(session: Session, choice: Choice, project: str | None, appear: Deadline | None = None) -> str:
    """Return the ID of the deployment that is specified; until `appear` one of the commit may appear."""
    if choice.ids:
        return choice.ids[0]
    ref = session.projects.ref(project)

    def find(project_id: str) -> str:
        if choice.sha is None:
            return str(find_newest(session, project_id, ref, choice.branch)["id"])
        return _find_by_commit(session, project_id, ref, choice.sha, appear)

    return session.projects.on(ref, find)


def _find_by_commit(session: Session, project_id: str, ref: ProjectRef, sha: str, appear: Deadline | None) -> str:
    """Return the ID of the newest deployment of a commit. Raise NotFound, with the newest ones, if none is in time."""
    from dpx_cli.rollout.commits import SHORT, KnownCommits, is_same, read_commit

    known = KnownCommits(session, project_id)
    backoff = Backoff(FIRST_PAUSE, 1.5, MAX_PAUSE, appear or Deadline(0.0))
    is_waiting = False
    while True:
        rows = deployments.list_newest(session.client, project_id)
        pairs = [(row, known.find(row)) for row in rows]
        has_commits = not rows or any(map(read_commit, rows))
        if not has_commits and is_name(rows[0].get("id")):
            # The list may have none where the details do.
            rows[0] = deployments.get_deployment(session.client, rows[0]["id"])
            if has_commits := read_commit(rows[0]) is not None:
                pairs = [(row, known.request(session.client, row)) for row in rows[:MAX_DETAILS]]
        for row, commit in pairs:
            if commit and is_same(commit, sha) and is_name(row.get("id")):
                return str(row["id"])
        if not has_commits:
            raise NotFound(
                f"The API returns no commits of deployments, and this machine didn't deploy {sha[:SHORT]}.",
                hint="Wait for the latest one. Run: " + session.command("deploy", "wait", "--latest", project=ref),
            )
        if appear and not is_waiting:
            is_waiting = True
            session.screen.info(f"Waiting for a deployment of commit {sha[:SHORT]} …")
        if appear is None or not backoff.wait():
            newest = [f"{row.get('id')} ({(commit or 'unknown')[:SHORT]})" for row, commit in pairs[:MAX_SHOWN]]
            so_far = f"The newest are {', '.join(newest)}." if newest else "The project has no deployments."
            raise NotFound(
                f"No deployment of commit {sha[:SHORT]}. {so_far}",
                hint=f"Deploy it. Run: {session.command('deploy', project=ref)}",
            )


def find_newest(session: Session, project_id: str, ref: ProjectRef, branch: str | None = None) -> dict[str, Any]:
    """Return a project's newest deployment, of a branch if one is given. Raise NotFound if there is none."""
    for page in Selection(session, project_id, Filters(branch=branch), limit=1).pages:
        if not is_name(page[0].get("id")):
            raise shape_error(f"GET {deployments.path_of(project_id)}", "deployments with an id")
        return page[0]
    what = f"{ref.name} was never deployed" + (f" from branch {branch}." if branch is not None else ".")
    words = ("deploy", "list") if branch is not None else ("deploy",)
    raise NotFound(what, hint=f"Run: {session.command(*words, project=ref)}")


def find_earlier(session: Session, ref: ProjectRef, project_id: str, deployment_id: str | None) -> dict[str, Any]:
    """Return a deployment of a project, or its newest one, with its details. Raise NotFound if there is none."""
    if deployment_id is None:
        row = find_newest(session, project_id, ref)
    else:
        pages = deployments.list_deployments(session.client, project_id)
        row = next((row for page in pages for row in page if row.get("id") == deployment_id), {})
        if not row:
            text = f"Project {ref.name} has no deployment {deployment_id}."
            raise NotFound(text, hint="Pass --project with its own project.")
    return {**row, **deployments.get_deployment(session.client, str(row["id"]))}
