"""`dpx plan`, `dpx apply` and `dpx export`: deploxa.toml, what a project should be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.api import env_vars, projects
from dpx_cli.api.client import is_name
from dpx_cli.commands import DELETE, LIST, READ, Typer, effect
from dpx_cli.commands.state import document
from dpx_cli.commands.state import export as exporting
from dpx_cli.commands.state import plan as plans
from dpx_cli.commands.state.apply import Run
from dpx_cli.config.paths import PROJECT_FILE, project_file
from dpx_cli.errors import CheckFailed, NotFound
from dpx_cli.rollout import summary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Annotated

    import typer

    from dpx_cli.cli.options import Project, ProjectFile, Yes
    from dpx_cli.commands.state.plan import Plan
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")


@ROOT.command("plan", epilog="dpx plan")
@effect(READ, prints=LIST)
def run_plan(
    session: Session,
    file: ProjectFile = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 10 if there is a change.")] = False,
) -> None:
    """Show what dpx apply would change.

    The project is the one in the file. What the file doesn't mention is left alone. The API doesn't return the values
    of variables: they are "unknown"; apply sets them, and they don't count as a change.

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
    variable), name, before, after, from (where a value comes from) and change.
    """
    plan = plans.make(session, plans.read_inputs(session, document.read(_find_file(session, file))))
    _show(session, plan)
    _report(session, plan)
    if exit_code and (count := len(plan.changes)):
        places = "1 place" if count == 1 else f"{count} places"
        message = f"{plan.document.slug} differs from {plan.document.path} in {places}."
        raise CheckFailed(message, hint=_again(session, file))


@ROOT.command("apply", epilog="dpx apply --yes")
@effect(DELETE, prints=LIST)
def run_apply(session: Session, file: ProjectFile = None, yes: Yes = False) -> None:
    """Apply deploxa.toml: create or update the project, set and remove variables.

    Shows the plan and asks first. If a variable declared as KEY = {} doesn't exist, nothing is changed.
    """
    inputs = plans.read_inputs(session, document.read(_find_file(session, file)))
    if inputs.absent:
        raise document.build_refusal(list(inputs.absent.values()))
    plan = plans.make(session, inputs)
    slug = plan.document.slug
    _check_presence(session, plan)
    is_table = session.screen.format == "table" and not session.screen.has_fields
    if not yes or is_table:
        for step in plan.steps:
            session.screen.done(f"{step.action} {step.name}" + (f": {step.change}" if step.change else ""))
    session.screen.done(plans.count_steps([plan]))
    _report(session, plan)
    if plan.steps:
        sources = sorted({step.source for step in plan.steps if step.source})
        session.screen.require_yes(f"Apply this to {slug}{_join(' with values from ', sources)}?", yes=yes)
        Run(session, plan).run(_again(session, file))
        session.screen.done(f"Applied {plan.document.path}.")
        if any(step.kind == "variable" for step in plan.steps):
            deploy = session.command("deploy", project=slug)
            session.screen.note(f"The change takes effect with the next deployment. Run: {deploy}")
    if not is_table:
        session.screen.rows([plan.rows()], plans.COLUMNS, key="name")


@ROOT.command("export", epilog="dpx export --project storefront")
@effect(READ)
def run_export(session: Session, project: Project = None) -> None:
    """Print the project's current state as a deploxa.toml. Variables are listed without values (KEY = {})."""
    row = session.projects.on(
        project, lambda project_id: {**projects.get_project(session.client, project_id), "id": project_id}
    )
    slug = row["slug"] if is_name(row.get("slug")) else row["id"]
    org = session.projects.ref(project).given.rpartition("/")[0]
    text = exporting.render(f"{org}/{slug}" if org else slug, row, env_vars.by_key(session.client, row["id"]))
    session.screen.raw(text.encode())


def _find_file(session: Session, file: str | None) -> str:
    """Return the path of the deploxa.toml. Raises NotFound if there is none."""
    if file is not None:
        return file
    path = project_file(session.cwd)
    if path is None:
        raise NotFound("No deploxa.toml in this directory or above.", hint=f"Run: {session.command('init')}")
    return PROJECT_FILE if os.path.dirname(path) == os.path.abspath(session.cwd) else path


def _show(session: Session, plan: Plan) -> None:
    """Print the rows of a plan, and how many there are."""
    if plan.steps or session.screen.format != "table":
        session.screen.rows([plan.rows()], plans.COLUMNS, key="name")
    session.screen.done(plans.count_steps([plan]))


def _report(session: Session, plan: Plan) -> None:
    """Print a plan's warnings, and write it into GitHub's step summary."""
    for warning in plan.warnings:
        session.screen.warn(warning)
    rows = [[row["action"], row["name"], row["change"]] for row in plan.rows()]
    title = f"Plan for {plan.document.slug}"
    header = [column.title for column in plans.COLUMNS]
    if problem := summary.add_table(session.env, title, header, rows, "Nothing to change."):
        session.screen.warn(problem)


def _check_presence(session: Session, plan: Plan) -> None:
    """Raise CheckFailed if a variable that must exist doesn't."""
    if keys := plan.missing:
        hint = "Give it a value in the file: the project doesn't exist yet."
        if plan.project_id is not None:
            hint = f"Run: {session.command('env', 'set', keys[0], project=plan.document.slug)}"
        raise CheckFailed(f"Not set in {plan.document.slug}: {', '.join(keys)}. Nothing was changed.", hint=hint)


def _again(session: Session, file: str | None) -> str:
    return f"Run: {session.command('apply', *([file] if file else []))}"


def _join(before: str, texts: Sequence[str]) -> str:
    return before + ", ".join(texts) if texts else ""
