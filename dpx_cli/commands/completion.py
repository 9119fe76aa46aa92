"""`dpx completion`: print, install and uninstall the scripts in `dpx_cli/completion/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli import completion
from dpx_cli.commands import LOCAL, Typer, effect
from dpx_cli.completion import install as installation

if TYPE_CHECKING:
    from dpx_cli.cli.options import Shell
    from dpx_cli.session import Session


GROUP = Typer(name="completion", help="Complete commands, options and names in your shell.")


@GROUP.command("bash", epilog="dpx completion bash")
@effect(LOCAL)
def bash(session: Session) -> None:
    """Print the completion script for bash."""
    _print(session, "bash")


@GROUP.command("zsh", epilog="dpx completion zsh")
@effect(LOCAL)
def zsh(session: Session) -> None:
    """Print the completion script for zsh."""
    _print(session, "zsh")


@GROUP.command("fish", epilog="dpx completion fish")
@effect(LOCAL)
def fish(session: Session) -> None:
    """Print the completion script for fish."""
    _print(session, "fish")


@GROUP.command("powershell", epilog="dpx completion powershell")
@effect(LOCAL)
def powershell(session: Session) -> None:
    """Print the completion script for PowerShell."""
    _print(session, "powershell")


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


def _print(session: Session, shell: str) -> None:
    session.screen.raw(completion.script(shell))
