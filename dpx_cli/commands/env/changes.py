"""Set and remove variables in one or several projects, without taking a target from any unnoticed."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api import env_vars, parallel
from dpx_cli.errors import NotFound, UsageError
from dpx_cli.output.display import ProgressBar
from dpx_cli.reference import TARGETS, targets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeVar

    from dpx_cli.api.client import Client
    from dpx_cli.errors import DpxError
    from dpx_cli.session import Session

    T = TypeVar("T")
    Variables = Mapping[str, Mapping[str, Any]]

ONE_VALUE = "Deploxa keeps one value per key, for all its targets."
ADD, REPLACE, REMOVE = "add", "replace", "remove"


class Place(NamedTuple):
    """A project to change.

    Attributes:
        id: its ID.
        name: what messages call it.
        reference: what `--project` takes for it.
    """

    id: str
    name: str
    reference: str


class Target(NamedTuple):
    """One variable of one project."""

    project_id: str
    key: str


class Edit(NamedTuple):
    """What to change in a project.

    Attributes:
        values: the variables to set.
        targets: their targets; none to leave them as they are, or to the API if they are new.
        sensitive: whether to mark them as sensitive.
        removals: the keys to remove, after that.
        missing_ok: whether a key that can't be found counts as removed.
    """

    values: Mapping[str, str]
    targets: Sequence[str] = ()
    sensitive: bool = False
    removals: Sequence[str] = ()
    missing_ok: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that are changed."""
        return (*self.values, *self.removals)

    def __repr__(self) -> str:
        return f"Edit({', '.join(self.keys)})"  # never a value


class Step(NamedTuple):
    """What an import does to one key, with its targets before and after."""

    action: str
    key: str
    before: Sequence[str]
    after: Sequence[str]


def on_projects(session: Session, references: Sequence[str], action: Callable[[list[Place]], T]) -> T:
    """Call a function with the projects that are meant, each of them once.

    Args:
        session: the session.
        references: what `--project` named; empty for the default project.
        action: the function; it is called again if a remembered ID turned out to be stale.

    Raises:
        NotFound: if a project doesn't exist.
    """
    from dpx_cli.api import projects

    if len(references) <= 1:
        given = references[0] if references else None
        reference, title = session.projects.reference(given), session.projects.title(given)
        from_file = given is None and not session.settings.variable("DPX_PROJECT")

        def one(project_id: str) -> T:
            # A file may say anything, so its name comes with the ID.
            name = f"{title} ({project_id})" if from_file and title != project_id else title
            return action([Place(project_id, name, reference)])

        return session.projects.on(given, one)

    def existing(project_id: str) -> str:
        # Asked for, so that a stale ID is noticed before anything is changed.
        projects.get_project(session.client, project_id)
        return project_id

    found: dict[str, Place] = {}
    for reference in references:
        project_id = session.projects.on(reference, existing)
        found.setdefault(project_id, Place(project_id, reference, reference))
    return action(list(found.values()))


def variables(client: Client, project_id: str) -> dict[str, Mapping[str, Any]]:
    """Return all variables of a project by key."""
    pages = env_vars.list_env_vars(client, project_id)
    return {item["key"]: item for page in pages for item in page if isinstance(item.get("key"), str)}


def look(session: Session, places: Sequence[Place]) -> dict[str, Variables]:
    """Return the variables of each project, by its ID. Raises DpxError if one can't be read."""
    if len(places) == 1:
        return {places[0].id: variables(session.client, places[0].id)}
    outcome: parallel.Outcome[str, Variables] = parallel.Outcome()
    ids = [place.id for place in places]
    parallel.run(ids, variables, outcome, client=lambda: session.client_for(session.token()))
    if failure := outcome.first_failure():
        raise failure
    return outcome.results


def plan(there: Variables, values: Iterable[str], targets: Sequence[str], *, prune: bool = False) -> list[Step]:
    """Return what an import does, one step for each key. Values can't be compared: the API doesn't return them.

    Args:
        there: the project's variables.
        values: the keys to set.
        targets: the targets that were named.
        prune: whether to remove all other variables; with targets, only those that have no other target.
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

    Args:
        steps: the steps of each project, by its name; the name leads the line if there are several.
    """
    return [
        f"{f'{name} ' if len(steps) > 1 else ''}{step.key}: {', '.join(step.before)} -> {', '.join(step.after)}"
        for name, planned in steps.items()
        for step in planned
        if step.action == REPLACE and set(step.before) - set(step.after)
    ]


def confirm(
    session: Session,
    *,
    lost: Sequence[str] = (),
    removals: Sequence[str] = (),
    yes: bool,
    places: Sequence[Place] = (),
) -> None:
    """Return if nothing is lost, with `--yes`, or if the user agrees.

    Args:
        session: the session.
        lost: what `losses` returned.
        removals: the keys to remove.
        yes: whether `--yes` was given.
        places: the projects, to be named if there are several.

    Raises:
        UsageError: otherwise.
    """
    if yes or not (lost or removals):
        return
    where = f" from {', '.join(place.name for place in places)}" if len(places) > 1 else ""
    removing = f"remove {', '.join(removals)}{where}" if removals else ""
    if not session.screen.can_ask:
        problems = [f"The change would take targets away: {'; '.join(lost)}"] if lost else []
        if removing:
            problems.append(f"Can't ask for confirmation to {removing} (not a terminal)")
        hint = f"{ONE_VALUE} Name every target to keep, or pass --yes." if lost else "Pass --yes."
        raise UsageError(". ".join(problems) + ".", hint=hint)
    for line in lost:
        session.screen.done(line)
    if lost:
        session.screen.note(ONE_VALUE)
    question = f"Change these targets{' and ' + removing if removing else ''}" if lost else f"R{removing[1:]}"
    session.screen.require_yes(f"{question}?", yes=False)


class Changed(NamedTuple):
    """What an edit did.

    Attributes:
        rows: of each project, in the order given, the variables that were set as the API returned them, then
            `{"key", "deleted"}` for each one that was removed.
        failures: the first error of each project that has one, in the same order.
    """

    rows: dict[str, list[dict[str, Any]]]
    failures: dict[str, DpxError]


def apply(session: Session, places: Sequence[Place], edit: Edit) -> Changed:
    """Set and remove variables, up to eight at a time. A failure stops no other project.

    The failures' messages say which keys are done; so does a warning if Ctrl-C or SIGTERM ends the call.
    """
    from dpx_cli.commands.env import journal

    journal.forget(session, edit.keys)
    outcome: parallel.Outcome[Target, dict[str, Any]] = parallel.Outcome()
    sets = [Target(place.id, key) for place in places for key in edit.values]
    finished: dict[str, dict[str, str]] = {place.id: {} for place in places}

    def change(client: Client, target: Target) -> dict[str, Any]:
        if target.key in edit.values:
            value = edit.values[target.key]
            return env_vars.set_env_var(client, *target, value, targets=edit.targets, sensitive=edit.sensitive or None)
        try:
            return {"key": target.key, **env_vars.delete_env_var(client, *target)}
        except NotFound:
            if not edit.missing_ok:
                raise
            return {"key": target.key, "deleted": True}

    with ExitStack() as stack:
        for place in places:
            keep_ledger(session, stack, place.id, edit.values, finished[place.id])
        bar = stack.enter_context(ProgressBar(session.screen, len(places) * len(edit.keys), "variables"))

        def done(target: Target) -> None:
            if target.key in edit.values:
                finished[target.project_id][target.key] = edit.values[target.key]
            bar.advance()

        def run(targets: Sequence[Target]) -> None:
            client = lambda: session.client_for(session.token())  # noqa: E731 - one use, twice
            parallel.run(targets, change, outcome, client=client, group=lambda target: target.project_id, done=done)

        try:
            run(sets)
            failed = {target.project_id for target in outcome.failures}
            run([Target(place.id, key) for place in places if place.id not in failed for key in edit.removals])
        except BaseException:
            session.screen.warn(f"Interrupted. {_told(places, edit, outcome)}")
            raise
    return _changed(places, edit, outcome)


def keep_ledger(
    session: Session, stack: ExitStack, project_id: str, values: Mapping[str, str], finished: Mapping[str, str]
) -> None:
    """Record what is set in the ledger, if it's on, when the stack is closed."""
    if session.env.get("DPX_LEDGER"):
        from dpx_cli.commands.env import ledger

        stack.enter_context(ledger.kept(session, project_id, values, finished))


def _done_in(place: Place, outcome: parallel.Outcome[Target, Any]) -> list[str]:
    return [target.key for target in outcome.results if target.project_id == place.id]


def _told(places: Sequence[Place], edit: Edit, outcome: parallel.Outcome[Target, Any]) -> str:
    """Return which keys of which project are done, for a message."""
    each = [f"{place.name}{parallel.progress(edit.keys, _done_in(place, outcome))}" for place in places]
    return f"{'. '.join(each)} (up to {parallel.MAX_IN_FLIGHT} of those may be done)."


def _changed(places: Sequence[Place], edit: Edit, outcome: parallel.Outcome[Target, dict[str, Any]]) -> Changed:
    failures: dict[str, DpxError] = {}
    shared = outcome.first_failure()
    for place in places:
        done = _done_in(place, outcome)
        if len(done) == len(edit.keys) or shared is None:
            continue
        own = (failure for target, failure in outcome.failures.items() if target.project_id == place.id)
        failure = next(own, None) or type(shared)(f"Stopped after a failure elsewhere: {shared.message}")
        failure = parallel.half_way(failure, edit.keys, done)
        if len(places) > 1:
            failure.message = f"{place.name}: {failure.message}"
        failures[place.id] = failure
    rows = {
        place.id: [
            outcome.results[target]
            for target in (Target(place.id, key) for key in edit.keys)
            if target in outcome.results
        ]
        for place in places
    }
    return Changed(rows, failures)


def report(session: Session, places: Sequence[Place], edit: Edit, changed: Changed, *, deploy: bool) -> None:
    """Say on stderr which project was changed, and what makes it take effect unless it's deployed now."""
    for place in places:
        rows = changed.rows[place.id]
        removed = sum("deleted" in row for row in rows)
        if said := _counted(len(rows) - removed, removed, place.name):
            session.screen.done(said)
        for row in rows:
            tell_race(session, place.name, edit.targets, row)
    done = [place for place in places if changed.rows[place.id]]
    if done and not deploy:
        session.screen.note(f"The change takes effect with the next deployment. Run: {deploy_command(session, done)}")


def raise_first(session: Session, failures: Sequence[DpxError]) -> None:
    """Raise the first failure; say the others on stderr."""
    for failure in failures[1:]:
        session.screen.warn(failure.message)
    if failures:
        raise failures[0]


def _counted(done: int, removed: int, name: str) -> str:
    """Return a sentence about how many variables were changed; "" for none."""
    if done and removed:
        return f"Set {_variables(done)} in {name} and removed {_variables(removed)}."
    if removed:
        return f"Removed {_variables(removed)} from {name}."
    return f"Set {_variables(done)} in {name}." if done else ""


def _variables(count: int) -> str:
    return f"{count} variable{'' if count == 1 else 's'}"


def tell_race(session: Session, name: str, asked: Sequence[str], row: Mapping[str, Any]) -> None:
    """Warn if the API stored other targets than were asked for: someone else changed the variable meanwhile."""
    stored = row.get("targets")
    if asked and isinstance(stored, list) and sorted(map(str, stored)) != sorted(map(str, asked)):
        session.screen.warn(
            f"{row.get('key')} in {name} is now set for {', '.join(map(str, stored))}, not for "
            f"{', '.join(map(str, asked))}; it may have been changed at the same time."
        )


def deploy_command(session: Session, places: Sequence[Place]) -> str:
    """Return the command that deploys what was changed, as it can be pasted."""
    import shlex

    words = ["dpx", "deploy"]
    for place in places:
        words += ["--project", place.reference]
    if profile := session.settings.profile_flag:
        words += ["--profile", profile]
    return shlex.join(words)
