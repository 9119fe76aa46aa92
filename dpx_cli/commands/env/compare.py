"""`dpx env diff` and `dpx env copy`: what is here and what is there. Of keys and targets; the API gives no values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LIST, READ, effect
from dpx_cli.commands.env import COLUMNS as VARIABLE
from dpx_cli.commands.env import GROUP, variables
from dpx_cli.commands.env.values import keys_of_file
from dpx_cli.errors import CheckFailed, UsageError
from dpx_cli.output.columns import Column
from dpx_cli.output.format import joined
from dpx_cli.output.screen import input_name
from dpx_cli.reference import targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Any

    import typer

    from dpx_cli.cli.options import Complete, EnvFile, Project, Targets
    from dpx_cli.session import Session

HERE, THERE = "file", "project"
COLUMNS = (Column("Only in", "only"), Column("Key", "key"), Column("Targets", "targets", show=joined))
NO_VALUES = "the API does not give them"


@GROUP.command("diff", epilog="dpx env diff .env --project storefront --target production")
@effect(READ, prints=LIST)
def diff(
    session: Session,
    file: EnvFile,
    project: Project = None,
    targets: Targets = (),
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 10 where there is a difference.")] = False,
) -> None:
    """Show which variables only a .env file has, and which only the project.

    With --target the file counts as being for those environments, and only they are compared; the targets shown are
    those that the other side lacks. Values cannot be compared: the API does not give them.
    """
    here = keys_of_file(session, file)
    there = {variable["key"]: variable for variable in variables(session, project)}
    rows = _differences(here, there, tuple(dict.fromkeys(targets)))
    session.screen.rows([rows], COLUMNS, key="key", empty="no difference")
    session.screen.note(f"values cannot be compared: {NO_VALUES}")
    if rows and exit_code:
        raise CheckFailed(
            f"{input_name(file)} and the project differ in {len(rows)} key{'s' if len(rows) > 1 else ''}",
            hint="dpx env import FILE --dry-run shows what an import would do",
        )


@GROUP.command("copy", epilog="dpx env copy storefront docs --keys")
@effect(READ, prints=LIST)
def copy(
    session: Session,
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A project: id, slug or org/slug.", autocompletion=Complete.project)
    ],
    destination: Annotated[str, typer.Argument(metavar="TO", help="Another project.", autocompletion=Complete.project)],
    keys: Annotated[bool, typer.Option("--keys", help="Print which keys TO lacks.")] = False,
) -> None:
    """Print which variables of a project another one lacks.

    The API does not give values, so nothing can be copied: --keys says so and is required.
    """
    if not keys:
        raise UsageError(
            f"values cannot be copied: {NO_VALUES}",
            hint=f"dpx env copy {source} {destination} --keys prints which keys {destination} lacks",
        )
    there = {variable["key"] for variable in variables(session, destination)}
    lacking = [variable for variable in variables(session, source) if variable["key"] not in there]
    session.screen.rows([lacking], VARIABLE, key="key", empty=f"{destination} has every key of {source}")
    session.screen.note(f"values cannot be compared or copied: {NO_VALUES}")


def _differences(
    here: Sequence[str], there: Mapping[str, Mapping[str, Any]], targets: Sequence[str]
) -> list[dict[str, Any]]:
    """One row a key that one side lacks, or lacks for some of the targets; the file's first, in its order."""
    rows = []
    for key in here:
        lacking = list(targets)
        if key in there:
            own = targets_of(there[key])
            lacking = [target for target in targets if target not in own]
            if not lacking:
                continue
        rows.append({"only": HERE, "key": key, "targets": lacking})
    for key, variable in there.items():
        own = targets_of(variable)
        shared = [target for target in own if not targets or target in targets]
        if key not in here and shared:
            rows.append({"only": THERE, "key": key, "targets": shared})
    return rows
