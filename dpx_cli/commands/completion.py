"""`dpx completion`: the scripts that complete dpx in a shell. Made and installed by `dpx_cli/completion/`."""

from typing import TYPE_CHECKING, Annotated

from dpx_cli.declare import Argument, Group

if TYPE_CHECKING:
    from dpx_cli.session import Session

GROUP = Group("completion", "Complete commands, options and names in your shell.")

Shell = Annotated[
    str | None,
    Argument("SHELL", help="Which shell; without it the one in $SHELL.", choices=("bash", "zsh", "fish", "powershell")),
]


@GROUP.command("bash", example="dpx completion bash")
def bash(session: "Session") -> None:
    """Print the script for bash."""
    _print(session, "bash")


@GROUP.command("zsh", example="dpx completion zsh")
def zsh(session: "Session") -> None:
    """Print the script for zsh."""
    _print(session, "zsh")


@GROUP.command("fish", example="dpx completion fish")
def fish(session: "Session") -> None:
    """Print the script for fish."""
    _print(session, "fish")


@GROUP.command("powershell", example="dpx completion powershell")
def powershell(session: "Session") -> None:
    """Print the script for PowerShell."""
    _print(session, "powershell")


@GROUP.command("install", example="dpx completion install bash")
def install(session: "Session", shell: Shell = None) -> None:
    """Put the script where the shell looks, for this user. Doing it twice does no harm."""
    from dpx_cli.completion import install as installation

    for line in installation.install(installation.shell_of(shell, session.env), session.env):
        session.screen.done(line)


@GROUP.command("uninstall", example="dpx completion uninstall bash")
def uninstall(session: "Session", shell: Shell = None) -> None:
    """Take away what `dpx completion install` put there, and nothing else."""
    from dpx_cli.completion import install as installation

    for line in installation.uninstall(installation.shell_of(shell, session.env), session.env):
        session.screen.done(line)


def _print(session: "Session", shell: str) -> None:
    from dpx_cli import completion

    session.screen.raw(completion.script(shell))
