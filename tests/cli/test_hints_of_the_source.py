"""Every command that a hint in the source names: it exists, and it takes these options and arguments."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import dpx_cli
from dpx_cli.cli import parser
from dpx_cli.cli.command_table import TABLE
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(dpx_cli.__file__).parent
# A command ends the hint or stands before punctuation.
COMMAND = re.compile(r"\b[Rr]un: (dpx \w.*?)(?:[.;,] .*|[.]?)$", re.DOTALL)
FILLED = "FILLED"  # instead of a value that an f-string is filled with


def text_of(node: ast.AST) -> str | None:
    """Return the text of a string in the source."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else FILLED for part in node.values)
    return None


def commands() -> Iterator[tuple[str, str]]:
    """Yield each command to run that a string of the source has, and where it is."""
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            text = None if id(node) in inner | docstrings else text_of(node)
            if text and (found := COMMAND.search(text)):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", found[1]  # type: ignore[attr-defined]  # a string has a line


def test_a_hints_command_can_be_pasted() -> None:
    """Its words are dpx's; a value that stands for the user's own may be of any kind."""
    found = list(commands())
    assert len(found) > 20
    wrong = [(where, command) for where, command in found if not can_be_pasted(command)]
    assert not wrong


def can_be_pasted(command: str) -> bool:
    """Return whether dpx understands a command of a hint, or at least one of those that it stands for."""
    command = re.sub(rf"(?<=\w)(?:{FILLED})+$|(?<= ){FILLED}(?:{FILLED})+", "", command).replace("\\", "")
    words = shlex.split(command.partition(" < ")[0].partition("|")[0])[1:]
    if words[0] == FILLED:
        return True
    group = TABLE[words[0]].get("commands", {})
    named = [[words[0], name, *words[2:]] for name in group] if words[1:2] == [FILLED] and group else [words]
    return any(is_understood(words) for words in named)


def is_understood(words: list[str]) -> bool:
    """Return whether a command line has no mistake but a value that isn't one yet."""
    try:
        found = parser.route(words)
        if isinstance(found, parser.Route):
            parser.parse(found)
    except parser.Mistake:
        return False
    except UsageError as error:
        return error.message.startswith(("Invalid ", "Missing "))
    return True
