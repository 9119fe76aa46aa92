"""`dpx rehearse`: run a command against a sandbox with the user's own projects, and show what it would have changed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from dpx_cli import credentials
from dpx_cli.commands import LOCAL, ONE, RUNS_PROGRAM, Typer, effect
from dpx_cli.commands.rehearse import read_account
from dpx_cli.errors import CheckFailed, exclusive
from dpx_cli.output.columns import Column
from dpx_cli.sandbox import run
from dpx_cli.sandbox.server import Sandbox
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from dpx_cli.cli.options import Every, EveryOf, FailOnDelete, Program, Projects, RehearsalOptions, Report
    from dpx_cli.sandbox.journal import Change
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

COLUMNS = (Column("Action", "action"), Column("Project", "project"), Column("Name", "name"))
DELETIONS = ("delete", "remove")


@ROOT.command(
    "rehearse",
    context_settings=RUNS_PROGRAM,
    epilog="dpx rehearse --project storefront -- dpx deploy --project storefront --branch main --no-wait",
)
@effect(LOCAL, prints=ONE)
def rehearse(
    session: Session,
    command: Program,
    projects: Projects = (),
    org: EveryOf = None,
    every: Every = False,
    fail_on: FailOnDelete = None,
    report: Report = None,
    **world: Unpack[RehearsalOptions],
) -> None:
    """Show what a command would change, on a copy of your projects.

    Reads the projects, with GET requests only, into a sandbox with the same IDs, settings, variables (without values)
    and last 100 deployments. Builds are assumed to succeed. Exits with the command's own code. With --json, the
    command's output goes to stderr. The command gets the sandbox's address and token, an empty home with your git
    configuration, and no variable that contains your token. This guards against mistakes, not against a hostile
    command: it runs as you, and can read your files by their full path.
    """
    exclusive(("--project", projects), ("--org", org), ("--all", every))
    Sandbox(**world)  # an option that is wrong is reported before anything is read
    seed = read_account.read(session, projects, org=org, every=every, role=world.get("role"))
    others = "" if every else " Other projects don't exist in it."
    copied = _many(len(seed["projects"]), "project")
    session.screen.note(f"Rehearsing against a copy of {copied}; nothing reaches Deploxa.{others}")
    sandbox = Sandbox(seed=seed, **world)
    env, settings = dict(session.env), session.settings
    if settings.org is not None and (settings.reference_file is None or not settings.reference_file.org_slug):
        env["DPX_ORG"] = settings.org  # a profile's default organization comes along, the profile doesn't
    to_stderr = session.screen.format == "json"
    secrets = [session.token(), *credentials.readable_tokens(settings)]
    code = run.run(command, env, sandbox, secrets=secrets, to_stderr=to_stderr)
    _show(session, sandbox.changes, report)
    deleted = [f"{change.project}/{change.name}" for change in sandbox.changes if change.action in DELETIONS]
    if fail_on and deleted:
        raise CheckFailed(
            f"The command would delete {', '.join(dict.fromkeys(deleted))}.", hint="Check it before you run it."
        )
    if code:
        # The command's own code may be none of dpx's.
        raise SystemExit(code)


def _show(session: Session, changes: Sequence[Change], report: str | None) -> None:
    """Write the changes to a file, then show them: stdout may be closed."""
    rows: list[dict[str, Any]] = [change._asdict() for change in changes]
    screen = session.screen
    if report is not None:
        files.write_whole(os.path.join(session.cwd, report), json.dumps(rows, indent=2).encode() + b"\n", mode=0o644)
    if rows or screen.shows_objects:
        screen.rows([rows], COLUMNS, key="name")
    summary = f"The command would have made {_many(len(rows), 'change')}."
    if any(change.action == "deploy" for change in changes):
        summary += " Builds were assumed to succeed."
    screen.note(summary)


def _many(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
