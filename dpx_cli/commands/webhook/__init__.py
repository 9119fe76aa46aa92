"""`dpx webhook`: verify and explain signatures, send sample deliveries, and receive real ones.

Nothing here talks to the API or needs a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LIST, LOCAL, ONE, STREAM, Typer, effect
from dpx_cli.output.columns import Column

if TYPE_CHECKING:
    from typing import Annotated, Any

    import typer

    from dpx_cli.cli.options import (
        Body,
        Complete,
        EventName,
        Events,
        Retries,
        SecretFile,
        Set,
        To,
        WebhookSecret,
        count,
        port,
    )
    from dpx_cli.session import Session
    from dpx_cli.webhook.deliver import Endpoint, Reply


GROUP = Typer(name="webhook", help="Verify, send and receive webhooks.")

EVENT_COLUMNS = (Column("Event", "event"), Column("Sent when", "description"))
REPLY_COLUMNS = (Column("Status", "status"), Column("Milliseconds", "milliseconds"))
REPLAY_COLUMNS = (Column("File", "file"), *REPLY_COLUMNS)
DELIVERY_COLUMNS = (
    Column("Time", "time"),
    Column("Event", "event"),
    Column("Project", "project"),
    Column("Branch", "branch"),
    Column("Status", "status"),
    Column("Result", "result"),
)


@GROUP.command(
    "verify",
    epilog="dpx webhook verify body.json --secret-file secret.txt --signature "
    "$(dpx webhook sign body.json --secret-file secret.txt)",
)
@effect(LOCAL, prints=ONE)
def verify(
    session: Session,
    *,
    signature: Annotated[
        str, typer.Option("--signature", metavar="S", help="Value of the X-Deploxa-Signature header.")
    ],
    file: Body = "-",
    secret: WebhookSecret = None,
    secret_file: SecretFile = None,
    show_expected: Annotated[
        bool, typer.Option("--show-expected", help="On a mismatch, show the expected signature.")
    ] = False,
) -> None:
    """Verify the signature of a delivery. Exits 0 if it's valid, 10 if not.

    The body is read as bytes and must be exactly what arrived, before anything parsed or printed it. On a mismatch the
    cause is named if it can be found: a final newline added or missing, CRLF, a BOM, re-serialized JSON, white space or
    quotes around the secret, a bare digest, another algorithm.
    """
    from dpx_cli.commands.webhook import inputs
    from dpx_cli.errors import CheckFailed
    from dpx_cli.webhook import signature as signatures

    key = inputs.secret_bytes(session, secret, secret_file, body=file)
    body = session.screen.read_input(file, "the body")
    given = signature.encode("utf-8", "surrogateescape")
    if signatures.verify(body, key, given):
        if session.screen.format == "json":
            session.screen.item({"valid": True}, (), key="valid")
        else:
            session.screen.done("valid")
        return
    findings = signatures.explain(body, key, given)
    message = signatures.mismatch(findings)
    if show_expected:
        message += f"; expected {signatures.sign(body, key)}"
    raise CheckFailed(message, hint=signatures.HINTS[findings[0][0] if findings else ""])


@GROUP.command("sign", epilog="dpx webhook sign body.json --secret-file secret.txt")
@effect(LOCAL, prints=ONE)
def sign(session: Session, file: Body = "-", secret: WebhookSecret = None, secret_file: SecretFile = None) -> None:
    """Print the signature of a body, as in the X-Deploxa-Signature header."""
    from dpx_cli.commands.webhook import inputs
    from dpx_cli.webhook import signature

    key = inputs.secret_bytes(session, secret, secret_file, body=file)
    signed = signature.sign(session.screen.read_input(file, "the body"), key)
    session.screen.item({"signature": signed}, (Column("Signature", "signature"),), key="signature")


@GROUP.command("events", epilog="dpx webhook events")
@effect(LOCAL, prints=LIST)
def events(session: Session) -> None:
    """List the events that Deploxa sends. With --json, each has a sample payload."""
    from dpx_cli.webhook.events import DESCRIPTIONS, sample

    items = [{"event": name, "description": words, "payload": sample(name)} for name, words in DESCRIPTIONS.items()]
    session.screen.rows([items], EVENT_COLUMNS, key="event")


@GROUP.command("send", epilog="dpx webhook send deployment.ready --to 127.0.0.1:3000/webhook --secret-file secret.txt")
@effect(LOCAL, prints=ONE)
def send(
    session: Session,
    *,
    event: Annotated[EventName, typer.Argument(metavar="EVENT", help="Event to send.", case_sensitive=False)],
    to: To,
    secret: WebhookSecret = None,
    secret_file: SecretFile = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", metavar="SLUG", help="Project slug in the payload.")
    ] = None,
    branch: Annotated[str | None, typer.Option("--branch", metavar="B", help="Branch in the payload.")] = None,
    deployment_id: Annotated[
        str | None, typer.Option("--deployment-id", metavar="ID", help="Deployment ID in the payload.")
    ] = None,
    assignments: Set = (),
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="FILE",
            help="File with the body to send, byte for byte, or - for standard input. [default: a sample]",
            autocompletion=Complete.file,
        ),
    ] = None,
) -> None:
    """Send a signed sample delivery to your own receiver. Exits 1 if the receiver refuses it.

    The API isn't used. Redirects are not followed, and the receiver has 30 seconds to respond.
    """
    from dpx_cli.commands.webhook import inputs
    from dpx_cli.errors import UsageError
    from dpx_cli.webhook import deliver
    from dpx_cli.webhook import signature as signatures
    from dpx_cli.webhook.events import encode, sample

    own = {"project": project, "branch": branch, "deployment_id": deployment_id}
    fields = {name: value for name, value in own.items() if value is not None}
    if data is not None and (fields or assignments):
        raise UsageError(
            "--data can't be used together with --project, --branch, --deployment-id or --set.",
            hint="Change the file instead, or leave out --data.",
        )
    key = inputs.secret_bytes(session, secret, secret_file, body=data)
    payload: dict[str, Any] = {**sample(event, **fields)}
    inputs.assign(payload, assignments)
    endpoint = inputs.endpoint(session, to, "--to")
    body = encode(payload) if data is None else session.screen.read_input(data, "the body")
    headers = deliver.headers(signatures.sign(body, key), event)
    reply = deliver.deliver_now(endpoint, body, headers, inputs.trust(session))
    session.screen.item(reply.shown, REPLY_COLUMNS, key="status")
    _require_success(endpoint, reply)


@GROUP.command("replay", epilog="dpx webhook replay deliveries --to 127.0.0.1:3000/webhook")
@effect(LOCAL, prints=ONE)
def replay(
    session: Session,
    files: Annotated[
        tuple[str, ...],
        typer.Argument(
            metavar="FILE",
            help="Saved deliveries, or a directory of `dpx webhook listen --save`.",
            autocompletion=Complete.file,
        ),
    ],
    to: To,
) -> None:
    """Send saved deliveries again, byte for byte, with their own signatures. Exits 1 if the receiver refuses one.

    Every delivery is tried; the exit code is that of the first one that fails.
    """
    from dpx_cli.commands.webhook import inputs
    from dpx_cli.errors import DpxError
    from dpx_cli.webhook import deliver, saved

    endpoint = inputs.endpoint(session, to, "--to")
    paths, several = saved.expand(files)
    items: list[dict[str, Any]] = []
    failures: list[DpxError] = []
    for path in paths:
        item: dict[str, Any] = {"file": path, "status": None, "milliseconds": None}
        items.append(item)
        try:
            reply = deliver.deliver_now(endpoint, *saved.load(path), inputs.trust(session))
            item.update(reply.shown)
            _require_success(endpoint, reply)
        except DpxError as failure:
            failures.append(failure)
            if several:
                session.screen.warn(f"{path}: {failure.message}")
    if several:
        session.screen.items(items, REPLAY_COLUMNS, key="file")
    elif items[0]["status"] is not None:
        del items[0]["file"]
        session.screen.item(items[0], REPLY_COLUMNS, key="status")
    if failures:
        raise failures[0]


@GROUP.command("check", epilog="dpx webhook check --to 127.0.0.1:3000/webhook --secret-file secret.txt")
@effect(LOCAL, prints=LIST)
def check(session: Session, to: To, secret: WebhookSecret = None, secret_file: SecretFile = None) -> None:
    """Check that a receiver accepts genuine deliveries and refuses forged ones. Exits 10 if it doesn't.

    Sends a good delivery, forged ones, every documented event and unusual ones, and compares each status. A response
    that doesn't come within DPX_TIMEOUT fails its check. Each failed check comes with a fix. The receiver gets about 15
    deliveries, which it can't tell from Deploxa's: don't run it against one that acts on them.
    """
    from dpx_cli.commands.webhook import inputs, receiver

    key = inputs.secret_bytes(session, secret, secret_file)
    found = receiver.Examination(key, inputs.endpoint(session, to, "--to"), inputs.trust(session), session)
    session.screen.rows(found.pages(), receiver.COLUMNS, key="check")
    found.conclude()


@GROUP.command(
    "listen",
    epilog="dpx webhook listen --secret-file secret.txt --save deliveries --forward-to 127.0.0.1:3000/webhook",
)
@effect(LOCAL, prints=STREAM)
def listen(
    session: Session,
    *,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="PORT",
            help="Port on 127.0.0.1. 0 picks a free one. [default: 4400]",
            parser=port,
        ),
    ] = 4400,
    secret: WebhookSecret = None,
    secret_file: SecretFile = None,
    forward_to: Annotated[
        str | None, typer.Option("--forward-to", metavar="URL", help="Receiver of verified deliveries.")
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow --forward-to to be another machine.")
    ] = False,
    retry: Retries = 0,
    public_host: Annotated[
        str | None,
        typer.Option("--public-host", metavar="NAME", help="Name of a tunnel that leads here. See dpx help webhooks."),
    ] = None,
    event: Events = (),
    exit_after: Annotated[
        int | None, typer.Option("--exit-after", metavar="N", help="Stop after N verified deliveries.", parser=count)
    ] = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="DIR", help="Save each verified delivery here, for dpx webhook replay."),
    ] = None,
) -> None:
    """Receive webhooks on this machine: verify, show, save and forward them.

    Prints one line per delivery: time, event, project, branch, status, result. Payloads with invalid signatures are not
    printed. A page at its address shows every delivery with headers and body.
    Answers to the sender: the receiver's own status (200 without --forward-to), 401 for an invalid signature, 403 for a
    foreign Host or Origin, 405 for anything but POST, 408 after 10 s, 413 over 1 MiB, 500 if it can't be saved, 502 or
    504 if the receiver can't be reached or is too slow. Press Ctrl-C to stop.
    """
    from dpx_cli.commands.webhook import inputs
    from dpx_cli.errors import UsageError
    from dpx_cli.webhook.listener import Listener

    key = inputs.secret_bytes(session, secret, secret_file)
    endpoint = inputs.endpoint(session, forward_to, "--forward-to") if forward_to is not None else None
    if endpoint and not endpoint.loopback and not allow_remote:
        raise UsageError(
            f"--forward-to is another machine: {endpoint.host}", hint="Pass --allow-remote if that's intended."
        )
    screen = session.screen
    listener = Listener(
        key,
        trust=inputs.trust(session),
        report=lambda delivery: _show_delivery(session, delivery),
        warn=screen.warn,
        forward_to=endpoint,
        retry=retry,
        events=event,
        exit_after=exit_after or 0,
        save=save or "",
        public_host=inputs.public_host(public_host) if public_host is not None else "",
    )

    def ready(url: str) -> None:
        screen.done(f"Listening on {url}")
        if screen.on_terminal or listener.public_host:
            screen.done(f"To inspect deliveries, open {url}/#{listener.page_key}")

    listener.run(port, ready)


def _require_success(endpoint: Endpoint, reply: Reply) -> None:
    """Raise Failed if a receiver refused a delivery."""
    from dpx_cli.errors import Failed

    if reply.accepted:
        return
    said = f": {reply.excerpt}" if reply.excerpt else "."
    redirect = reply.status // 100 == 3  # noqa: PLR2004 - 3xx
    raise Failed(
        f"The receiver responded {reply.status}{said}",
        hint="Redirects are not followed. Pass the final URL." if redirect else None,
        status=reply.status,
        request=f"POST {endpoint.path}",
    )


def _show_delivery(session: Session, delivery: Any) -> None:
    """Show one delivery when it is done: a line on a terminal, else a row or a JSON object."""
    screen = session.screen
    if screen.format != "table":
        screen.rows([[delivery]], DELIVERY_COLUMNS, key="event")
        return
    from datetime import datetime

    clock = datetime.fromisoformat(delivery["time"]).astimezone().strftime("%H:%M:%S")
    words = [str(delivery[column.path] or "-") for column in DELIVERY_COLUMNS[1:]]
    widths = (19, 16, 16, 8, 0)  # the longest event; usual slugs and branches; the longest status
    screen.line("  ".join([clock, *(word.ljust(width) for word, width in zip(words, widths, strict=True))]))
