"""The SKILL.md of `dpx skill`, generated from the command table."""

from __future__ import annotations

from dpx_cli.commands.agents import manifest

HEAD = """\
---
name: dpx
description: Deploys and manages projects on Deploxa with the dpx command line (deployments, environment variables, \
organizations, webhooks). Use it when a task mentions Deploxa or dpx.
---

# dpx

`dpx` manages projects on Deploxa through its REST API.

## Rules

- Pass `--json` and read stdout; it's one JSON document. Errors are one JSON line on stderr: `{"error": {"code", \
"message", "hint", "status", "request"}}`. The hint is often the command to run next.
- Check the exit code. It's 0 only if everything succeeded.
- `dpx deploy` waits until the deployment is live and exits 9 if it failed. Never start a deployment again after exit \
8 or 11: follow the hint instead.
- Off a terminal nothing is asked. Commands that delete need `--yes`; pass it only if the user asked for the deletion.
- Never put a secret on the command line: `dpx env set KEY --stdin` reads it from standard input. Values can't be \
read back.
- Name the project with `--project` (slug, org/slug or ID). `dpx COMMAND --help` lists every option.
- Nothing is known about logs, rollbacks, domains or canceling a deployment: the API has no such endpoints.
- Try it without an account: `dpx sandbox run -- COMMAND` runs a command against an embedded sandbox.

## Commands

| command | effect | what it does | example |
| --- | --- | --- | --- |
"""


def render() -> str:
    """Return the text of SKILL.md."""
    document = manifest.build()
    rows = [
        f"| `dpx {command['name']}` | {command['effect']} | {_cell(command['summary'])} | {_code(command['example'])} |"
        for command in document["commands"]
    ]
    codes = [f"| {code['code']} | {code['meaning']} |" for code in document["exitCodes"]]
    head = ["", "## Exit codes", "", "| code | meaning |", "| --- | --- |"]
    return HEAD + "\n".join([*rows, *head, *codes]) + "\n"


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
