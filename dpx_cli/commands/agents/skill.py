"""The SKILL.md of `dpx skill`: skill.md, then a list from the command table; at most 6 KB: an agent reads all of it."""

from __future__ import annotations

from importlib.resources import files

from dpx_cli.cli.command_table import TABLE
from dpx_cli.commands import DELETE, WRITE
from dpx_cli.commands.agents import manifest

MARKS = {WRITE: "*", DELETE: "**"}


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
    codes = [f"- {code['code']} {code['meaning']}\n" for code in manifest.build()["exitCodes"]]
    head = files(__package__).joinpath("skill.md").read_text("utf-8")
    return f"{head}{chr(10).join(lines)}\n\n## Exit codes\n\n{''.join(codes)}"
