"""The input of several webhook commands: the secret, receivers, and changes to a payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.errors import UsageError, exclusive
from dpx_cli.system.hosts import is_host_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dpx_cli.session import Session
    from dpx_cli.webhook.deliver import Endpoint


def secret_bytes(session: Session, secret: str | None, secret_file: str | None, *, body: str | None = None) -> bytes:
    """Return the webhook's secret: from `--secret`, `--secret-file` (less one final newline), else DPX_WEBHOOK_SECRET.

    `body` is where the body is read from: standard input can't be used for both.
    """
    exclusive(("--secret", secret), ("--secret-file", secret_file))
    if body == secret_file == "-":
        raise UsageError("Standard input can't hold both the body and the secret.", hint="Pass a FILE for one of them.")
    if secret is not None:
        key, source = secret.encode("utf-8", "surrogateescape"), "--secret"
    elif secret_file is not None:
        key, source = session.screen.read_input(secret_file, "the secret"), "--secret-file"
        key = key.removesuffix(b"\r\n") if key.endswith(b"\r\n") else key.removesuffix(b"\n")
    else:
        key, source = session.env.get("DPX_WEBHOOK_SECRET", "").encode("utf-8", "surrogateescape"), "DPX_WEBHOOK_SECRET"
        if "DPX_WEBHOOK_SECRET" not in session.env:
            raise UsageError(
                "No webhook secret specified.", hint="Set DPX_WEBHOOK_SECRET, or pass --secret-file F or --secret S."
            )
    if not key:
        raise UsageError(
            f"The webhook secret in {source} is empty.", hint="Copy it from the project's Integrations settings."
        )
    return key


def endpoint(session: Session, url: str, flag: str) -> Endpoint:
    """Return a receiver, and note if deliveries to it cross the network unencrypted."""
    from dpx_cli.webhook.deliver import Endpoint

    receiver = Endpoint.parse(url, flag)
    if not receiver.secure and not receiver.loopback:
        session.screen.note(f"{receiver.host} is another machine, and http is not encrypted.")
    return receiver


def assign(payload: dict[str, Any], assignments: Iterable[str]) -> None:
    """Change a payload in place as `--set` says: `deployment.branch=main`. Missing objects are added."""
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        *way, name = path.split(".")
        if not equals or not all((*way, name)):
            raise UsageError("--set needs PATH=VALUE.", hint="Pass one like --set deployment.branch=main.")
        holder = payload
        for key in way:
            below = holder.setdefault(key, {})
            if not isinstance(below, dict):
                raise UsageError(f"--set {path}: {key} isn't an object.", hint="Run: dpx webhook events --json")
            holder = below
        holder[name] = value


def public_host(name: str) -> str:
    """Return the name of a tunnel, in lower case. Raises UsageError for anything but a host name."""
    if not is_host_name(name):
        raise UsageError(
            f"--public-host isn't a host name: {name}", hint="Pass the name alone, like --public-host abc.ngrok.app."
        )
    return name.lower()
