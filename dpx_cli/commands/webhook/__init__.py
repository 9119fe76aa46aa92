"""`dpx webhook`: verify and explain signatures, send sample deliveries, and receive real ones.

Nothing here talks to the API or needs a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.commands import LIST, LOCAL, ONE, STREAM, Typer, effect
from dpx_cli.commands.webhook import inputs
from dpx_cli.errors import CheckFailed, DpxError, Failed, UsageError, exclusive
from dpx_cli.output.columns import Column
from dpx_cli.output.terminal import width
from dpx_cli.webhook import signature as signatures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Annotated, Any

    from dpx_cli.cli.options import (
        Body,
        EventName,
        Events,
        SecretFile,
        Set,
        To,
        WebhookSecret,
        argument,
        flag,
        option,
        port,
    )
    from dpx_cli.session import Session
    from dpx_cli.webhook.check import Case
    from dpx_cli.webhook.deliver import Endpoint, Reply


GROUP = Typer(name="webhook", help="Verify, send and receive webhooks.")

EVENT_COLUMNS = (Column("Event", "event"), Column("Sent when", "description"))
REPLY_COLUMNS = (Column("Status", "status"), Column("Milliseconds", "milliseconds"))
REPLAY_COLUMNS = (Column("File", "file"), *REPLY_COLUMNS)
CHECK_COLUMNS = (
    Column("Check", "check"),
    Column("Expected", "expected"),
    Column("Status", "status"),
    Column("Result", "ok", show=lambda ok: "ok" if ok else "failed"),
)
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
    signature: Annotated[str, option("--signature", "S", "Value of the X-Deploxa-Signature header.")],
    file: Body = "-",
    secret: WebhookSecret = None,
    secret_file: SecretFile = None,
) -> None:
    """Verify the signature of a delivery. Exits 0 if it's valid, 10 if not.

    The body is read as bytes and must be exactly what arrived, before anything parsed or printed it. On a mismatch the
    error says what changed if that can be determined: a final newline, CRLF, a BOM, re-serialized JSON, base64, gzip or
    a form around the body, whitespace or quotes around the secret, a bare digest, another algorithm.
    """
    key = inputs.secret_bytes(session, secret, secret_file, body=file)
    body = session.screen.read_input(file, "the body")
    header = signature.encode("utf-8", "surrogateescape")
    if not signatures.verify(body, key, header):
        from dpx_cli.webhook import explain

        findings = explain.explain(body, key, header)
        raise CheckFailed(explain.mismatch(findings), hint=explain.hint(findings))
    if session.screen.format == "json":
        session.screen.item({"valid": True}, (), key="valid")
    else:
        session.screen.info("valid")


@GROUP.command("sign", epilog="dpx webhook sign body.json --secret-file secret.txt")
@effect(LOCAL, prints=ONE)
def sign(session: Session, file: Body = "-", secret: WebhookSecret = None, secret_file: SecretFile = None) -> None:
    """Print the signature of a body, as in the X-Deploxa-Signature header."""
    key = inputs.secret_bytes(session, secret, secret_file, body=file)
    signed = signatures.sign(session.screen.read_input(file, "the body"), key)
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
    event: Annotated[EventName, argument("EVENT", "Event to send.")],
    to: To,
    secret: WebhookSecret = None,
    secret_file: SecretFile = None,
    assignments: Set = (),
    data: Annotated[
        str | None,
        option(
            "--data",
            "FILE",
            "File with the body to send, or - for standard input. [default: a sample]",
            complete="file",
        ),
    ] = None,
) -> None:
    """Send a signed sample delivery to your own receiver. Exits 1 if the receiver refuses it.

    The API isn't used. Redirects are not followed, and the receiver has 30 seconds to respond.
    """
    from dpx_cli.webhook import deliver
    from dpx_cli.webhook.events import encode, sample

    exclusive(("--data", data), ("--set", assignments))
    key = inputs.secret_bytes(session, secret, secret_file, body=data)
    payload: dict[str, Any] = {**sample(event)}
    inputs.assign(payload, assignments)
    endpoint = inputs.endpoint(session, to, "--to")
    body = encode(payload) if data is None else session.screen.read_input(data, "the body")
    headers = deliver.headers(signatures.sign(body, key), event)
    reply = deliver.deliver_now(endpoint, body, headers, session.tls_context)
    session.screen.item(reply.as_json(), REPLY_COLUMNS, key="status")
    _require_success(endpoint, reply)


@GROUP.command("replay", epilog="dpx webhook replay deliveries --to 127.0.0.1:3000/webhook")
@effect(LOCAL, prints=ONE)
def replay(
    session: Session,
    files: Annotated[
        tuple[str, ...],
        argument("FILE", "Saved deliveries, or a directory that `dpx webhook listen --save` wrote.", complete="file"),
    ],
    to: To,
) -> None:
    """Send saved deliveries again, byte for byte, with their own signatures. Exits 1 if the receiver refuses one.

    Every delivery is tried; the exit code is that of the first one that fails.
    """
    from dpx_cli.webhook import deliver, saved

    endpoint = inputs.endpoint(session, to, "--to")
    paths, several = saved.expand(files)
    items: list[dict[str, Any]] = []
    failures: list[DpxError] = []
    for path in paths:
        item: dict[str, Any] = {"file": path, "status": None, "milliseconds": None}
        items.append(item)
        try:
            reply = deliver.deliver_now(endpoint, *saved.load(path), session.tls_context)
            item.update(reply.as_json())
            _require_success(endpoint, reply)
        except DpxError as failure:
            failures.append(failure)
            if several:
                session.screen.warn(f"{path}: {failure.message}")
    if several:
        session.screen.rows([items], REPLAY_COLUMNS, key="file")
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
    from dpx_cli.output.display import Progress
    from dpx_cli.webhook import check as receiver_checks

    screen = session.screen
    key = inputs.secret_bytes(session, secret, secret_file)
    endpoint = inputs.endpoint(session, to, "--to")
    results: list[tuple[Case, dict[str, Any]]] = []

    def pages() -> Iterator[list[dict[str, Any]]]:
        cases = receiver_checks.cases(key)
        with Progress(screen, len(cases), "checks") as bar:
            for result in receiver_checks.run(cases, endpoint, session.tls_context, session.settings.timeout):
                results.append(result)
                bar.advance()
                yield [result[1]]

    screen.rows(pages(), CHECK_COLUMNS, key="check")
    failed = sum(not finding["ok"] for _, finding in results)
    if receiver_checks.refuses_all(results):
        raise CheckFailed(
            f"{failed} of {len(results)} checks failed: the receiver refused every signed delivery.",
            hint="It uses another secret, or reads another header than X-Deploxa-Signature.",
        )
    for line in receiver_checks.advise(results):
        screen.note(line)
    if failed:
        raise CheckFailed(f"{failed} of {len(results)} checks failed.", hint="Fix the receiver as the notes say.")
    screen.info(f"The receiver passed {len(results)} checks.")


@GROUP.command(
    "listen",
    epilog="dpx webhook listen --secret-file secret.txt --save deliveries --forward-to 127.0.0.1:3000/webhook",
)
@effect(LOCAL, prints=STREAM)
def listen(
    session: Session,
    *,
    port: Annotated[
        int, option("--port", "PORT", "Port on 127.0.0.1. 0 picks a free one. [default: 4400]", parser=port)
    ] = 4400,
    secret: WebhookSecret = None,
    secret_file: SecretFile = None,
    forward_to: Annotated[str | None, option("--forward-to", "URL", "Receiver of verified deliveries.")] = None,
    allow_remote: Annotated[bool, flag("--allow-remote", "Allow --forward-to to be another machine.")] = False,
    public_host: Annotated[
        str | None, option("--public-host", "NAME", "Host name of a tunnel to this machine. See dpx help webhooks.")
    ] = None,
    event: Events = (),
    save: Annotated[
        str | None,
        option("--save", "DIR", "Save each verified delivery here, for dpx webhook replay.", complete="file"),
    ] = None,
) -> None:
    """Receive webhooks on this machine: verify, show, save and forward them.

    Prints one line per delivery: time, event, project, branch, status, result. Payloads with invalid signatures are not
    printed. A page at the printed address shows every delivery with headers, body and the receiver's response.
    The sender gets the receiver's own status (200 without --forward-to), 401 for an invalid signature, 403 for a
    foreign Host or Origin, 405 for anything but POST, 408 after 10 s, 413 over 1 MiB, 500 if it can't be saved, 502 or
    504 if the receiver can't be reached or is too slow, 503 for too many connections. Press Ctrl-C to stop.
    """
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
        trust=session.tls_context,
        report=lambda delivery: _show_delivery(session, delivery),
        warn=screen.warn,
        forward_to=endpoint,
        events=event,
        save=save or "",
        public_host=inputs.public_host(public_host) if public_host is not None else "",
    )

    def ready(url: str) -> None:
        screen.info(f"Listening on {url}")
        screen.info(f"To inspect deliveries, open {url}/#{listener.page_key}")

    listener.run(port, ready)


def _require_success(endpoint: Endpoint, reply: Reply) -> None:
    """Raise Failed if a receiver refused a delivery."""
    if 200 <= reply.status < 300:  # noqa: PLR2004 - 2xx
        return
    text = f": {reply.excerpt}" if reply.excerpt else "."
    raise Failed(
        f"The receiver responded {reply.status}{text}",
        hint="Redirects are not followed. Pass the final URL." if 300 <= reply.status < 400 else None,  # noqa: PLR2004
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
    words = [cell or "-" for cell in screen.cells([delivery], DELIVERY_COLUMNS[1:])[0]]
    widths = (19, 16, 16, 8, 0)  # the longest event; usual slugs and branches; the longest status
    cells = [word + " " * (room - width(word)) for word, room in zip(words, widths, strict=True)]
    screen.line("  ".join([clock, *cells]))
