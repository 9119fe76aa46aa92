"""The one way to change variables: set and remove them in one or many projects, and say what is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api import env_vars, parallel
from dpx_cli.errors import NotFound, UsageError
from dpx_cli.output.display import ProgressBar
from dpx_cli.reference import PARALLEL, TARGETS, targets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeVar

    from dpx_cli.api.client import Client
    from dpx_cli.errors import DpxError
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.rollout.plan import DeployOptions
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session

    T = TypeVar("T")
    Variables = Mapping[str, Mapping[str, Any]]

ONE_VALUE = "Deploxa keeps one value per key, for all its targets."
ADD, REPLACE, REMOVE = "add", "replace", "remove"
MAX_NAMED = 20  # projects in a message


class Change(NamedTuple):
    """One variable of one project."""

    project_id: str
    key: str


class Edit(NamedTuple):
    """What to change in a project: set variables, then remove some."""

    values: Mapping[str, str]
    targets: Sequence[str] = ()  # none: as they are, or what the API chooses if they are new
    sensitive: bool = False
    removals: Sequence[str] = ()
    missing_ok: bool = False  # a key that can't be found counts as removed
    own: Variables | None = None  # by the project's ID, if each project keeps its targets and sensitive

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that are changed."""
        return (*self.values, *self.removals)

    def __repr__(self) -> str:
        return f"Edit({', '.join(self.keys)})"  # never a value

    def targets_in(self, project_id: str) -> Sequence[str]:
        """Return the targets that are sent for a project."""
        own = self.own[project_id].get("targets") if self.own else self.targets
        return own if isinstance(own, list | tuple) else ()

    def do(self, client: Client, change: Change) -> dict[str, Any]:
        """Set or remove one variable; return it, or `{"key", "deleted"}`."""
        project_id, key = change
        if key in self.values:
            own = self.own[project_id].get("sensitive") if self.own else None
            sensitive = own if isinstance(own, bool) else self.sensitive or None
            row = env_vars.set_env_var(
                client, project_id, key, self.values[key], targets=self.targets_in(project_id), sensitive=sensitive
            )
            return {**row, "key": key}
        try:
            return {"key": key, **env_vars.delete_env_var(client, project_id, key)}
        except NotFound:
            if not self.missing_ok:
                raise
            return {"key": key, "deleted": True}


class Step(NamedTuple):
    """What an import does to one key, with its targets before and after."""

    action: str
    key: str
    before: Sequence[str]
    after: Sequence[str]


class Result(NamedTuple):
    """What an edit did, by the project's ID."""

    rows: dict[str, list[dict[str, Any]]]  # as the API returned them, then `{"key", "deleted"}` for each removed one
    failures: dict[str, DpxError]  # the first of each project that has one


def on_projects(session: Session, given: Sequence[str], action: Callable[[list[ProjectRef]], T]) -> T:
    """Call a function with the projects that are specified, each once; again if a remembered ID turns out stale."""
    refs = session.projects.refs(given)
    if len(refs) > 1:
        return action(refs)
    return session.projects.on(refs[0], lambda project_id: action([refs[0]._replace(id=project_id)]))


def id_of(ref: ProjectRef) -> str:
    """Return the ID of a project that was looked up."""
    return ref.id or ""


def list_variables(session: Session, refs: Sequence[ProjectRef]) -> dict[str, Variables]:
    """Return the variables of each project, by its ID. Raises DpxError if one can't be read."""
    ids = [id_of(ref) for ref in refs]
    outcome: parallel.Outcome[str, Variables] = parallel.Outcome()
    parallel.run(ids, env_vars.by_key, outcome, client=lambda: session.client_for(session.token()))
    if failure := outcome.first_failure():
        raise failure
    return outcome.results


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
    """Return a line for each variable that would lose a target: "KEY: production -> preview".

    `steps` are those of each project, by its name, which leads the line if there are several.
    """
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


def apply(session: Session, refs: Sequence[ProjectRef], edit: Edit) -> Result:
    """Set and remove variables, up to eight at a time. A failure stops no other project.

    The failures' messages say which keys are done; so does a warning if Ctrl-C or SIGTERM ends the call.
    """
    session.warn_of_ledger()
    outcome: parallel.Outcome[Change, dict[str, Any]] = parallel.Outcome()

    def run(keys: Iterable[str], refs: Iterable[ProjectRef]) -> None:
        parallel.run(
            [Change(id_of(ref), key) for ref in refs for key in keys],
            edit.do,
            outcome,
            client=lambda: session.client_for(session.token()),
            group=lambda change: change.project_id,
            done=lambda _: bar.advance(),
        )

    what = "projects" if len(refs) > 1 and len(edit.keys) == 1 else "variables"
    with ProgressBar(session.screen, len(refs) * len(edit.keys), what) as bar:
        try:
            run(edit.values, refs)
            failed = {change.project_id for change in outcome.failures}
            run(edit.removals, [ref for ref in refs if ref.id not in failed])
        except BaseException:
            session.screen.warn(
                f"Interrupted. {'. '.join(_progress(refs, edit, outcome))} "
                f"(up to {parallel.MAX_IN_FLIGHT} of those may be done)."
            )
            raise
    return _collect(refs, edit, outcome)


def _done_in(ref: ProjectRef, outcome: parallel.Outcome[Change, Any]) -> list[str]:
    return [change.key for change in outcome.results if change.project_id == ref.id]


def _progress(refs: Sequence[ProjectRef], edit: Edit, outcome: parallel.Outcome[Change, Any]) -> list[str]:
    """Return which keys of which project are done."""
    if len(edit.keys) == 1:
        done = [ref.name for ref in refs if _done_in(ref, outcome)]
        return [edit.keys[0] + parallel.progress([ref.name for ref in refs], done)]
    return [f"{ref.name}{parallel.progress(edit.keys, _done_in(ref, outcome))}" for ref in refs]


def _collect(refs: Sequence[ProjectRef], edit: Edit, outcome: parallel.Outcome[Change, dict[str, Any]]) -> Result:
    result = Result({}, {})
    shared = outcome.first_failure()
    for ref in refs:
        changes = [Change(id_of(ref), key) for key in edit.keys]
        result.rows[id_of(ref)] = [outcome.results[change] for change in changes if change in outcome.results]
        done = _done_in(ref, outcome)
        if len(done) == len(edit.keys) or shared is None:
            continue
        own = next((outcome.failures[change] for change in changes if change in outcome.failures), None)
        failure = own or type(shared)(f"Stopped after a failure elsewhere: {shared.message}")
        failure = parallel.half_way(failure, edit.keys, done)
        if len(refs) > 1:
            failure.message = f"{ref.name}: {failure.message}"
        result.failures[id_of(ref)] = failure
    return result


def report(session: Session, refs: Sequence[ProjectRef], edit: Edit, result: Result, *, deploy: bool) -> None:
    """Say on stderr what was changed where, and what makes it take effect unless it's deployed now."""
    screen = session.screen
    projects: dict[str, list[str]] = {}  # those in which the same was done
    for ref in refs:
        rows = result.rows[id_of(ref)]
        removed = sum("deleted" in row for row in rows)
        if rows:
            projects.setdefault(_count(len(rows) - removed, removed), []).append(ref.name)
    for sentence, names in projects.items():
        screen.info(sentence.format(", ".join(names) if len(names) <= MAX_NAMED else f"{len(names)} projects"))
    for ref in refs:
        for row in result.rows[id_of(ref)]:
            warn_if_changed_meanwhile(session, ref, edit, row)
    done = [ref for ref in refs if result.rows[id_of(ref)]]
    if len(refs) > 1 and result.failures:
        names = [ref.name for ref in refs]
        finished = [ref.name for ref in refs if ref.id not in result.failures]
        screen.warn(f"Not changed in every project{parallel.progress(names, finished)}")
        screen.note("To do the rest, run the same command again.")
    if done and not deploy:
        session.screen.note(f"The change takes effect with the next deployment. Run: {deploy_command(session, done)}")


def warn_if_changed_meanwhile(session: Session, ref: ProjectRef, edit: Edit, row: Mapping[str, Any]) -> None:
    """Warn if the API stored other targets than were sent: someone else changed the variable at the same time."""
    sent, stored = edit.targets_in(id_of(ref)), row.get("targets")
    if sent and isinstance(stored, list) and sorted(map(str, stored)) != sorted(map(str, sent)):
        session.screen.warn(
            f"{row.get('key')} in {ref.name} is now set for {', '.join(map(str, stored))}, not for "
            f"{', '.join(map(str, sent))}; it may have been changed at the same time."
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
) -> list[DeployTask]:
    """Deploy the last deployed branch of each project once; with `before`, change it first, one after the other."""
    from dpx_cli.rollout import runner
    from dpx_cli.rollout.plan import DeployOptions
    from dpx_cli.rollout.task import DeployTask

    def task(ref: ProjectRef) -> DeployTask:
        change = (lambda client: before(client, ref)) if before else None
        return DeployTask(session, ref, options or DeployOptions(no_git=True), before=change)

    tasks = [task(ref) for ref in refs]
    runner.run(session, tasks, limit=1 if before else PARALLEL, fail_fast=before is not None)
    for each in tasks:
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
    return [word for ref in refs for word in ("--project", ref.given if names.count(ref.given) == 1 else id_of(ref))]


def _count(done: int, removed: int) -> str:
    """Return a sentence, to be completed with projects, about how many variables were changed."""
    if done and removed:
        return f"Set {_variables(done)} in {{}} and removed {_variables(removed)}."
    return f"Removed {_variables(removed)} from {{}}." if removed else f"Set {_variables(done)} in {{}}."


def _variables(count: int) -> str:
    return f"{count} variable{'' if count == 1 else 's'}"
