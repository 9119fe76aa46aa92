"""What users of other tools type, and what dpx has for it. Data only; `suggest.py` reads it.

It is imported only for a word that dpx doesn't know, so it costs no other run any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
    """What some phrases mean; each has the tools whose users type it, for `dpx help coming-from`.

    Attributes:
        command: the command line without `dpx`. `{X}` stands for the next argument, or for X itself if none is left.
            Without it the arguments keep their places.
        lacks: what the API can't do or doesn't have; `command` is the nearest thing then.
        says: a sentence for the hint, in front of the command.
    """

    phrases: str
    command: str
    lacks: str = ""
    says: str = ""
    runs: bool = False


NO_PRODUCTION = "Deploxa deploys a branch. It has no option for production."
NO_VALUES = "never returns a variable's value"
NO_ORG_CHANGES = "can't change an organization"
NO_WEBHOOK_SETTINGS = "can't configure webhooks"
IN_SETTINGS = "Configure webhooks in the project's Integrations settings."
SIGN_UP = "Create an account in a browser first."
UPDATE_DPX = "To update dpx itself, use the tool that installed it, like pipx upgrade dpx-cli."
SHOWS_DOMAINS = "A project shows its domains."

MEANINGS = (
    # Run at once.
    Meaning("version", "--version", runs=True),
    Meaning("deployment | deployments (render) | deploys", "deploy list", runs=True),
    Meaning("members", "orgs members", runs=True),
    Meaning("env remove | env delete", "env rm", runs=True),
    # A new project.
    Meaning("new | create (heroku) | launch (fly) | setup | add (railway)", "init"),
    Meaning("apps create (heroku, fly) | repo create (gh)", "projects create {NAME}"),
    # Deploy.
    Meaning("up (railway) | push | publish | ship | release | deploys create (render)", "deploy"),
    Meaning("deploy create | deploy new | deploy start | deploy run", "deploy"),
    Meaning("build", "deploy", says="Deploxa builds a branch and deploys it."),
    Meaning(
        "redeploy (vercel, railway) | restart (heroku, render) | run rerun (gh) | retry | rebuild | ps restart",
        "deploy again",
    ),
    Meaning("deploy redeploy | deploy retry | deploy restart | deploy rebuild", "deploy again"),
    Meaning("deploy prod | deploy production | deploy preview", "deploy", says=NO_PRODUCTION),
    Meaning("projects deploy", "deploy --project {PROJECT}"),
    # Look at deployments.
    Meaning("inspect (vercel) | run view (gh) | deploy inspect", "deploy get {ID}"),
    Meaning("deploy latest | deploy last", "deploy get --latest"),
    Meaning("deploy watch", "deploy wait --latest"),
    Meaning("url | deploy url", "open --print"),
    Meaning("wait | run watch (gh)", "deploy wait {ID}"),
    Meaning("ls (vercel) | list | apps (heroku, fly) | sites (netlify) | services (render)", "projects list"),
    Meaning("get | show | info | view | settings | projects settings | deploy settings", "projects get {PROJECT}"),
    Meaning("releases (heroku, fly) | builds | history | run list (gh) | deploy history", "deploy list"),
    Meaning("stats | metrics", "deploy stats"),
    Meaning("ps (heroku) | deploy status", "status"),
    Meaning("watch", "status --watch"),
    Meaning("projects status", "status {PROJECT}"),
    Meaning("projects open", "open {PROJECT}"),
    Meaning("projects link", "link {PROJECT}"),
    Meaning("projects rename | rename", "projects update {PROJECT} --name {NAME}"),
    Meaning("browse (gh) | dashboard (fly) | visit", "open"),
    # Delete.
    Meaning("rm (vercel) | remove (vercel) | delete | destroy | apps destroy (heroku)", "projects delete {PROJECT}"),
    Meaning("disconnect", "unlink"),
    # Variables.
    Meaning("env add (vercel) | config set (heroku) | secrets set (fly) | secret set (gh)", "env set"),
    Meaning("variables --set (railway) | variables set | env new | set", "env set"),
    Meaning("config (heroku) | variables (railway) | secrets | vars", "env list"),
    Meaning("config unset (heroku) | unset | env clear", "env rm"),
    Meaning("secrets import (fly) | import", "env import {FILE}"),
    # deploxa.toml, CI.
    Meaning("diff | preview | validate", "plan"),
    Meaning("sync", "apply"),
    Meaning("ci init | ci github", "ci setup {github}"),
    Meaning("ci gitlab", "ci print-workflow {gitlab}"),
    # Organizations, profiles, logins.
    Meaning("teams (vercel) | team", "orgs list"),
    Meaning("orgs switch | orgs use", "profile set default --org {ORG}"),
    Meaning("switch (vercel) | use", "auth switch {PROFILE}"),
    Meaning("me | account | user", "whoami"),
    Meaning("signin | sign-in", "login"),
    Meaning("signout | sign-out | logoff", "logout"),
    Meaning("signup | sign-up | register", "login", says=SIGN_UP),
    Meaning("token | tokens", "auth token"),
    Meaning("auth list | auth ls | profile show | profile get | profile current", "profile list"),
    Meaning("auth whoami (fly)", "auth status"),
    Meaning("auth refresh (gh) | auth add | auth init | auth signin", "auth login"),
    Meaning("auth signup", "auth login", says=SIGN_UP),
    Meaning("auth signout", "auth logout"),
    Meaning("profile create", "profile set"),
    # Webhooks.
    Meaning("listen (stripe)", "webhook listen"),
    Meaning("forward | webhook forward", "webhook listen --forward-to {URL}"),
    Meaning("trigger (stripe) | webhook trigger | webhook test", "webhook send {deployment.ready} --to {URL}"),
    Meaning("events", "webhook events"),
    Meaning("events resend (stripe)", "webhook replay {FILE} --to {URL}"),
    Meaning("verify", "webhook verify"),
    Meaning("serve | mock", "sandbox serve"),
    # About dpx itself.
    Meaning("autocomplete (heroku) | completions", "completion install"),
    Meaning("man | docs | topics", "help"),
    Meaning("vercel | vc | netlify | heroku | fly | flyctl | railway | gh | stripe", "help coming-from"),
    Meaning("check | diagnose | debug", "doctor"),
    Meaning("curl | request", "api {PATH}"),
    Meaning("upgrade | self-update | selfupdate", "--version", says=UPDATE_DPX),
    Meaning(
        "update", "projects update {PROJECT}", says="To update dpx itself, use pipx or uv. This changes a project."
    ),
    # What the API doesn't have.
    Meaning(
        "logs (vercel, heroku, fly, railway, render) | log | tail | run view-log", "deploy get --latest", "has no logs"
    ),
    Meaning(
        "rollback (vercel, heroku) | rollbacks | revert | undo | releases rollback (heroku)",
        "deploy again {ID}",
        "can't roll back",
        "Build an earlier deployment again.",
    ),
    Meaning("promote (vercel)", "deploy --branch BRANCH", "can't promote a deployment"),
    Meaning(
        "cancel (gh, render) | run cancel (gh) | abort | stop",
        "deploy list --status queued,building",
        "can't cancel a deployment",
    ),
    Meaning("down (railway)", "deploy list --status queued,building", "can't take a deployment down"),
    Meaning("deploy delete | deploy rm | deploy remove", "deploy list", "can't delete a deployment"),
    Meaning(
        "domains (vercel, heroku) | domain | projects domains",
        "projects get",
        "has no endpoints for domains",
        SHOWS_DOMAINS,
    ),
    Meaning("alias (vercel)", "projects get", "has no aliases", SHOWS_DOMAINS),
    Meaning("certs (heroku, fly)", "projects get", "has no certificates", SHOWS_DOMAINS),
    Meaning("dns (vercel)", "projects get", "has no DNS records", SHOWS_DOMAINS),
    Meaning(
        "env get | env show | env print | env view | env info | env describe | config get (heroku)",
        "env list",
        NO_VALUES,
        "List keys and targets.",
    ),
    Meaning("env copy", "env diff --against PROJECT", NO_VALUES, "Compare the keys of two projects."),
    Meaning(
        "env pull (vercel, netlify) | pull (vercel) | env download | env export",
        "env example",
        NO_VALUES,
        "Print a .env without values.",
    ),
    Meaning(
        "run (heroku, railway) | env run | exec",
        "sandbox run -- {COMMAND...}",
        "can't run a command",
        "Run it against a local sandbox.",
    ),
    Meaning("dev (vercel, netlify)", "sandbox serve", "has no local development server", "Use a local Deploxa API."),
    Meaning("ssh (fly, railway) | shell | console", "status", "has no shell on a deployment"),
    Meaning("suspend (fly, render) | resume (fly, render) | pause", "status", "can't pause a project"),
    Meaning("scale (heroku, fly) | ps scale (heroku)", "status", "can't scale a deployment"),
    Meaning("addons (heroku)", "projects get", "has no add-ons"),
    Meaning("postgres (fly) | pg (heroku) | db", "env set", "has no databases", "Set the URL of your own."),
    Meaning("orgs create | orgs new | orgs add | orgs update | orgs delete", "orgs list", NO_ORG_CHANGES),
    Meaning("orgs rm | orgs remove | orgs leave", "orgs list", NO_ORG_CHANGES),
    Meaning(
        "access add (heroku) | orgs invite | invite | members add | members invite", "orgs members", NO_ORG_CHANGES
    ),
    Meaning("projects transfer", "projects get", "can't transfer a project"),
    Meaning(
        "webhook create | webhook add | webhook new",
        "webhook listen",
        NO_WEBHOOK_SETTINGS,
        f"{IN_SETTINGS} Try a receiver locally.",
    ),
    Meaning(
        "webhook list | webhook ls | webhook get | webhook delete | webhook rm",
        "webhook events",
        NO_WEBHOOK_SETTINGS,
        IN_SETTINGS,
    ),
)


def each_phrase(meaning: Meaning) -> Iterator[tuple[str, str]]:
    """Yield the phrases of a meaning, each with the tools whose users type it: ("restart", "heroku, render")."""
    for part in meaning.phrases.split(" | "):
        phrase, _, tools = part.partition(" (")
        yield phrase, tools.rstrip(")")


PHRASES = {phrase: meaning for meaning in MEANINGS for phrase, _ in each_phrase(meaning)}
# `dpx deploy` has no argument, so these must not be taken for a branch.
for _word in ("logs", "log", "rollback", "revert", "undo", "promote", "cancel", "abort", "stop", "down"):
    PHRASES[f"deploy {_word}"] = PHRASES[f"projects {_word}"] = PHRASES[_word]


class Option(NamedTuple):
    """Options of other tools, and those of dpx that they stand for: the first that the command has; () drops it."""

    flags: str
    meanings: tuple[str, ...] = ()
    has_value: bool = False
    says: str = ""


NO_PREVIEW = "Deploxa deploys a branch. It has no option for a preview."
ARGUMENT = ("",)  # as Option.meanings: the value is an argument

OPTIONS = {
    flag: option
    for option in (
        Option("--name --key", ARGUMENT, has_value=True),
        # `--json` and `--jsonl` for a value that is one of FORMATS.
        Option("-o --output --format", ("--json",), has_value=True),
        Option("--prod --production", ("--target production",), says=NO_PRODUCTION),
        Option("--preview", ("--target preview",), says="Deploxa deploys a branch. It has no option for a preview."),
        Option("--draft", says="Deploxa deploys a branch. It has no option for a draft."),
        Option("-e --env --environment --context", ("--target",), has_value=True),
        Option("-a --app -s --site --service --repo -R --project-id", ("--project",), has_value=True),
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
