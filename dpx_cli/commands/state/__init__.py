"""`dpx plan`, `dpx apply` and `dpx export`: deploxa.toml, what a project should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api import env_vars, projects
from dpx_cli.api.client import is_name
from dpx_cli.commands import DELETE, LIST, READ, Typer, effect
from dpx_cli.commands.state import apply, report, select
from dpx_cli.commands.state import export as exporting
from dpx_cli.commands.state import plan as plans
from dpx_cli.commands.state.document import build_refusal
from dpx_cli.errors import CheckFailed, UsageError, exclusive

if TYPE_CHECKING:
    from typing import Annotated

    from dpx_cli.cli import options
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

    What deploxa.toml can say:

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
    session.warn_of_ledger()
    documents = select.read_documents(session, files, recursive=recursive, changed=changed)
    made, failures = plans.make_plans(session, plans.read_inputs(session, documents))
    columns = report.columns(made)
    if session.screen.format != "table" or any(plan.steps for plan in made):
        session.screen.rows([[row for plan in made for row in plan.rows()]], columns, key="name")
    report.report(session, made, summary)
    for failure in failures[1:]:
        session.screen.warn(failure.message)
    if failures:
        raise failures[0]
    if exit_code and (different := [plan.document.slug for plan in made if plan.changes]):
        arguments = [*files, *["--recursive"] * recursive, *(["--changed", changed] if changed else [])]
        hint = f"Run: {session.command('apply', *arguments)}"
        raise CheckFailed(f"Not as in the file: {', '.join(different)}", hint=hint)


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
    session.warn_of_ledger()
    inputs = plans.read_inputs(session, select.read_documents(session, files, recursive=recursive, changed=changed))
    if absent := [line for each in inputs for line in each.absent.values()]:
        raise build_refusal(absent)
    made, failures = plans.make_plans(session, inputs)
    if failures:
        raise failures[0]
    tasks = apply.make_tasks(session, made)
    is_table = session.screen.format == "table" and not session.screen.has_fields
    if not yes or is_table:
        report.show_steps(session, made)
    report.report(session, made, summary)
    if any(plan.steps for plan in made):
        session.screen.require_yes(report.question(made), yes=yes)
    apply.run(session, tasks)
    report.note_deploy(session, made)
    if not is_table:
        session.screen.rows([[row for plan in made for row in plan.rows()]], report.columns(made), key="name")


@ROOT.command("export", epilog="dpx export --project storefront")
@effect(READ)
def run_export(
    session: Session,
    project: options.Project = None,
    org: options.Org = None,
    every: options.Every = False,
    directory: Annotated[
        str | None, options.option("--dir", "DIR", "Write DIR/SLUG/deploxa.toml for each project.")
    ] = None,
    yes: options.Yes = False,
) -> None:
    """Print the project's current state as a deploxa.toml. Variables are listed without values (KEY = {}).

    With --dir, writes files, for --org or --all too, and only what has changed: with git they are the history of an
    organization. A file that was edited is kept, unless you pass --yes.
    """
    exclusive(("--project", project), ("--org", org), ("--all", every))
    if org is not None or every:
        if directory is None:
            raise UsageError("Several projects are written to a directory.", hint="Pass --dir DIR.")
        exporting.write_all(session, session.projects.list_all(org), org, directory, yes=yes)
        return
    row = session.projects.on(
        project, lambda project_id: {**projects.get_project(session.client, project_id), "id": project_id}
    )
    owner = session.projects.ref(project).given.rpartition("/")[0] or None
    if directory is not None:
        exporting.write_all(session, [row], owner, directory, yes=yes)
        return
    slug = row["slug"] if is_name(row.get("slug")) else row["id"]
    text = exporting.render(f"{owner}/{slug}" if owner else slug, row, env_vars.by_key(session.client, row["id"]))
    session.screen.raw(text.encode())
