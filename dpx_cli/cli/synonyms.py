"""What users of other tools type, and what dpx has for it. Data only; `suggest.py` reads it.

It is imported only for a word that dpx doesn't know, so it costs no other run any time.
"""

from __future__ import annotations

from typing import NamedTuple


class Synonym(NamedTuple):
    """What a phrase means.

    Attributes:
        meant: the command line without `dpx`. `{X}` stands for the next argument, or for X itself if none is left.
            Without it the arguments keep their places.
        runs: dpx runs it instead of printing it as a hint; only for commands that change nothing.
        lacks: what the API doesn't have; `meant` is the nearest thing then.
        says: a sentence for the hint, in front of the command.
        of: the tools whose users type it; shown by `dpx help coming-from`.
    """

    meant: str
    runs: bool = False
    lacks: str = ""
    says: str = ""
    of: str = ""


# Words that harm something; no other word is ever answered with a command of the effect "delete".
DESTRUCTIVE = frozenset(
    ("rm", "remove", "delete", "del", "destroy", "erase", "unset", "drop", "prune", "kill", "purge", "clear")
)

# A group's other names, and whether they run the group's reading commands or only print them.
GROUPS: dict[str, tuple[str, bool]] = {
    "project": ("projects", True),
    "org": ("orgs", True),
    "organization": ("orgs", True),
    "organizations": ("orgs", True),
    "environment": ("env", True),
    "environments": ("env", True),
    "envs": ("env", True),
    "deployment": ("deploy", True),
    "deployments": ("deploy", True),
    "deploys": ("deploy", True),
    "webhooks": ("webhook", True),
    "profiles": ("profile", True),
    "apps": ("projects", False),
    "app": ("projects", False),
    "sites": ("projects", False),
    "site": ("projects", False),
    "services": ("projects", False),
    "service": ("projects", False),
    "repo": ("projects", False),
    "team": ("orgs", False),
    "teams": ("orgs", False),
    "workspace": ("orgs", False),
    "workspaces": ("orgs", False),
    "access": ("orgs", False),
    "secret": ("env", False),
    "secrets": ("env", False),
    "config": ("env", False),
    "var": ("env", False),
    "vars": ("env", False),
    "variable": ("env", False),
    "variables": ("env", False),
    "builds": ("deploy", False),
    "releases": ("deploy", False),
    "hooks": ("webhook", False),
    "contexts": ("profile", False),
    "context": ("profile", False),
}

# A verb's other names, in every group: the first of the verbs that the group has is meant.
VERBS: dict[str, tuple[str, ...]] = {
    "ls": ("list",),
    "all": ("list",),
    "index": ("list",),
    "show": ("get", "status"),
    "view": ("get", "status"),
    "info": ("get", "status"),
    "describe": ("get", "status"),
    "inspect": ("get",),
    "details": ("get",),
    "whoami": ("status",),
    "new": ("create", "set"),
    "make": ("create", "set"),
    "add": ("create", "set"),
    "create": ("set",),
    "edit": ("update", "set"),
    "change": ("update", "set"),
    "modify": ("update", "set"),
    "configure": ("update", "set"),
    "update": ("set",),
    "put": ("set", "update"),
    "set": ("update",),
    "rm": ("delete", "remove"),
    "remove": ("delete", "rm"),
    "delete": ("rm", "remove"),
    "del": ("delete", "rm", "remove"),
    "destroy": ("delete", "rm", "remove"),
    "erase": ("delete", "rm", "remove"),
    "unset": ("rm", "delete", "remove"),
    "use": ("switch",),
    "select": ("use", "switch"),
    "switch": ("use",),
    "load": ("import",),
    "push": ("import",),
    "upload": ("import",),
    "users": ("members",),
    "people": ("members",),
    "trigger": ("send",),
    "test": ("send",),
    "compare": ("diff",),
    "validate": ("check", "verify"),
    "follow": ("wait",),
    "tail": ("listen",),
    "forward": ("listen",),
    "start": ("serve",),
    "exec": ("run",),
}

# Verbs that run if what they stand for only reads.
RUNS = frozenset(("ls", "show", "view", "info"))

# Commands of the effect "local" that only read.
READS = frozenset(("profile list", "webhook events", "webhook verify", "webhook sign", "auth status"))

PHRASES: dict[str, Synonym] = {
    "env copy": Synonym(
        "env diff --against PROJECT", lacks="way to read a variable's value", says="Compare the keys of two projects."
    ),
    # Run at once.
    "version": Synonym("--version", runs=True),
    "deployment": Synonym("deploy list", runs=True),
    "deployments": Synonym("deploy list", runs=True, of="render"),
    "deploys": Synonym("deploy list", runs=True),
    "members": Synonym("orgs members", runs=True),
    # A new project.
    "new": Synonym("init"),
    "create": Synonym("init", of="heroku"),
    "launch": Synonym("init", of="fly"),
    "setup": Synonym("init"),
    "add": Synonym("init", of="railway"),
    "apps create": Synonym("projects create {NAME}", of="heroku, fly"),
    "repo create": Synonym("projects create {NAME}", of="gh"),
    # Deploy.
    "up": Synonym("deploy", of="railway"),
    "push": Synonym("deploy"),
    "publish": Synonym("deploy"),
    "ship": Synonym("deploy"),
    "release": Synonym("deploy"),
    "build": Synonym("deploy", says="Deploxa builds a branch and deploys it."),
    "redeploy": Synonym("deploy again", of="vercel, railway"),
    "restart": Synonym("deploy again", of="heroku, render"),
    "retry": Synonym("deploy again"),
    "rebuild": Synonym("deploy again"),
    "deploys create": Synonym("deploy", of="render"),
    "deploy create": Synonym("deploy"),
    "deploy new": Synonym("deploy"),
    "deploy start": Synonym("deploy"),
    "deploy run": Synonym("deploy"),
    "deploy redeploy": Synonym("deploy again"),
    "deploy retry": Synonym("deploy again"),
    "projects deploy": Synonym("deploy --project {PROJECT}"),
    # Look at deployments.
    "inspect": Synonym("deploy get {ID}", of="vercel"),
    "wait": Synonym("deploy wait {ID}"),
    "ls": Synonym("projects list", of="vercel"),
    "list": Synonym("projects list"),
    "apps": Synonym("projects list", of="heroku, fly"),
    "sites": Synonym("projects list", of="netlify"),
    "services": Synonym("projects list", of="render"),
    "get": Synonym("projects get {PROJECT}"),
    "show": Synonym("projects get {PROJECT}"),
    "info": Synonym("projects get {PROJECT}"),
    "view": Synonym("projects get {PROJECT}"),
    "releases": Synonym("deploy list", of="heroku, fly"),
    "builds": Synonym("deploy list"),
    "history": Synonym("deploy list"),
    "run list": Synonym("deploy list", of="gh"),
    "run view": Synonym("deploy get {ID}", of="gh"),
    "run watch": Synonym("deploy wait {ID}", of="gh"),
    "run rerun": Synonym("deploy again", of="gh"),
    "stats": Synonym("deploy stats"),
    "metrics": Synonym("deploy stats"),
    "ps": Synonym("status", of="heroku"),
    "watch": Synonym("status --watch"),
    "deploy status": Synonym("status"),
    "deploy inspect": Synonym("deploy get {ID}"),
    "deploy history": Synonym("deploy list"),
    "projects status": Synonym("status {PROJECT}"),
    "projects open": Synonym("open {PROJECT}"),
    "projects link": Synonym("link {PROJECT}"),
    "projects rename": Synonym("projects update {PROJECT} --name {NAME}"),
    "browse": Synonym("open", of="gh"),
    "dashboard": Synonym("open", of="fly"),
    "visit": Synonym("open"),
    # Delete.
    "rm": Synonym("projects delete {PROJECT}", of="vercel"),
    "remove": Synonym("projects delete {PROJECT}", of="vercel"),
    "delete": Synonym("projects delete {PROJECT}"),
    "destroy": Synonym("projects delete {PROJECT}"),
    "apps destroy": Synonym("projects delete {PROJECT}", of="heroku, fly"),
    "disconnect": Synonym("unlink"),
    # Variables.
    "env add": Synonym("env set", of="vercel"),
    "config set": Synonym("env set", of="heroku"),
    "env new": Synonym("env set"),
    "secrets set": Synonym("env set", of="fly"),
    "secret set": Synonym("env set", of="gh"),
    "variables --set": Synonym("env set", of="railway"),
    "variables set": Synonym("env set"),
    "set": Synonym("env set"),
    "config": Synonym("env list", of="heroku"),
    "secrets": Synonym("env list"),
    "variables": Synonym("env list", of="railway"),
    "vars": Synonym("env list"),
    "config unset": Synonym("env rm", of="heroku"),
    "unset": Synonym("env rm"),
    "env clear": Synonym("env rm"),
    "import": Synonym("env import {FILE}"),
    "secrets import": Synonym("env import {FILE}", of="fly"),
    # deploxa.toml, CI.
    "diff": Synonym("plan"),
    "preview": Synonym("plan"),
    "sync": Synonym("apply"),
    "ci init": Synonym("ci setup {github}"),
    "ci github": Synonym("ci setup {github}"),
    "ci gitlab": Synonym("ci print-workflow {gitlab}"),
    # Organizations, profiles, logins.
    "team": Synonym("orgs list"),
    "teams": Synonym("orgs list", of="vercel"),
    "orgs switch": Synonym("profile set default --org {ORG}"),
    "orgs use": Synonym("profile set default --org {ORG}"),
    "use": Synonym("auth switch {PROFILE}"),
    "switch": Synonym("auth switch {PROFILE}", of="vercel"),
    "me": Synonym("whoami"),
    "account": Synonym("whoami"),
    "user": Synonym("whoami"),
    "signin": Synonym("login"),
    "signout": Synonym("logout"),
    "signup": Synonym("login", says="Create an account in a browser first."),
    "token": Synonym("auth token"),
    "auth list": Synonym("profile list"),
    "auth ls": Synonym("profile list"),
    "auth whoami": Synonym("auth status", of="fly"),
    "auth refresh": Synonym("auth login", of="gh"),
    "auth signup": Synonym("auth login", says="Create an account in a browser first."),
    "profile create": Synonym("profile set"),
    "profile show": Synonym("profile list"),
    "profile get": Synonym("profile list"),
    # Webhooks.
    "listen": Synonym("webhook listen", of="stripe"),
    "trigger": Synonym("webhook send {deployment.ready} --to {URL}", of="stripe"),
    "events": Synonym("webhook events"),
    "events resend": Synonym("webhook replay {FILE} --to {URL}", of="stripe"),
    "verify": Synonym("webhook verify"),
    "webhook trigger": Synonym("webhook send {deployment.ready} --to {URL}"),
    "webhook test": Synonym("webhook send {deployment.ready} --to {URL}"),
    "serve": Synonym("sandbox serve"),
    "mock": Synonym("sandbox serve"),
    # About dpx itself.
    "completions": Synonym("completion install"),
    "autocomplete": Synonym("completion install", of="heroku"),
    "man": Synonym("help"),
    "docs": Synonym("help"),
    "topics": Synonym("help"),
    "check": Synonym("doctor"),
    "diagnose": Synonym("doctor"),
    "debug": Synonym("doctor"),
    "curl": Synonym("api {PATH}"),
    "request": Synonym("api {PATH}"),
    # What the API doesn't have.
    "logs": Synonym("deploy get --latest", lacks="logs", of="vercel, heroku, fly, railway, render"),
    "log": Synonym("deploy get --latest", lacks="logs"),
    "tail": Synonym("deploy get --latest", lacks="logs"),
    "run view-log": Synonym("deploy get --latest", lacks="logs"),
    "rollback": Synonym(
        "deploy again {ID}",
        lacks="rollback",
        says="A new build of an earlier deployment comes nearest.",
        of="vercel, heroku",
    ),
    "rollbacks": Synonym(
        "deploy again {ID}", lacks="rollback", says="A new build of an earlier deployment comes nearest."
    ),
    "revert": Synonym(
        "deploy again {ID}", lacks="rollback", says="A new build of an earlier deployment comes nearest."
    ),
    "releases rollback": Synonym(
        "deploy again {ID}", lacks="rollback", says="A new build of an earlier deployment comes nearest.", of="heroku"
    ),
    "promote": Synonym("deploy --branch BRANCH", lacks="promotion of a deployment", of="vercel"),
    "cancel": Synonym("deploy list --status queued,building", lacks="way to cancel a deployment", of="gh, render"),
    "abort": Synonym("deploy list --status queued,building", lacks="way to cancel a deployment"),
    "stop": Synonym("deploy list --status queued,building", lacks="way to cancel a deployment"),
    "down": Synonym("deploy list --status queued,building", lacks="way to take a deployment down", of="railway"),
    "run cancel": Synonym("deploy list --status queued,building", lacks="way to cancel a deployment", of="gh"),
    "deploy delete": Synonym("deploy list", lacks="way to delete a deployment"),
    "deploy rm": Synonym("deploy list", lacks="way to delete a deployment"),
    "deploy remove": Synonym("deploy list", lacks="way to delete a deployment"),
    "domains": Synonym(
        "projects get", lacks="commands for domains", says="A project shows its domains.", of="vercel, heroku"
    ),
    "domain": Synonym("projects get", lacks="commands for domains", says="A project shows its domains."),
    "alias": Synonym("projects get", lacks="aliases", says="A project shows its domains.", of="vercel"),
    "certs": Synonym("projects get", lacks="certificates", says="A project shows its domains.", of="heroku, fly"),
    "dns": Synonym("projects get", lacks="DNS records", says="A project shows its domains.", of="vercel"),
    "projects domains": Synonym("projects get", lacks="commands for domains", says="A project shows its domains."),
    "env get": Synonym("env list", lacks="way to read a variable's value", says="It returns only keys and targets."),
    "env show": Synonym("env list", lacks="way to read a variable's value", says="It returns only keys and targets."),
    "env view": Synonym("env list", lacks="way to read a variable's value", says="It returns only keys and targets."),
    "env info": Synonym("env list", lacks="way to read a variable's value", says="It returns only keys and targets."),
    "env describe": Synonym(
        "env list", lacks="way to read a variable's value", says="It returns only keys and targets."
    ),
    "config get": Synonym(
        "env list", lacks="way to read a variable's value", says="It returns only keys and targets.", of="heroku"
    ),
    "env pull": Synonym(
        "env example",
        lacks="way to read a variable's value",
        says="Print a .env file without values.",
        of="vercel, netlify",
    ),
    "env download": Synonym(
        "env example", lacks="way to read a variable's value", says="Print a .env file without values."
    ),
    "env export": Synonym(
        "env example", lacks="way to read a variable's value", says="Print a .env file without values."
    ),
    "pull": Synonym(
        "env example", lacks="way to read a variable's value", says="Print a .env file without values.", of="vercel"
    ),
    "run": Synonym(
        "sandbox run -- {COMMAND...}",
        lacks="way to run a command",
        says="A local sandbox runs one.",
        of="heroku, railway",
    ),
    "env run": Synonym("sandbox run -- {COMMAND...}", lacks="way to run a command", says="A local sandbox runs one."),
    "exec": Synonym("sandbox run -- {COMMAND...}", lacks="way to run a command", says="A local sandbox runs one."),
    "dev": Synonym(
        "sandbox serve",
        lacks="local development server",
        says="The sandbox is a local Deploxa API.",
        of="vercel, netlify",
    ),
    "ssh": Synonym("status", lacks="shell on a deployment", of="fly, railway"),
    "shell": Synonym("status", lacks="shell on a deployment"),
    "console": Synonym("status", lacks="shell on a deployment"),
    "ps scale": Synonym("status", lacks="scaling", of="heroku"),
    "scale": Synonym("status", lacks="scaling", of="heroku, fly"),
    "suspend": Synonym("status", lacks="way to suspend a project"),
    "addons": Synonym("projects get", lacks="add-ons", of="heroku"),
    "postgres": Synonym("env set", lacks="databases", says="Set the URL of your own.", of="fly"),
    "pg": Synonym("env set", lacks="databases", says="Set the URL of your own.", of="heroku"),
    "db": Synonym("env set", lacks="databases", says="Set the URL of your own."),
    "volumes": Synonym("projects get", lacks="volumes", of="fly"),
    "regions": Synonym("projects get", lacks="regions"),
    "cron": Synonym("deploy", lacks="scheduled jobs"),
    "orgs create": Synonym("orgs list", lacks="way to change an organization"),
    "orgs new": Synonym("orgs list", lacks="way to change an organization"),
    "orgs add": Synonym("orgs list", lacks="way to change an organization"),
    "orgs update": Synonym("orgs list", lacks="way to change an organization"),
    "orgs delete": Synonym("orgs list", lacks="way to change an organization"),
    "orgs rm": Synonym("orgs list", lacks="way to change an organization"),
    "orgs remove": Synonym("orgs list", lacks="way to change an organization"),
    "orgs invite": Synonym("orgs members", lacks="way to change an organization"),
    "orgs leave": Synonym("orgs list", lacks="way to change an organization"),
    "access add": Synonym("orgs members", lacks="way to change an organization", of="heroku"),
    "projects transfer": Synonym("projects get", lacks="way to transfer a project"),
    "webhook create": Synonym(
        "webhook listen",
        lacks="way to configure webhooks",
        says="Configure them in the project's Integrations settings; try a receiver locally.",
    ),
    "webhook add": Synonym(
        "webhook listen",
        lacks="way to configure webhooks",
        says="Configure them in the project's Integrations settings; try a receiver locally.",
    ),
    "webhook new": Synonym(
        "webhook listen",
        lacks="way to configure webhooks",
        says="Configure them in the project's Integrations settings; try a receiver locally.",
    ),
    "webhook list": Synonym(
        "webhook events",
        lacks="way to configure webhooks",
        says="Configure them in the project's Integrations settings.",
    ),
    "webhook ls": Synonym(
        "webhook events",
        lacks="way to configure webhooks",
        says="Configure them in the project's Integrations settings.",
    ),
    "webhook get": Synonym(
        "webhook events",
        lacks="way to configure webhooks",
        says="Configure them in the project's Integrations settings.",
    ),
    "webhook delete": Synonym(
        "webhook events",
        lacks="way to configure webhooks",
        says="Configure them in the project's Integrations settings.",
    ),
    "webhook rm": Synonym(
        "webhook events",
        lacks="way to configure webhooks",
        says="Configure them in the project's Integrations settings.",
    ),
}
# `dpx deploy` takes no word, so these must not be taken for a branch.
for _word in ("logs", "log", "rollback", "revert", "promote", "cancel", "abort", "stop", "down"):
    PHRASES[f"deploy {_word}"] = PHRASES[f"projects {_word}"] = PHRASES[_word]._replace(of="")


class Option(NamedTuple):
    """What an option of another tool means.

    Attributes:
        meant: options; the first that the command has is meant, with the same value. () drops it.
        takes: it takes a value, which is dropped with it.
        says: a sentence for the hint.
    """

    meant: tuple[str, ...] = ()
    takes: bool = False
    says: str = ""


ARGUMENT = ("",)  # as Option.meant: the value is an argument

OPTIONS: dict[str, Option] = {
    "--name": Option(ARGUMENT, takes=True),
    "--key": Option(ARGUMENT, takes=True),
    # `--json` and `--jsonl` for a value that is one of FORMATS.
    "-o": Option(("--json",), takes=True),
    "--output": Option(("--json",), takes=True),
    "--format": Option(("--json",), takes=True),
    "--prod": Option(("--target production",), says="Deploxa deploys a branch; there is no option for production."),
    "--production": Option(
        ("--target production",), says="Deploxa deploys a branch; there is no option for production."
    ),
    "--preview": Option(("--target preview",), says="Deploxa deploys a branch; there is no option for a preview."),
    "--draft": Option(says="Deploxa deploys a branch; there is no option for a draft."),
    "-e": Option(("--target",), takes=True),
    "--env": Option(("--target",), takes=True),
    "--environment": Option(("--target",), takes=True),
    "--context": Option(("--target",), takes=True),
    "-a": Option(("--project",), takes=True),
    "--app": Option(("--project",), takes=True),
    "-s": Option(("--project",), takes=True),
    "--site": Option(("--project",), takes=True),
    "--service": Option(("--project",), takes=True),
    "--repo": Option(("--project",), takes=True),
    "-R": Option(("--project",), takes=True),
    "--project-id": Option(("--project",), takes=True),
    "--team": Option(("--org",), takes=True),
    "-T": Option(("--org",), takes=True),
    "--scope": Option(("--org",), takes=True),
    "-S": Option(("--org",), takes=True),
    "--organization": Option(("--org",), takes=True),
    "--workspace": Option(("--org",), takes=True),
    "--force": Option(("--yes",)),
    "-f": Option(("--yes",)),
    "--confirm": Option(("--yes",)),
    "-n": Option(("--limit",), takes=True),
    "-L": Option(("--limit",), takes=True),
    "--max": Option(("--limit",), takes=True),
    "--count": Option(("--limit",), takes=True),
    "--per-page": Option(("--limit",), takes=True),
    "--ref": Option(("--branch",), takes=True),
    "-b": Option(("--branch",), takes=True),
    "-m": Option(("--message",), takes=True),
    "--commit": Option(("--sha",), takes=True),
    "--state": Option(("--status",), takes=True),
    "--query": Option(("--search",), takes=True),
    "--filter": Option(("--search",), takes=True),
    "-d": Option(("--no-wait",)),
    "--detach": Option(("--no-wait",)),
    "--async": Option(("--no-wait",)),
    "--wait": Option(says="dpx waits unless --no-wait is given."),
    "--follow": Option(("--watch",)),
    "--tail": Option(("--watch",)),
    "-w": Option(("--watch",)),
    "-v": Option(("--debug",)),
    "--verbose": Option(("--debug",)),
    "-t": Option(takes=True, says="Set DPX_TOKEN to pass a token."),
    "--token": Option(takes=True, says="Set DPX_TOKEN to pass a token."),
    "--api-key": Option(takes=True, says="Set DPX_TOKEN to pass a token."),
    "--cwd": Option(takes=True),
    "--no-input": Option(says="Set DPX_NO_INPUT=1 to turn questions off."),
    "--non-interactive": Option(says="Set DPX_NO_INPUT=1 to turn questions off."),
}
FORMATS = {"json": "--json", "jsonl": "--jsonl", "ndjson": "--jsonl", "json-lines": "--jsonl"}
