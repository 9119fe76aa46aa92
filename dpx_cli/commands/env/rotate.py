"""`dpx env where` and `dpx env rotate`: one variable in many projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api.parallel import FATAL_ERRORS, progress
from dpx_cli.commands import LIST, ONE, READ, WRITE, effect
from dpx_cli.commands.env import GROUP, edit, search, values
from dpx_cli.errors import UsageError, exclusive
from dpx_cli.output.columns import Column
from dpx_cli.rollout.gates import Gates
from dpx_cli.rollout.plan import DeployOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Annotated, Any

    from dpx_cli.api.client import Client
    from dpx_cli.cli.options import (
        SECRET,
        Check,
        CheckTimeout,
        Deploy,
        Every,
        EveryOf,
        FailFast,
        FromFile,
        Projects,
        Stdin,
        Yes,
        argument,
        flag,
        option,
    )
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session

DEPLOYMENT = Column("Deployment", "deployment.id")


@GROUP.command("where", epilog="dpx env where DATABASE_URL")
@effect(READ, prints=LIST)
def where(
    session: Session,
    key: Annotated[str, argument("KEY", "Variable to look for.", complete="key")],
    org: Annotated[str | None, option("--org", "ORG", "Only projects of this organization.", complete="org")] = None,
) -> None:
    """List the projects that have a variable, with its targets."""
    looking = search.Search(session, [values.check_key(key)], session.projects.list_refs(org))
    pages = ([search.row_of(*holder) for holder in page] for page in looking)
    session.screen.rows(pages, search.COLUMNS, key="project", empty="No projects.")
    edit.raise_first(session, list(looking.failures.values()))


@GROUP.command("rotate", epilog="echo sk_new | dpx env rotate STRIPE_SECRET_KEY --stdin --all --yes")
@effect(WRITE, prints=ONE)
def rotate(
    session: Session,
    key: Annotated[str, argument("KEY", "Variable to change.", complete="key"), SECRET],
    projects: Projects = (),
    org: EveryOf = None,
    every: Every = False,
    stdin: Stdin = False,
    from_file: FromFile = None,
    deploy: Deploy = False,
    check: Check = None,
    check_timeout: CheckTimeout = 60.0,
    fail_fast: FailFast = False,
    dry_run: Annotated[bool, flag("--dry-run", "List the projects and change nothing.")] = False,
    yes: Yes = False,
) -> None:
    """Change the value of a variable in every project that has it.

    Each project keeps its own targets, and whether the variable is sensitive. Projects without the variable are left
    alone. If it fails halfway, run it again with the same value to finish. With --deploy and --fail-fast, projects are
    changed one by one: each is live, and --check holds, before the next one is changed.
    """
    values.check_key(key)
    exclusive(("--project", projects), ("--org", org), ("--all", every))
    if not deploy and (check is not None or fail_fast):
        raise UsageError("--check and --fail-fast need --deploy.", hint="Pass --deploy as well.")
    options = DeployOptions(no_git=True, gates=Gates(check=check, check_timeout=check_timeout))
    options.check()
    if not (dry_run or yes):
        session.screen.require_terminal()
    value = None if dry_run else values.for_key(session, key, stdin=stdin, from_file=from_file)
    holders, looking = _find(session, key, projects, org=org, every=every)
    refs = list(holders)
    failures = looking.failures
    tasks: dict[ProjectRef, DeployTask] = {}
    if value is not None:
        _confirm(session, key, refs, yes=yes)
        change = edit.Edit({key: value}, own={edit.id_of(ref): variable for ref, variable in holders.items()})
        if deploy and fail_fast:
            source = ["--stdin"] if from_file is None else ["--from-file", from_file]
            gates = [] if check is None else ["--check", check, "--check-timeout", f"{check_timeout:g}s"]
            again = [*source, "--deploy", *gates, "--fail-fast", "--yes"]
            refs, tasks = _run_staged(session, refs, change, options, again)
        else:
            result = edit.apply(session, refs, change)
            edit.report(session, refs, change, result, deploy=deploy)
            failures |= {ref: result.failures[edit.id_of(ref)] for ref in refs if ref.id in result.failures}
            refs = [ref for ref in refs if ref.id not in result.failures]
            if deploy and not any(isinstance(failure, FATAL_ERRORS) for failure in failures.values()):
                tasks = dict(zip(refs, edit.deploy(session, refs, options), strict=True))
        failures |= {ref: task.error for ref, task in tasks.items() if task.error}
    rows = [
        search.row_of(ref, holders[ref])
        | ({"deployment": tasks[ref].deployment} if ref in tasks and not tasks[ref].error else {})
        for ref in refs
    ]
    if rows:
        session.screen.items(rows, (*search.COLUMNS, *([DEPLOYMENT] if tasks else [])), key="project")
    edit.raise_first(session, [failures[ref] for ref in looking.order if ref in failures])


def _find(
    session: Session, key: str, projects: Sequence[str], *, org: str | None, every: bool
) -> tuple[dict[ProjectRef, Mapping[str, Any]], search.Search]:
    """Return the variable in each project that has it, and the search. Raise NotFound if there are none."""

    def look(pages: Iterable[Sequence[ProjectRef]]) -> tuple[dict[ProjectRef, Mapping[str, Any]], search.Search]:
        looking = search.Search(session, [key], pages)
        return {ref: variable for page in looking for ref, variable in page}, looking

    if every or org is not None:
        return look(session.projects.list_refs(org))
    return edit.on_projects(session, projects, lambda refs: look([refs]))


def _confirm(session: Session, key: str, refs: Sequence[ProjectRef], *, yes: bool) -> None:
    names = [ref.name for ref in refs[: edit.MAX_NAMED]]
    more = f" and {len(refs) - edit.MAX_NAMED} more" if len(refs) > edit.MAX_NAMED else ""
    count = f"{len(refs)} project{'' if len(refs) == 1 else 's'}"
    session.screen.require_yes(f"Change {key} in {count} ({', '.join(names)}{more})?", yes=yes)


def _run_staged(
    session: Session, refs: Sequence[ProjectRef], change: edit.Edit, options: DeployOptions, again: Sequence[str]
) -> tuple[list[ProjectRef], dict[ProjectRef, DeployTask]]:
    """Set, deploy and check one project after the other; after a failure list those that are left.

    `again` are the options that continue, without the projects. Returns the projects in which the variable is set.
    """
    session.warn_of_ledger()
    (key,) = change.keys
    done: list[ProjectRef] = []

    def set_variable(client: Client, ref: ProjectRef) -> None:
        row = change.do(client, edit.Change(edit.id_of(ref), key))
        done.append(ref)
        edit.warn_if_changed_meanwhile(session, ref, change, row)

    tasks: dict[ProjectRef, DeployTask] = {}
    try:
        tasks = dict(zip(refs, edit.deploy(session, refs, options, set_variable), strict=True))
    finally:
        left = [ref for ref in refs if ref not in tasks or not tasks[ref].has_succeeded]
        if left:
            live = [ref.name for ref in refs if ref not in left]
            session.screen.warn(f"{key} is not live in every project{progress([ref.name for ref in refs], live)}")
            command = session.command("env", "rotate", key, *again, *edit.project_options(left))
            session.screen.note(f"To continue with the rest, run: {command}")
    return done, tasks
