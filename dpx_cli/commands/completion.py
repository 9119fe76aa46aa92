"""`dpx completion`: print, install and uninstall the scripts in `dpx_cli/completion/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli import completion
from dpx_cli.commands import LOCAL, Typer, effect
from dpx_cli.completion import install as installation

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpx_cli.cli.options import Shell
    from dpx_cli.session import Session


GROUP = Typer(name="completion", help="Complete commands, options and names in your shell.")


def _declare(shell: str) -> Callable[[Session], None]:
    @effect(LOCAL)
    def print_script(session: Session) -> None:
        session.screen.raw(completion.script(shell))

    print_script.__name__ = shell
    print_script.__doc__ = f"Print the completion script for {shell}."
    return GROUP.command(shell, epilog=f"dpx completion {shell}")(print_script)


bash, zsh, fish, powershell = map(_declare, completion.SHELLS)


@GROUP.command("install", epilog="dpx completion install bash")
@effect(LOCAL)
def install(session: Session, shell: Shell = None) -> None:
    """Install completion for the current user. Safe to repeat."""
    for line in installation.install(installation.resolve_shell(shell, session.env), session.env):
        session.screen.info(line)


@GROUP.command("uninstall", epilog="dpx completion uninstall bash")
@effect(LOCAL)
def uninstall(session: Session, shell: Shell = None) -> None:
    """Remove what `dpx completion install` installed, and nothing else."""
    for line in installation.uninstall(installation.resolve_shell(shell, session.env), session.env):
        session.screen.info(line)
