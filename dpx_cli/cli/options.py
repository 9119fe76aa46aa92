"""Shared Typer options and arguments, so that the same word means the same thing in every command.

Command modules import this module under `TYPE_CHECKING` only; `app.py` evaluates their annotations with the names that
are defined here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, Unpack

import typer

from dpx_cli import reference
from dpx_cli.cli.values import OneOrMore, build_bound, bundle_bound, count, delay, duration, names, number, port

__all__ = ["Annotated", "Any", "Literal", "Unpack", "count", "delay", "duration", "number", "port"]

# Metadata of a parameter whose value is never shown, not even in an error.
SECRET = "secret"  # noqa: S105 - a mark, no password
CLEARABLE = "clearable"

# Names that annotations mention and that have no meaning for the command line.
Session = Any


def _completion(name: str) -> Any:
    """Return an autocompletion function that stands for a kind of candidates of `completion/candidates.py`."""

    def complete(_incomplete: str) -> list[str]:
        return []

    complete.__name__ = name
    return complete


def option(flags: str, metavar: str, text: str, *, complete: str = "", parser: Any = None) -> Any:
    """Declare an option with a value."""
    done = _completion(complete) if complete else None
    return typer.Option(
        *flags.split(), metavar=metavar, help=text, autocompletion=done, parser=parser, case_sensitive=False
    )


def one_or_more(flags: str, metavar: str, text: str, choices: tuple[str, ...]) -> Any:
    """Declare an option with one or several of some choices."""
    text += " Repeatable, or separated by commas."
    return option(flags, metavar, text, parser=OneOrMore(metavar.lower(), choices))


def flag(flags: str, text: str) -> Any:
    """Declare an option without a value."""
    return typer.Option(*flags.split(), help=text)


def argument(metavar: str, text: str, *, complete: str = "") -> Any:
    """Declare an argument."""
    done = _completion(complete) if complete else None
    return typer.Argument(metavar=metavar, help=text, autocompletion=done, case_sensitive=False)


# Type checkers see text where the values come from the API reference.
if TYPE_CHECKING:
    AppType = str
    EventName = str
    Framework = str
    Role = str
else:
    AppType = Literal[reference.APP_TYPES]
    EventName = Literal[reference.EVENTS]
    Framework = Literal[reference.FRAMEWORKS]
    Role = Literal[("owner", "admin", "member")]
Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"]
Events = Annotated[tuple[str, ...], one_or_more("--event", "EVENT", "Show only this event.", reference.EVENTS)]

Project = Annotated[
    str | None,
    option("--project -p", "PROJECT", "Project: ID, slug or org/slug. [default: DPX_PROJECT]", complete="project"),
]
ProjectWithoutDefault = Annotated[
    str | None, option("--project -p", "PROJECT", "Project: ID, slug or org/slug.", complete="project")
]
Projects = Annotated[
    tuple[str, ...],
    option(
        "--project -p",
        "PROJECT",
        "Project: ID, slug or org/slug. Repeatable, or separated by commas. [default: DPX_PROJECT]",
        complete="project",
        parser=names,
    ),
]
ProjectArgument = Annotated[str | None, argument("PROJECT", "Project: ID, slug or org/slug.", complete="project")]
Org = Annotated[str | None, option("--org", "ORG", "Organization slug. [default: DPX_ORG]", complete="org")]
OrgSlug = Annotated[str | None, argument("SLUG", "Organization slug. [default: DPX_ORG]", complete="org")]
Limit = Annotated[int | None, option("--limit", "N", "Show at most N. [default: all]", parser=count)]
Cursor = Annotated[str | None, option("--cursor", "C", "Continue from a cursor.")]
Yes = Annotated[bool, flag("--yes -y", "Don't ask for confirmation.")]
Watch = Annotated[bool, flag("--watch", "Keep watching: a live table on a terminal, one line per change in a pipe.")]
Interval = Annotated[
    float | None, option("--interval", "TIME", "Polling interval of --watch. [default: 2s]", parser=duration)
]

# projects
Description = Annotated[str | None, option("--description", "TEXT", "Project description.")]

# deploy
Timeout = Annotated[
    float, option("--timeout", "TIME", "How long to wait, like 90s or 1h. [default: 15m]", parser=duration)
]
OptionalDeployment = Annotated[str | None, argument("ID", "Deployment ID.", complete="deployment")]
DeploymentIds = Annotated[tuple[str, ...], argument("ID", "Deployment IDs.", complete="deployment")]
Latest = Annotated[bool, flag("--latest", "Use the project's latest deployment.")]
LatestBranch = Annotated[
    str | None,
    option("--branch", "BRANCH", "With --latest: use the latest deployment of this branch.", complete="branch"),
]
CommitSha = Annotated[str | None, option("--sha", "SHA", "Commit: 7 to 40 hex digits, or any git revision.")]
NoWait = Annotated[bool, flag("--no-wait", "Print the ID and don't wait.")]
Parallel = Annotated[int, option("--parallel", "N", "Maximum concurrent deployments. [default: 4]", parser=count)]
FailFast = Annotated[bool, flag("--fail-fast", "Don't start more deployments after one fails.")]
Changed = Annotated[
    str | None,
    option("--changed", "BASE", "Deploy the projects that changed since BASE.", complete="branch"),
]
Check = Annotated[str | None, option("--check", "PATH|URL", "Fail unless this responds 2xx after READY.")]
CheckTimeout = Annotated[
    float, option("--check-timeout", "TIME", "How long --check waits for 2xx. [default: 60s]", parser=duration)
]
MaxBuild = Annotated[
    Any,
    option("--max-build", "2x|90s", "Fail on a longer build, like 2x, 1.5x~10 or 90s.", parser=build_bound),
]
MaxBundle = Annotated[
    Any,
    option(
        "--max-bundle",
        "+5%|2MB",
        "Fail on a larger bundle, like +5%, +5%~10 or 2MB.",
        parser=bundle_bound,
    ),
]
CiOutput = Annotated[
    Literal["auto", "never", "github", "gitlab"],
    option("--ci-output", "MODE", "Write CI outputs."),
]

Statuses = Annotated[tuple[str, ...], one_or_more("--status", "STATUS", "Filter by status.", reference.STATUSES)]

# ci
ChangedProjects = Annotated[bool, flag("--changed", "Deploy the projects of a monorepo that a push changed.")]
Drift = Annotated[bool, flag("--drift", "Also plan on a schedule, and report in an issue.")]
Install = Annotated[Literal["pip", "action"], option("--install", "HOW", "Install dpx with pip or its setup action.")]

# env
Targets = Annotated[tuple[str, ...], one_or_more("--target -t", "TARGET", "Target of the variable.", reference.TARGETS)]
Sensitive = Annotated[bool, flag("--sensitive", "Mask the value in Deploxa's UI.")]
EnvFile = Annotated[str, argument("FILE", "A .env file, or - for standard input.", complete="file")]
Stdin = Annotated[bool, flag("--stdin", "Read the value from standard input.")]
FromFile = Annotated[str | None, option("--from-file", "FILE", "Read the value from a file.", complete="file")]
Deploy = Annotated[bool, flag("--deploy", "Deploy once after the change, and wait until the site is live.")]
AllowEmpty = Annotated[bool, flag("--allow-empty", "Accept an empty value.")]
OptionalEnvFile = Annotated[str | None, argument("FILE", "A .env file, or - for standard input.", complete="file")]

# plan, apply
ProjectFiles = Annotated[
    tuple[str, ...],
    argument(
        "FILE", "Project files, or directories that have one. [default: the nearest deploxa.toml]", complete="file"
    ),
]
Recursive = Annotated[bool, flag("--recursive -r", "Every deploxa.toml that git tracks, from here down.")]
ChangedFiles = Annotated[
    str | None,
    option("--changed", "BASE", "The files of projects whose directories have changed since BASE.", complete="branch"),
]
Summary = Annotated[
    str | None, option("--summary", "FILE", "Also write the result to FILE, as Markdown.", complete="file")
]

# auth, profile
ProfileName = Annotated[str, argument("PROFILE", "Profile name.", complete="profile")]

# webhook
Body = Annotated[str, argument("FILE", "File with the raw body, or - for standard input.", complete="file")]
WebhookSecret = Annotated[str | None, option("--secret", "S", "Webhook secret. [default: DPX_WEBHOOK_SECRET]"), SECRET]
SecretFile = Annotated[
    str | None, option("--secret-file", "F", "File with the secret, without one final newline.", complete="file")
]
To = Annotated[str, option("--to", "URL", "URL of the receiver, like localhost:3000/webhook.")]
Set = Annotated[
    tuple[str, ...],
    option("--set", "PATH=VALUE", "Set a field of the payload, like deployment.branch=main. Repeatable."),
]

# completion
Shell = Annotated[
    Literal["bash", "zsh", "fish", "powershell"] | None, argument("SHELL", "Your shell. [default: the one in $SHELL]")
]

# sandbox, rehearse
Program = Annotated[
    tuple[str, ...], argument("-- COMMAND", "The command and its arguments.", complete="command"), CLEARABLE
]
Every = Annotated[bool, flag("--all", "Every project you have access to.")]
EveryOf = Annotated[str | None, option("--org", "ORG", "Every project in this organization.", complete="org")]
FailOnDelete = Annotated[
    Literal["delete"] | None, option("--fail-on", "ACTION", "Exit 10 if the command deletes a project or a variable.")
]
Report = Annotated[str | None, option("--report", "FILE", "Also write the changes to a JSON file.", complete="file")]


class RehearsalOptions(TypedDict, total=False):
    """Options of `rehearse`, named like the parameters of `sandbox.server.Sandbox`."""

    build_seconds: Annotated[
        float,
        option("--build-seconds", "S", "Duration of a build. Branches named fail/… fail. [default: 2]", parser=delay),
    ]
    faults: Annotated[
        tuple[str, ...],
        option(
            "--fault",
            "FAULT",
            "Scripted fault, like 'POST /projects/*/deployments 429 x3'. Repeatable. See dpx help sandbox.",
        ),
    ]
    slots: Annotated[int, option("--slots", "N", "Maximum number of concurrent deployments.", parser=count)]
    rate: Annotated[str, option("--rate", "N/s", "Maximum request rate of a token: N/s, N/m or N/h.")]
    role: Annotated[Role, option("--role", "ROLE", "Role of the token.")]
    log: Annotated[
        str, option("--log", "FILE", "Append one JSON line per request to this file; - is stderr.", complete="file")
    ]


class SandboxOptions(RehearsalOptions, total=False):
    """Options of `sandbox serve` and `sandbox run`, with the same names."""

    port: Annotated[int, option("--port", "PORT", "Port to listen on. 0 picks a free one.", parser=port)]
    data: Annotated[
        str, option("--data", "FILE", "Persist the sandbox's state in this file. [default: in memory]", complete="file")
    ]
    tokens: Annotated[
        tuple[str, ...],
        option("--token", "TOKEN", "Accepted token: TOKEN, TOKEN:ROLE or TOKEN:ROLE:SECONDS. Repeatable."),
        SECRET,
    ]
    token_ttl: Annotated[float, option("--token-ttl", "S", "Seconds until tokens expire.", parser=delay)]
    webhook_url: Annotated[str, option("--webhook-url", "URL", "Where to send signed deployment events.")]
    webhook_secret: Annotated[
        str, option("--webhook-secret", "S", "Secret that signs the events. [default: DPX_WEBHOOK_SECRET]"), SECRET
    ]
    projects: Annotated[
        int, option("--projects", "N", "Number of projects in a new sandbox. [default: 3]", parser=number)
    ]


# Requests
ApiPath = Annotated[
    str, argument("PATH", "Path below the API root, like /projects/{project}; or ls, which lists the endpoints.")
]
ApiMethod = Annotated[
    Method | None, option("--method -X", "METHOD", "Method. [default: GET, or POST with fields or --input]")
]
ApiHeaders = Annotated[tuple[str, ...], option("--header -H", "'NAME: VALUE'", "Header field. Repeatable."), SECRET]
RawFields = Annotated[tuple[str, ...], option("--raw-field -f", "KEY=TEXT", "String field. Repeatable."), SECRET]
JsonFields = Annotated[tuple[str, ...], option("--field -F", "KEY=JSON", "JSON field. Repeatable."), SECRET]
BodyFile = Annotated[
    str | None,
    option("--input", "FILE", "Send this file as the body, byte for byte; - is standard input.", complete="file"),
]


# Panels of the options in the help of commands that have many (`rich_help_panel`), where none is declared.
PANELS = {
    "What": "--project --org --all --changed --branch --message --sha --no-git --dry-run",
    "Waiting": "--no-wait --timeout --parallel --fail-fast --watch --interval",
    "Gates": "--check --check-timeout --max-build --max-bundle --scan",
    "Result": "--fail-on --report --ci-output --summary",
    "Pages": "--limit --cursor",
    "Sandbox": "--port --data --projects --build-seconds --fault --slots --rate --role --log",
    "Access": "--token --token-ttl --webhook-url --webhook-secret",
}

# Options whose value may be empty: texts of the API, and what a command checks itself. CLEARABLE marks others, and
# arguments.
EMPTY = (
    *("--name", "--description", "--build-command", "--install-command"),
    *("--output-dir", "--message", "--set", "--signature"),
)

# Options of the output formats, by what a command prints (`commands.effect`).
Json = Annotated[bool, flag("--json", "Output JSON.")]
JsonLines = Annotated[bool, flag("--jsonl", "Output JSON Lines, streamed.")]
Quiet = Annotated[bool, flag("--quiet -q", "Print only identifiers.")]
Fields = Annotated[
    str | None, option("--fields", "FIELDS", "Output only these fields, like slug,current_deployment.status.")
]
Jq = Annotated[str | None, option("--jq", "EXPRESSION", "Filter the JSON output with a jq expression.")]
Stream = Annotated[bool, flag("--json", "Output JSON Lines.")]
EventLines = Annotated[bool, flag("--jsonl", "Output one JSON event a line, as it happens.")]
FORMATS: dict[str, dict[str, Any]] = {
    "": {},
    "one": {"json": Json, "fields": Fields, "jq": Jq},
    "created": {"json": Json, "quiet": Quiet, "fields": Fields, "jq": Jq},
    "events": {"json": Json, "jsonl": EventLines, "quiet": Quiet, "fields": Fields, "jq": Jq},
    "list": {"json": Json, "jsonl": JsonLines, "quiet": Quiet, "fields": Fields, "jq": Jq},
    "stream": {"json": Stream},
}
# Formats that can't be used together.
EXCLUSIVE = tuple(
    tuple(pair.split())
    for pair in ("json jsonl", "json quiet", "jsonl quiet", "quiet fields", "jsonl jq", "quiet jq", "fields jq")
)

# Options of every command.
Profile = Annotated[
    str | None, option("--profile", "NAME", "Profile to use. [default: DPX_PROFILE]", complete="profile")
]
Debug = Annotated[bool, flag("--debug", "Log each request to stderr: method, path, status, time, attempt.")]
Help = Annotated[bool, flag("--help -h", "Show this help.")]
COMMON: dict[str, Any] = {"profile": Profile, "debug": Debug, "help": Help}
Version = Annotated[bool, flag("--version", "Show the version.")]
