"""Every help text: imperative, a whole sentence, and in plain words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.cli import help as help_pages
from dpx_cli.cli import main, parser, topics
from dpx_cli.cli.command_table import TABLE
from dpx_cli.config.settings import VARIABLES
from dpx_cli.output.terminal import Look

if TYPE_CHECKING:
    from collections.abc import Iterator

# The first word of a command's help, which says what it does for the user.
VERBS = {
    *(
        "Apply",
        "Ask",
        "Change",
        "Check",
        "Compare",
        "Complete",
        "Create",
        "Delete",
        "Deploy",
        "Describe",
        "Exit",
        "Explain",
    ),
    *("Filter", "Find", "Install", "Keep", "Let", "Limit", "Link", "List", "Log", "Make", "Open", "Print", "Read"),
    *("Receive", "Refuse", "Remove", "Run", "Send", "Serve", "Set", "Show", "Take", "Teach", "Try", "Unlink", "Verify"),
    *("Wait", "Write"),
}
# Phrases that words.md replaces.
BANNED = re.compile(
    r"\b(there is none|it goes on|goes on|go on|nobody|whatever|mend|anew|takes? it away|stands (?!for)"
    r"|exclude each other|not there|where there|where none|where one|tells? (?:more|no)|without it|a world|look at"
    r"|may be given several|be asked|in which case|folder)\b",
    re.IGNORECASE,
)


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
    for topic in topics.TOPICS:
        page = help_pages.Page(Look(width=100, color=False, links=False, unicode=True))
        topics.draw(topic, page)
        yield f"help {topic}", "page", page.render().decode()
    for name, what, _ in VARIABLES:
        yield name, "phrase", what


@pytest.mark.parametrize(("where", "kind", "text"), list(texts()))
def test_a_help_text_is_plain(where: str, kind: str, text: str) -> None:
    """A command's is an imperative sentence; none has a phrase that words.md replaces."""
    found = BANNED.search(" ".join(text.split()))
    assert not found, (where, found)
    if kind == "command":
        assert text.split(maxsplit=1)[0].strip(",") in VERBS, where
    if kind in {"command", "text", "option"}:
        assert re.search(r"[.\]]$", text), where
        assert text[0] == text[0].upper(), where


@pytest.mark.parametrize("topic", topics.TOPICS)
def test_a_topic_fits_a_screen_or_two(topic: str) -> None:
    """At 80 columns, in at most 66 lines."""
    page = help_pages.Page(Look(width=80, color=False, links=False, unicode=True))
    topics.draw(topic, page)
    assert len(page.lines) <= 66


@pytest.mark.parametrize(
    "row", [row for _, rows, _ in topics.LISTS.values() for row in rows if row[0].startswith("dpx ")], ids=str
)
def test_a_topics_commands_exist(row: tuple[str, str]) -> None:
    """With their options."""
    words: list[Any] = row[0].split()[1:]
    assert isinstance(main.parse_line(words), parser.Call)


def test_the_roots_help_has_every_command_once() -> None:
    """The five that people need first come first."""
    page = help_pages.Page(Look(width=100, color=False, links=False, unicode=True))
    help_pages.compose(page, ())
    listed = [line.split()[0] for line in page.lines if re.match(r"  [a-z]", line)]
    assert sorted(listed) == sorted(TABLE)
    assert tuple(listed[:5]) == help_pages.FIRST
