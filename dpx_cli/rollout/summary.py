"""Markdown for the step summary of GitHub Actions and `--summary`. No text from a server or a file is markup in it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from dpx_cli.errors import Failed, reason
from dpx_cli.system.switches import identify_ci

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_SUMMARY = 60_000  # bytes of the file of `--summary`

_MARKUP = re.compile(r"[&<>\"'|\\`*_\[\](){}#!~@$]")
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def inert(text: str) -> str:
    """Return text for Markdown and HTML in which nothing but its characters means anything."""
    return _MARKUP.sub(lambda mark: f"&#{ord(mark[0])};", _NO_TEXT.sub(" ", text))


def code(text: str) -> str:
    """Return an identifier as code; anything else as text."""
    return f"`{text}`" if re.fullmatch(r"[A-Za-z0-9_-]+", text) else inert(text)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already, after a blank line; another one must follow it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def append_to(env: Mapping[str, str], variable: str, text: str) -> str | None:
    """Append to the file of a variable of GitHub Actions, on a line of its own. Return what didn't work, or None."""
    path = env.get(variable, "")
    if not path:
        return f"{variable} is not set, so nothing was written to it."
    try:
        with open(path, "a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                text = text if file.read(1) == b"\n" else f"\n{text}"
            file.write(text.encode("utf-8", "backslashreplace"))
    except (OSError, ValueError) as problem:
        return f"Can't write to {variable} ({path}): {reason(problem)}"
    return None


def write_table(
    env: Mapping[str, str],
    path: str | None,
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    empty: str,
) -> list[str]:
    """Add a table of any text to GitHub's step summary and to the file of `--summary`; return warnings."""
    text = table(header, [[inert(cell) for cell in row] for row in rows]) if rows else f"{empty}\n"
    text = f"\n**{inert(title)}**\n\n{text}\n"
    if path is not None:
        write_file(path, text)
    if identify_ci(env) != "github" or not env.get("GITHUB_STEP_SUMMARY"):
        return []
    return [problem for problem in [append_to(env, "GITHUB_STEP_SUMMARY", text)] if problem]


def write_file(path: str, text: str) -> None:
    """Write the file of `--summary`: whole lines, at most `MAX_SUMMARY` bytes, which fit a pull-request comment."""
    data = text.lstrip("\n").encode("utf-8", "backslashreplace")
    if len(data) > MAX_SUMMARY:
        note = b"\n\nThe rest is left out: it is too long for a comment.\n"
        data = data[: MAX_SUMMARY - len(note)].rpartition(b"\n")[0] + note
    try:
        with open(path, "wb") as file:
            file.write(data)
    except (OSError, ValueError) as problem:
        raise Failed(f"Can't write the summary to {path}: {reason(problem)}.") from None
