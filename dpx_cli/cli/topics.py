"""The topics of `dpx help TOPIC`, drawn from the tables that the program itself works by.

`exit_code_rows`, `variable_rows` and `FAULTS` are the README's tables too; a test compares. Floor 4; neighbours:
`help.py` (the page), `commands/help.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli import errors
from dpx_cli.cli.command_table import TABLE
from dpx_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpx_cli.cli.help import Page

TOPICS = {
    "exit-codes": "What a shell sees, and what --json calls it.",
    "environment": "The variables that dpx reads.",
    "formats": "Tables, tab-separated lines, JSON, JSON Lines, and what goes where.",
    "ci": "Deploying from GitHub Actions, GitLab and others.",
    "webhooks": "Checking, sending and receiving signed deliveries.",
    "sandbox": "A Deploxa of your own to try things on.",
}

MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "the server failed, or anything not named below",
    ExitCode.USAGE: "wrong flag or input, an answer needed where nobody can be asked, 400",
    ExitCode.NOT_FOUND: "404, or no such project, organization, file",
    ExitCode.AUTH: "no token, 401, the keyring refuses or does not answer",
    ExitCode.FORBIDDEN: "403",
    ExitCode.RATE_LIMITED: "429 (rate limit or build slot) for longer than we may wait",
    ExitCode.NETWORK: "could not reach the server; nothing was changed",
    ExitCode.WAIT_TIMEOUT: "the wait ended, the deployment goes on",
    ExitCode.DEPLOYMENT_FAILED: "the deployment ended in ERROR",
    ExitCode.CHECK_FAILED: "a check does not hold: signature, env check, doctor, status --fail-on",
    ExitCode.OUTCOME_UNKNOWN: "it was sent and the answer was lost; the hint says how to find out",
    ExitCode.INTERRUPTED: "Ctrl-C",
    ExitCode.READER_GONE: "the reader of the output went away; nothing is said",
    ExitCode.TERMINATED: "SIGTERM",
}

FORMATS = (
    ("on a terminal", "a table, with colors and clickable URLs where the terminal can"),
    ("in a pipe", "one row a line, columns separated by one tab, no header, no color"),
    ("--json", "one document: a list is an array of all pages, one thing is an object, with the API's own keys"),
    ("--jsonl", "one object a line, each page as it arrives; for lists"),
    ("-q, --quiet", "one identifier a line: slug, id, key or e-mail; for lists"),
)
CI = (
    ("dpx deploy --branch main", "waits for READY; the site's URL alone is on stdout"),
    ("dpx deploy --no-wait", "prints the id at once; dpx deploy wait ID follows it"),
    ("dpx deploy --ci-output gitlab", "writes dpx.env for a dotenv report"),
    ("dpx env check .env.example", "exit 10 where a key is missing"),
    ("dpx status --all --fail-on error", "exit 10 where a project's deployment is in ERROR"),
    ("dpx ci print-workflow github", "prints a whole workflow; gitlab too"),
)
WEBHOOKS = (
    ("dpx webhook events", "the events, with a sample payload each under --json"),
    ("dpx webhook verify body.json --signature S", "exit 0 where it fits, 10 with the cause where it does not"),
    ("dpx webhook sign body.json", "the signature of a body"),
    ("dpx webhook send deployment.ready --to URL", "a signed sample delivery to your receiver"),
    ("dpx webhook check --to URL", "tells whether your receiver accepts what is genuine and refuses what is forged"),
    ("dpx webhook listen --forward-to URL", "receives on this machine, verifies, forwards"),
    ("dpx webhook replay DIR --to URL", "sends the deliveries of listen --save again"),
)
TUNNELS = (
    (
        "ngrok",
        ("ngrok http 4400", "dpx webhook listen --public-host NAME.ngrok-free.app --forward-to localhost:3000/hook"),
    ),
    (
        "cloudflared",
        (
            "cloudflared tunnel --url http://127.0.0.1:4400",
            "dpx webhook listen --public-host NAME.trycloudflare.com --forward-to localhost:3000/hook",
        ),
    ),
    ("any other tunnel to port 4400", ("dpx webhook listen --public-host NAME --forward-to localhost:3000/hook",)),
)
SANDBOX = (
    ("dpx sandbox run -- dpx deploy -p storefront", "one command against a sandbox of its own"),
    ("dpx sandbox serve", "until Ctrl-C; prints the two lines that point a shell at it"),
    ("  --fault 'POST /projects/*/deployments 429 x3'", "scripted faults, as below; may be given several times"),
    ("  --slots 1, --rate 5/s", "build slots and rate limit, as 429"),
    ("  --role member", "what a token may not do"),
    ("  --webhook-url URL --webhook-secret S", "signed deliveries of what happens"),
    ("  --data FILE", "a world that outlives the server"),
)
FAULTS = (
    ("POST /projects/*/deployments 429 x3", "the first three are refused with this status, 4xx or 5xx"),
    ("GET /deployments/* 503 retry-after=2 x1", "the refusal says when to come again, in seconds"),
    ("* /orgs slow 1500ms", "every answer comes late"),
    ("GET /projects reset after 1 x1", "the connection of the second one is reset, and nothing was done"),
    ("POST /projects/*/deployments lost x1", "it is done, and the answer is lost"),
    ("POST /projects/*/deployments ERROR", "the deployment ends in ERROR"),
    ("GET /projects/* drop=slug", "the answer lacks a field"),
    ("GET /projects add=region", "the answer has an undocumented field"),
    ("GET /deployments/* wrong=status", "a field of the answer has another type"),
)


def exit_code_rows() -> Iterator[tuple[str, str, str]]:
    """One row an exit code: the code, the error codes of --json that come with it, what it means."""
    codes: dict[ExitCode, list[str]] = {}
    kinds = errors.DpxError.__subclasses__()
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    for kind in (*kinds, errors.DpxError):
        if kind.code not in codes.setdefault(kind.exit_code, []):
            codes[kind.exit_code].append(kind.code)
    for code in ExitCode:
        yield str(code.value), ", ".join(codes.get(code, [])), MEANINGS[code]


def variable_rows() -> Iterator[tuple[str, str, str]]:
    """One row a variable of the environment: its name, what it is for, its default ("" where it has none)."""
    from dpx_cli.config.settings import VARIABLES

    yield from VARIABLES


def draw(topic: str, page: Page) -> None:
    """Write one of `TOPICS` onto a page."""
    page.text(TOPICS[topic])
    {
        "exit-codes": _exit_codes,
        "environment": _environment,
        "formats": _formats,
        "ci": _ci,
        "webhooks": _webhooks,
        "sandbox": _sandbox,
    }[topic](page)
    if topic in TABLE:
        page.gap()
        page.text(f"dpx {topic} --help lists its commands.")


def _exit_codes(page: Page) -> None:
    page.heading("Exit codes")
    page.rows((code, f"{meaning} [{names}]" if names else meaning) for code, names, meaning in exit_code_rows())
    page.gap()
    page.text("In brackets: `code` of the error that --json and --jsonl print on stderr; see dpx help formats.")


def _environment(page: Page) -> None:
    page.heading("Variables")
    page.rows((name, f"{what} [default: {default}]" if default else what) for name, what, default in variable_rows())
    page.gap()
    page.text(
        "A flag wins over the environment, which wins over the folder's link file (project and organization only), "
        "which wins over the profile, which wins over the default. An empty variable counts as not set."
    )


def _formats(page: Page) -> None:
    page.heading("Formats")
    page.rows(FORMATS)
    page.gap()
    page.text(
        "stdout is data and nothing else; notes, progress, questions and errors go to stderr. A list is complete "
        "unless --limit N asks for less; the note on stderr then has the cursor to go on from with --cursor."
    )
    page.gap()
    page.text("An error under --json or --jsonl is one line on stderr; a key without a value is null:")
    page.gap()
    page.text('  {"error": {"code": …, "message": …, "hint": …, "status": …, "request": …}}')
    page.gap()
    page.text("NO_COLOR, FORCE_COLOR, COLUMNS and TERM=dumb are honored.")


def _ci(page: Page) -> None:
    page.gap()
    page.text(
        "A step needs DPX_TOKEN and a project; the exit code is the result, and 0 is READY. Where CI is set nothing "
        "is asked and nothing is animated."
    )
    page.heading("Commands")
    page.rows(CI)
    page.gap()
    page.text(
        "In GitHub Actions dpx deploy also writes the outputs deployment-id, deployment-status, deployment-url and "
        "duration-seconds, a step summary, and an annotation on failure. Commit and message come from the CI's "
        "variables or from git; --no-git sends neither."
    )
    page.gap()
    page.text("8: the wait ended and the deployment goes on. 11: the answer was lost; look before deploying again.")


def _webhooks(page: Page) -> None:
    page.gap()
    page.text(
        "A delivery is signed with HMAC-SHA256 over the raw body: X-Deploxa-Signature: sha256=<hex>. Verify the bytes "
        "as they came, before anything parsed them. The secret comes from --secret-file, --secret or "
        "DPX_WEBHOOK_SECRET."
    )
    page.heading("Commands")
    page.rows(WEBHOOKS)
    page.heading("Deliveries from Deploxa on this machine")
    page.text(
        "Start a tunnel, then pass its name to listen; every other Host is refused. Set the tunnel's https:// URL as "
        "the webhook's URL in the project's Integrations settings."
    )
    for name, commands in TUNNELS:
        page.gap()
        page.text(f"{name}:")
        for command in commands:
            page.text(f"  {command}")


def _sandbox(page: Page) -> None:
    page.gap()
    page.text(
        "An embedded Deploxa API server on the loopback interface, with the organizations acme and globex and the "
        "projects storefront, docs and api. Deployments take two seconds; a branch named fail/… ends in ERROR."
    )
    page.heading("Commands")
    page.rows(SANDBOX)
    page.heading("Faults")
    page.rows(FAULTS)
    page.gap()
    page.text(
        "A path is below the API root; * is one part of it, ** any number of parts. A field is a dotted path in "
        "each object of data, like current_deployment.status, or begins with pagination."
    )
    page.gap()
    page.text("In pytest the fixture `deploxa`, which comes with the package, is a running sandbox.")
