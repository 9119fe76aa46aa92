"""What users of other tools type, and what dpx has for it. Data only; `suggest.py` reads it.

It is imported only for a word that dpx doesn't know, so it costs no other run any time.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# Words that harm something; no other word is ever answered with a command of the effect "delete".
DESTRUCTIVE = frozenset(
    ["rm", "remove", "delete", "del", "destroy", "erase", "unset", "drop", "prune", "kill", "purge", "clear"]
)

# Other names of groups. The first run the group's reading commands; the others only get a hint.
GROUP_NAMES = {
    "projects": ("project", "apps app sites site services service repo"),
    "orgs": ("org organization organizations", "team teams workspace workspaces access"),
    "env": ("environment environments envs", "secret secrets config var vars variable variables"),
    "deploy": ("deployment deployments deploys", "builds releases"),
    "webhook": ("webhooks", "hooks"),
    "profile": ("profiles", "contexts context"),
}
# By each other name: the group, and whether its reading commands run.
GROUPS = {
    word: (group, runs)
    for group, words in GROUP_NAMES.items()
    for runs, part in zip((True, False), words, strict=True)
    for word in part.split()
}

# Other names of verbs, in every group: the first of the verbs that the group has is used.
VERBS = {
    word: tuple(verbs.split())
    for verbs, words in {
        "list": "ls all index",
        "get status": "show view info describe",
        "get": "inspect details",
        "status": "whoami",
        "create set": "new make add",
        "update set": "edit change modify configure",
        "set update": "put",
        "delete remove": "rm",
        "delete rm": "remove",
        "rm remove": "delete",
        "delete rm remove": "del destroy erase",
        "rm delete remove": "unset",
        "set": "create update",
        "update": "set upgrade",
        "switch": "use",
        "use": "switch",
        "use switch": "select activate",
        "import": "load push upload",
        "members": "users people",
        "send": "trigger test",
        "diff": "compare",
        "check verify": "validate",
        "wait": "follow",
        "listen": "tail",
        "serve": "start",
        "run": "exec",
    }.items()
    for word in words.split()
}

# Verbs that run if the command they stand for only reads.
RUNS = frozenset(["ls", "show", "view", "info"])

# Commands with the effect "local" that only read.
READS = frozenset(("profile list", "webhook events", "webhook verify", "webhook sign", "auth status"))

# What a word that is no command of a group is, if it looks like a name.
NAMED = {"projects": "projects get", "orgs": "orgs get", "profile": "profile use"}


class Meaning(NamedTuple):
    """What some phrases mean: a line of synonyms.txt, which says what its fields are."""

    phrases: str
    command: str
    lacks: str = ""
    says: str = ""
    runs: bool = False


def _read() -> Iterator[Meaning]:
    spec: Any = __spec__  # its loader reads from a zipped package, too, and imports nothing
    text: bytes = spec.loader.get_data(os.path.join(os.path.dirname(__file__), "synonyms.txt"))
    for line in text.decode().splitlines():
        if line and not line.startswith("#"):
            phrases, command, lacks, says = (*line.split(" ; "), "", "")[:4]
            yield Meaning(phrases.removeprefix("run: "), command, lacks, says, phrases.startswith("run: "))


MEANINGS = tuple(_read())


def each_phrase(meaning: Meaning) -> Iterator[tuple[str, str]]:
    """Yield the phrases of a meaning, each with the tools whose users type it: ("restart", "heroku, render")."""
    for part in meaning.phrases.split(" | "):
        phrase, _, tools = part.partition(" (")
        yield phrase, tools.rstrip(")")


PHRASES = {phrase: meaning for meaning in MEANINGS for phrase, _ in each_phrase(meaning)}


class Option(NamedTuple):
    """Options of other tools, and those of dpx that they stand for: the first that the command has; () drops it."""

    flags: str
    meanings: tuple[str, ...] = ()
    has_value: bool = False
    says: str = ""


ARGUMENT = ("",)  # as Option.meanings: the value is an argument

DEPLOYS_BRANCH = "Deploxa deploys a branch. It has no option for a target or a draft."

OPTIONS = {
    flag: option
    for option in (
        Option("--name --key", ARGUMENT, has_value=True),
        # `--json` and `--jsonl` for a value that is one of FORMATS.
        Option("-o --output --format", ("--json",), has_value=True),
        Option("--prod --production", ("--target production",), says=DEPLOYS_BRANCH),
        Option("--preview", ("--target preview",), says=DEPLOYS_BRANCH),
        Option("--draft", says=DEPLOYS_BRANCH),
        Option("-e --env --environment --context", ("--target",), has_value=True),
        Option("-a --app -s --site --service --repo -R --project-id --id --slug", ("--project",), has_value=True),
        Option("--team -T --scope -S --organization --workspace", ("--org",), has_value=True),
        Option("--force -f --confirm --auto-approve", ("--yes",)),
        Option("--yes -y", says="This command doesn't ask for confirmation."),
        Option("-n -L --max --count --per-page", ("--limit",), has_value=True),
        Option("--ref -b", ("--branch",), has_value=True),
        Option("-m", ("--message",), has_value=True),
        Option("--commit", ("--sha",), has_value=True),
        Option("--state", ("--status",), has_value=True),
        Option("--query --filter", ("--search",), has_value=True),
        Option("-d --detach --async", ("--no-wait",)),
        Option("--wait", says="dpx waits unless --no-wait is given."),
        Option("--follow --tail -w", ("--watch",)),
        Option("-v --verbose", ("--debug",)),
        Option("-t --token --api-key", has_value=True, says="Set DPX_TOKEN to pass a token."),
        Option("--list"),
        Option("--cwd", has_value=True),
        Option("--no-input --non-interactive", says="Set DPX_NO_INPUT=1 to turn questions off."),
    )
    for flag in option.flags.split()
}
FORMATS = {"json": "--json", "jsonl": "--jsonl", "ndjson": "--jsonl", "json-lines": "--jsonl"}
