"""`dpx commands`, `dpx skill`, `dpx mcp`: dpx for programs and agents, all from the command table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.commands import LOCAL, ONE, Typer, effect
from dpx_cli.output.columns import Column

if TYPE_CHECKING:
    from typing import Annotated

    from dpx_cli.cli.options import argument, flag, option
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")
SKILL = Typer(name="skill", help="Teach an agent to use dpx.")

COLUMNS = (Column("Command", "name"), Column("Effect", "effect"), Column("Example", "example"))


@ROOT.command("commands", epilog="dpx commands --json")
@effect(LOCAL, prints=ONE)
def commands(
    session: Session,
    group: Annotated[str | None, argument("GROUP", "Only this command or group.")] = None,
) -> None:
    """List every command with its effect: read, write, delete or local.

    With --json it's a manifest of all arguments, options, formats and exit codes.
    """
    from dpx_cli.commands.agents import manifest

    document = manifest.build(group)
    if session.screen.shows_objects:
        session.screen.item(document, (), key="commands")
    else:
        session.screen.rows([document["commands"]], COLUMNS, key="name")


@SKILL.command("", epilog="dpx skill")
@SKILL.command("print", epilog="dpx skill print")
@effect(LOCAL)
def print_skill(session: Session) -> None:
    """Print a SKILL.md that teaches an agent to use dpx."""
    from dpx_cli.commands.agents import skill

    session.screen.raw(skill.render().encode())


@SKILL.command("install", epilog="dpx skill install skills")
@effect(LOCAL)
def install_skill(
    session: Session,
    directory: Annotated[
        str, argument("DIR", "Directory of skills. [default: .agents/skills]", complete="file")
    ] = ".agents/skills",
) -> None:
    """Write the skill to DIR/dpx/SKILL.md. Safe to repeat."""
    from dpx_cli.commands.agents import skill
    from dpx_cli.system import files

    # A relative directory is one of the checkout, which may have a symbolic link in its place.
    top, below = (directory, "") if os.path.isabs(directory) else (session.cwd, directory)
    files.write_checkout(top, os.path.join(below, "dpx", "SKILL.md"), skill.render().encode())
    path = os.path.join(directory, "dpx", "SKILL.md")
    session.screen.info(f"Wrote {path}.")


@ROOT.command("mcp", epilog="dpx mcp")
@effect(LOCAL)
def mcp(
    session: Session,
    allow_write: Annotated[bool, flag("--allow-write", "Also offer commands that change something.")] = False,
    allow_delete: Annotated[bool, flag("--allow-delete", "With --allow-write: also delete, without asking.")] = False,
    allow_files: Annotated[
        str | None, option("--allow-files", "DIR", "Let tools read and write files in DIR and below.", complete="file")
    ] = None,
) -> None:
    """Serve the Model Context Protocol on standard input and output.

    Each command that calls the API is a tool; without options only those that read. It needs the extra
    dpx-cli[mcp].
    """
    from dpx_cli.commands.agents import server
    from dpx_cli.commands.agents.tools import Permissions
    from dpx_cli.errors import UsageError

    if allow_files is not None and not os.path.isdir(allow_files):
        raise UsageError(f"--allow-files: not a directory: {allow_files}")
    server.serve(session.env, session.profile, Permissions(allow_write, allow_delete, allow_files))
