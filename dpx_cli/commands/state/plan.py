"""Compare a deploxa.toml with the project: what `dpx plan` prints and `dpx apply` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api import env_vars, parallel, projects
from dpx_cli.commands import new_project
from dpx_cli.commands.state import sources
from dpx_cli.commands.state.document import build_refusal
from dpx_cli.commands.state.lock import Lock
from dpx_cli.config.paths import folder
from dpx_cli.errors import DpxError, UsageError
from dpx_cli.output.columns import Column
from dpx_cli.output.display import StatusLine
from dpx_cli.output.format import yes_no
from dpx_cli.reference import TARGETS, slug_of, targets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.api.parallel import Item, Result
    from dpx_cli.commands.state.document import Document, Variable
    from dpx_cli.session import Session

    State = dict[str, Any]

# Actions of a step. MISSING is a variable that must exist and doesn't; UNKNOWN is something that can't be compared,
# which `apply` sets and which is no change by itself.
CREATE, UPDATE, SET, REMOVE, MISSING, UNKNOWN = "create", "update", "set", "remove", "missing", "unknown"
# `apply` removes last, so that a failure leaves as much as possible.
ORDER = (MISSING, CREATE, UPDATE, SET, UNKNOWN, REMOVE)

COLUMNS = (Column("Action", "action", required=True), Column("Name", "name"), Column("Change", "change"))
PROJECT = Column("Project", "project", required=True)  # first, with several files

EMPTY = '""'  # an empty text, in words


class Step(NamedTuple):
    """One thing that `apply` does."""

    action: str
    name: str  # the project's slug, a field of the project, or a variable's key
    kind: str  # "project", "field" or "variable"
    before: Any = None  # the field's text, or the State of a variable; None if it's new
    after: Any = None
    change: str = ""  # in words
    source: str | None = None  # of the value, "env:NAME" or "file:PATH"; None if the file holds it


class Inputs(NamedTuple):
    """A file, its values by key, which are never shown, why a value isn't here, by key, and its lock."""

    document: Document
    values: Mapping[str, str]
    absent: Mapping[str, str]
    lock: Lock

    def __repr__(self) -> str:
        return f"Inputs({self.document.slug})"


class Plan(NamedTuple):
    """The changes that give a project the state in its file."""

    inputs: Inputs
    project_id: str | None  # None if the project must be created
    steps: tuple[Step, ...]  # in the order of `apply`
    unchanged: int  # fields and variables that are as they should be
    warnings: tuple[str, ...]
    is_compared: bool  # with the lock

    @property
    def document(self) -> Document:
        """The file."""
        return self.inputs.document

    def rows(self) -> list[dict[str, Any]]:
        """Return the plan as `--json` prints it: one object a step, without any value of a variable."""
        rows = [{"project": self.document.slug, **step._asdict()} for step in self.steps]
        for row in rows:
            row["from"] = row.pop("source")
        return rows


def read_inputs(session: Session, documents: Sequence[Document]) -> list[Inputs]:
    """Read the values of some files, and their locks, before any request. Raises UsageError with all bad sources."""
    private = [path for sort in ("config", "cache") if (path := folder(session.env, sort))]
    inputs, mistakes = [], []
    for document in documents:
        values, absent, wrong = sources.read_values(document, session.env, private, session.token())
        inputs.append(Inputs(document, values, absent, Lock(session, document)))
        mistakes += wrong
    if mistakes:
        raise build_refusal(mistakes)
    return inputs


def make_plans(session: Session, inputs: Sequence[Inputs]) -> tuple[list[Plan], list[DpxError]]:
    """Read the projects, several at a time, and compare each with its file. Return the plans, and what failed.

    Raises what concerns all, or the only one, and UsageError if two files are for one project.
    """
    if len(inputs) == 1:
        project = new_project.find(session, inputs[0].document.slug)
        return [_compare(session, session.client, inputs[0], project)], []
    ids = _find_ids(session, [each.document for each in inputs])

    def make(client: Client, number: int) -> Plan:
        slug = inputs[number].document.slug
        try:
            project = None if ids[slug] is None else projects.get_project(client, str(ids[slug]))
            return _compare(session, client, inputs[number], project)
        except DpxError as failure:
            failure.message = f"{slug}: {failure.message}"
            raise

    outcome = read_projects(session, range(len(inputs)), make)
    plans, failures = outcome.results, outcome.failures
    return [plans[number] for number in sorted(plans)], [failures[number] for number in sorted(failures)]


def read_projects(
    session: Session, items: Sequence[Item], read: Callable[[Client, Item], Result]
) -> parallel.Work[Item, Result]:
    """Call a function for each of several projects, some at a time; a failure stops no other one."""
    with StatusLine(session.screen) as live:
        if session.screen.animates:
            live.update(f"Reading {len(items)} projects")
        ((_, outcome),) = parallel.by_pages([items], read, client=session.client_for)
    return outcome


def _find_ids(session: Session, documents: Sequence[Document]) -> dict[str, str | None]:
    """Return the ID of each file's project, None without one. Raises UsageError if two files are for one."""
    refs = session.projects.refs([each.slug for each in documents], keep_missing=True) if documents else []
    if len(refs) < len(documents):  # each project is there once
        slugs = [each.slug.rpartition("/")[2].casefold() for each in documents]
        paths = [each.path for each, slug in zip(documents, slugs, strict=True) if slugs.count(slug) > 1]
        raise UsageError(f"Two files are for one project: {', '.join(paths)}", hint="Pass one of them.")
    return {ref.given: ref.id for ref in refs}


def _compare(session: Session, client: Client, inputs: Inputs, project: Mapping[str, Any] | None) -> Plan:
    document, org = inputs.document, session.settings.org
    steps: list[Step | None] = []
    variables: Mapping[str, Mapping[str, Any]] = {}
    same: Mapping[str, bool] = {}
    problem, fields = None, document.fields
    if project is None:
        _check_slug(document)
        details = [fields.get("name"), document.framework, document.app_type]
        details += [f"in {org}"] if org and "/" not in document.slug else []
        steps.append(Step(CREATE, document.slug, "project", change=", ".join(filter(None, details))))
        # A new project gets these with its creation.
        fields = {key: text for key, text in fields.items() if key not in ("name", "description")}
    else:
        variables = env_vars.by_key(client, project["id"])
        same, problem = inputs.lock.compare(project["id"], inputs.values)
    steps += [_field(key, text, project) for key, text in fields.items()]
    for entry in document.variables.values():
        row = variables.get(entry.key)
        before = None if row is None else _read_state(row)
        if entry.value is not None or entry.source is not None:
            steps.append(_value(entry, before, same.get(entry.key), is_absent=entry.key in inputs.absent))
        elif entry.absent:
            steps.append(None if before is None else Step(REMOVE, entry.key, "variable", before))
        else:
            steps.append(None if before else Step(MISSING, entry.key, "variable", change="must exist"))
    ordered = sorted((step for step in steps if step), key=lambda step: ORDER.index(step.action))
    warnings = [*_find_ineffective(document, project), *filter(None, [problem])]
    project_id = None if project is None else project["id"]
    return Plan(inputs, project_id, tuple(ordered), steps.count(None), tuple(warnings), bool(same))


def _field(key: str, text: str, project: Mapping[str, Any] | None) -> Step | None:
    if project is not None and key not in project:
        return Step(UNKNOWN, key, "field", None, text, f"The API doesn't return it: {text or EMPTY}")
    before = (project or {}).get(key)
    if (before or "") == text:
        return None
    return Step(UPDATE, key, "field", before, text, f"{before or EMPTY} -> {text or EMPTY}")


def _value(entry: Variable, before: State | None, same: bool | None, *, is_absent: bool) -> Step | None:
    known = before or {}
    wanted: State = {"targets": entry.targets and list(entry.targets), "sensitive": entry.sensitive}
    after = {**known, **{key: value for key, value in wanted.items() if value is not None}}
    changes = []
    if before is None:
        details = [*after.get("targets", ()), *["sensitive"] * bool(after.get("sensitive"))]
        changes.append(f"new ({', '.join(details)})" if details else "new")
    else:
        if before["targets"] != after["targets"]:
            changes.append(f"targets: {', '.join(before['targets'])} -> {', '.join(after['targets'])}")
        if "sensitive" in before and before["sensitive"] != after["sensitive"]:
            changes.append(f"sensitive: {yes_no(before['sensitive'])} -> {yes_no(after['sensitive'])}")
        if same is False:
            changes.append("value")
    if same and not changes:
        return None
    change = "; ".join(changes) or ("" if is_absent else "the value can't be compared")
    source = entry.source and f"from {entry.source}{' (not set here)' if is_absent else ''}"
    change = ", ".join(text for text in (change, source) if text)
    return Step(SET if changes else UNKNOWN, entry.key, "variable", before, after, change, entry.source)


def _read_state(variable: Mapping[str, Any]) -> State:
    """Return what is known of a variable; targets of a newer API are left as they are."""
    own = set(targets_of(variable))
    state: State = {"targets": [target for target in TARGETS if target in own] + sorted(own - set(TARGETS))}
    if isinstance(sensitive := variable.get("sensitive"), bool):
        state["sensitive"] = sensitive
    return state


def _find_ineffective(document: Document, project: Mapping[str, Any] | None) -> Iterable[str]:
    """Yield a warning for each setting that only counts when the project is created, and differs."""
    for key, wanted in (("framework", document.framework), ("app_type", document.app_type)):
        if wanted and project and key in project and str(project[key] or "").upper() != wanted:
            yield f"{key} is {project[key] or 'not set'}, not {wanted}, and can't be changed after creation."


def _check_slug(document: Document) -> None:
    """Raise UsageError if creating the project would give it another slug than the file's."""
    wanted = document.slug.rpartition("/")[2]
    name = document.fields.get("name", wanted)
    slug = slug_of(name)
    if slug != wanted:
        raise UsageError(
            f"{document.path}: The project doesn't exist, and the name {name!r} gives the slug {slug or '(none)'}, "
            f"not {wanted}.",
            hint=f'Change slug to "{slug}", or name to one that gives {wanted}.',
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
