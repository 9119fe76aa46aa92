"""The step summary of GitHub Actions: Markdown in which nothing that came from a server or a file is markup."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from dpx_cli.errors import reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MARKUP = re.compile(r"[&<>\"'|\\`*_\[\](){}#!~@$]")
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def inert(text: str) -> str:
    """Return text for Markdown and HTML in which nothing but its characters means anything."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", _NO_TEXT.sub(" ", text))


def append(path: str, text: str) -> None:
    """Append to a file in one write, on a line of its own."""
    with open(path, "a+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                text = "\n" + text
        data = text.encode("utf-8", "backslashreplace")
        while data:
            data = data[file.write(data) :]


def add_table(
    env: Mapping[str, str], title: str, header: Sequence[str], rows: Sequence[Sequence[str]], empty: str
) -> str | None:
    """Add a table to the step summary, if this is GitHub Actions.

    Args:
        env: the environment.
        title: what the table is.
        header: its columns.
        rows: its rows, of text from anywhere.
        empty: what to say if there are none.

    Returns:
        What didn't work, as a warning, or None.
    """
    path = env.get("GITHUB_STEP_SUMMARY", "")
    if not path or env.get("GITHUB_ACTIONS", "").lower() != "true":
        return None
    lines = [header, ["---"] * len(header), *([inert(cell) for cell in row] for row in rows)]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines) if rows else f"{empty}\n"
    try:
        append(path, f"\n**{inert(title)}**\n\n{table}\n")
    except (OSError, ValueError) as problem:
        return f"Can't write to GITHUB_STEP_SUMMARY ({path}): {reason(problem)}"
    return None
