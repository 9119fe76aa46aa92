"""`dpx env diff`: which keys a file and a project, or two projects, don't share. The API returns no values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api import env_vars
from dpx_cli.commands import LIST, READ, effect
from dpx_cli.commands.env import GROUP
from dpx_cli.commands.env.values import keys_of_file
from dpx_cli.errors import CheckFailed, UsageError
from dpx_cli.output.columns import Column
from dpx_cli.output.format import joined
from dpx_cli.reference import targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Any

    from dpx_cli.cli.options import OptionalEnvFile, Project, Targets, flag, option
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session

FILE, PROJECT = "file", "project"
COLUMNS = (Column("Only in", "only", required=True), Column("Key", "key"), Column("Targets", "targets", show=joined))


@GROUP.command("diff", epilog="dpx env diff .env --project storefront --target production")
@effect(READ, prints=LIST)
def diff(
    session: Session,
    file: OptionalEnvFile = None,
    against: Annotated[
        str | None, option("--against", "PROJECT", "Another project to compare.", complete="project")
    ] = None,
    project: Project = None,
    targets: Targets = (),
    exit_code: Annotated[bool, flag("--exit-code", "Exit 10 if there is a difference.")] = False,
) -> None:
    """Show which variables only one side has: a .env file or a project, or one of two projects.

    With --target only those environments are compared, and a file counts as being for them; the targets shown are the
    ones that the other side lacks. Values can't be compared: the API doesn't return them.
    """
    if (file is None) == (against is None):
        raise UsageError("Pass either FILE or --against PROJECT.", hint="Run: dpx env diff --help")
    ref = session.projects.ref(project)
    wanted = tuple(dict.fromkeys(targets))
    if against is None:
        here = keys_of_file(session, str(file))
        there = _targets(session, ref)
        rows = [{"only": FILE, "key": key, "targets": []} for key in here if key not in there]
        if wanted:
            rows = _only_in(FILE, dict.fromkeys(here, wanted), there, wanted)
        rows += _only_in(PROJECT, there, {key: there.get(key, ()) for key in here}, wanted)
    else:
        other = session.projects.ref(against)
        one, two = _targets(session, ref), _targets(session, other)
        rows = [*_only_in(ref.name, one, two, wanted), *_only_in(other.name, two, one, wanted)]
    session.screen.rows([rows], COLUMNS, key="key", empty="No difference.")
    session.screen.note("Values can't be compared: the API doesn't return them.")
    if rows and exit_code:
        count = len({row["key"] for row in rows})
        raise CheckFailed(f"The two sides differ in {count} variable{'' if count == 1 else 's'}.")


def _targets(session: Session, ref: ProjectRef) -> dict[str, Sequence[str]]:
    """Return the targets of each variable of a project."""
    variables = session.projects.on(ref, lambda project_id: env_vars.by_key(session.client, project_id))
    return {key: targets_of(variable) for key, variable in variables.items()}


def _only_in(
    name: str, own: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]], targets: Sequence[str]
) -> list[dict[str, Any]]:
    """Return a row for each key of one side with the targets that the other side lacks."""
    rows = []
    for key, here in own.items():
        lacking = [each for each in here if each not in other.get(key, ()) and (not targets or each in targets)]
        if lacking:
            rows.append({"only": name, "key": key, "targets": lacking})
    return rows
