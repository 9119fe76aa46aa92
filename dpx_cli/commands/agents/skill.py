"""The SKILL.md of `dpx skill`, generated from the command table; at most 6 KB, because an agent reads all of it."""

from __future__ import annotations

from dpx_cli.cli.command_table import TABLE
from dpx_cli.commands import DELETE, WRITE
from dpx_cli.commands.agents import manifest

MARKS = {WRITE: "*", DELETE: "**"}
HEAD = """\
---
name: dpx
description: Deploys and manages projects on Deploxa with the dpx command line (deployments, environment variables, \
organizations, webhooks). Use it when a task mentions Deploxa or dpx.
---

# dpx

`dpx` manages projects on Deploxa through its REST API.

## Read its output

- Off a terminal a list has one row per line, with columns separated by tabs and no header. Choose the columns: \
`dpx projects list --fields slug,current_deployment.status`. `-q` prints identifiers only.
- Use `--json` if you need nested data or a whole object; `--fields` chooses its keys, too. Lists are complete unless \
you pass `--limit N`.
- stdout is data, stderr is messages. An error is a line `error: …`, often followed by `hint: …` with the command to \
run next. Check the exit code: it's 0 only if everything succeeded.
- Ask for more: `dpx commands GROUP --json` (arguments and options), `dpx COMMAND --help`, `dpx help TOPIC`.

## Rules

- `dpx deploy` waits until the deployment is live, prints its URL, and exits 9 if it failed. Never deploy again after \
exit code 8 or 11: follow the hint.
- A change to a variable takes effect with the next deployment. Values can't be read back. Never put a secret on the \
command line: `dpx env set KEY --stdin` reads it from stdin.
- Specify the project with `--project` (slug, org/slug or ID), unless deploxa.toml or a link does.
- There are no prompts. Commands that delete at Deploxa need `--yes`; pass it only if the user asked for the deletion.
- There are no commands for build logs, rollbacks, domains or canceling: the API has no such endpoints.
- To try a command without an account: `dpx sandbox run -- COMMAND`.

## Commands

`*` changes something at Deploxa, `**` may delete something.

"""


def render() -> str:
    """Return the text of SKILL.md."""
    groups: dict[str, list[str]] = {}
    for name, command in manifest.each_command():
        group, _, verb = name.partition(" ")
        groups.setdefault(group, []).append(f"{verb or '(alone)'}{MARKS.get(command['effect'], '')}")
    lines = []
    for group, verbs in groups.items():
        has_verbs = verbs[0].strip("*") != "(alone)" or len(verbs) > 1
        mark = "" if has_verbs else verbs[0].removeprefix("(alone)")
        listing = f" Verbs: {', '.join(verbs)}." if has_verbs else ""
        lines.append(f"- `dpx {group}`{mark}: {TABLE[group]['help']}{listing}")
    codes = [f"{code['code']} {code['meaning']}" for code in manifest.build()["exitCodes"]]
    return f"{HEAD}{chr(10).join(lines)}\n\n## Exit codes\n\n{'; '.join(codes)}.\n"
