"""`dpx plan`, `dpx apply` and `dpx export`: deploxa.toml, what a project should be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.api import env_vars
from dpx_cli.api.projects import list_usable
from dpx_cli.commands import DELETE, LIST, READ, Typer, effect
from dpx_cli.commands.env import edit
from dpx_cli.commands.state import apply, select
from dpx_cli.commands.state import export as exporting
from dpx_cli.commands.state import plan as plans
from dpx_cli.commands.state.document import build_refusal
from dpx_cli.errors import CheckFailed, UsageError, exclusive
from dpx_cli.rollout import summary as markdown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Annotated

    from dpx_cli.cli import options
    from dpx_cli.commands.state.plan import Plan
    from dpx_cli.output.columns import Column
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")


@ROOT.command("plan", epilog="dpx plan")
@effect(READ, prints=LIST)
def run_plan(
    session: Session,
    files: options.ProjectFiles = (),
    recursive: options.Recursive = False,
    changed: options.ChangedFiles = None,
    exit_code: Annotated[bool, options.flag("--exit-code", "Exit 10 if there is a change.")] = False,
    summary: options.Summary = None,
) -> None:
    """Show what dpx apply would change.

    The projects are those in the files. What a file doesn't mention is left alone. The API doesn't return the values of
    variables: they are "unknown" without a deploxa.lock (see dpx help plan); apply sets them, and they don't count as a
    change.

    What deploxa.toml can contain:

      [project]
      slug = "acme/docs"              # or "docs"
      name = "Docs"                   # and description, build_command,
                                      # install_command, output_dir
      framework = "VITE"              # and app_type: for creation only
      paths = ["../packages/ui"]      # also counted by --changed
      # needs = ["../api"]            # deployed and applied before this one

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
    documents = select.read_documents(session, files, recursive=recursive, changed=changed)
    made, failures = plans.make_plans(session, plans.read_inputs(session, documents))
    columns = _columns(made)
    if session.screen.format != "table" or any(plan.steps for plan in made):
        session.screen.rows([[row for plan in made for row in plan.rows()]], columns, key="name")
    _report(session, made, summary)
    edit.raise_first(session, failures)
    different = [plan.document.slug for plan in made if any(step.action != plans.UNKNOWN for step in plan.steps)]
    if exit_code and different:
        arguments = [*files, *["--recursive"] * recursive, *(["--changed", changed] if changed else [])]
        hint = f"Run: {session.command('apply', *arguments)}"
        raise CheckFailed(f"Different from the file: {', '.join(different)}", hint=hint)


@ROOT.command("apply", epilog="dpx apply --yes")
@effect(DELETE, prints=LIST)
def run_apply(
    session: Session,
    files: options.ProjectFiles = (),
    recursive: options.Recursive = False,
    changed: options.ChangedFiles = None,
    summary: options.Summary = None,
    yes: options.Yes = False,
) -> None:
    """Apply deploxa.toml: create or update the project, set and remove variables.

    Shows the plan and asks first. If a variable declared as KEY = {} doesn't exist, nothing is changed. Several
    projects are applied one after the other, after those that they need, until one fails.
    """
    inputs = plans.read_inputs(session, select.read_documents(session, files, recursive=recursive, changed=changed))
    if absent := [line for each in inputs for line in each.absent.values()]:
        raise build_refusal(absent)
    made, failures = plans.make_plans(session, inputs)
    if failures:
        raise failures[0]
    tasks = apply.make_tasks(session, made)
    is_table = session.screen.format == "table" and not session.screen.has_fields
    if not yes or is_table:
        _show_steps(session, made)
    _report(session, made, summary)
    if any(plan.steps for plan in made):
        session.screen.require_yes(_question(made), yes=yes)
    apply.run(session, tasks)
    _note_deploy(session, made)
    if not is_table:
        session.screen.rows([[row for plan in made for row in plan.rows()]], _columns(made), key="name")


@ROOT.command("export", epilog="dpx export --project storefront")
@effect(READ)
def run_export(
    session: Session,
    project: options.Project = None,
    org: options.EveryOf = None,
    every: options.Every = False,
    directory: Annotated[
        str | None, options.option("--dir", "DIR", "Write DIR/SLUG/deploxa.toml for each project.", complete="file")
    ] = None,
    yes: options.Yes = False,
) -> None:
    """Print the project's current state as a deploxa.toml. Variables are listed without values (KEY = {}).

    With --dir, writes files, for --org or --all too, and only what has changed: with git they are the history of an
    organization. A file that was edited is kept, unless you pass --yes.
    """
    exclusive(("--project", project), ("--org", org), ("--all", every))
    if directory is not None and os.path.lexists(directory) and not os.path.isdir(directory):
        raise UsageError(f"--dir: not a directory: {directory}")
    if org is not None or every:
        if directory is None:
            raise UsageError("Several projects are written to a directory.", hint="Pass --dir DIR.")
        exporting.write_all(session, list_usable(session.client, org), org, directory, yes=yes)
        return
    row = session.projects.get(project)
    owner = session.projects.ref(project).given.rpartition("/")[0] or None
    if directory is not None:
        exporting.write_all(session, [row], owner, directory, yes=yes)
        return
    (name,) = exporting.name_projects(session, [row], owner).values()
    session.screen.raw(exporting.render(name, row, env_vars.by_key(session.client, row["id"])).encode())


def _columns(made: Sequence[Plan]) -> tuple[Column, ...]:
    return plans.COLUMNS if len(made) == 1 else (plans.PROJECT, *plans.COLUMNS)


def _show_steps(session: Session, made: Sequence[Plan]) -> None:
    for plan in made:
        prefix = f"{plan.document.slug}: " if len(made) > 1 else ""
        for step in plan.steps:
            session.screen.info(f"{prefix}{step.action} {step.name}" + (f": {step.change}" if step.change else ""))


def _report(session: Session, made: Sequence[Plan], summary: str | None) -> None:
    """Print how many steps there are and the warnings, and write the summaries."""
    several = len(made) > 1
    if made:
        session.screen.info(plans.count_steps(made))
    for plan in made:
        for warning in plan.warnings:
            session.screen.warn(f"{plan.document.slug}: {warning}" if several else warning)
    if any(plan.is_compared for plan in made):
        session.screen.note("Values were compared with deploxa.lock. Changes made elsewhere aren't detected.")
    titles = [column.title for column in _columns(made)]
    rows = [[str(row[column.path]) for column in _columns(made)] for plan in made for row in plan.rows()]
    title = f"Plan for {made[0].document.slug}" if len(made) == 1 else f"Plan for {len(made)} projects"
    for problem in markdown.write_table(session.env, summary, title, titles, rows, "Nothing to change."):
        session.screen.warn(problem)


def _question(made: Sequence[Plan]) -> str:
    """Return what to ask before plans are applied: to what, with values from where."""
    changing = [plan for plan in made if plan.steps]
    title = changing[0].document.slug if len(changing) == 1 else f"{len(changing)} projects"
    sources = sorted({step.source for plan in changing for step in plan.steps if step.source})
    return f"Apply this to {title}{' with values from ' if sources else ''}{', '.join(sources)}?"


def _note_deploy(session: Session, made: Sequence[Plan]) -> None:
    if slugs := [plan.document.slug for plan in made if any(step.kind == "variable" for step in plan.steps)]:
        command = session.command("deploy", *[word for slug in slugs for word in ("--project", slug)])
        session.screen.note(f"The change takes effect with the next deployment. Run: {command}")
