"""`dpx env scan`: variables that the code reads but the project doesn't have, and the reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.api import env_vars
from dpx_cli.commands import LIST, READ, effect
from dpx_cli.commands.env import GROUP
from dpx_cli.commands.env.scan import files
from dpx_cli.errors import CheckFailed
from dpx_cli.output.columns import Column
from dpx_cli.output.format import yes_no
from dpx_cli.reference import TARGETS, targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated

    from dpx_cli.cli.options import Project, Targets, argument, flag
    from dpx_cli.session import Session

    Variables = Mapping[str, Mapping[str, Any]]

COLUMNS = (
    Column("Key", "key"),
    Column("Where", "where"),
    Column("Missing in", "missing", required=True),
    Column("Optional", "optional", show=yes_no),
)
UNUSED = (Column("Key", "key"), Column("Targets", "targets"))

# Set by the platform, the runtime or the operating system, not by the project.
BUILT_IN = frozenset(
    {
        *("NODE_ENV", "PORT", "CI", "MODE", "DEV", "PROD", "SSR", "BASE_URL", "LEGACY"),
        *("NEXT_RUNTIME", "NEXT_PHASE", "VITEST", "JEST_WORKER_ID", "INIT_CWD"),
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "HOSTNAME", "TERM", "TMPDIR", "TMP", "TEMP"),
        *("USERNAME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMFILES", "SYSTEMROOT", "WINDIR", "COMSPEC"),
    }
)
MAX_LISTED = 5  # places in a message


@GROUP.command("scan", epilog="dpx env scan --project storefront --target production")
@effect(READ, prints=LIST)
def scan(
    session: Session,
    path: Annotated[str | None, argument("PATH", "Directory or file. [default: .]", complete="file")] = None,
    project: Project = None,
    targets: Targets = (),
    unused: Annotated[bool, flag("--unused", "List the project's variables that no code reads instead.")] = False,
) -> None:
    """Find variables that the code reads but the project doesn't have.

    Reads the JavaScript, TypeScript and Python files that git tracks. A variable that has a default wherever it's read
    is optional. Exits 10 if a variable that isn't optional is missing in a target.
    """
    code, variables = _read(session, project, path or ".")
    if unused:
        _show_unused(session, code, variables, targets)
        return
    rows = _compare(code, variables, targets)
    if session.screen.format in {"table", "tsv"}:
        rows = [{**row, "where": f"{row['file']}:{row['line']}"} for row in rows]
        if not rows:
            if code.is_complete:
                session.screen.info("The project has every variable that the code reads.")
            return
    session.screen.rows([rows], COLUMNS, key="key")
    if required := [row for row in rows if not row["optional"]]:
        key, lacking = required[0]["key"], required[0]["missing"]
        # It is set for the targets that have it already as well.
        present = targets_of(variables[key]) if key in variables else ()
        wanted = [target for target in TARGETS if target in lacking or target in present]
        target = ",".join(wanted) if present or len(wanted) < len(TARGETS) else ()
        ref = session.projects.ref(project)
        command = session.command("env", "set", key, project=ref, target=target)
        keys = ", ".join(row["key"] for row in required)
        raise CheckFailed(f"Missing in the project: {keys}", hint=f"Run: {command}")


def missing(session: Session, project: str | None, path: str, targets: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the variables that code reads and a project lacks, for some targets or all; note what can't be checked."""
    return _compare(*_read(session, project, path), targets)


def _read(session: Session, project: str | None, path: str) -> tuple[files.Scan, Variables]:
    """Return what the code reads, and the project's variables by key; note what can't be checked."""
    ref = session.projects.ref(project)
    code = files.scan(path)
    _note(session, code)
    return code, session.projects.on(ref, lambda project_id: env_vars.by_key(session.client, project_id))


def _compare(code: files.Scan, variables: Variables, targets: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    for key, places in code.keys.items():
        place = min(places, key=lambda each: each.optional)
        present = targets_of(variables[key]) if key in variables else ()
        lacking = [target for target in TARGETS if target not in present and (not targets or target in targets)]
        if lacking and key not in BUILT_IN and not key.startswith("npm_"):
            rows.append({"key": key, **place._asdict(), "missing": lacking})
    return rows


def _show_unused(session: Session, code: files.Scan, variables: Variables, targets: Sequence[str]) -> None:
    rows = [
        {"key": key, "targets": list(targets_of(variable))}
        for key, variable in variables.items()
        if key not in code.keys and (not targets or set(targets) & set(targets_of(variable)))
    ]
    empty = "The code reads every variable of the project." if code.is_complete else "No variables."
    session.screen.rows([rows], UNUSED, key="key", empty=empty)
    if rows and (code.dynamic or code.whole):
        session.screen.note("These places may read variables that are listed here.")


def _note(session: Session, code: files.Scan) -> None:
    screen = session.screen
    if code.dynamic:
        accesses = "1 dynamic access" if len(code.dynamic) == 1 else f"{len(code.dynamic)} dynamic accesses"
        screen.note(f"{accesses}, which can't be checked: {list_places(code.dynamic)}")
    if code.whole:
        places = _count(code.whole, "place")
        screen.note(
            f"The whole environment is passed on in {places}, which can't be checked: {list_places(code.whole)}"
        )
    if code.unread:
        screen.warn(f"Can't read {_count(code.unread, 'file')}: {list_places(code.unread)}")
    if code.absent:
        absent = f"{_count(code.absent, 'tracked source file')}: {list_places(code.absent)}"
        screen.warn(f"Not in the working tree (sparse checkout?), so not checked: {absent}")
    for problem in code.git_problems:
        screen.warn(
            f"Git didn't list the files of this repository, so files that it ignores are read as well: "
            f"{problem.reason}.{f' {problem.hint}' if problem.hint else ''}"
        )
    if not (code.files or code.absent):
        screen.warn("No JavaScript, TypeScript or Python files found.")


def list_places(places: Sequence[object]) -> str:
    """Return the first places, and how many more there are."""
    more = f" and {len(places) - MAX_LISTED} more" if len(places) > MAX_LISTED else ""
    return ", ".join(map(str, places[:MAX_LISTED])) + more


def _count(places: Sequence[str], what: str) -> str:
    return f"{len(places)} {what}{'' if len(places) == 1 else 's'}"
