"""`dpx env scan`: variables that the code reads and the project lacks. `sources/` reads the code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.commands import LIST, READ, effect
from dpx_cli.commands.env import GROUP, variables
from dpx_cli.errors import CheckFailed
from dpx_cli.output.columns import Column
from dpx_cli.output.format import joined, yes_no
from dpx_cli.reference import TARGETS, targets_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Annotated

    import typer

    from dpx_cli.cli.options import Complete, Project, Targets
    from dpx_cli.commands.env.sources import Scan
    from dpx_cli.session import Session

COLUMNS = (
    Column("Key", "key"),
    Column("Where", "where"),
    Column("Missing in", "missing", show=joined),
    Column("Optional", "optional", show=yes_no),
)

# Set by the platform, the runtime or the operating system, not by the project.
BUILT_IN = frozenset(
    {
        *("NODE_ENV", "PORT", "CI", "MODE", "DEV", "PROD", "SSR", "BASE_URL", "LEGACY"),
        *("NEXT_RUNTIME", "NEXT_PHASE", "VITEST", "JEST_WORKER_ID", "INIT_CWD"),
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "HOSTNAME", "TERM", "TMPDIR", "TMP", "TEMP"),
        *("USERNAME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMFILES", "SYSTEMROOT", "WINDIR", "COMSPEC"),
    }
)
BUILT_IN_PREFIXES = ("npm_",)


@GROUP.command("scan", epilog="dpx env scan --project storefront --target production")
@effect(READ, prints=LIST)
def scan(
    session: Session,
    path: Annotated[
        str | None,
        typer.Argument(metavar="PATH", help="Directory or file. [default: .]", autocompletion=Complete.file),
    ] = None,
    project: Project = None,
    targets: Targets = (),
) -> None:
    """Find variables that the code reads and the project lacks.

    Reads the JavaScript, TypeScript and Python files that git tracks. A variable that has a default wherever it's read
    is optional. Exits 10 if a variable that isn't optional is missing in a target.
    """
    lacking = missing(session, project, path or ".", targets)
    rows = [found.row() for found in lacking]
    if session.screen.format in {"table", "tsv"}:
        rows = [{**row, "where": f"{row['file']}:{row['line']}"} for row in rows]
        if not rows:
            session.screen.done("The project has every variable that the code reads.")
            return
    session.screen.rows([rows], COLUMNS, key="key")
    required = [found for found in lacking if not found.optional]
    if required:
        keys = ", ".join(found.key for found in required)
        raise CheckFailed(f"Missing in the project: {keys}", hint=_way_out(session, project, required[0]))


class Missing(NamedTuple):
    """A variable that the code reads and the project lacks.

    Attributes:
        key: its name.
        file: path of the file that reads it.
        line: counted from 1.
        missing: targets that lack it.
        optional: whether the code has a default wherever it reads it.
        present: targets that have it.
    """

    key: str
    file: str
    line: int
    missing: list[str]
    optional: bool
    present: list[str]

    def row(self) -> dict[str, Any]:
        """Return `{"key", "file", "line", "missing", "optional"}`."""
        row = self._asdict()
        del row["present"]
        return row


def missing(session: Session, project: str | None, path: str, targets: Sequence[str] = ()) -> list[Missing]:
    """Return the variables that code reads and a project lacks, and note what can't be told.

    Args:
        session: the run.
        project: as given; None for the default.
        path: the directory or file.
        targets: the targets to look at; all, if empty.

    Returns:
        In the order of the files.
    """
    from dpx_cli.commands.env import sources

    session.projects.reference(project)
    found = sources.scan(path, session.env)
    _note(session, found)
    there = {variable["key"]: targets_of(variable) for variable in variables(session, project)}
    wanted = [target for target in TARGETS if not targets or target in targets]
    rows = []
    for key, place in found.keys.items():
        present = list(there.get(key, ()))
        lacking = [target for target in wanted if target not in present]
        if lacking and key not in BUILT_IN and not key.startswith(BUILT_IN_PREFIXES):
            rows.append(Missing(key, place.file, place.line, lacking, place.optional, present))
    return rows


def _note(session: Session, found: Scan) -> None:
    """Tell what a scan can't resolve."""
    screen = session.screen
    if found.dynamic.count:
        screen.note(f"{_many(found.dynamic.count, 'dynamic access', 'es')}, which can't be checked: {found.dynamic}")
    if found.whole.count:
        places = _many(found.whole.count, "place", "s")
        screen.note(f"The whole environment is passed on in {places}, which can't be checked: {found.whole}")
    if found.unread.count:
        screen.warn(f"Can't read {_many(found.unread.count, 'file', 's')}: {found.unread}")
    if not found.files:
        screen.warn("No JavaScript, TypeScript or Python files found.")


def _many(count: int, what: str, plural: str) -> str:
    return f"{count} {what}{plural if count > 1 else ''}"


def _way_out(session: Session, project: str | None, first: Missing) -> str:
    """Return the hint that sets the first variable that is missing, for the targets that have it already as well."""
    import shlex

    words = ["dpx", "env", "set", first.key, "--project", session.projects.title(project)]
    targets = [target for target in TARGETS if target in first.missing or target in first.present]
    if first.present or len(targets) < len(TARGETS):
        words += ["--target", ",".join(targets)]
    return "Run: " + shlex.join(words)
