"""Compare a deploxa.toml with the project: what `dpx plan` prints and `dpx apply` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.commands.state import document as project_file
from dpx_cli.errors import NotFound, UsageError
from dpx_cli.output.columns import Column
from dpx_cli.reference import targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpx_cli.commands.state.document import Document, Variable
    from dpx_cli.session import Session

# Actions of a step. MISSING is a variable that must exist and doesn't; UNKNOWN is something that can't be compared,
# which `apply` sets and which is no change by itself.
CREATE, UPDATE, SET, REMOVE, MISSING, UNKNOWN = "create", "update", "set", "remove", "missing", "unknown"
MAX_SLUG = 60  # characters that the server makes of a name

COLUMNS = (Column("Action", "action"), Column("Name", "name"), Column("Change", "change"))


class State(NamedTuple):
    """What is known of a variable besides its value.

    Attributes:
        targets: its targets; None if only the API knows.
        sensitive: likewise.
    """

    targets: tuple[str, ...] | None
    sensitive: bool | None


class Step(NamedTuple):
    """One thing that `apply` does.

    Attributes:
        action: see above.
        name: the project's slug, a field of the project, or a variable's key.
        kind: "project", "field" or "variable".
        before: the field's text, or the variable's `State`; None if there was none.
        after: likewise.
        change: what changes, in words.
    """

    action: str
    name: str
    kind: str
    before: Any = None
    after: Any = None
    change: str = ""


class Plan(NamedTuple):
    """What it takes to make a project what its file says.

    Attributes:
        document: the file.
        values: the values of its variables. Never shown.
        project_id: None if the project must be created.
        steps: in the order of `apply`.
        unchanged: how many fields and variables are as they should be.
        notes: what the file says and can't be had.
    """

    document: Document
    values: Mapping[str, str]
    project_id: str | None
    steps: tuple[Step, ...]
    unchanged: int
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Plan({self.document.slug}, {len(self.steps)} steps)"

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
                "before": _json(step.before),
                "after": _json(step.after),
                "change": step.change,
            }
            for step in self.steps
        ]


def make(session: Session, document: Document) -> Plan:
    """Read the project and compare it with its file.

    Raises:
        UsageError: a source of a value is missing, or the project must be created and its name doesn't lead to the
            slug.
        DpxError: the project can't be read.
    """
    from dpx_cli.api import env_vars

    values = project_file.values(document, session.env)
    project = find(session, document.slug)
    if project is None:
        check_slug(document)
        return compare(document, values, None, {}, {}, org=session.settings.org)
    project_id = str(project["id"])
    pages = env_vars.list_env_vars(session.client, project_id)
    variables = {item["key"]: item for page in pages for item in page if isinstance(item.get("key"), str)}
    return compare(document, values, project, variables, _same(session, project_id, values))


def find(session: Session, slug: str) -> dict[str, Any] | None:
    """Return the project with a slug, or None if there is none.

    Raises:
        NotFound: there is no such organization.
        UsageError: several projects have the slug.
    """
    from dpx_cli.api import projects

    def get(project_id: str) -> dict[str, Any]:
        return projects.get_project(session.client, project_id)

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


def _same(session: Session, project_id: str, values: Mapping[str, str]) -> dict[str, bool]:
    """Return of each key whether this machine set its value last, as far as that is known."""
    if not session.env.get("DPX_LEDGER"):
        return {}
    from dpx_cli.commands.env import ledger

    return ledger.compare(session, project_id, values)


def compare(
    document: Document,
    values: Mapping[str, str],
    project: Mapping[str, Any] | None,
    variables: Mapping[str, Mapping[str, Any]],
    same: Mapping[str, bool],
    *,
    org: str | None = None,
) -> Plan:
    """Compare a file with a project.

    Args:
        document: the file.
        values: the values of its variables.
        project: the project; None if there is none.
        variables: its variables by key.
        same: of each key whether its value is the one that was last set from this machine, if that is known.
        org: where the project is created, unless the file says so.
    """
    steps: list[Step | None] = []
    if project is None:
        steps.append(_create(document, org))
    # A new project gets these with its creation.
    given = set() if project is not None else {"name", "description"}
    steps += [_field(key, text, project) for key, text in document.fields.items() if key not in given]
    steps += [_variable(entry, entry.key in values, variables, same) for entry in document.variables.values()]
    found = sorted((step for step in steps if step), key=lambda step: ORDER.index(step.action))
    project_id = None if project is None else str(project["id"])
    unchanged = steps.count(None)
    return Plan(document, values, project_id, tuple(found), unchanged, tuple(_notes(document, project)))


# `apply` removes last, so that a failure leaves as much as possible.
ORDER = (MISSING, CREATE, UPDATE, SET, UNKNOWN, REMOVE)


def _create(document: Document, org: str | None) -> Step:
    details = [document.fields.get("name"), document.framework, document.app_type]
    if org and "/" not in document.slug:
        details.append(f"in {org}")
    return Step(CREATE, document.slug, "project", change=", ".join(text for text in details if text))


def _field(key: str, text: str, project: Mapping[str, Any] | None) -> Step | None:
    """Return what a field of the project needs, or None."""
    if project is not None and key not in project:
        return Step(UNKNOWN, key, "field", None, text, f"The API doesn't return it: {_shown(text)}")
    before = (project or {}).get(key)
    if (before or "") == text:
        return None
    return Step(UPDATE, key, "field", before, text, f"{_shown(before)} -> {_shown(text)}")


def _variable(
    wanted: Variable, has_value: bool, variables: Mapping[str, Mapping[str, Any]], same: Mapping[str, bool]
) -> Step | None:
    """Return what a variable needs, or None."""
    key = wanted.key
    there = variables.get(key)
    before = None if there is None else _state(there)
    if wanted.absent:
        return None if before is None else Step(REMOVE, key, "variable", before)
    if not has_value:
        return Step(MISSING, key, "variable", change="must exist") if before is None else None
    known = before or State(None, None)
    after = State(wanted.targets or known.targets, known.sensitive if wanted.sensitive is None else wanted.sensitive)
    if before is None:
        return Step(SET, key, "variable", None, after, "new" + _described(after))
    changed = []
    if before.targets != after.targets:
        changed.append(f"targets: {', '.join(before.targets or ())} -> {', '.join(after.targets or ())}")
    if before.sensitive is not None and before.sensitive != after.sensitive:
        changed.append(f"sensitive: {_yes(before.sensitive)} -> {_yes(after.sensitive)}")
    if same.get(key) is False:
        changed.append("value")
    if changed:
        return Step(SET, key, "variable", before, after, "; ".join(changed))
    if same.get(key):
        return None
    return Step(UNKNOWN, key, "variable", before, after, "the value can't be compared")


def _state(variable: Mapping[str, Any]) -> State:
    from dpx_cli.reference import TARGETS

    own = set(targets_of(variable))
    known = tuple(target for target in TARGETS if target in own)
    others = tuple(sorted(own - set(known)))  # of a newer API: left as they are
    sensitive = variable.get("sensitive")
    return State(known + others, sensitive if isinstance(sensitive, bool) else None)


def _notes(document: Document, project: Mapping[str, Any] | None) -> list[str]:
    """Return what the file says of an existing project that only counts when it is created."""
    if project is None:
        return []
    notes = []
    for key, wanted in (("framework", document.framework), ("app_type", document.app_type)):
        if wanted is None:
            continue
        if key not in project:
            notes.append(f"{key} only counts when a project is created; the API doesn't return it.")
        elif str(project[key] or "").upper() != wanted:
            notes.append(f"{key} is {project[key] or 'not set'}, not {wanted}, and can't be changed after creation.")
    return notes


def check_slug(document: Document) -> None:
    """Raise UsageError if creating the project would give it another slug than the file's."""
    wanted = document.slug.rpartition("/")[2]
    name = document.fields.get("name", wanted)
    made = slug_of(name)
    if made != wanted:
        raise UsageError(
            f"{document.path}: The project doesn't exist, and the name {name!r} leads to the slug {made or '(none)'}, "
            f"not {wanted}.",
            hint=f'Change slug to "{made}", or name to one that leads to {wanted}.',
        )


def slug_of(name: str) -> str:
    """Return the slug that Deploxa makes of a name."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words)[:MAX_SLUG].strip("-")


def counted(plan: Plan) -> str:
    """Return how many steps of each kind there are, as a sentence."""
    actions = [step.action for step in plan.steps]
    parts = [f"{actions.count(action)} to {action}" for action in (CREATE, UPDATE, SET, REMOVE) if action in actions]
    parts += [f"{actions.count(action)} {action}" for action in (MISSING, UNKNOWN) if action in actions]
    return f"{plan.document.slug}: {', '.join([*parts, f'{plan.unchanged} unchanged'])}."


def _json(part: Any) -> Any:
    """Return a `State` as an object of what is known; the rest as it is."""
    if not isinstance(part, State):
        return part
    return {key: value for key, value in part._asdict().items() if value is not None}


def _described(state: State) -> str:
    parts = list(state.targets or ())
    if state.sensitive:
        parts.append("sensitive")
    return f" ({', '.join(parts)})" if parts else ""


def _shown(text: Any) -> str:
    return str(text) if text else '""'


def _yes(value: bool | None) -> str:
    return "yes" if value else "no"


def lines(steps: Sequence[Step]) -> list[str]:
    """Return steps as lines for stderr."""
    return [f"{step.action} {step.name}" + (f": {step.change}" if step.change else "") for step in steps]
