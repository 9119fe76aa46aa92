"""Compare a deploxa.toml with the project: what `dpx plan` prints and `dpx apply` does."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api import env_vars, parallel, projects
from dpx_cli.commands.state import sources
from dpx_cli.commands.state.document import build_refusal
from dpx_cli.commands.state.lock import Lock, read_key
from dpx_cli.config import paths
from dpx_cli.errors import DpxError, Failed, NotFound, UsageError
from dpx_cli.output.columns import Column
from dpx_cli.output.display import ProgressBar
from dpx_cli.reference import TARGETS, slug_of, targets_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.commands.state.document import Document, Variable
    from dpx_cli.session import Session

# Actions of a step. MISSING is a variable that must exist and doesn't; UNKNOWN is something that can't be compared,
# which `apply` sets and which is no change by itself.
CREATE, UPDATE, SET, REMOVE, MISSING, UNKNOWN = "create", "update", "set", "remove", "missing", "unknown"
# `apply` removes last, so that a failure leaves as much as possible.
ORDER = (MISSING, CREATE, UPDATE, SET, UNKNOWN, REMOVE)

COLUMNS = (Column("Action", "action"), Column("Name", "name"), Column("Change", "change"))
PROJECT = Column("Project", "project")  # first, with several files


class State(NamedTuple):
    """What is known of a variable besides its value; None where only the API knows."""

    targets: tuple[str, ...] | None
    sensitive: bool | None

    def as_json(self) -> dict[str, Any]:
        """Return what is known."""
        return {key: value for key, value in self._asdict().items() if value is not None}


class Step(NamedTuple):
    """One thing that `apply` does.

    Attributes:
        action: see above.
        name: the project's slug, a field of the project, or a variable's key.
        kind: "project", "field" or "variable".
        before: the field's text, or the variable's `State`; None if there was none.
        after: the same.
        change: what changes, in words.
        source: where the value comes from, "env:NAME" or "file:PATH"; None if the file holds it.
    """

    action: str
    name: str
    kind: str
    before: Any = None
    after: Any = None
    change: str = ""
    source: str | None = None


class Inputs(NamedTuple):
    """A file, its values and its lock.

    Attributes:
        document: the file.
        values: the values of its variables by key. Never shown.
        absent: why a value isn't here, with the place in the file, by key.
        lock: what was set last.
    """

    document: Document
    values: Mapping[str, str]
    absent: Mapping[str, str]
    lock: Lock

    def __repr__(self) -> str:
        return f"Inputs({self.document.slug})"


class Plan(NamedTuple):
    """What it takes to make a project what its file says.

    Attributes:
        inputs: the file and its values.
        project_id: None if the project must be created.
        steps: in the order of `apply`.
        unchanged: how many fields and variables are as they should be.
        warnings: settings of the file that can't be applied, and a lock that can't be used.
        is_compared: whether values were compared with the lock.
    """

    inputs: Inputs
    project_id: str | None
    steps: tuple[Step, ...]
    unchanged: int
    warnings: tuple[str, ...]
    is_compared: bool = False

    @property
    def document(self) -> Document:
        """The file."""
        return self.inputs.document

    @property
    def changes(self) -> list[Step]:
        """The steps that are known to change something."""
        return [step for step in self.steps if step.action != UNKNOWN]

    @property
    def missing(self) -> list[str]:
        """The keys of variables that must exist and don't."""
        return [step.name for step in self.steps if step.action == MISSING]

    def rows(self) -> list[dict[str, Any]]:
        """Return the plan as `--json` prints it: one object a step, without any value of a variable."""
        return [
            {
                "action": step.action,
                "project": self.document.slug,
                "kind": step.kind,
                "name": step.name,
                "before": step.before.as_json() if isinstance(step.before, State) else step.before,
                "after": step.after.as_json() if isinstance(step.after, State) else step.after,
                "from": step.source,
                "change": step.change,
            }
            for step in self.steps
        ]


def read_inputs(session: Session, documents: Sequence[Document]) -> list[Inputs]:
    """Read the values of some files, and their locks. Sends no request.

    Raises:
        UsageError: sources that must not be read, of all files; or DPX_LOCK_KEY is too short.
    """
    read_key(session)
    private = [path for sort in ("config", "cache") if (path := paths.folder(session.env, sort))]
    inputs, mistakes = [], []
    for document in documents:
        try:
            values, absent = sources.read_values(document, session.env, private, session.token())
            inputs.append(Inputs(document, values, absent, Lock(session, document)))
        except UsageError as refusal:
            mistakes += [refusal.message, *refusal.details]
    if mistakes:
        raise build_refusal(mistakes)
    return inputs


def make_plans(session: Session, inputs: Sequence[Inputs]) -> list[Plan | DpxError]:
    """Read the projects, several at a time, and compare each with its file. What fails is an error in its place.

    Raises:
        UsageError: two files are for one project.
        DpxError: a failure that concerns all.
    """
    if len(inputs) <= 1:
        return [_make_plan(session, each) for each in inputs]
    refs = session.projects.refs([each.document.slug for each in inputs], keep_missing=True)
    ids = {ref.given: ref.id for ref in refs}
    for each in inputs:
        if each.document.slug not in ids:
            raise UsageError(
                f"{each.document.path} and another file are for one project, {each.document.slug}.",
                hint="Pass one of them.",
            )
    outcome: parallel.Outcome[int, Plan] = parallel.Outcome()
    with ProgressBar(session.screen, len(inputs), "projects") as bar:

        def make(client: Client, number: int) -> Plan:
            project_id = ids[inputs[number].document.slug]
            project = None if project_id is None else _get_project(client, project_id)
            return _compare_with(session, client, inputs[number], project)

        parallel.run(
            range(len(inputs)),
            make,
            outcome,
            client=lambda: session.client_for(session.token()),
            group=lambda number: number,
            done=lambda _: bar.advance(),
        )
    results: list[Plan | DpxError] = []
    for number, each in enumerate(inputs):
        failure = outcome.failures.get(number) or outcome.first_failure()
        plan = outcome.results.get(number)
        if plan is None and failure is not None:
            failure = copy.copy(failure)
            failure.message = f"{each.document.slug}: {failure.message}"
        results.append(plan or failure or Failed(f"{each.document.slug} was not read."))
    return results


def require_plans(results: Sequence[Plan | DpxError]) -> list[Plan]:
    """Return the plans. Raise the first error, if there is one."""
    plans = []
    for result in results:
        if isinstance(result, DpxError):
            raise result
        plans.append(result)
    return plans


def _make_plan(session: Session, inputs: Inputs) -> Plan:
    return _compare_with(session, session.client, inputs, find(session, inputs.document.slug))


def _compare_with(session: Session, client: Client, inputs: Inputs, project: Mapping[str, Any] | None) -> Plan:
    if project is None:
        check_slug(inputs.document)
        return compare(inputs, None, {}, org=session.settings.org)
    return compare(inputs, project, env_vars.by_key(client, str(project["id"])))


def _get_project(client: Client, project_id: str) -> dict[str, Any]:
    # Its ID is the one that was asked for, whatever the response says.
    return {**projects.get_project(client, project_id), "id": project_id}


def find(session: Session, slug: str) -> dict[str, Any] | None:
    """Return the project with a slug, or None if there is none.

    Raises:
        NotFound: there is no such organization.
        UsageError: several projects have the slug.
    """

    def get(project_id: str) -> dict[str, Any]:
        return _get_project(session.client, project_id)

    try:
        return session.projects.on(slug, get)
    except NotFound as missing:
        if missing.request is None:
            return None
    # It looked like an ID, or a remembered one is gone: only the list tells whether it's a slug.
    try:
        return get(session.projects.look_up(slug).id)
    except NotFound as gone:
        if gone.request is None:
            return None
        raise


def compare(
    inputs: Inputs,
    project: Mapping[str, Any] | None,
    variables: Mapping[str, Mapping[str, Any]],
    *,
    org: str | None = None,
) -> Plan:
    """Compare a file with a project.

    Args:
        inputs: the file and its values.
        project: the project; None if there is none.
        variables: its variables by key.
        org: where the project is created, unless the file says so.
    """
    document = inputs.document
    project_id = None if project is None else str(project["id"])
    same, problem = inputs.lock.compare(project_id, inputs.values) if project_id is not None else ({}, None)
    steps: list[Step | None] = []
    if project is None:
        steps.append(_create(document, org))
    # A new project gets these with its creation.
    created = () if project is not None else ("name", "description")
    steps += [_field(key, text, project) for key, text in document.fields.items() if key not in created]
    for entry in document.variables.values():
        row = variables.get(entry.key)
        before = None if row is None else _read_state(row)
        if entry.value is None and entry.source is None:
            steps.append(_presence(entry, before))
        else:
            is_absent = entry.key in inputs.absent
            steps.append(_value(entry, before, same.get(entry.key), is_absent=is_absent))
    ordered = sorted((step for step in steps if step), key=lambda step: ORDER.index(step.action))
    warnings = [*_find_ineffective(document, project), *filter(None, [problem])]
    return Plan(inputs, project_id, tuple(ordered), steps.count(None), tuple(warnings), bool(same))


def _create(document: Document, org: str | None) -> Step:
    details = [document.fields.get("name"), document.framework, document.app_type]
    if org and "/" not in document.slug:
        details.append(f"in {org}")
    return Step(CREATE, document.slug, "project", change=", ".join(text for text in details if text))


def _field(key: str, text: str, project: Mapping[str, Any] | None) -> Step | None:
    """Return what a field of the project needs, or None."""
    if project is not None and key not in project:
        return Step(UNKNOWN, key, "field", None, text, f"The API doesn't return it: {_show(text)}")
    before = (project or {}).get(key)
    if (before or "") == text:
        return None
    return Step(UPDATE, key, "field", before, text, f"{_show(before)} -> {_show(text)}")


def _presence(entry: Variable, before: State | None) -> Step | None:
    """Return what a variable needs that must exist, or must not; None if it is so."""
    if entry.absent:
        return None if before is None else Step(REMOVE, entry.key, "variable", before)
    return Step(MISSING, entry.key, "variable", change="must exist") if before is None else None


def _value(entry: Variable, before: State | None, same: bool | None, *, is_absent: bool) -> Step | None:
    """Return what a variable with a value needs, or None."""
    known = before or State(None, None)
    after = State(entry.targets or known.targets, known.sensitive if entry.sensitive is None else entry.sensitive)
    changes = []
    if before is None:
        details = [*(after.targets or ()), *["sensitive"] * bool(after.sensitive)]
        changes.append(f"new ({', '.join(details)})" if details else "new")
    else:
        if before.targets != after.targets:
            changes.append(f"targets: {', '.join(before.targets or ())} -> {', '.join(after.targets or ())}")
        if before.sensitive is not None and before.sensitive != after.sensitive:
            changes.append(f"sensitive: {_yes(before.sensitive)} -> {_yes(after.sensitive)}")
        if same is False:
            changes.append("value")
    if same and not changes:
        return None
    action = SET if changes else UNKNOWN
    change = "; ".join(changes) or ("" if is_absent else "the value can't be compared")
    source = entry.source and f"from {entry.source}{' (not set here)' if is_absent else ''}"
    change = ", ".join(text for text in (change, source) if text)
    return Step(action, entry.key, "variable", before, after, change, entry.source)


def _read_state(variable: Mapping[str, Any]) -> State:
    own = set(targets_of(variable))
    known = tuple(target for target in TARGETS if target in own)
    others = tuple(sorted(own - set(known)))  # of a newer API: left as they are
    sensitive = variable.get("sensitive")
    return State(known + others, sensitive if isinstance(sensitive, bool) else None)


def _show(text: Any) -> str:
    return str(text) if text else '""'


def _yes(value: bool | None) -> str:
    return "yes" if value else "no"


def _find_ineffective(document: Document, project: Mapping[str, Any] | None) -> Iterable[str]:
    """Yield a warning for each setting that only counts when the project is created, and differs."""
    for key, wanted in (("framework", document.framework), ("app_type", document.app_type)):
        if project is None or wanted is None:
            continue
        if key not in project:
            yield f"{key} only counts when a project is created; the API doesn't return it."
        elif str(project[key] or "").upper() != wanted:
            yield f"{key} is {project[key] or 'not set'}, not {wanted}, and can't be changed after creation."


def check_slug(document: Document) -> None:
    """Raise UsageError if creating the project would give it another slug than the file's."""
    wanted = document.slug.rpartition("/")[2]
    name = document.fields.get("name", wanted)
    slug = slug_of(name)
    if slug != wanted:
        raise UsageError(
            f"{document.path}: The project doesn't exist, and the name {name!r} leads to the slug {slug or '(none)'}, "
            f"not {wanted}.",
            hint=f'Change slug to "{slug}", or name to one that leads to {wanted}.',
        )


def count_steps(plans: Sequence[Plan]) -> str:
    """Return how many steps of each kind there are, as a sentence."""
    actions = [step.action for plan in plans for step in plan.steps]
    unchanged = sum(plan.unchanged for plan in plans)
    title = plans[0].document.slug if len(plans) == 1 else f"{len(plans)} projects"
    if not actions:
        return f"{title} matches {plans[0].document.path}." if len(plans) == 1 else f"{title} match their files."
    parts = [f"{actions.count(action)} to {action}" for action in (CREATE, UPDATE, SET, REMOVE) if action in actions]
    parts += [f"{actions.count(action)} {action}" for action in (MISSING, UNKNOWN) if action in actions]
    return f"{title}: {', '.join([*parts, f'{unchanged} unchanged'])}."
