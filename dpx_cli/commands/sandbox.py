"""`dpx sandbox`: serve an embedded Deploxa API, or run one command against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LOCAL, Typer, effect

if TYPE_CHECKING:
    from typing import Annotated, Unpack

    import typer

    from dpx_cli.cli.options import Complete, SandboxOptions
    from dpx_cli.sandbox.server import Sandbox
    from dpx_cli.session import Session


GROUP = Typer(name="sandbox", help="Run an embedded Deploxa API on this machine.")

PORT = 8787


@GROUP.command("serve", epilog="dpx sandbox serve --build-seconds 10")
@effect(LOCAL)
def serve(
    session: Session,
    **world: Unpack[SandboxOptions],
) -> None:
    """Serve a Deploxa API on this machine until Ctrl-C.

    Prints the two lines that point a shell at it. It listens on the loopback interface, port 8787, and starts with the
    organizations acme and globex and the projects storefront, docs and api. Values of variables are never stored.
    A page at its address shows projects, deployments and requests, and switches faults.
    """
    import threading

    with _sandbox(session, world, PORT) as sandbox:
        session.screen.done("Serving until Ctrl-C. To use it, run these two lines in a shell:")
        session.screen.line(f"export DPX_API_URL={sandbox.url}")
        session.screen.line(f"export DPX_TOKEN={_quoted(sandbox.token)}")
        if session.screen.on_terminal:
            session.screen.done(f"To watch it and switch faults on, open {sandbox.origin}/")
        threading.Event().wait()


@GROUP.command("run", epilog="dpx sandbox run -- dpx deploy --project storefront --branch main")
@effect(LOCAL)
def run(
    session: Session,
    command: Annotated[
        tuple[str, ...],
        typer.Argument(metavar="-- COMMAND", help="The command and its arguments.", autocompletion=Complete.command),
    ],
    **world: Unpack[SandboxOptions],
) -> None:
    """Run a command against a new sandbox.

    The command gets DPX_API_URL and DPX_TOKEN, and empty directories for profiles and cache. Its exit code and signals
    are passed on, and nothing is left behind.
    """
    from dpx_cli.sandbox import run as runner

    sandbox = _sandbox(session, world, 0)
    code = runner.run(command, session.env, sandbox)
    if code:
        # The command's own code may be none of dpx's.
        raise SystemExit(code)


def _sandbox(session: Session, world: SandboxOptions, port: int) -> Sandbox:
    """Return the sandbox for the options, not yet started."""
    from dpx_cli.sandbox.server import Sandbox

    options: SandboxOptions = {"port": port, **world}
    if "webhook_url" in options and (secret := session.env.get("DPX_WEBHOOK_SECRET")):
        options.setdefault("webhook_secret", secret)
    return Sandbox(**options)


def _quoted(token: str) -> str:
    import shlex

    return shlex.quote(token)
