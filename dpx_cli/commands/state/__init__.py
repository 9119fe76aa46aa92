"""`dpx plan`, `dpx apply` and `dpx export`: deploxa.toml, what a project should be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.commands import DELETE, LIST, READ, Typer, effect
from dpx_cli.errors import CheckFailed, NotFound, UsageError

if TYPE_CHECKING:
    from typing import Annotated

    import typer

    from dpx_cli.cli.options import Project, ProjectFile, Yes
    from dpx_cli.commands.state.document import Document
    from dpx_cli.commands.state.plan import Plan
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

SCHEMA = os.path.join(os.path.dirname(__file__), "deploxa.schema.json")


@ROOT.command("plan", epilog="dpx plan")
@effect(READ, prints=LIST)
def run_plan(
    session: Session,
    file: ProjectFile = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 10 if there is a change.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of deploxa.toml.")] = False,
) -> None:
    """Show what "dpx apply" would change to make a project what deploxa.toml says.

    The project is the one that the file names. What the file doesn't name is left alone. The API doesn't return the
    values of variables: they are "unknown", unless DPX_LEDGER=1 remembers what this machine set; "apply" sets them, and
    they don't count as a change.

    What deploxa.toml can say:

      [project]
      slug = "acme/docs"              # or "docs"
      name = "Docs"                   # and description, build_command,
                                      # install_command, output_dir
      framework = "VITE"              # and app_type: for creation only
      paths = ["../packages/ui"]      # also counted by deploy --changed

      [env]
      LOG_LEVEL = "debug"
      API_URL = {value = "https://api.example.com", targets = ["preview"]}
      API_KEY = {from = "env:API_KEY", sensitive = true}
      CERT = {from = "file:cert.pem"} # below the directory of deploxa.toml
      DATABASE_URL = {}               # must exist
      LEGACY = {absent = true}        # must not exist

    A row of --json has the keys action (create, update, set, remove, missing, unknown), project, kind (project, field,
    variable), name, before, after and change.
    """
    from dpx_cli.commands.state import plan as plans

    if schema:
        from dpx_cli.system import files

        session.screen.document(files.read_bytes(SCHEMA, "the schema") or b"")
        return
    made = plans.make(session, _document(session, file))
    _show(session, made)
    if exit_code and made.changes:
        count = len(made.changes)
        raise CheckFailed(
            f"{made.document.slug} differs from {made.document.path} in {count} place{'' if count == 1 else 's'}.",
            hint=_apply_command(session, file),
        )


@ROOT.command("apply", epilog="dpx apply --yes")
@effect(DELETE, prints=LIST)
def run_apply(session: Session, file: ProjectFile = None, yes: Yes = False) -> None:
    """Make a project what deploxa.toml says: create or update it, set and remove variables.

    Shows the plan and asks first. Variables that must exist (KEY = {}) and don't stop it before any change.
    """
    from dpx_cli.commands.state import apply as applying
    from dpx_cli.commands.state import plan as plans

    made = plans.make(session, _document(session, file))
    _refuse_missing(session, made)
    for line in [*plans.lines(made.steps), plans.counted(made)]:
        session.screen.done(line)
    _tell(session, made)
    if made.steps:
        session.screen.require_yes(f"Apply this to {made.document.slug}?", yes=yes)
        applying.run(session, made, again=_apply_command(session, file))
        session.screen.done(f"Applied {made.document.path}.")
        if any(step.kind == "variable" for step in made.steps):
            deploy = f"dpx deploy --project {_project_option(session, made)}"
            session.screen.note(f"The change takes effect with the next deployment. Run: {deploy}")
    if session.screen.format != "table" or session.screen.shows_objects:
        session.screen.rows([made.rows()], plans.COLUMNS, key="name")


@ROOT.command("export", epilog="dpx export --project storefront")
@effect(READ)
def run_export(
    session: Session,
    project: Project = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Start from the nearest deploxa.toml and keep its comments.")
    ] = False,
) -> None:
    """Print a deploxa.toml of what is there. Variables come without values, as KEY = {}: they must exist."""
    from dpx_cli.api import env_vars, projects
    from dpx_cli.commands.state import export as exporting

    found = session.projects.on(project, lambda project_id: projects.get_project(session.client, project_id))
    pages = env_vars.list_env_vars(session.client, str(found["id"]))
    variables = {item["key"]: item for page in pages for item in page if isinstance(item.get("key"), str)}
    reference = session.projects.reference(project)
    slug = str(found.get("slug") or found["id"])
    if "/" in reference:
        slug = f"{reference.rpartition('/')[0]}/{slug}"
    if merge:
        text = exporting.merge(_mergeable(session), slug, found, variables)
    else:
        text = exporting.render(slug, found, variables)
    if session.screen.on_terminal:
        session.screen.lines(text.splitlines())
    else:
        session.screen.raw(text.encode("utf-8", "backslashreplace"))


def _path(session: Session, file: str | None) -> str:
    """Return the path of the file that is meant. Raises NotFound if there is none."""
    from dpx_cli.config.paths import PROJECT_FILE, project_file

    if file is not None:
        return file
    cwd = session.cwd
    found = project_file(cwd)
    if found is None:
        raise NotFound("No deploxa.toml in this directory or above.", hint="Run: dpx init")
    return PROJECT_FILE if os.path.dirname(found) == os.path.abspath(cwd) else found


def _document(session: Session, file: str | None) -> Document:
    from dpx_cli.commands.state import document

    return document.read(_path(session, file))


def _mergeable(session: Session) -> str:
    """Return the text of the nearest deploxa.toml, which must be valid."""
    from dpx_cli.commands.state import document

    path = _path(session, None)
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        raise UsageError(f"{path} is empty.", hint="Don't redirect the output into the file that is merged.")
    return document.read(path).text


def _show(session: Session, made: Plan) -> None:
    from dpx_cli.commands.state import plan as plans

    session.screen.rows([made.rows()], plans.COLUMNS, key="name", empty="Nothing to change.")
    session.screen.done(plans.counted(made))
    _tell(session, made)


def _tell(session: Session, made: Plan) -> None:
    """Warn of what can't be had, and write the plan into GitHub's step summary."""
    from dpx_cli.commands.state import plan as plans
    from dpx_cli.rollout import summary

    for note in made.notes:
        session.screen.warn(note)
    rows = [[row["action"], row["name"], row["change"]] for row in made.rows()]
    title = f"Plan for {made.document.slug}"
    header = [column.title for column in plans.COLUMNS]
    if problem := summary.add_table(session.env, title, header, rows, "Nothing to change."):
        session.screen.warn(problem)


def _refuse_missing(session: Session, made: Plan) -> None:
    """Raise CheckFailed if a variable that must exist doesn't."""
    if keys := made.missing:
        hint = "Give it a value in the file: the project doesn't exist yet."
        if made.project_id is not None:
            hint = f"Run: dpx env set {keys[0]} --project {_project_option(session, made)}"
        raise CheckFailed(f"Not set in {made.document.slug}: {', '.join(keys)}. Nothing was changed.", hint=hint)


def _project_option(session: Session, made: Plan) -> str:
    """Return the value of `--project` for a command in a hint, and the profile in force."""
    import shlex

    return shlex.quote(made.document.slug) + _profile(session)


def _apply_command(session: Session, file: str | None) -> str:
    import shlex

    return f"Run: dpx apply{'' if file is None else ' ' + shlex.quote(file)}{_profile(session)}"


def _profile(session: Session) -> str:
    import shlex

    flag = session.settings.profile_flag
    return f" --profile {shlex.quote(flag)}" if flag else ""
