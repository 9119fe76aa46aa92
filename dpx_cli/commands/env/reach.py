"""Which projects have a variable: of the whole account, of an organization, or of some projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api import env_vars, parallel
from dpx_cli.api.client import is_name
from dpx_cli.errors import NotFound
from dpx_cli.output.columns import Column
from dpx_cli.output.display import StatusLine
from dpx_cli.output.format import joined, yes_no
from dpx_cli.reference import targets_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.errors import DpxError
    from dpx_cli.session import Session

COLUMNS = (
    Column("Project", "project"),
    Column("Targets", "targets", show=joined),
    Column("Sensitive", "sensitive", show=yes_no),
    Column("Project ID", "projectId"),
)


class Project(NamedTuple):
    """A project, and what messages call it."""

    id: str
    name: str


class Holder(NamedTuple):
    """A project that has the variable, and the variable as the API returned it."""

    project: Project
    variable: Mapping[str, Any]

    def row(self) -> dict[str, Any]:
        """Return what a list shows of it."""
        return {
            "project": self.project.name,
            "projectId": self.project.id,
            "key": self.variable["key"],
            "targets": list(targets_of(self.variable)),
            "sensitive": self.variable.get("sensitive"),
        }


class Search:
    """Looks for a variable in projects that arrive in pages, in constant memory.

    Args:
        session: the session.
        key: the variable's name.
        pages: the projects.

    Attributes:
        order: the projects that have the variable or could not be read, in their order.
        failures: the errors of those that could not be read.
    """

    def __init__(self, session: Session, key: str, pages: Iterable[Sequence[Project]]) -> None:
        self.order: list[Project] = []
        self.failures: dict[Project, DpxError] = {}
        self._session = session
        self._key = key
        self._pages = pages

    def __iter__(self) -> Iterator[list[Holder]]:
        """Yield the holders of each page.

        Raises:
            NotFound: at the end, if every project could be read and none has the variable.
            DpxError: for a failure that every request would share.
        """
        searched, found = 0, False
        with StatusLine(self._session.screen) as live:
            pages = parallel.by_pages(
                self._pages, self._look, client=lambda: self._session.client_for(self._session.token())
            )
            for page, outcome in pages:
                self._note_failures(page, outcome.failures)
                holders = [Holder(project, variable) for project in page if (variable := outcome.results.get(project))]
                found_here = {holder.project for holder in holders} | set(self.failures)
                self.order += [project for project in page if project in found_here]
                searched += len(page)
                if self._session.screen.animates:
                    live.update(f"{searched} projects searched")
                if holders:
                    found = True
                    yield holders
        if not found and not self.failures:
            raise NotFound(f"No project has {self._key}.", hint="Run: dpx projects list")

    def _look(self, client: Client, project: Project) -> Mapping[str, Any] | None:
        for page in env_vars.list_env_vars(client, project.id):
            for variable in page:
                if variable.get("key") == self._key:
                    return variable
        return None

    def _note_failures(self, page: Sequence[Project], failures: Mapping[Project, DpxError]) -> None:
        for project in page:
            failure = failures.get(project)
            if failure is None:
                continue
            if isinstance(failure, parallel.HOPELESS):
                raise failure
            if not isinstance(failure, NotFound):  # deleted since it was listed
                failure.message = f"{project.name}: {failure.message}"
                self.failures[project] = failure


def listed(session: Session, org: str | None) -> Iterator[list[Project]]:
    """Yield the projects of an organization, or all, page by page."""
    from dpx_cli.api import projects

    for page in projects.list_projects(session.client, org=org):
        yield [Project(item["id"], str(item.get("slug") or item["id"])) for item in page if is_name(item.get("id"))]
