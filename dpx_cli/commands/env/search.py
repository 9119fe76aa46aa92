"""Which projects have a variable: in the whole account, in an organization, or among some projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.api import env_vars, parallel
from dpx_cli.errors import NotFound
from dpx_cli.output.columns import Column
from dpx_cli.output.display import StatusLine
from dpx_cli.output.format import joined, yes_no
from dpx_cli.reference import targets_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.errors import DpxError
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session

    Variable = Mapping[str, Any]

COLUMNS = (
    Column("Project", "project"),
    Column("Targets", "targets", show=joined),
    Column("Sensitive", "sensitive", show=yes_no),
)


def row_of(ref: ProjectRef, variable: Variable) -> dict[str, Any]:
    """Return what a list shows of a project that has a variable."""
    return {
        "project": ref.name,
        "projectId": ref.id,
        "key": variable["key"],
        "targets": list(targets_of(variable)),
        "sensitive": variable.get("sensitive"),
    }


class Search:
    """Looks for variables in projects that arrive in pages, in constant memory.

    Attributes:
        order: the projects that have one of the variables or could not be read, in their order.
        failures: the errors of those that could not be read.
    """

    def __init__(self, session: Session, keys: Sequence[str], pages: Iterable[Sequence[ProjectRef]]) -> None:
        self.order: list[ProjectRef] = []
        self.failures: dict[ProjectRef, DpxError] = {}
        self._session = session
        self._keys = keys
        self._pages = pages

    def __iter__(self) -> Iterator[list[tuple[ProjectRef, Variable]]]:
        """Yield the projects on each page that have one of the variables, with the variable as the API returned it.

        Raises:
            NotFound: at the end, if every project could be read and none has one of the variables.
            DpxError: for a failure that every request would share.
        """
        screen = self._session.screen
        searched, has_holders = 0, False
        with StatusLine(screen) as live:
            pages = parallel.by_pages(
                self._pages, self._look, client=lambda: self._session.client_for(self._session.token())
            )
            for page, outcome in pages:
                for ref in page:
                    self._note_failure(ref, outcome.failures.get(ref))
                holders = [(ref, variable) for ref in page for variable in outcome.results.get(ref, ())]
                self.order += [ref for ref in page if outcome.results.get(ref) or ref in self.failures]
                searched += len(page)
                if screen.animates:
                    live.update(f"{searched} projects searched")
                if holders:
                    has_holders = True
                    yield holders
        if not has_holders and not self.failures:
            hint = f"Run: {self._session.command('projects', 'list')}"
            raise NotFound(f"No project has {' or '.join(self._keys)}.", hint=hint)

    def _look(self, client: Client, ref: ProjectRef) -> list[Variable]:
        variables: list[Variable] = []
        for page in env_vars.list_env_vars(client, ref.id or ""):
            variables += [variable for variable in page if variable.get("key") in self._keys]
            if len(variables) >= len(self._keys):
                break
        return variables

    def _note_failure(self, ref: ProjectRef, failure: DpxError | None) -> None:
        if isinstance(failure, parallel.FATAL_ERRORS):
            raise failure
        if failure and not isinstance(failure, NotFound):  # deleted since it was listed
            failure.message = f"{ref.name}: {failure.message}"
            self.failures[ref] = failure
