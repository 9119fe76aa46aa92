"""`dpx env where` and `dpx env rotate`: one variable in many projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api import env_vars, parallel
from dpx_cli.commands import LIST, ONE, READ, WRITE, effect
from dpx_cli.commands.env import GROUP, PROJECT, edit, values
from dpx_cli.errors import DpxError, NotFound, UsageError, exclusive
from dpx_cli.output.columns import Column
from dpx_cli.output.display import StatusLine
from dpx_cli.output.format import yes_no
from dpx_cli.reference import targets_of
from dpx_cli.rollout.gates import Gates
from dpx_cli.rollout.plan import DeployOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Annotated, Any

    from dpx_cli.api.client import Client
    from dpx_cli.cli import options
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session

    Variable = Mapping[str, Any]

COLUMNS = (PROJECT, Column("Targets", "targets"), Column("Sensitive", "sensitive", show=yes_no))
DEPLOYMENT = Column("Deployment", "deployment.id")


@GROUP.command("where", epilog="dpx env where DATABASE_URL")
@effect(READ, prints=LIST)
def where(
    session: Session,
    key: Annotated[str, options.argument("KEY", "Variable to look for.", complete="key")],
    org: options.EveryOf = None,
) -> None:
    """List the projects that have a variable, with its targets."""
    failures: list[DpxError] = []

    def pages() -> Iterator[list[dict[str, Any]]]:
        for page in search(session, [values.check_key(key)], session.projects.list_refs(org)):
            failures.extend(each for _, each in page if isinstance(each, DpxError))
            yield [row_of(ref, each) for ref, each in page if not isinstance(each, DpxError)]

    session.screen.rows(pages(), COLUMNS, key="project", empty="No projects.")
    edit.raise_first(session, failures)


@GROUP.command("rotate", epilog="echo sk_new | dpx env rotate STRIPE_SECRET_KEY --stdin --all --yes")
@effect(WRITE, prints=ONE)
def rotate(
    session: Session,
    key: Annotated[str, options.argument("KEY", "Variable to change.", complete="key"), options.SECRET],
    projects: options.Projects = (),
    org: options.EveryOf = None,
    every: options.Every = False,
    stdin: options.Stdin = False,
    from_file: options.FromFile = None,
    deploy: options.Deploy = False,
    check: options.Check = None,
    check_timeout: options.CheckTimeout = 60.0,
    fail_fast: options.FailFast = False,
    dry_run: Annotated[bool, options.flag("--dry-run", "List the projects and change nothing.")] = False,
    yes: options.Yes = False,
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
    deploy_options = DeployOptions(no_git=True, gates=Gates(check=check, check_timeout=check_timeout))
    deploy_options.check()
    if not (dry_run or yes):
        session.screen.require_terminal()
    value = None if dry_run else values.for_key(session, key, stdin=stdin, from_file=from_file)
    reached = _find(session, key, projects, org=org, every=every)
    failures = {ref: each for ref, each in reached.items() if isinstance(each, DpxError)}
    holders = {ref: each for ref, each in reached.items() if not isinstance(each, DpxError)}
    refs = list(holders)
    tasks: dict[ProjectRef, DeployTask] = {}
    if value is not None and refs:
        names = [ref.name for ref in refs[: edit.MAX_NAMED]] + ["…"] * (len(refs) > edit.MAX_NAMED)
        count = f"{len(refs)} project{'' if len(refs) == 1 else 's'}"
        session.screen.require_yes(f"Change {key} in {count} ({', '.join(names)})?", yes=yes)
        changes = {ref: _change(ref, key, value, variable) for ref, variable in holders.items()}
        if deploy and fail_fast:
            source = ["--stdin"] if from_file is None else ["--from-file", from_file]
            refs, tasks = _run_staged(session, changes, deploy_options, ["env", "rotate", key, *source])
        else:
            result = edit.apply(session, list(changes.values()))
            edit.report(session, result, deploy=deploy)
            failures |= result.failures
            refs = [ref for ref in refs if ref not in failures]
            if deploy and not any(isinstance(failure, parallel.FATAL_ERRORS) for failure in failures.values()):
                tasks = edit.deploy(session, refs, deploy_options)
        failures |= {ref: task.error for ref, task in tasks.items() if task.error}
    rows = [
        row_of(ref, holders[ref])
        | ({"deployment": tasks[ref].deployment} if ref in tasks and not tasks[ref].error else {})
        for ref in refs
    ]
    if rows:
        session.screen.rows([rows], (*COLUMNS, *([DEPLOYMENT] if tasks else [])), key="project")
    edit.raise_first(session, [failures[ref] for ref in reached if ref in failures])


def _find(
    session: Session, key: str, projects: Sequence[str], *, org: str | None, every: bool
) -> dict[ProjectRef, Variable | DpxError]:
    """Return the variable in each project that has it, or why that can't be read. Raise NotFound if there are none."""

    def look(pages: Iterable[Sequence[ProjectRef]]) -> dict[ProjectRef, Variable | DpxError]:
        return {ref: each for page in search(session, [key], pages) for ref, each in page}

    if every or org is not None:
        return look(session.projects.list_refs(org))
    return edit.on_projects(session, projects, lambda refs: look([refs]))


def _change(ref: ProjectRef, key: str, value: str, variable: Variable) -> edit.Change:
    """Return the change of a variable that keeps its targets and whether it's sensitive."""
    sensitive = variable.get("sensitive")
    targets = tuple(targets_of(variable)) if variable.get("targets") else ()
    return edit.Change(ref, key, value, targets, sensitive if isinstance(sensitive, bool) else None)


def _run_staged(
    session: Session, changes: Mapping[ProjectRef, edit.Change], options: DeployOptions, again: Sequence[str]
) -> tuple[list[ProjectRef], dict[ProjectRef, DeployTask]]:
    """Set, deploy and check one project after the other; after a failure list those that are left.

    `again` is the command that continues, without the options that follow from the others. Returns the projects in
    which the variable is set.
    """
    done: list[ProjectRef] = []

    def set_variable(client: Client, ref: ProjectRef) -> None:
        row = edit.do(client, changes[ref])
        done.append(ref)
        edit.warn_if_changed_meanwhile(session, changes[ref], row)

    tasks: dict[ProjectRef, DeployTask] = {}
    try:
        tasks = edit.deploy(session, list(changes), options, set_variable)
    finally:
        left = [ref for ref in changes if ref not in tasks or not tasks[ref].has_succeeded]
        if left:
            names, live = [ref.name for ref in changes], [ref.name for ref in changes if ref not in left]
            session.screen.warn(f"Not live in every project{parallel.progress(names, live)}")
            gates = options.gates
            checks = ["--check", gates.check, "--check-timeout", f"{gates.check_timeout:g}s"] if gates.check else []
            command = session.command(*again, "--deploy", *checks, "--fail-fast", "--yes", *edit.project_options(left))
            session.screen.note(f"To continue with the rest, run: {command}")
    return done, tasks


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
    """Yield the projects on each page that have one of the variables, and those that can't be read, with the error.

    Raises NotFound at the end, if every project could be read and none has one of the variables.
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
