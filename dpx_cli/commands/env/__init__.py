"""`dpx env`: environment variables. Requested in `api/env_vars.py`, many at a time by `variables.py`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from dpx_cli.commands import DELETE, LIST, ONE, READ, WRITE, Typer, effect
from dpx_cli.commands.listing import show_pages
from dpx_cli.errors import CheckFailed, UsageError
from dpx_cli.output.columns import Column
from dpx_cli.output.format import joined, yes_no
from dpx_cli.output.screen import input_name
from dpx_cli.reference import is_key, targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import Annotated, Any

    import typer

    from dpx_cli.cli.options import SECRET, Complete, Cursor, EnvFile, Limit, Project, Sensitive, Targets, Yes
    from dpx_cli.session import Session


GROUP = Typer(name="env", help="List, set, remove, import and check environment variables.")

MOST_BYTES = 4 * 1024 * 1024  # of a value or file; no platform takes more, and a wrong path may be endless

COLUMNS = (
    Column("Key", "key"),
    Column("Targets", "targets", show=joined),
    Column("Sensitive", "sensitive", show=yes_no),
    Column("Id", "id"),
)
REMOVED = (Column("Key", "key"), Column("Deleted", "deleted", show=yes_no))
PLAN = (Column("Action", "action"), Column("Key", "key"))


@GROUP.command("list", epilog="dpx env list --project storefront")
@effect(READ, prints=LIST)
def list_variables(session: Session, project: Project = None, limit: Limit = None, cursor: Cursor = None) -> None:
    """List the keys of a project's variables. The API gives no values."""
    from dpx_cli.api import env_vars

    def show(project_id: str) -> None:
        pages = env_vars.list_env_vars(session.client, project_id, limit=limit, cursor=cursor)
        show_pages(session, pages, COLUMNS, key="key", what="variables", remember="keys", under=project_id)

    session.projects.on(project, show)


@GROUP.command("set", epilog="dpx env set LOG_LEVEL debug --project storefront --target preview")
@effect(WRITE, prints=ONE)
def set_variables(
    session: Session,
    words: Annotated[
        tuple[str, ...],
        typer.Argument(metavar="KEY [VALUE] | KEY=VALUE", help="What to set.", autocompletion=Complete.key),
        SECRET,
    ],
    project: Project = None,
    targets: Targets = (),
    sensitive: Sensitive = False,
    stdin: Annotated[bool, typer.Option("--stdin", help="Take the value from standard input.")] = False,
    from_file: Annotated[
        str | None,
        typer.Option("--from-file", metavar="FILE", help="Take the value from a file.", autocompletion=Complete.file),
    ] = None,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Let a read value be empty.")] = False,
) -> None:
    """Set one variable, or several at once.

    A value on the command line can be read by other users of the machine and stays in the shell's history; --stdin,
    --from-file and the hidden prompt (KEY alone, on a terminal) do not have that. With DPX_LEDGER=1 this machine
    remembers a keyed digest of what it set, and tells "changed" from "unchanged" the next time.
    """
    values = _values(session, words, stdin=stdin, from_file=from_file, allow_empty=allow_empty)
    stored = _set(session, project, values, targets=targets, sensitive=sensitive)
    session.screen.items(stored, COLUMNS, key="key")


@GROUP.command("rm", epilog="dpx env rm LEGACY_FLAG --project storefront --yes")
@effect(DELETE, prints=ONE)
def remove(
    session: Session,
    keys: Annotated[
        tuple[str, ...], typer.Argument(metavar="KEY", help="The keys to remove.", autocompletion=Complete.key)
    ],
    project: Project = None,
    yes: Yes = False,
) -> None:
    """Remove variables."""
    from dpx_cli.api.parallel import check_key

    unique = tuple(dict.fromkeys(check_key(key) for key in keys))
    session.projects.reference(project)
    session.screen.require_yes(f"Remove {', '.join(unique)}?", yes=yes)
    session.screen.items(_remove(session, project, unique), REMOVED, key="key")


@GROUP.command("import", epilog="dpx env import .env --project storefront --dry-run")
@effect(DELETE, prints=ONE)
def import_file(
    session: Session,
    file: EnvFile,
    project: Project = None,
    targets: Targets = (),
    sensitive: Sensitive = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and change nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Also remove what is not in the file.")] = False,
    yes: Yes = False,
) -> None:
    """Set every variable of a .env file.

    One bad line or duplicate key rejects the whole file before any request. With --target, --prune removes only
    variables that have no other target.
    """
    from dpx_cli.commands.env import dotenv as envfile

    values = envfile.parse(read_env_file(session, file), input_name(file))
    if prune and not values:
        raise UsageError(f"{input_name(file)} has no variables; --prune would remove all", hint="leave --prune out")
    plan: list[dict[str, str]] = []
    if dry_run or prune:
        plan = _plan(session, project, values, targets=targets, prune=prune)
    if dry_run:
        session.screen.items(plan, PLAN, key="key", empty="nothing to do")
        if session.env.get("DPX_LEDGER"):
            from dpx_cli.commands.env import ledger

            session.projects.on(project, lambda project_id: ledger.note(session, project_id, values, targets))
        return
    removals = tuple(step["key"] for step in plan if step["action"] == "remove")
    if removals:
        session.screen.require_yes(f"Remove {', '.join(removals)}?", yes=yes)
    stored = _set(session, project, values, targets=targets, sensitive=sensitive) if values else []
    removed = _remove(session, project, removals) if removals else []
    session.screen.items([*stored, *removed], COLUMNS, key="key", empty="nothing to do")
    session.screen.done(f"set {len(stored)}, removed {len(removed)}")


@GROUP.command("check", epilog="dpx env check .env.example --project storefront")
@effect(READ, prints=ONE)
def check(session: Session, file: EnvFile, project: Project = None, targets: Targets = ()) -> None:
    """Check that every key of a file, like .env.example, is set. Exit 10 where one is not."""
    from dpx_cli.commands.env import dotenv as envfile

    wanted = envfile.keys(read_env_file(session, file), input_name(file))
    there = {variable["key"]: variable for variable in variables(session, project)}
    missing = [key for key in wanted if key not in there or not set(targets) <= set(targets_of(there[key]))]
    if missing:
        where = f" for {', '.join(targets)}" if targets else ""
        raise CheckFailed(
            f"not set{where}: {', '.join(missing)}", hint=f"dpx env set {missing[0]} (asks for the value on a terminal)"
        )
    if session.screen.format == "json":
        session.screen.item({"ok": True, "keys": list(wanted)}, (), key="ok")
    session.screen.done(f"every key of {input_name(file)} is set ({len(wanted)})")


def variables(session: Session, project: str | None) -> list[dict[str, Any]]:
    """Every variable of a project, as the API tells them."""
    from dpx_cli.api import env_vars

    def get(project_id: str) -> list[dict[str, Any]]:
        pages = env_vars.list_env_vars(session.client, project_id)
        return [variable for page in pages for variable in page if isinstance(variable.get("key"), str)]

    return session.projects.on(project, get)


def _plan(
    session: Session, project: str | None, values: Mapping[str, str], *, targets: Sequence[str], prune: bool
) -> list[dict[str, str]]:
    """What an import would do, one step a key. Values cannot be compared: the API does not give them."""
    there = {variable["key"]: variable for variable in variables(session, project)}
    steps = [{"action": "replace" if key in there else "add", "key": key} for key in values]
    if prune:
        for key, variable in there.items():
            elsewhere = targets and set(targets_of(variable)) - set(targets)
            if key not in values and not elsewhere:
                steps.append({"action": "remove", "key": key})
    return steps


def _values(
    session: Session, words: Sequence[str], *, stdin: bool, from_file: str | None, allow_empty: bool
) -> dict[str, str]:
    """The variables to set, from the words of the command line, a file, standard input or a prompt."""
    from dpx_cli.api.parallel import check_key, check_value

    read = stdin or from_file is not None
    if stdin and from_file is not None:
        raise UsageError("--stdin and --from-file exclude each other", hint="give one of them")
    if "=" in words[0]:
        if read:
            raise UsageError("--stdin and --from-file take a KEY without =VALUE", hint="dpx env set KEY --stdin")
        return _pairs(words)
    if len(words) == 1 and not read and not is_key(words[0]):
        # Not shown: where there is but one word, it may be the value.
        raise UsageError("the word given is no variable's name", hint="dpx env set KEY VALUE, or KEY=VALUE")
    key = check_key(words[0])
    most = 1 if read else 2
    if len(words) > most:
        raise UsageError(
            f"too many words after {key}" if not read else f"a value for {key} is given twice",
            hint="dpx env set KEY VALUE, or KEY=VALUE for each, or KEY --stdin; quote a value that has spaces",
        )
    if len(words) == most and not read:
        value = words[1]
    elif read:
        value = _read_value(session, key, from_file, allow_empty=allow_empty)
    else:
        if not session.screen.can_ask:
            raise UsageError(f"no value for {key}", hint=f"dpx env set {key} --stdin, or --from-file FILE")
        value = session.screen.secret(f"value of {key}", again=f"value of {key} again")
        if not value and not allow_empty:
            raise UsageError(f"the value of {key} is empty", hint="add --allow-empty if it should be")
    return {key: check_value(key, value)}


def _pairs(words: Sequence[str]) -> dict[str, str]:
    from dpx_cli.api.parallel import check_key, check_value

    values: dict[str, str] = {}
    for number, word in enumerate(words, 1):
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"word {number} is not KEY=VALUE", hint="quote a value that has spaces")
        if (number > 1 or not value.strip("=")) and not is_key(key):
            # Not shown: it may be the rest of a value that was not quoted, or one in base64.
            raise UsageError(f"word {number} begins with no variable's name", hint="quote a value that has spaces")
        if check_key(key) in values:
            raise UsageError(f"{key} is given twice", hint="give each key once")
        values[key] = check_value(key, value)
    return values


def _read_value(session: Session, key: str, from_file: str | None, *, allow_empty: bool) -> str:
    """A value as the bytes are, less exactly one final newline."""
    data = session.screen.read_input("-" if from_file is None else from_file, f"the value of {key}", limit=MOST_BYTES)
    for newline in (b"\r\n", b"\n"):
        if data.endswith(newline):
            data = data[: -len(newline)]
            session.screen.note(f"the final newline is not part of the value of {key}")
            break
    if not data and not allow_empty:
        raise UsageError(f"the value of {key} is empty", hint="add --allow-empty if it should be")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"the value of {key} is not UTF-8", hint="encode it first, like base64") from None


def read_env_file(session: Session, file: str) -> bytes:
    """The bytes of a .env file, or of standard input for "-"; raises as `Session.read`."""
    return session.screen.read_input(file, "the variables", limit=MOST_BYTES)


def _set(
    session: Session,
    project: str | None,
    values: Mapping[str, str],
    *,
    targets: Sequence[str],
    sensitive: bool,
) -> list[dict[str, Any]]:
    """Set variables, several at a time; gives them as the API tells them, without values."""
    from dpx_cli.api import env_vars
    from dpx_cli.api.parallel import for_each

    unique = tuple(dict.fromkeys(targets))

    def set_all(project_id: str) -> list[dict[str, Any]]:
        finished: dict[str, str] = {}
        kept = _ledger_kept(session, project_id, finished, unique)
        with kept, session.screen.progress(len(values), "variables") as bar:

            def done(key: str) -> None:
                finished[key] = values[key]
                bar.advance()

            return for_each(
                list(values),
                lambda client, key: env_vars.set_env_var(
                    client, project_id, key, values[key], targets=unique, sensitive=sensitive
                ),
                client=lambda: session.client_for(session.token()),
                done=done,
                say=session.screen.warn,
            )

    return session.projects.on(project, set_all)


def _ledger_kept(
    session: Session, project_id: str, finished: Mapping[str, str], targets: Sequence[str]
) -> AbstractContextManager[None]:
    """What keeps the ledger of the variables that were set, where it is on."""
    if not session.env.get("DPX_LEDGER"):
        return nullcontext()
    from dpx_cli.commands.env import ledger

    return ledger.kept(session, project_id, finished, targets)


def _remove(session: Session, project: str | None, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Remove variables, several at a time."""
    from dpx_cli.api import env_vars
    from dpx_cli.api.parallel import for_each

    def remove_all(project_id: str) -> list[dict[str, Any]]:
        return for_each(
            keys,
            lambda client, key: {"key": key, **env_vars.delete_env_var(client, project_id, key)},
            client=lambda: session.client_for(session.token()),
            done=lambda _: None,
            say=session.screen.warn,
        )

    return session.projects.on(project, remove_all)
