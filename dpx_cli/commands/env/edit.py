"""The one way to change variables: set and remove them in one or many projects, and say what is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api import env_vars, parallel
from dpx_cli.errors import NotFound, UsageError
from dpx_cli.output.display import Progress
from dpx_cli.reference import PARALLEL, TARGETS, targets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import TypeVar

    from dpx_cli.api.client import Client
    from dpx_cli.errors import DpxError
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.rollout.plan import DeployOptions
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session

    T = TypeVar("T")
    Variables = Mapping[str, Mapping[str, Any]]
    Work = parallel.Work["Change", dict[str, Any]]

ONE_VALUE = "Deploxa keeps one value per key, for all its targets."
ADD, REPLACE, REMOVE = "add", "replace", "remove"
MAX_NAMED = 20  # projects in a message


class Change(NamedTuple):
    """One variable of one project: set it, or remove it if `value` is None."""

    ref: ProjectRef
    key: str
    value: str | None = None
    targets: tuple[str, ...] = ()  # none: as they are, or what the API chooses for a new variable
    sensitive: bool | None = None  # None: as it is

    def __repr__(self) -> str:
        return f"Change({self.ref.name}, {self.key})"  # never the value


class Step(NamedTuple):
    """What an import does to one key, with its targets before and after."""

    action: str
    key: str
    before: Sequence[str]
    after: Sequence[str]


class Result(NamedTuple):
    """What was changed in each project, and what failed there first."""

    rows: dict[ProjectRef, list[dict[str, Any]]]  # variables from the API, then `{"key", "deleted"}` of removed ones
    failures: dict[ProjectRef, DpxError]


def on_projects(session: Session, given: Sequence[str], action: Callable[[list[ProjectRef]], T]) -> T:
    """Call a function with the projects that are specified, each once; again if a remembered ID turns out stale."""
    refs = session.projects.refs(given)
    if len(refs) > 1:
        return action(refs)
    return session.projects.on(refs[0], lambda project_id: action([refs[0]._replace(id=project_id)]))


def list_variables(session: Session, refs: Sequence[ProjectRef]) -> dict[ProjectRef, Variables]:
    """Return the variables of each project. Raises DpxError if one can't be read."""
    work: parallel.Work[ProjectRef, Variables] = parallel.Work(session.client_for)
    work.run(refs, lambda client, ref: env_vars.by_key(client, str(ref.id)))
    if failure := next((work.failures[ref] for ref in refs if ref in work.failures), None):
        raise failure
    return {ref: work.results[ref] for ref in refs}


def plan(there: Variables, values: Iterable[str], targets: Sequence[str], *, prune: bool = False) -> list[Step]:
    """Return what an import does, one step for each key. Values can't be compared: the API doesn't return them.

    With `prune` all other variables are removed; with targets as well, only those that have no other target.
    """
    steps = []
    for key in values:
        before = list(targets_of(there[key])) if key in there else []
        after = list(targets) or before or list(TARGETS)
        steps.append(Step(REPLACE if key in there else ADD, key, before, after))
    if prune:
        keys = set(values)
        for key, variable in there.items():
            elsewhere = targets and set(targets_of(variable)) - set(targets)
            if key not in keys and not elsewhere:
                steps.append(Step(REMOVE, key, list(targets_of(variable)), []))
    return steps


def losses(steps: Mapping[str, Iterable[Step]]) -> list[str]:
    """Return a line for each variable that would lose a target: "KEY: production -> preview"."""
    return [
        f"{f'{name} ' if len(steps) > 1 else ''}{step.key}: {', '.join(step.before)} -> {', '.join(step.after)}"
        for name, planned in steps.items()
        for step in planned
        if step.action == REPLACE and set(step.before) - set(step.after)
    ]


def confirm(
    session: Session, refs: Sequence[ProjectRef], *, yes: bool, lost: Sequence[str] = (), removals: Sequence[str] = ()
) -> None:
    """Return if nothing is lost or removed, with `--yes`, or if the user agrees. Raise UsageError otherwise."""
    if yes or not (lost or removals):
        return
    where = f" from {', '.join(ref.name for ref in refs)}" if len(refs) > 1 else ""
    removing = f"remove {', '.join(removals)}{where}" if removals else ""
    if not session.screen.can_ask:
        problems = [f"This would remove targets from {'; '.join(lost)}"] if lost else []
        if removing:
            problems.append(f"Can't ask for confirmation to {removing} (not a terminal)")
        hint = f"{ONE_VALUE} Pass every target to keep, or --yes." if lost else "Pass --yes."
        raise UsageError(". ".join(problems) + ".", hint=hint)
    for line in lost:
        session.screen.info(line)
    if lost:
        session.screen.note(ONE_VALUE)
    question = f"Change these targets{' and ' + removing if removing else ''}" if lost else f"R{removing[1:]}"
    session.screen.require_yes(f"{question}?", yes=False)


def do(client: Client, change: Change) -> dict[str, Any]:
    """Set or remove one variable; return it, or `{"key", "deleted"}`."""
    ref, key, value, targets, sensitive = change
    if value is not None:
        row = env_vars.set_env_var(client, str(ref.id), key, value, targets=targets, sensitive=sensitive)
        return {**row, "key": key}
    try:
        return {"key": key, **env_vars.delete_env_var(client, str(ref.id), key)}
    except NotFound:  # removed since it was listed
        return {"key": key, "deleted": True}


def apply(session: Session, changes: Sequence[Change]) -> Result:
    """Change variables, up to eight at a time, in each project first those that are set. A failure stops no other one.

    The failures' messages say which keys are done; so does a warning if Ctrl-C or SIGTERM ends the call.
    """
    by_project: dict[ProjectRef, list[Change]] = {}
    for change in changes:
        by_project.setdefault(change.ref, []).append(change)

    what = "projects" if len(changes) == len(by_project) > 1 else "variables"
    with Progress(session.screen, len(changes), what) as bar:
        work: Work = parallel.Work(session.client_for, group=lambda change: change.ref, done=lambda _: bar.advance())
        try:
            # After a failure nothing more is changed in the same project.
            work.run([change for change in changes if change.value is not None], do)
            work.run([change for change in changes if change.value is None], do)
        except BaseException:
            session.screen.warn(
                f"Interrupted. {'. '.join(_progress(by_project, work.results))} "
                f"(up to {parallel.MAX_IN_FLIGHT} of those may be done)."
            )
            raise
    for change, row in work.results.items():
        warn_if_changed_meanwhile(session, change, row)
    return _collect(by_project, work)


def _progress(by_project: Mapping[ProjectRef, Sequence[Change]], done: Collection[Change]) -> list[str]:
    keys = {change.key for changes in by_project.values() for change in changes}
    if len(keys) == 1:
        names = [ref.name for ref in by_project]
        return [keys.pop() + parallel.progress(names, [change.ref.name for change in done])]
    return [
        ref.name + parallel.progress([each.key for each in changes], [each.key for each in changes if each in done])
        for ref, changes in by_project.items()
    ]


def _collect(by_project: Mapping[ProjectRef, Sequence[Change]], outcome: Work) -> Result:
    result = Result({}, {})
    shared = outcome.first_failure()
    for ref, changes in by_project.items():
        done = [change for change in changes if change in outcome.results]
        result.rows[ref] = [outcome.results[change] for change in done]
        if len(done) == len(changes) or shared is None:
            continue
        failures = {change.key: outcome.failures[change] for change in changes if change in outcome.failures}
        own = next(iter(failures.values()), None)
        failure = own or type(shared)(f"Stopped after a failure elsewhere: {shared.message}")
        failure = parallel.half_way(failure, [each.key for each in changes], [each.key for each in done], failures)
        if len(by_project) > 1:
            failure.message = f"{ref.name}: {failure.message}"
        result.failures[ref] = failure
    return result


def report(session: Session, result: Result, *, deploy: bool) -> None:
    """Say on stderr what was changed where, and what makes it take effect unless it's deployed now."""
    screen = session.screen
    changed = [ref for ref, rows in result.rows.items() if rows]
    projects: dict[str, list[str]] = {}  # those in which the same was done
    for ref in changed:
        removed = sum("deleted" in row for row in result.rows[ref])
        counts = {"set": len(result.rows[ref]) - removed, "removed": removed}
        parts = [f"{verb} {count} variable{'' if count == 1 else 's'}" for verb, count in counts.items() if count]
        projects.setdefault(" and ".join(parts).capitalize(), []).append(ref.name)
    for done, names in projects.items():
        screen.info(f"{done} in {', '.join(names) if len(names) <= MAX_NAMED else f'{len(names)} projects'}.")
    if len(result.rows) > 1 and result.failures:
        finished = [ref.name for ref in result.rows if ref not in result.failures]
        screen.warn(f"Not changed in every project{parallel.progress([ref.name for ref in result.rows], finished)}")
        screen.note("To finish, run the same command again.")
    if changed and not deploy:
        screen.note(f"The change takes effect with the next deployment. Run: {deploy_command(session, changed)}")


def warn_if_changed_meanwhile(session: Session, change: Change, row: Mapping[str, Any]) -> None:
    """Warn if the API stored other targets than were sent: someone else changed the variable at the same time."""
    stored = row.get("targets")
    if change.targets and isinstance(stored, list) and sorted(map(str, stored)) != sorted(change.targets):
        session.screen.warn(
            f"{change.key} in {change.ref.name} is now set for {', '.join(map(str, stored))}, not for "
            f"{', '.join(change.targets)}; it may have been changed at the same time."
        )


def raise_first(session: Session, failures: Sequence[DpxError]) -> None:
    """Raise the first failure; say the others on stderr."""
    for failure in failures[1:]:
        session.screen.warn(failure.message)
    if failures:
        raise failures[0]


def deploy(
    session: Session,
    refs: Sequence[ProjectRef],
    options: DeployOptions | None = None,
    before: Callable[[Client, ProjectRef], object] | None = None,
) -> dict[ProjectRef, DeployTask]:
    """Deploy the last deployed branch of each project once; with `before`, change it first, one after the other."""
    from dpx_cli.rollout import runner
    from dpx_cli.rollout.plan import DeployOptions
    from dpx_cli.rollout.task import DeployTask

    def task(ref: ProjectRef) -> DeployTask:
        change = (lambda client: before(client, ref)) if before else None
        return DeployTask(session, ref, options or DeployOptions(no_git=True), before=change)

    tasks = {ref: task(ref) for ref in refs}
    runner.run(session, list(tasks.values()), limit=1 if before else PARALLEL, fail_fast=before is not None)
    for each in tasks.values():
        if not each.error and each.has_ended:
            session.screen.info(f"Deployment {each.id} of {each.name} is READY{f': {each.url}' if each.url else '.'}")
        elif each.error and len(tasks) > 1:
            each.error.message = f"{each.name}: {each.error.message}"
    return tasks


def deploy_command(session: Session, refs: Sequence[ProjectRef]) -> str:
    """Return the shortest command that deploys some projects from here."""
    if len(refs) == 1:
        return session.command("deploy", project=refs[0])
    if len(refs) > MAX_NAMED:
        return session.command("deploy", "--help")
    return session.command("deploy", *project_options(refs))


def project_options(refs: Sequence[ProjectRef]) -> list[str]:
    """Return `--project …` for each project; by ID where two of them share a slug."""
    names = [ref.given for ref in refs]
    return [word for ref in refs for word in ("--project", ref.given if names.count(ref.given) == 1 else str(ref.id))]
