"""The topics of `dpx help TOPIC`: text, and the tables that the program itself works by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dpx_cli import errors
from dpx_cli.cli import parser
from dpx_cli.cli.command_table import TABLE
from dpx_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dpx_cli.cli.help import Page


class Topic(NamedTuple):
    """A page of help: a summary, a text, rows, and another text.

    A row is what is typed and what it does, or a command, which is described by its own help.
    """

    summary: str
    rows: Sequence[str | tuple[str, str]] = ()
    before: str = ""
    after: str = ""
    title: str = "Commands"


MEANINGS = {
    ExitCode.OK: "success",
    ExitCode.FAILED: "server error, or any error not listed below",
    ExitCode.USAGE: "invalid option or input, confirmation needed but not possible, 400",
    ExitCode.NOT_FOUND: "404; project, organization or file not found",
    ExitCode.AUTH: "no token, malformed token, 401, keyring locked or not responding",
    ExitCode.FORBIDDEN: "403; a change blocked by DPX_READ_ONLY",
    ExitCode.RATE_LIMITED: "429 (rate limit or build slots) until the timeout",
    ExitCode.NETWORK: "server unreachable; nothing was changed",
    ExitCode.WAIT_TIMEOUT: "timed out waiting; the deployment is still running",
    ExitCode.DEPLOYMENT_FAILED: "deployment failed",
    ExitCode.CHECK_FAILED: "check failed: signature, env check, env scan, doctor, status --fail-on, plan --exit-code, "
    "a gate of deploy, webhook check, rehearse --fail-on",
    ExitCode.OUTCOME_UNKNOWN: "outcome unknown: the request was sent but the response was lost; the hint says how to "
    "check",
    ExitCode.INTERRUPTED: "Ctrl-C",
    ExitCode.READER_GONE: "closed pipe",
    ExitCode.TERMINATED: "SIGTERM",
}

FAULTS = (
    ("POST /projects/*/deployments 429 x3", "the first three get this status, 4xx or 5xx"),
    ("GET /deployments/* 503 retry-after=2 x1", "sends Retry-After, in seconds"),
    ("* /orgs slow 1500ms", "every response is delayed"),
    ("GET /projects reset after 1 x1", "the connection of the second request is reset, which is not carried out"),
    ("POST /projects/*/deployments lost x1", "the request is carried out, but its response is lost"),
    ("POST /projects/*/deployments ERROR", "the deployment ends in ERROR"),
    ("GET /projects/* drop=slug", "a field is missing from the response"),
    ("GET /projects add=region", "the response has an undocumented field"),
    ("GET /deployments/* wrong=status", "a field in the response has another type"),
)


TOPICS = {
    "first-steps": Topic(
        "From a token to the first deployment.",
        rows=(
            ("dpx login", "Create a token in the browser and paste it. It is kept in the keyring."),
            ("dpx init", "Create a project for this directory and write deploxa.toml, which you commit."),
            ("dpx link", "Or link an existing project."),
            ("dpx env import .env", "Set the variables that the project needs."),
            ("dpx deploy", "Deploy the branch and wait until the site is live. Prints its URL."),
            *("dpx open", "dpx status", "dpx completion install"),
        ),
        after="No token yet? Try dpx on a sandbox. Run: dpx sandbox run -- dpx projects list",
    ),
    "coming-from": Topic(
        "Commands you know from vercel, netlify, heroku, fly, railway, render, gh and stripe, and their dpx "
        "equivalents."
    ),
    "deploy": Topic(
        "Deploy, wait, and find out why a deployment failed.",
        rows=(
            ("dpx deploy", "Deploy the last deployed branch and wait. Prints only the URL on stdout."),
            ("dpx deploy --branch NAME", "Deploy another branch."),
            ("dpx deploy --dry-run", "Show what would be deployed, and change nothing."),
            ("dpx deploy --no-wait", "Print the deployment's ID and don't wait."),
            ("dpx deploy -p docs -p shop", "Deploy several projects, four at a time. Prints slug, tab, URL for each."),
            ("dpx deploy --changed main", "Deploy the projects of a monorepo that changed since a branch or commit."),
            (
                "dpx deploy --check /health",
                "Fail unless the new site responds; also --max-build 2x and --max-bundle +5%.",
            ),
            ("dpx deploy wait --latest", "Wait for a deployment that is running."),
            ("dpx deploy list --status error", "List the failed deployments."),
            ("dpx deploy get --latest", "Show the newest deployment."),
            ("dpx deploy again", "Deploy the same branch and commit again. A new build, not a rollback."),
            ("dpx deploy stats", "Show success rate, build time and bundle size."),
        ),
        after=(
            "Deploxa builds what is in the remote repository: push before you deploy. The first line on stderr "
            "states project and branch, and where each comes from. dpx never creates two deployments: if a "
            "response is lost, it looks for the deployment first. On Ctrl-C or a timeout the deployment is still "
            "running, and the hint has the command that waits for it."
        ),
    ),
    "env": Topic(
        "Set, compare and rotate environment variables.",
        rows=(
            *("dpx env list", "dpx env set KEY", "dpx env import .env", "dpx env rm KEY"),
            *("dpx env check .env.example", "dpx env scan", "dpx env diff --against PROJECT", "dpx env where KEY"),
            "dpx env rotate KEY --stdin --all",
            ("dpx env set KEY --stdin", "Read the value from standard input; --from-file reads a file."),
        ),
        after=(
            "A variable has one value for all its targets: production, preview, development. A change takes "
            "effect with the next deployment; --deploy starts one. A value is never printed."
        ),
    ),
    "plan": Topic(
        "Describe a project in deploxa.toml, and apply it.",
        rows=(
            ("dpx export", "Print the deploxa.toml of an existing project."),
            ("dpx plan", "Show what would change. --exit-code exits 10 if anything would."),
            ("dpx plan --recursive", "The same for every deploxa.toml in the repository, from here down."),
            ("dpx plan --changed origin/main", "The same for projects that have changed since a branch or commit."),
            ("dpx apply", "Show the changes, ask, and make them. --yes doesn't ask."),
        ),
        before=(
            "deploxa.toml contains a project's slug, settings and variables. Commit it; secrets stay in the "
            "environment or in files."
        ),
        after=(
            "  [project]\n"
            '  slug = "acme/storefront"\n'
            '  build_command = "npm run build"\n'
            "\n"
            "  [env]\n"
            '  LOG_LEVEL = "info"\n'
            '  DATABASE_URL = {from = "env:DATABASE_URL", sensitive = true}\n'
            "  OLD = {absent = true}\n"
            "  API_KEY = {}\n"
            "\n"
            "The API doesn't return values, so plan says that they are unknown. With DPX_LOCK_KEY, apply writes "
            "a digest of each value it sets to deploxa.lock, and plan compares with it. Make a key with: openssl "
            "rand -hex 32. Store it as a CI secret, and commit deploxa.lock or cache it between CI runs. Without "
            "the lock, or with another key, values are unknown and the next apply sets them once more. A digest "
            "doesn't reveal the value to anyone without the key. plan can't see values that were changed "
            "elsewhere, like on the website or with dpx env set. One machine runs one apply of a file at a time; "
            "two machines don't wait for each other.\n"
            "\n"
            "plan needs no secrets: a source that isn't set is shown as such, and only apply refuses it."
        ),
    ),
    "ci": Topic(
        "Deploy from GitHub Actions, GitLab and other CI systems.",
        rows=(
            ("dpx ci setup github", "Write a workflow file, and explain how to set its secret."),
            ("dpx ci print-workflow gitlab", "Print a workflow; github too."),
            ("dpx deploy --branch main", "Deploy and wait. The exit code is the result; 0 is READY."),
            ("dpx deploy --summary comment.md", "Write a summary in Markdown, for a pull-request comment."),
            ("dpx env check .env.example", "Exit 10 if a key is missing."),
            ("dpx status --all --fail-on error", "Exit 10 if a project's deployment has failed."),
        ),
        before="A step needs DPX_TOKEN and a project. If CI is set, there are no prompts and no animations.",
        after=(
            "In GitHub Actions dpx deploy also writes the outputs deployment-id, deployment-status, "
            "deployment-url and duration-seconds, a step summary, and an annotation on failure; in GitLab, "
            "dpx.env for a dotenv report. Commit and message "
            "come from the CI's variables or from git; --no-git sends neither. Exit code 8: the "
            "deployment is still running. 11: the response was lost; check before you deploy again.\n"
            "\n"
            "A job that didn't start the deployment waits for its commit and gets the URL:\n"
            "\n"
            '  url=$(dpx deploy wait --sha "$GITHUB_SHA")'
        ),
    ),
    "webhooks": Topic(
        "Verify, send and receive signed deliveries.",
        rows=(
            *("dpx webhook events", "dpx webhook verify body.json --signature S", "dpx webhook sign body.json"),
            *("dpx webhook send deployment.ready --to URL", "dpx webhook check --to URL"),
            *("dpx webhook listen --forward-to URL", "dpx webhook replay DIR --to URL"),
        ),
        before=(
            "A delivery is signed with HMAC-SHA256 over the raw body: X-Deploxa-Signature: sha256=<hex>. Verify "
            "the raw bytes, before you parse them. The secret comes from --secret-file, --secret "
            "or DPX_WEBHOOK_SECRET."
        ),
        after=(
            "To receive deliveries from Deploxa on this machine, start a tunnel, and pass its host name to "
            "listen, which refuses every other one. In the project's Integrations settings set the tunnel's "
            "https:// URL as the webhook's URL.\n"
            "\n"
            "  ngrok http 4400\n"
            "  dpx webhook listen --public-host NAME.ngrok-free.app --forward-to localhost:3000/hook\n"
            "\n"
            "  cloudflared tunnel --url http://127.0.0.1:4400\n"
            "  dpx webhook listen --public-host NAME.trycloudflare.com --forward-to localhost:3000/hook"
        ),
    ),
    "sandbox": Topic(
        "Try everything on a local Deploxa API.",
        rows=(
            ("dpx sandbox run -- dpx deploy -p storefront", "Run a command against a new sandbox."),
            ("dpx sandbox serve", "Serve until Ctrl-C. Prints the two lines that point a shell at it."),
            ("  --fault 'POST /projects/*/deployments 429 x3'", "Script a fault, as below. Repeatable."),
            ("  --slots 1, --rate 5/s", "Limit build slots and requests; above the limit the response is 429."),
            ("  --role member", "Restrict the permissions of the token."),
            ("  --webhook-url URL --webhook-secret S", "Send signed deliveries of what happens."),
            ("  --data FILE", "Store the state in a file."),
            "dpx rehearse -- COMMAND",
        ),
        before=(
            "A Deploxa API on the loopback interface, with the organizations acme and globex and the projects "
            "storefront, docs and api. A deployment needs two seconds; one of a branch named fail/… fails."
        ),
    ),
    "agents": Topic(
        "Let programs and AI agents use dpx.",
        rows=(
            *("dpx commands --json", "dpx skill install DIR", "dpx mcp"),
            ("DPX_READ_ONLY=1", "Refuse every request that could change something."),
            "dpx rehearse -- COMMAND",
        ),
        after="Output is the same for people and agents. No tool prints the value of a variable or a token.",
    ),
    "formats": Topic(
        "Tables, tab-separated lines, JSON and JSON Lines.",
        rows=(
            ("on a terminal", "A table, with colors and clickable URLs if the terminal has them."),
            ("in a pipe", "One row per line, columns separated by one tab, no header, no color."),
            ("--json", "One document: a list is an array of all pages, with the API's own keys."),
            (
                "--jsonl",
                "One object per line, each page as it arrives: lists, and the events of deploy and deploy wait.",
            ),
            ("-q, --quiet", "One identifier per line: slug, ID, key or email."),
            ("--fields a,b.c", "Only these fields, in every format but --quiet."),
            ("--jq EXPRESSION", "Filter the JSON, as jq does. Needs: pip install 'dpx-cli[jq]'"),
        ),
        after=(
            "stdout is data and nothing else; notes, progress, questions and errors go to stderr. A list is "
            "complete unless --limit N asks for less; the note on stderr then has the cursor to continue from "
            "with --cursor.\n"
            "\n"
            "An error under --json or --jsonl is one line on stderr; a key without a value is null:\n"
            "\n"
            '  {"error": {"code": …, "message": …, "hint": …, "status": …, "request": …}}\n'
            "\n"
            "NO_COLOR, FORCE_COLOR, COLUMNS and TERM=dumb are honored. With ACCESSIBLE=1 there are no animations."
        ),
        title="Formats",
    ),
    "exit-codes": Topic("What exit codes and error codes mean."),
    "environment": Topic("The environment variables that dpx reads."),
}


def exit_code_rows() -> Iterator[tuple[str, str, str]]:
    """Yield each exit code with its error codes and its meaning."""
    codes: dict[ExitCode, list[str]] = {}
    kinds = errors.DpxError.__subclasses__()
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    for kind in (*kinds, errors.DpxError):
        if kind.code not in codes.setdefault(kind.exit_code, []):
            codes[kind.exit_code].append(kind.code)
    for code in ExitCode:
        yield str(code.value), ", ".join(codes.get(code, [])), MEANINGS[code]


def draw(name: str, page: Page, words: Sequence[str] = ()) -> None:
    """Write one of `TOPICS` onto a page; of coming-from, what some words match."""
    topic = TOPICS[name]
    page.text(topic.summary)
    if topic.before:
        page.gap()
        page.text(topic.before)
    if topic.rows:
        page.heading(topic.title)
        page.rows(described(topic))
    if topic.after:
        page.gap()
        page.text(topic.after)
    if name == "coming-from":
        _coming_from(page, " ".join(words).lower())
    elif name in DRAWN:
        DRAWN[name](page)
    if name in TABLE and "commands" in TABLE[name]:
        page.gap()
        page.text(f"dpx {name} --help lists its commands.")


def described(topic: Topic) -> Iterator[tuple[str, str]]:
    """Yield the rows of a topic, each with what it does."""
    for row in topic.rows:
        if not isinstance(row, str):
            yield row
        elif isinstance(route := parser.route(row.split()[1:]), parser.Route):
            yield row, route.command["help"]


def _exit_codes(page: Page) -> None:
    page.heading("Exit codes")
    page.rows((code, f"{meaning} [{names}]" if names else meaning) for code, names, meaning in exit_code_rows())
    page.gap()
    page.text(
        "In brackets: `code` of the error that --json and --jsonl print on stderr; see dpx help formats. If a "
        "command acts on several things, the exit code is the first one that isn't 0."
    )


def _environment(page: Page) -> None:
    from dpx_cli.config.settings import VARIABLES

    page.heading("Variables")
    page.rows((name, f"{what} [default: {default}]" if default else what) for name, what, default in VARIABLES)
    page.gap()
    page.text(
        "A flag takes precedence over the environment, which takes precedence over deploxa.toml or the link file "
        "(project and organization only), over the profile, over the default. An empty variable counts as not set."
    )


def _coming_from(page: Page, search: str) -> None:
    """Write what other tools' commands are in dpx, only those with a text in them if there is one."""
    from dpx_cli.cli.synonyms import MEANINGS, each_phrase

    rows: dict[bool, dict[str, list[str]]] = {False: {}, True: {}}
    for meaning in MEANINGS:
        command = "dpx " + meaning.command.replace("{", "").replace("}", "").replace("...", "")
        phrases = [(phrase, tools) for phrase, tools in each_phrase(meaning) if tools or search]
        listed = [f"{phrase} ({tools})" if tools else phrase for phrase, tools in phrases]
        if search not in command:
            listed = [text for text in listed if search in text]
        if listed:
            rows[bool(meaning.lacks)].setdefault(command, []).extend(listed)
    for is_lacking, title in ((False, "Commands"), (True, "Not in the Deploxa API, and the nearest command")):
        if rows[is_lacking]:
            page.heading(title)
            page.rows((command, ", ".join(listed)) for command, listed in rows[is_lacking].items())
    page.gap()
    if search and not any(rows.values()):
        page.text(f"Nothing matches {search}. To see all, run: dpx help coming-from")
        return
    page.text(
        "dpx prints the command to run for these and many more words. ls, show, view, info, version, and the singular "
        "and plural of groups work as they are. dpx help coming-from WORD searches, like dpx help coming-from heroku."
    )


def _faults(page: Page) -> None:
    page.heading("Faults")
    page.rows(FAULTS)
    page.gap()
    page.text("A path is below the API root; * stands for one part of it, ** for any number.")
    page.gap()
    page.text("In pytest the fixture `deploxa`, which comes with the package, is a running sandbox.")


DRAWN = {
    "exit-codes": _exit_codes,
    "environment": _environment,
    "sandbox": _faults,
}
