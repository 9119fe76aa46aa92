"""`dpx env`: environment variables. The modules of this package hold the logic; `api/env_vars.py` the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import CREATED, DELETE, LIST, ONE, READ, WRITE, Typer, effect
from dpx_cli.commands.listing import show_pages
from dpx_cli.errors import CheckFailed, UsageError
from dpx_cli.output.columns import Column
from dpx_cli.output.format import joined, yes_no
from dpx_cli.output.screen import input_name
from dpx_cli.reference import is_key, targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Annotated, Any

    import typer

    from dpx_cli.cli.options import (
        SECRET,
        AllowEmpty,
        Complete,
        Cursor,
        Deploy,
        EnvFile,
        FromFile,
        Limit,
        Project,
        Projects,
        Sensitive,
        Stdin,
        Targets,
        Yes,
    )
    from dpx_cli.commands.env.changes import Edit, Place, Step
    from dpx_cli.session import Session


GROUP = Typer(name="env", help="List, set, remove, import, compare and rotate environment variables.")

PROJECT = Column("Project", "project")
ACTION = Column("Action", "action")
COLUMNS = (
    Column("Key", "key"),
    Column("Targets", "targets", show=joined),
    Column("Sensitive", "sensitive", show=yes_no),
    Column("ID", "id"),
)
REMOVED = (Column("Key", "key"), Column("Deleted", "deleted", show=yes_no))
PLAN = (
    ACTION,
    Column("Key", "key"),
    Column("Targets before", "before", show=joined),
    Column("Targets after", "after", show=joined),
)


@GROUP.command("list", epilog="dpx env list --project storefront")
@effect(READ, prints=LIST)
def list_variables(
    session: Session,
    project: Project = None,
    targets: Targets = (),
    limit: Limit = None,
    cursor: Cursor = None,
) -> None:
    """List the keys of a project's variables. The API returns no values."""
    from dpx_cli.api import env_vars

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
        typer.Argument(metavar="KEY [VALUE] | KEY=VALUE", help="What to set.", autocompletion=Complete.key),
        SECRET,
    ],
    projects: Projects = (),
    targets: Targets = (),
    sensitive: Sensitive = False,
    stdin: Stdin = False,
    from_file: FromFile = None,
    allow_empty: AllowEmpty = False,
    deploy: Deploy = False,
    yes: Yes = False,
) -> None:
    """Set one or several variables.

    Other users of the machine can read a value on the command line, and it stays in the shell's history. To avoid
    that, use --stdin, --from-file or the hidden prompt (KEY alone, on a terminal). A key has one value for all its
    targets: dpx asks before --target takes one away. With DPX_LEDGER=1 this machine remembers a keyed digest of what
    it set, and tells "changed" from "unchanged" the next time.
    """
    from dpx_cli.commands.env import changes, values

    edit = changes.Edit(
        values.from_words(session, words, stdin=stdin, from_file=from_file, allow_empty=allow_empty),
        targets=tuple(dict.fromkeys(targets)),
        sensitive=sensitive,
    )

    def change(places: list[Place]) -> None:
        if edit.targets:
            there = changes.look(session, places)
            steps = {place.name: changes.plan(there[place.id], edit.values, edit.targets) for place in places}
            changes.confirm(session, lost=changes.losses(steps), yes=yes)
        _finish(session, places, edit, deploy=deploy)

    changes.on_projects(session, projects, change)


@GROUP.command("rm", epilog="dpx env rm LEGACY_FLAG --project storefront --yes")
@effect(DELETE, prints=ONE)
def remove(
    session: Session,
    keys: Annotated[
        tuple[str, ...], typer.Argument(metavar="KEY", help="Keys to remove.", autocompletion=Complete.key)
    ],
    projects: Projects = (),
    yes: Yes = False,
) -> None:
    """Remove variables."""
    from dpx_cli.commands.env import changes
    from dpx_cli.commands.env.values import check_key

    edit = changes.Edit({}, removals=tuple(dict.fromkeys(check_key(key) for key in keys)))

    def change(places: list[Place]) -> None:
        changes.confirm(session, removals=edit.removals, yes=yes, places=places)
        _finish(session, places, edit)

    changes.on_projects(session, projects, change)


@GROUP.command("import", epilog="dpx env import .env --project storefront --dry-run")
@effect(DELETE, prints=CREATED)
def import_file(
    session: Session,
    file: EnvFile,
    project: Project = None,
    targets: Targets = (),
    sensitive: Sensitive = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Also remove what is not in the file.")] = False,
    deploy: Deploy = False,
    yes: Yes = False,
) -> None:
    """Set every variable of a .env file.

    A bad line or a duplicate key rejects the whole file before any request. With --target, --prune removes only
    variables that have no other target.
    """
    from dpx_cli.commands.env import changes, values

    found = values.from_env_file(session, file)
    if prune and not found:
        raise UsageError(
            f"{input_name(file)} has no variables; --prune would remove all.", hint="Leave out --prune, or use env rm."
        )
    edit = changes.Edit(found, targets=tuple(dict.fromkeys(targets)), sensitive=sensitive, missing_ok=True)

    if not edit.values:
        session.screen.items([], COLUMNS, key="key", empty="No variables in the file; nothing to do.")
        return

    def change(places: list[Place]) -> None:
        steps: list[changes.Step] = []
        if dry_run or prune or edit.targets:
            (there,) = changes.look(session, places).values()
            steps = changes.plan(there, edit.values, edit.targets, prune=prune)
        if dry_run:
            _show_plan(session, places, edit, steps)
            return
        whole = edit._replace(removals=tuple(step.key for step in steps if step.action == changes.REMOVE))
        lost = changes.losses({"": steps})
        changes.confirm(session, lost=lost, removals=whole.removals, yes=yes)
        actions = {step.key: step.action for step in steps} if prune else {}
        _finish(session, places, whole, actions=actions, deploy=deploy)

    changes.on_projects(session, () if project is None else (project,), change)


@GROUP.command("example", epilog="dpx env example --project storefront")
@effect(READ)
def example(session: Session, project: Project = None, targets: Targets = ()) -> None:
    """Print a .env skeleton: every key of a project, without its value."""
    found = variables(session, project)
    wanted = [item["key"] for item in found if not targets or set(targets) & set(targets_of(item))]
    # A key that the reference doesn't allow could add a line of its own.
    session.screen.lines([f"{key}=" for key in wanted if is_key(key)])


@GROUP.command("check", epilog="dpx env check .env.example --project storefront")
@effect(READ, prints=ONE)
def check(session: Session, file: EnvFile, project: Project = None, targets: Targets = ()) -> None:
    """Check that every key of a file, like .env.example, is set. Exits 10 if one is missing."""
    from dpx_cli.commands.env import values

    wanted = values.keys_of_file(session, file)
    there = {variable["key"]: variable for variable in variables(session, project)}
    missing = [key for key in wanted if key not in there or not set(targets) <= set(targets_of(there[key]))]
    if missing:
        where = f" for {', '.join(targets)}" if targets else ""
        raise CheckFailed(
            f"Not set{where}: {', '.join(missing)}",
            hint=f"To be asked for the value, run: dpx env set {missing[0]}"
            f"{''.join(f' --target {target}' for target in targets)}{_project_flag(session, project)}",
        )
    if session.screen.format == "json":
        session.screen.item({"ok": True, "keys": list(wanted)}, (), key="ok")
    session.screen.done(f"Every key of {input_name(file)} is set ({len(wanted)}).")


def variables(session: Session, project: str | None) -> list[dict[str, Any]]:
    """Return all variables of a project, as the API returns them."""
    from dpx_cli.commands.env import changes

    return session.projects.on(
        project, lambda project_id: [dict(item) for item in changes.variables(session.client, project_id).values()]
    )


def _finish(
    session: Session,
    places: Sequence[Place],
    edit: Edit,
    *,
    actions: Mapping[str, str] | None = None,
    deploy: bool = False,
) -> None:
    """Change variables, show what was changed, deploy if asked to, and raise the first failure.

    Args:
        session: the session.
        places: the projects.
        edit: what to change.
        actions: what is done to each key, to be shown in its row.
        deploy: whether to deploy the projects that were changed without a failure.
    """
    from dpx_cli.commands.env import changes

    changed = changes.apply(session, places, edit)
    several = len(places) > 1
    rows = [
        {
            **({"project": place.reference} if several else {}),
            **({"action": actions[row["key"]]} if actions else {}),
            **row,
        }
        for place in places
        for row in changed.rows[place.id]
    ]
    if not changed.failures or (several and rows):
        first = (*((PROJECT,) if several else ()), *((ACTION,) if actions else ()))
        session.screen.items(rows, (*first, *(COLUMNS if edit.values else REMOVED)), key="key")
    changes.report(session, places, edit, changed, deploy=deploy)
    failures = dict(changed.failures)
    if deploy:
        from dpx_cli.commands.env.deploying import Rollout

        rollout = Rollout(session)
        rollout.run([place for place in places if place.id not in failures])
        failures.update(rollout.failures)
    changes.raise_first(session, [failures[place.id] for place in places if place.id in failures])


def _show_plan(session: Session, places: Sequence[Place], edit: Edit, steps: Sequence[Step]) -> None:
    from dpx_cli.commands.env import changes, ledger

    session.screen.items([step._asdict() for step in steps], PLAN, key="key", empty="Nothing to do.")
    for line in changes.losses({"": steps}):
        session.screen.warn(f"The import takes a target away. {line}")
    if session.env.get("DPX_LEDGER"):
        ledger.note(session, places[0].id, edit.values)


def _project_flag(session: Session, project: str | None) -> str:
    import shlex

    return f" --project {shlex.quote(session.projects.reference(project))}"
