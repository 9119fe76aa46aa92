"""`dpx sandbox`: serve an embedded Deploxa API, or run one command against it."""

from __future__ import annotations

import shlex
import sys
import threading
from typing import TYPE_CHECKING

from dpx_cli import credentials
from dpx_cli.commands import LOCAL, RUNS_PROGRAM, Typer, effect
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from dpx_cli.cli.options import Program, SandboxOptions
    from dpx_cli.sandbox.server import Sandbox
    from dpx_cli.sandbox.webhooks import DeliveryAttempt
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

    Prints two lines that make a shell use it. It listens on the loopback interface, port 8787, and starts with the
    organizations acme and globex and the projects storefront, docs and api. Values of variables are never stored.
    A page at its address shows projects, deployments, requests and webhook deliveries, and turns faults on and off.
    """
    with _sandbox(session, world, PORT) as sandbox:
        session.screen.info("Serving until Ctrl-C. To use it, run these two lines in a shell:")
        session.screen.line(_assignment("DPX_API_URL", sandbox.url, session.env))
        session.screen.line(_assignment("DPX_TOKEN", sandbox.token, session.env))
        if session.screen.on_terminal:
            session.screen.info(f"To watch it and turn faults on, open {sandbox.page_url}")
        signals.wait(threading.Event())


@GROUP.command(
    "run", context_settings=RUNS_PROGRAM, epilog="dpx sandbox run -- dpx deploy --project storefront --branch main"
)
@effect(LOCAL)
def run(
    session: Session,
    command: Program,
    **world: Unpack[SandboxOptions],
) -> None:
    """Run a command against a new sandbox.

    The command gets DPX_API_URL and DPX_TOKEN, and an empty home with your git configuration. Variables that contain
    your own token aren't passed on. Its exit code and signals are passed on, and nothing is left behind. This guards
    against mistakes, not against a hostile command: it runs as you, and can read your files by their full path.
    """
    from dpx_cli.sandbox import run as runner

    secrets = credentials.readable_tokens(session.settings)
    code = runner.run(command, session.env, _sandbox(session, world, 0), secrets=secrets)
    if code:
        # The command's own code may be none of dpx's.
        raise SystemExit(code)


def _sandbox(session: Session, world: SandboxOptions, port: int) -> Sandbox:
    """Return the sandbox for the options, not yet started. Each delivery of a webhook is a line."""
    from dpx_cli.sandbox.server import Sandbox

    def report(delivery: DeliveryAttempt) -> None:
        outcome = f"{delivery.error or delivery.status}{'' if delivery.is_last else ', trying again'}"
        session.screen.info(f"Webhook {delivery.event} for {delivery.project}: {outcome}")

    options: SandboxOptions = {"port": port, **world}
    if "webhook_url" in options and (secret := session.env.get("DPX_WEBHOOK_SECRET")):
        options.setdefault("webhook_secret", secret)
    sandbox = Sandbox(**options, on_delivery=report)
    if problem := sandbox.check_receiver():
        session.screen.warn(f"Can't reach --webhook-url: {problem}. Deliveries fail until a receiver runs there.")
    return sandbox


def _assignment(name: str, value: str, env: Mapping[str, str]) -> str:
    """Return the line that sets an environment variable: in PowerShell's words on Windows without a POSIX shell."""
    if sys.platform == "win32" and "SHELL" not in env:
        quoted = value.replace("'", "''")
        return f"$env:{name} = '{quoted}'"
    return f"export {name}={shlex.quote(value)}"
