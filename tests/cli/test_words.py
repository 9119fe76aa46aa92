"""Every help text: imperative, a whole sentence, and in plain words."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import dpx_cli
from dpx_cli.cli import help as help_pages
from dpx_cli.cli import main, parser, topics
from dpx_cli.cli.command_table import TABLE
from dpx_cli.config.settings import VARIABLES
from dpx_cli.output.terminal import Look

if TYPE_CHECKING:
    from collections.abc import Iterator

# Phrases that a technical writer would replace.
BANNED = re.compile(
    r"\b(there is none|it goes on|goes on|go on|nobody|whatever|mend|anew|takes? it away|stands (?!for)"
    r"|exclude each other|not there|where there|where none|where one|tells? (?:more|no)|without it|a world|look at"
    r"|may be given several|be asked|in which case|folder|answers?|answered|likewise|all the same|so many times"
    r"|takes (?!effect|one|precedence)|is taken|take (?!effect|to )|of several"
    r"|names no|is named|called here|mentions no|meanwhile)\b",
    re.IGNORECASE,
)
# The same in messages of the source, where some of these words may be names: sentences that were tried and read badly.
FOREIGN = re.compile(
    r"answer was lost|answered in|What is in DPX|page /settings|that Deploxa chooses|to make a project what|"
    r"what deploxa.toml says|of what is there|is taken instead|has a project already|exists already|no variable name|"
    r"It takes [a-z]|take targets away|is given again|half-way|names the project to delete|from where it is stored|"
    r"Nothing is known about|because an agent runs it|is asked and nothing|no promotion of|The command deletes|"
    r"that you run can read it|E-mail|\d %|\.\)\.|Warn of|names no|of several projects|did not ask for|home folder|"
    r"white space|[uU]pper case|that you may write|no one asked|as git names|keep secrets secret|does the rest"
)
NOT_IMPERATIVE = re.compile(r"[A-Z][a-z]+(?:ing|ed|(?<!s)s)\b")


def draw_topic(topic: str, width: int) -> list[str]:
    """Return the lines of a topic."""
    page = help_pages.Page(Look(width=width, color=False, links=False, unicode=True))
    topics.draw(topic, page)
    return page.lines


def texts() -> Iterator[tuple[str, str, str]]:
    """Yield where a text is, its kind and the text itself."""
    for name, entry in TABLE.items():
        if "commands" in entry:
            yield name, "command", entry["help"]
        for sub, command in entry.get("commands", {"": entry}).items():
            path = f"{name} {sub}".strip()
            yield path, "command", command["help"]
            if "more" in command:
                yield path, "text", command["more"]
            for param in command["params"]:
                yield f"{path} {param['name']}", "option", param["help"]
    for topic in topics.read():
        yield f"help {topic}", "page", "\n".join(draw_topic(topic, 100))
    for name, what, _ in VARIABLES:
        yield name, "phrase", what


def test_help_texts_are_plain() -> None:
    """A command's is an imperative sentence in one short line; none has a phrase that a technical writer replaces."""
    offenders = []
    for where, kind, text in texts():
        if phrase := BANNED.search(" ".join(text.split())):
            offenders.append((where, phrase[0]))
        if kind == "command" and (NOT_IMPERATIVE.match(text) or "\n" in text or len(text) > 110):
            offenders.append((where, text))
        if kind in {"command", "text", "option"} and not (re.search(r"[.\]]$", text) and text[0] == text[0].upper()):
            offenders.append((where, text))
    assert not offenders


def test_messages_are_plain() -> None:
    """No text in the source, docstrings aside, is one of the sentences that a technical writer has replaced."""
    offenders = []
    for path in sorted(Path(dpx_cli.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                offenders += [(path.name, node.lineno, found[0]) for found in FOREIGN.finditer(node.value)]
    assert not offenders


def test_topics_fit_a_screen_or_two() -> None:
    """At 80 columns, in at most 70 lines."""
    lengths = {topic: len(draw_topic(topic, 80)) for topic in topics.read()}
    assert not {topic: length for topic, length in lengths.items() if length > 70}


def test_the_commands_of_topics_exist() -> None:
    """With their options."""
    lines = [
        left.split()[1:]
        for topic in topics.read().values()
        for left, _ in topics.described(topic)
        if left.startswith("dpx ")
    ]
    assert len(lines) > 40
    assert [words for words in lines if not isinstance(main.parse_line(words), parser.Call)] == []


def test_the_roots_help_has_every_command_once() -> None:
    """The five that people need first come first."""
    page = help_pages.Page(Look(width=100, color=False, links=False, unicode=True))
    help_pages.compose(page, ())
    listed = [line.split()[0] for line in page.lines if re.match(r"  [a-z]", line)]
    assert sorted(listed) == sorted(TABLE)
    assert tuple(listed[:5]) == help_pages.FIRST
