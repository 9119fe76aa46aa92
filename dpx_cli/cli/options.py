"""Shared Typer options and arguments, so that the same word means the same thing in every command.

Command modules import this module under `TYPE_CHECKING` only; `app.py` evaluates their annotations with the names that
are defined here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict, Unpack, get_args

import typer

from dpx_cli.cli.values import OneOrMore, build_bound, bundle_bound, count, delay, duration, number, port

__all__ = ["Annotated", "Any", "Literal", "Unpack", "count", "delay", "duration", "number", "port", "typer"]

# Metadata of a parameter whose value is never shown, not even in an error.
SECRET = "secret"  # noqa: S105 - a mark, no password

# Names that annotations mention and that have no meaning for the command line.
Session = Any


def _completion(name: str) -> Any:
    """Return an autocompletion function that stands for a kind of candidates of `completion/candidates.py`."""

    def complete(_incomplete: str) -> list[str]:
        return []

    complete.__name__ = name
    return complete


class Complete:
    """What completes a parameter's value."""

    project = staticmethod(_completion("project"))
    org = staticmethod(_completion("org"))
    key = staticmethod(_completion("key"))
    profile = staticmethod(_completion("profile"))
    deployment = staticmethod(_completion("deployment"))
    branch = staticmethod(_completion("branch"))
    file = staticmethod(_completion("file"))
    command = staticmethod(_completion("command"))
    topic = staticmethod(_completion("topic"))


Target = Literal["production", "preview", "development"]
Framework = Literal["NEXTJS", "REACTJS", "VITE", "NODEJS"]
AppType = Literal["STATIC", "NODEJS"]
Status = Literal["QUEUED", "BUILDING", "READY", "ERROR"]
Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"]
EventName = Literal["deployment.started", "deployment.ready", "deployment.failed", "deployment.rollback"]
Events = Annotated[
    tuple[EventName, ...],
    typer.Option(
        "--event",
        metavar="EVENT",
        help="Show only this event. Repeatable, or separated by commas.",
        parser=OneOrMore("event", get_args(EventName)),
    ),
]
Role = Literal["owner", "admin", "member"]

Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        "-p",
        metavar="PROJECT",
        help="Project: ID, slug or org/slug. [default: DPX_PROJECT]",
        autocompletion=Complete.project,
    ),
]
Projects = Annotated[
    tuple[str, ...],
    typer.Option(
        "--project",
        "-p",
        metavar="PROJECT",
        help="Project: ID, slug or org/slug. Repeatable. [default: DPX_PROJECT]",
        autocompletion=Complete.project,
    ),
]
ProjectArgument = Annotated[
    str | None,
    typer.Argument(metavar="PROJECT", help="Project: ID, slug or org/slug.", autocompletion=Complete.project),
]
Org = Annotated[
    str | None,
    typer.Option("--org", metavar="ORG", help="Organization slug. [default: DPX_ORG]", autocompletion=Complete.org),
]
OrgSlug = Annotated[
    str | None,
    typer.Argument(metavar="SLUG", help="Organization slug. [default: DPX_ORG]", autocompletion=Complete.org),
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", help="Show at most N. [default: all]", parser=count)]
Cursor = Annotated[str | None, typer.Option("--cursor", metavar="C", help="Continue from a cursor.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask for confirmation.")]
Watch = Annotated[
    bool,
    typer.Option("--watch", help="Keep watching: a live table on a terminal, one line per change in a pipe."),
]
Interval = Annotated[
    float | None,
    typer.Option("--interval", metavar="TIME", help="Polling interval of --watch. [default: 2s]", parser=duration),
]

# projects
Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="Project description.")]

# deploy
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout", metavar="TIME", help="How long to wait, like 90s, 15m or 1h. [default: 15m]", parser=duration
    ),
]
OptionalDeployment = Annotated[
    str | None, typer.Argument(metavar="ID", help="Deployment ID.", autocompletion=Complete.deployment)
]
DeploymentIds = Annotated[
    tuple[str, ...], typer.Argument(metavar="ID", help="Deployment IDs.", autocompletion=Complete.deployment)
]
Latest = Annotated[bool, typer.Option("--latest", help="Take the project's latest deployment.")]
LatestBranch = Annotated[
    str | None,
    typer.Option(
        "--branch",
        metavar="BRANCH",
        help="With --latest: take the latest deployment of this branch.",
        autocompletion=Complete.branch,
    ),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Print the ID and don't wait.")]
Parallel = Annotated[
    int,
    typer.Option("--parallel", metavar="N", help="Deployments at a time, of several. [default: 4]", parser=count),
]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Of several, start no further one after a failure.")]
Changed = Annotated[
    str | None,
    typer.Option(
        "--changed",
        metavar="BASE",
        help="Deploy the projects of this repository whose directories have changed since BASE.",
        autocompletion=Complete.branch,
    ),
]
Check = Annotated[
    str | None,
    typer.Option("--check", metavar="PATH|URL", help="Fail unless this answers 2xx once the deployment is READY."),
]
CheckTimeout = Annotated[
    float,
    typer.Option(
        "--check-timeout", metavar="TIME", help="How long --check waits for 2xx. [default: 60s]", parser=duration
    ),
]
MaxBuild = Annotated[
    Any,
    typer.Option(
        "--max-build",
        metavar="2x|90s",
        help="Fail if the build takes longer than this, or than the previous build by this factor (1.5x~10: than the "
        "median of the last 10).",
        parser=build_bound,
    ),
]
MaxBundle = Annotated[
    Any,
    typer.Option(
        "--max-bundle",
        metavar="+5%|2MB",
        help="Fail if the bundle is larger than this, or than the previous one by this factor (+5%~10: than the median "
        "of the last 10).",
        parser=bundle_bound,
    ),
]
CiOutput = Annotated[
    Literal["auto", "never", "github", "gitlab"],
    typer.Option(
        "--ci-output",
        metavar="MODE",
        help="Write outputs, a summary and annotations for the CI.",
        case_sensitive=False,
    ),
]

Statuses = Annotated[
    tuple[Status, ...],
    typer.Option(
        "--status",
        metavar="STATUS",
        help="Filter by status. Repeatable, or separated by commas.",
        parser=OneOrMore("status", get_args(Status)),
    ),
]

# ci
ChangedProjects = Annotated[
    bool, typer.Option("--changed", help="Deploy the projects of a monorepo that a push changed.")
]

# env
Targets = Annotated[
    tuple[Target, ...],
    typer.Option(
        "--target",
        "-t",
        metavar="TARGET",
        help="Target of the variable. Repeatable, or separated by commas.",
        parser=OneOrMore("target", get_args(Target)),
    ),
]
Sensitive = Annotated[bool, typer.Option("--sensitive", help="Mask the value in Deploxa's UI.")]
EnvFile = Annotated[
    str, typer.Argument(metavar="FILE", help="A .env file, or - for standard input.", autocompletion=Complete.file)
]
Stdin = Annotated[bool, typer.Option("--stdin", help="Read the value from standard input.")]
FromFile = Annotated[
    str | None,
    typer.Option("--from-file", metavar="FILE", help="Read the value from a file.", autocompletion=Complete.file),
]
Deploy = Annotated[
    bool, typer.Option("--deploy", help="Deploy once after the change, and wait until the site is live.")
]
AllowEmpty = Annotated[bool, typer.Option("--allow-empty", help="Accept an empty value.")]
OptionalEnvFile = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="A .env file, or - for standard input.", autocompletion=Complete.file),
]

# plan, apply
ProjectFiles = Annotated[
    tuple[str, ...],
    typer.Argument(
        metavar="FILE",
        help="Project files, or directories that have one. [default: the nearest deploxa.toml]",
        autocompletion=Complete.file,
    ),
]
Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Every deploxa.toml that git tracks, from here down.")
]
ChangedFiles = Annotated[
    str | None,
    typer.Option(
        "--changed",
        metavar="BASE",
        help="The files of projects whose directories have changed since BASE.",
        autocompletion=Complete.branch,
    ),
]
Summary = Annotated[
    str | None,
    typer.Option(
        "--summary", metavar="FILE", help="Also write the result to FILE, as Markdown.", autocompletion=Complete.file
    ),
]

# auth, profile
ProfileName = Annotated[str, typer.Argument(metavar="PROFILE", help="Profile name.", autocompletion=Complete.profile)]

# webhook
Body = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="File with the raw body, or - for standard input.", autocompletion=Complete.file
    ),
]
WebhookSecret = Annotated[
    str | None,
    typer.Option("--secret", metavar="S", help="Webhook secret. [default: DPX_WEBHOOK_SECRET]"),
    SECRET,
]
SecretFile = Annotated[
    str | None,
    typer.Option(
        "--secret-file",
        metavar="F",
        help="File with the secret, without one final newline.",
        autocompletion=Complete.file,
    ),
]
To = Annotated[str, typer.Option("--to", metavar="URL", help="URL of the receiver, like localhost:3000/webhook.")]
Set = Annotated[
    tuple[str, ...],
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Set a field of the payload, like deployment.branch=main. Repeatable."
    ),
]

# completion
Shell = Annotated[
    Literal["bash", "zsh", "fish", "powershell"] | None,
    typer.Argument(metavar="SHELL", help="Your shell. [default: the one in $SHELL]", case_sensitive=False),
]


# rehearse
Every = Annotated[bool, typer.Option("--all", help="Every project you have access to.")]
FailOnDelete = Annotated[
    Literal["delete"] | None,
    typer.Option(
        "--fail-on",
        metavar="ACTION",
        help="Exit 10 if the command deletes a project or a variable.",
        case_sensitive=False,
    ),
]
Report = Annotated[
    str | None,
    typer.Option(
        "--report", metavar="FILE", help="Also write the changes to a JSON file.", autocompletion=Complete.file
    ),
]


class RehearsalOptions(TypedDict, total=False):
    """Options of `rehearse`, named like the parameters of `sandbox.server.Sandbox`."""

    build_seconds: Annotated[
        float,
        typer.Option(
            "--build-seconds",
            metavar="S",
            help="Duration of a build. Branches named fail/… fail. [default: 2]",
            parser=delay,
        ),
    ]
    faults: Annotated[
        tuple[str, ...],
        typer.Option(
            "--fault",
            metavar="FAULT",
            help="Scripted fault, like 'POST /projects/*/deployments 429 x3'. Repeatable. See dpx help sandbox.",
        ),
    ]
    slots: Annotated[int, typer.Option("--slots", metavar="N", help="Maximum concurrent deployments.", parser=count)]
    rate: Annotated[
        str, typer.Option("--rate", metavar="N/s", help="Maximum request rate of a token: N/s, N/m or N/h.")
    ]
    role: Annotated[Role, typer.Option("--role", metavar="ROLE", help="Role of the token.", case_sensitive=False)]
    log: Annotated[
        str,
        typer.Option(
            "--log",
            metavar="FILE",
            help="Append one JSON line per request to this file; - is stderr.",
            autocompletion=Complete.file,
        ),
    ]


class SandboxOptions(RehearsalOptions, total=False):
    """Options of `sandbox serve` and `sandbox run`, named likewise."""

    port: Annotated[
        int, typer.Option("--port", metavar="PORT", help="Port to listen on. 0 picks a free one.", parser=port)
    ]
    data: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="FILE",
            help="Persist the sandbox's state in this file. [default: in memory]",
            autocompletion=Complete.file,
        ),
    ]
    tokens: Annotated[
        tuple[str, ...],
        typer.Option(
            "--token", metavar="TOKEN", help="Accepted token: TOKEN, TOKEN:ROLE or TOKEN:ROLE:SECONDS. Repeatable."
        ),
        SECRET,
    ]
    token_ttl: Annotated[
        float, typer.Option("--token-ttl", metavar="S", help="Seconds until tokens expire.", parser=delay)
    ]
    webhook_url: Annotated[
        str, typer.Option("--webhook-url", metavar="URL", help="Where to send signed deployment events.")
    ]
    webhook_secret: Annotated[
        str,
        typer.Option(
            "--webhook-secret", metavar="S", help="Secret that signs the events. [default: DPX_WEBHOOK_SECRET]"
        ),
        SECRET,
    ]
    projects: Annotated[
        int,
        typer.Option(
            "--projects", metavar="N", help="Number of projects in a new sandbox. [default: 3]", parser=number
        ),
    ]


# Requests
ApiPath = Annotated[
    str,
    typer.Argument(
        metavar="PATH", help="Path below the API root, like /projects/{project}; or ls, which lists the endpoints."
    ),
]
ApiMethod = Annotated[
    Method | None,
    typer.Option(
        "--method",
        "-X",
        metavar="METHOD",
        help="Method. [default: GET, or POST with fields or --input]",
        case_sensitive=False,
    ),
]
ApiHeaders = Annotated[
    tuple[str, ...],
    typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="Header field. Repeatable."),
    SECRET,
]
RawFields = Annotated[
    tuple[str, ...],
    typer.Option("--raw-field", "-f", metavar="KEY=TEXT", help="Field with a text. Repeatable."),
    SECRET,
]
JsonFields = Annotated[
    tuple[str, ...],
    typer.Option("--field", "-F", metavar="KEY=JSON", help="Field with a JSON value. Repeatable."),
    SECRET,
]
BodyFile = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="FILE",
        help="Send this file as the body, byte for byte; - is standard input.",
        autocompletion=Complete.file,
    ),
]


# Options of the output formats, by what a command prints (`commands.effect`).
Json = Annotated[bool, typer.Option("--json", help="Output JSON.")]
JsonLines = Annotated[bool, typer.Option("--jsonl", help="Output JSON Lines, streamed.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only identifiers.")]
Fields = Annotated[
    str | None,
    typer.Option("--fields", metavar="FIELDS", help="Output only these fields, like slug,current_deployment.status."),
]
Jq = Annotated[
    str | None,
    typer.Option("--jq", metavar="EXPRESSION", help="Filter the JSON output with a jq expression."),
]
Stream = Annotated[bool, typer.Option("--json", help="Output JSON Lines.")]
EventLines = Annotated[bool, typer.Option("--jsonl", help="Output one JSON event a line, as it happens.")]
FORMATS: dict[str, dict[str, Any]] = {
    "": {},
    "one": {"json": Json, "fields": Fields, "jq": Jq},
    "created": {"json": Json, "quiet": Quiet, "fields": Fields, "jq": Jq},
    "events": {"json": Json, "jsonl": EventLines, "quiet": Quiet, "fields": Fields, "jq": Jq},
    "list": {"json": Json, "jsonl": JsonLines, "quiet": Quiet, "fields": Fields, "jq": Jq},
    "stream": {"json": Stream},
}

# Options of every command.
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile", metavar="NAME", help="Profile to use. [default: DPX_PROFILE]", autocompletion=Complete.profile
    ),
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Log each request to stderr: method, path, status, time, attempt.")
]
Help = Annotated[bool, typer.Option("--help", "-h", help="Show this help.")]
COMMON: dict[str, Any] = {"profile": Profile, "debug": Debug, "help": Help}
Version = Annotated[bool, typer.Option("--version", help="Show the version.")]
