"""`dpx env`: environment variables. The modules of this package hold the logic; `api/env_vars.py` the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api import env_vars
from dpx_cli.commands import CREATED, DELETE, LIST, ONE, READ, WRITE, Typer, effect
from dpx_cli.commands.listing import show_pages
from dpx_cli.errors import CheckFailed, DpxError, NotFound, UsageError
from dpx_cli.output.columns import Column
from dpx_cli.output.format import yes_no
from dpx_cli.output.screen import input_name
from dpx_cli.reference import TARGETS, is_key, targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Any

    from dpx_cli.cli import options
    from dpx_cli.commands.env.edit import Change, Step, Variables
    from dpx_cli.commands.env.scan.files import CodeLocation
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session


GROUP = Typer(name="env", help="List, set, remove, import, compare and rotate variables.")

PROJECT = Column("Project", "project", required=True)
ACTION = Column("Action", "action", required=True)
COLUMNS = (
    Column("Key", "key"),
    Column("Targets", "targets"),
    Column("Sensitive", "sensitive", show=yes_no),
)
REMOVED = (Column("Key", "key"), Column("Deleted", "deleted", show=yes_no))
REMOVAL = (
    Column("Key", "key"),
    Column("Targets", "targets"),
    Column("Read in", "places"),
    Column("Also in", "projects"),
)
DIFFERENCE = (Column("Only in", "only", required=True), Column("Key", "key"), Column("Targets", "targets"))
PLAN = (
    ACTION,
    Column("Key", "key"),
    Column("Targets before", "before"),
    Column("Targets after", "after"),
)


@GROUP.command("list", epilog="dpx env list --project storefront")
@effect(READ, prints=LIST)
def list_variables(
    session: Session,
    project: options.Project = None,
    targets: options.Targets = (),
    limit: options.Limit = None,
    cursor: options.Cursor = None,
) -> None:
    """List the keys of a project's variables. The API returns no values."""

    def show(project_id: str) -> None:
        if targets:
            everything = env_vars.list_env_vars(session.client, project_id, cursor=cursor)
            chosen = everything.filter(lambda variable: bool(set(targets) & set(targets_of(variable))), limit)
            show_pages(session, chosen, COLUMNS, key="key", what="variables")
            return
        pages = env_vars.list_env_vars(session.client, project_id, limit=limit, cursor=cursor)
        show_pages(session, pages, COLUMNS, key="key", what="variables", remember="keys", under=project_id)

    session.projects.on(project, show)


@GROUP.command("set", epilog="dpx env set LOG_LEVEL debug --project storefront --target preview")
@effect(WRITE, prints=CREATED)
def set_variables(
    session: Session,
    words: Annotated[
        tuple[str, ...],
        options.argument("KEY [VALUE] | KEY=VALUE", "Variables to set.", complete="key"),
        options.SECRET,
        options.CLEARABLE,
    ],
    projects: options.Projects = (),
    targets: options.Targets = (),
    sensitive: options.Sensitive = False,
    stdin: options.Stdin = False,
    from_file: options.FromFile = None,
    allow_empty: options.AllowEmpty = False,
    deploy: options.Deploy = False,
    yes: options.Yes = False,
) -> None:
    """Set one or several variables.

    Other users of the machine can read a value on the command line, and it stays in the shell's history. To avoid
    that, use --stdin, --from-file or the hidden prompt (KEY alone, on a terminal). A key has one value for all its
    targets: dpx asks before --target removes one.
    """
    from dpx_cli.commands.env import edit, values

    variables = values.from_words(session, words, stdin=stdin, from_file=from_file, allow_empty=allow_empty)
    wanted = tuple(dict.fromkeys(targets))

    def run(refs: list[ProjectRef]) -> None:
        if wanted:
            there = edit.list_variables(session, refs)
            steps = {ref.name: edit.plan(there[ref], variables, wanted) for ref in refs}
            edit.confirm(session, refs, lost=edit.losses(steps), yes=yes)
        _finish(
            session,
            [edit.Change(ref, *item, wanted, sensitive or None) for ref in refs for item in variables.items()],
            deploy=deploy,
        )

    edit.on_projects(session, projects, run)


@GROUP.command("rm", epilog="dpx env rm LEGACY_FLAG --project storefront --yes")
@effect(DELETE, prints=ONE)
def remove(
    session: Session,
    keys: Annotated[tuple[str, ...], options.argument("KEY", "Keys to remove.", complete="key")],
    projects: options.Projects = (),
    dry_run: Annotated[bool, options.flag("--dry-run", "Show what reads each key, and change nothing.")] = False,
    yes: options.Yes = False,
) -> None:
    """Remove variables. Nothing is removed if one of them doesn't exist."""
    from dpx_cli.commands.env import edit, values

    named = [key for key in keys if key.lower() in TARGETS and not key.isupper()]  # PREVIEW may well be a variable
    if named:
        key = next((key for key in keys if is_key(key) and key not in named), "KEY")
        kept = [name for name in TARGETS if name not in map(str.lower, named)] or "TARGET"
        project = projects[0] if len(projects) == 1 else None
        command = session.command("env", "set", key, project=project, target=kept)
        hint = f"To keep some targets, set the variable for those. Run: {command}"
        raise UsageError(f"{named[0]} is a target. A variable can only be removed from all its targets.", hint=hint)
    removals = list(dict.fromkeys(values.check_key(key) for key in keys))

    def run(refs: list[ProjectRef]) -> None:
        there = edit.list_variables(session, refs)
        for ref in refs:
            if absent := [key for key in removals if key not in there[ref]]:
                raise NotFound(
                    f"{ref.name} has no variable {', '.join(absent)}; nothing was removed.",
                    hint=f"Run: {session.command('env', 'list', project=ref)}",
                )
        if dry_run:
            _show_removals(session, removals, there)
            return
        if session.screen.can_ask and not yes:
            from dpx_cli.commands.env.scan import list_places

            for key, places in _find_readers(removals).items():
                session.screen.info(f"{key} is read at {list_places(places)}.")
        edit.confirm(session, refs, removals=removals, yes=yes)
        _finish(session, [edit.Change(ref, key) for ref in refs for key in removals])

    edit.on_projects(session, projects, run)


@GROUP.command("import", epilog="dpx env import .env --project storefront --dry-run")
@effect(DELETE, prints=CREATED)
def import_file(
    session: Session,
    file: options.EnvFile,
    project: options.Project = None,
    targets: options.Targets = (),
    sensitive: options.Sensitive = False,
    dry_run: Annotated[bool, options.flag("--dry-run", "Show the plan and change nothing.")] = False,
    prune: Annotated[bool, options.flag("--prune", "Also remove what is not in the file.")] = False,
    deploy: options.Deploy = False,
    yes: options.Yes = False,
) -> None:
    """Set every variable of a .env file.

    If any line is invalid or a key is repeated, nothing is sent. With --target, --prune removes only variables that
    have no other target.
    """
    from dpx_cli.commands.env import edit, values

    variables = values.from_env_file(session, file)
    if prune and not variables:
        raise UsageError(
            f"{input_name(file)} has no variables; --prune would remove all.", hint="Leave out --prune, or use env rm."
        )
    if not variables:
        if session.screen.format != "table":
            session.screen.rows([[]], COLUMNS, key="key")
        return
    wanted = tuple(dict.fromkeys(targets))

    def run(refs: list[ProjectRef]) -> None:
        steps: list[Step] = []
        if dry_run or prune or wanted:
            (there,) = edit.list_variables(session, refs).values()
            steps = edit.plan(there, variables, wanted, prune=prune)
        lost = edit.losses({"": steps})
        if dry_run:
            session.screen.rows([[step._asdict() for step in steps]], PLAN, key="key", empty="Nothing to do.")
            for line in lost:
                session.screen.warn(f"The import removes a target. {line}")
            return
        removals = [step.key for step in steps if step.action == edit.REMOVE]
        edit.confirm(session, refs, lost=lost, removals=removals, yes=yes)
        changes = [edit.Change(refs[0], *item, wanted, sensitive or None) for item in variables.items()]
        changes += [edit.Change(refs[0], key) for key in removals]
        _finish(session, changes, steps=steps if prune else (), deploy=deploy)

    edit.on_projects(session, () if project is None else (project,), run)


@GROUP.command("example", epilog="dpx env example --project storefront")
@effect(READ)
def example(session: Session, project: options.Project = None, targets: options.Targets = ()) -> None:
    """Print a .env skeleton: every key of a project, without its value."""
    variables = session.projects.on(project, lambda project_id: env_vars.by_key(session.client, project_id))
    keys = [key for key, item in variables.items() if not targets or set(targets) & set(targets_of(item))]
    # A key that the reference doesn't allow could add a line of its own.
    session.screen.lines([f"{key}=" for key in keys if is_key(key)])


@GROUP.command("check", epilog="dpx env check .env.example --project storefront")
@effect(READ, prints=ONE)
def check(
    session: Session, file: options.EnvFile, project: options.Project = None, targets: options.Targets = ()
) -> None:
    """Check that every key of a file, like .env.example, is set. Exits 10 if one is missing."""
    from dpx_cli.commands.env import values

    ref = session.projects.ref(project)
    wanted = values.keys_of_file(session, file)
    there = session.projects.on(ref, lambda project_id: env_vars.by_key(session.client, project_id))
    missing = [key for key in wanted if key not in there or not set(targets) <= set(targets_of(there[key]))]
    if missing:
        where = f" for {', '.join(targets)}" if targets else ""
        command = session.command("env", "set", missing[0], project=ref, target=targets)
        raise CheckFailed(f"Not set{where}: {', '.join(missing)}", hint=f"To be asked for the value, run: {command}")
    if session.screen.format == "json":
        session.screen.item({"ok": True, "keys": list(wanted)}, (), key="ok")
    session.screen.info(f"Every key of {input_name(file)} is set ({len(wanted)}).")


@GROUP.command("diff", epilog="dpx env diff .env --project storefront --target production")
@effect(READ, prints=LIST)
def diff(
    session: Session,
    file: options.OptionalEnvFile = None,
    against: Annotated[
        str | None, options.option("--against", "PROJECT", "Another project to compare.", complete="project")
    ] = None,
    project: options.Project = None,
    targets: options.Targets = (),
    exit_code: Annotated[bool, options.flag("--exit-code", "Exit 10 if there is a difference.")] = False,
) -> None:
    """Show which variables only one side has: a .env file or a project, or one of two projects.

    With --target, only those targets are compared, and a file counts as being for them; the targets shown are the
    ones that the other side lacks. Values can't be compared: the API doesn't return them.
    """
    from dpx_cli.commands.env.values import keys_of_file

    if (file is None) == (against is None):
        raise UsageError("Pass either FILE or --against PROJECT.", hint="Run: dpx env diff --help")
    ref = session.projects.ref(project)
    wanted = tuple(dict.fromkeys(targets))
    if against is None:
        here = dict.fromkeys(keys_of_file(session, str(file)), wanted)
        there = _targets(session, ref)
        rows = _only_in("file", here, there, wanted)
        rows += _only_in("project", there, {key: there.get(key, ()) for key in here}, wanted)
    else:
        other = session.projects.ref(against)
        one, two = _targets(session, ref), _targets(session, other)
        rows = [*_only_in(ref.name, one, two, wanted), *_only_in(other.name, two, one, wanted)]
    session.screen.rows([rows], DIFFERENCE, key="key", empty="No difference.")
    session.screen.note("Values can't be compared: the API doesn't return them.")
    if rows and exit_code:
        raise CheckFailed("The two sides differ.")


def _targets(session: Session, ref: ProjectRef) -> dict[str, Sequence[str]]:
    variables = session.projects.on(ref, lambda project_id: env_vars.by_key(session.client, project_id))
    return {key: targets_of(variable) for key, variable in variables.items()}


def _only_in(
    name: str, own: Mapping[str, Sequence[str]], other: Mapping[str, Sequence[str]], targets: Sequence[str]
) -> list[dict[str, Any]]:
    """Return a row for each key of one side with the targets that the other side lacks."""
    rows = []
    for key, here in own.items():
        lacking = [each for each in here if each not in other.get(key, ()) and (not targets or each in targets)]
        if lacking or (not here and key not in other):
            rows.append({"only": name, "key": key, "targets": lacking})
    return rows


def _find_readers(keys: Sequence[str]) -> dict[str, list[CodeLocation]]:
    """Return where the code in the working directory reads some variables, places without a default first."""
    from dpx_cli.commands.env.scan import files

    try:
        found = files.scan(".").keys
    except DpxError:
        return {}
    return {key: sorted(found[key], key=lambda place: place.optional) for key in keys if key in found}


def _show_removals(session: Session, keys: Sequence[str], there: Mapping[ProjectRef, Variables]) -> None:
    from dpx_cli.commands.env.rotate import search

    readers = _find_readers(keys)
    ids = {ref.id for ref in there}
    others: dict[str, list[str]] = {key: [] for key in keys}
    for page in search(session, keys, session.projects.list_refs(None)):
        for ref, variable in page:
            if isinstance(variable, DpxError):
                session.screen.warn(variable.message)
            elif ref.id not in ids:
                others[variable["key"]].append(ref.name)
    rows = []
    for ref, variables in there.items():
        for key in keys:
            row: dict[str, Any] = {"project": ref.name} if len(there) > 1 else {}
            places = readers.get(key, [])
            first = places[0]._asdict() if places else dict.fromkeys(("file", "line", "optional"))
            row |= {"key": key, "targets": list(targets_of(variables[key])), **first}
            row |= {"places": list(map(str, places)), "projects": others[key]}
            rows.append(row)
    session.screen.rows([rows], (*((PROJECT,) if len(there) > 1 else ()), *REMOVAL), key="key")


def _finish(session: Session, changes: Sequence[Change], *, steps: Sequence[Step] = (), deploy: bool = False) -> None:
    """Change variables, show what was changed (`steps` add what is done to each key), and raise the first failure."""
    from dpx_cli.commands.env import edit

    result = edit.apply(session, changes)
    failures = result.failures
    several = len(result.rows) > 1
    actions = {step.key: step.action for step in steps}
    rows = [
        ({"project": ref.given} if several else {}) | ({"action": actions[row["key"]]} if steps else {}) | row
        for ref, changed in result.rows.items()
        for row in changed
    ]
    if not failures or (several and rows):
        first = (*((PROJECT,) if several else ()), *((ACTION,) if steps else ()))
        is_removal = all(change.value is None for change in changes)
        session.screen.rows([rows], (*first, *(REMOVED if is_removal else COLUMNS)), key="key")
    edit.report(session, result, deploy=deploy)
    if deploy:
        tasks = edit.deploy(session, [ref for ref in result.rows if ref not in failures])
        failures |= {ref: task.error for ref, task in tasks.items() if task.error}
    edit.raise_first(session, [failures[ref] for ref in result.rows if ref in failures])
