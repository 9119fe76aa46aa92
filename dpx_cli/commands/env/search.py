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


def search(
    session: Session, keys: Sequence[str], pages: Iterable[Sequence[ProjectRef]]
) -> Iterator[list[tuple[ProjectRef, Variable | DpxError]]]:
    """Look for variables in projects that arrive in pages, in constant memory.

    Yields those on each page that have one of the variables, with the variable as the API returned it, and those that
    can't be read, with the error.

    Raises:
        NotFound: at the end, if every project could be read and none has one of the variables.
        DpxError: for a failure that every request would share.
    """

    def look(client: Client, ref: ProjectRef) -> list[Variable]:
        variables: list[Variable] = []
        for page in env_vars.list_env_vars(client, str(ref.id)):
            variables += [variable for variable in page if variable.get("key") in keys]
            if len(variables) >= len(keys):
                break
        return variables

    count, is_empty = 0, True
    with StatusLine(session.screen) as live:
        for page, outcome in parallel.by_pages(pages, look, client=session.client_for):
            rows: list[tuple[ProjectRef, Variable | DpxError]] = []
            for ref in page:
                failure = outcome.failures.get(ref)
                if isinstance(failure, parallel.FATAL_ERRORS):
                    raise failure
                if failure and not isinstance(failure, NotFound):  # deleted since it was listed
                    failure.message = f"{ref.name}: {failure.message}"
                    rows.append((ref, failure))
                rows += [(ref, variable) for variable in outcome.results.get(ref, ())]
            count += len(page)
            if session.screen.animates:
                live.update(f"{count} projects searched")
            if rows:
                is_empty = False
                yield rows
    if is_empty:
        hint = f"Run: {session.command('projects', 'list')}"
        raise NotFound(f"No project has {' or '.join(keys)}.", hint=hint)
