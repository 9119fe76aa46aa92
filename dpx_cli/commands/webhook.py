"""`dpx webhook`: verify and explain signatures, send sample deliveries, and listen for real ones.

Floor 3; the work is done in `dpx_cli/webhook/`. Nothing here talks to the API or needs a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LIST, LOCAL, ONE, STREAM, Typer, effect
from dpx_cli.output.columns import Column
from dpx_cli.webhook.events import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from ssl import SSLContext
    from typing import Annotated, Any

    import typer

    from dpx_cli.cli.options import Body, Complete, EventName, Events, SecretFile, To, WebhookSecret, count, port
    from dpx_cli.session import Session
    from dpx_cli.webhook.deliver import Answer, Target


GROUP = Typer(name="webhook", help="Verify, send and receive webhooks.")

EVENT_COLUMNS = (Column("Event", "event"), Column("Sent when", "description"))
ANSWER_COLUMNS = (Column("Status", "status"), Column("Milliseconds", "milliseconds"))
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
        str, typer.Option("--signature", metavar="S", help="The value of X-Deploxa-Signature, as it came.")
    ],
    file: Body = "-",
    secret: WebhookSecret = None,
    secret_file: SecretFile = None,
    show_expected: Annotated[
        bool, typer.Option("--show-expected", help="On a mismatch, say which signature the body should have.")
    ] = False,
) -> None:
    """Check the signature of a delivery; exit 0 valid, 10 not.

    The body is read as bytes and must be what arrived, before anything parsed or printed it. Where the signature does
    not fit, the cause is named if it can be found: a newline added or lost, CRLF, a BOM, JSON written anew, white space
    or quotes around the secret, a bare digest, another algorithm.
    """
    from dpx_cli.errors import CheckFailed
    from dpx_cli.webhook import signature as signatures

    key = _secret_bytes(session, secret, secret_file, body=file)
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
    """Print the signature of a body, as X-Deploxa-Signature carries it."""
    from dpx_cli.webhook import signature

    key = _secret_bytes(session, secret, secret_file, body=file)
    signed = signature.sign(session.screen.read_input(file, "the body"), key)
    session.screen.item({"signature": signed}, (Column("Signature", "signature"),), key="signature")


@GROUP.command("events", epilog="dpx webhook events")
@effect(LOCAL, prints=LIST)
def events(session: Session) -> None:
    """List the events that Deploxa sends; --json has a sample payload of each."""
    from dpx_cli.webhook.events import sample

    items = [{"event": name, "description": words, "payload": sample(name)} for name, words in EVENTS.items()]
    session.screen.rows([items], EVENT_COLUMNS, key="event")


@GROUP.command(
    "send", epilog="dpx webhook send deployment.ready --to http://127.0.0.1:3000/webhook --secret-file secret.txt"
)
@effect(LOCAL, prints=ONE)
def send(
    session: Session,
    *,
    event: Annotated[EventName, typer.Argument(metavar="EVENT", help="The event to send.", case_sensitive=False)],
    to: To,
    secret: WebhookSecret = None,
    secret_file: SecretFile = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", metavar="SLUG", help="The project's slug in the payload.")
    ] = None,
    branch: Annotated[str | None, typer.Option("--branch", metavar="B", help="The branch in the payload.")] = None,
    deployment_id: Annotated[
        str | None, typer.Option("--deployment-id", metavar="ID", help="The deployment's id in the payload.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="FILE",
            help="Send this body instead, byte for byte; - for standard input.",
            autocompletion=Complete.file,
        ),
    ] = None,
) -> None:
    """Send a signed sample delivery to a receiver of your own; exit 1 when it refuses.

    Nothing is asked of the API. No redirect is followed, and the receiver has 30 seconds.
    """
    from dpx_cli.errors import UsageError
    from dpx_cli.webhook import deliver
    from dpx_cli.webhook import signature as signatures
    from dpx_cli.webhook.events import encode, sample

    own = {"project": project, "branch": branch, "deployment_id": deployment_id}
    fields = {name: value for name, value in own.items() if value is not None}
    if data is not None and fields:
        raise UsageError(
            "--data is the whole payload; --project, --branch and --deployment-id cannot change it",
            hint="leave out --data, or put them into its file",
        )
    key = _secret_bytes(session, secret, secret_file, body=data)
    target = deliver.Target(to, "--to")
    body = encode(sample(event, **fields)) if data is None else session.screen.read_input(data, "the body")
    _note_clear_text(session, target)
    answer = deliver.deliver_now(target, body, deliver.headers(signatures.sign(body, key), event), _trust(session))
    _show_answer(session, target, answer)


@GROUP.command(
    "replay", epilog="dpx webhook replay deliveries/0001-deployment.ready.body --to http://127.0.0.1:3000/webhook"
)
@effect(LOCAL, prints=ONE)
def replay(
    session: Session,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A delivery that `dpx webhook listen --save` kept.", autocompletion=Complete.file
        ),
    ],
    to: To,
) -> None:
    """Send a saved delivery again, byte for byte and with its own signature; exit 1 when the receiver refuses."""
    from dpx_cli.webhook import deliver, saved

    target = deliver.Target(to, "--to")
    body, headers = saved.load(file)
    _note_clear_text(session, target)
    _show_answer(session, target, deliver.deliver_now(target, body, headers, _trust(session)))


@GROUP.command(
    "listen",
    epilog="dpx webhook listen --secret-file secret.txt --save deliveries --forward-to http://127.0.0.1:3000/webhook",
)
@effect(LOCAL, prints=STREAM)
def listen(
    session: Session,
    *,
    port: Annotated[
        int,
        typer.Option("--port", metavar="PORT", help="The port on 127.0.0.1 (4400); 0 for any free one.", parser=port),
    ] = 4400,
    secret: WebhookSecret = None,
    secret_file: SecretFile = None,
    forward_to: Annotated[
        str | None, typer.Option("--forward-to", metavar="URL", help="Send each verified delivery on to this receiver.")
    ] = None,
    allow_remote: Annotated[bool, typer.Option("--allow-remote", help="Let --forward-to be another machine.")] = False,
    event: Events = (),
    exit_after: Annotated[
        int | None, typer.Option("--exit-after", metavar="N", help="Stop after N verified deliveries.", parser=count)
    ] = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="DIR", help="Keep each verified delivery here, for `dpx webhook replay`."),
    ] = None,
) -> None:
    """Receive webhooks on this machine: verify, show, save and forward them.

    One line a delivery: time, event, project, branch, status, result. What a delivery whose signature does not fit says
    is not shown. The answers: the receiver's own status (200 without --forward-to), 401 for a bad signature, 403 for a
    foreign Host or Origin, 405, 408 after 10 s, 413 over 1 MiB, 502 and 504 where the receiver cannot be reached or is
    late. Ctrl-C ends it.
    """
    from dpx_cli.errors import UsageError
    from dpx_cli.webhook.deliver import Target
    from dpx_cli.webhook.listener import Listener

    key = _secret_bytes(session, secret, secret_file, body=None)
    target = Target(forward_to, "--forward-to") if forward_to is not None else None
    if target and not target.loopback and not allow_remote:
        raise UsageError(f"--forward-to is not this machine: {target.host}", hint="add --allow-remote if it is meant")
    screen = session.screen
    if target:
        _note_clear_text(session, target)
    listener = Listener(
        key,
        trust=_trust(session),
        report=lambda delivery: _show_delivery(session, delivery),
        warn=screen.warn,
        forward_to=target,
        events=event,
        exit_after=exit_after or 0,
        save=save or "",
    )
    listener.run(port, ready=lambda url: screen.done(f"listening on {url}"))


def _secret_bytes(session: Session, secret: str | None, secret_file: str | None, *, body: str | None) -> bytes:
    """Find the webhook's secret: `--secret`, `--secret-file`, else DPX_WEBHOOK_SECRET.

    Args:
        session: for the environment and standard input.
        secret: as given.
        secret_file: as given; its bytes less one final newline, LF or CRLF.
        body: where the body is read from, which cannot be standard input for both.

    Raises:
        UsageError: none, an empty one, or two.
        NotFound: no such file.
    """
    from dpx_cli.errors import UsageError

    if secret is not None and secret_file is not None:
        raise UsageError("--secret and --secret-file exclude each other", hint="give one of them")
    if body == secret_file == "-":
        raise UsageError("standard input cannot hold both the body and the secret", hint="name a FILE for one of them")
    if secret is not None:
        key, source = secret.encode("utf-8", "surrogateescape"), "--secret"
    elif secret_file is not None:
        key, source = session.screen.read_input(secret_file, "the secret"), "--secret-file"
        key = key.removesuffix(b"\r\n") if key.endswith(b"\r\n") else key.removesuffix(b"\n")
    else:
        key, source = session.env.get("DPX_WEBHOOK_SECRET", "").encode("utf-8", "surrogateescape"), "DPX_WEBHOOK_SECRET"
        if "DPX_WEBHOOK_SECRET" not in session.env:
            raise UsageError(
                "no webhook secret is given", hint="set DPX_WEBHOOK_SECRET, or give --secret-file F or --secret S"
            )
    if not key:
        raise UsageError(
            f"the webhook secret in {source} is empty", hint="copy it from the project's Integrations settings"
        )
    return key


def _note_clear_text(session: Session, target: Target) -> None:
    """Say so where a delivery would cross the network unencrypted."""
    if not target.secure and not target.loopback:
        session.screen.note(f"{target.host} is not this machine, and http is not encrypted")


def _trust(session: Session) -> Callable[[], SSLContext]:
    """What makes the TLS context, which only an https receiver needs."""

    def context() -> SSLContext:
        from dpx_cli.api import tls as certificates

        return certificates.context(session.env)

    return context


def _show_answer(session: Session, target: Target, answer: Answer) -> None:
    """Show a receiver's answer; raise Failed where it refused."""
    from dpx_cli.errors import Failed

    item = {"status": answer.status, "milliseconds": answer.milliseconds}
    session.screen.item(item, ANSWER_COLUMNS, key="status")
    if answer.status // 100 == 2:  # noqa: PLR2004 - 2xx
        return
    said = f": {answer.excerpt}" if answer.excerpt else ""
    redirect = answer.status // 100 == 3  # noqa: PLR2004 - 3xx
    raise Failed(
        f"the receiver answered {answer.status}{said}",
        hint="redirects are not followed: give the final URL" if redirect else None,
        status=answer.status,
        request=f"POST {target.path}",
    )


def _show_delivery(session: Session, delivery: Any) -> None:
    """Show one delivery, as soon as it was dealt with: a line for a person, a row or a JSON object for a program."""
    screen = session.screen
    if screen.format != "table":
        screen.rows([[delivery]], DELIVERY_COLUMNS, key="event")
        return
    from datetime import datetime

    clock = datetime.fromisoformat(delivery["time"]).astimezone().strftime("%H:%M:%S")
    words = [str(delivery[column.path] or "-") for column in DELIVERY_COLUMNS[1:]]
    widths = (19, 16, 16, 8, 0)  # the longest event; usual slugs and branches; the longest status
    screen.line("  ".join([clock, *(word.ljust(width) for word, width in zip(words, widths, strict=True))]))
