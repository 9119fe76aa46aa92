"""`dpx help`: topics drawn from the program's own tables, and every command's help by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dpx_cli import errors
from dpx_cli.cli import help as pages
from dpx_cli.cli import topics
from dpx_cli.cli.command_table import TABLE
from dpx_cli.config.settings import VARIABLES

if TYPE_CHECKING:
    from tests.conftest import Program

NAMES = [(name, *([sub] if sub else [])) for name, entry in TABLE.items() for sub in ("", *entry.get("commands", ()))]


def test_help_alone_is_the_roots_help_and_the_topics(dpx_offline: Program) -> None:
    """On stdout, for it is what was asked for."""
    result = dpx_offline("help")
    assert (result.code, result.err) == (0, "")
    root = dpx_offline("--help").out
    assert result.out.startswith(root)
    for name, topic in topics.read().items():
        assert name in root
        assert " ".join(f"{name} {topic['summary']}".split()) in " ".join(result.out.split())


@pytest.mark.parametrize("topic", topics.read())
@pytest.mark.parametrize("columns", [40, 100])
def test_a_topic_fits_the_screen(dpx_offline: Program, topic: str, columns: int) -> None:
    """And ends in a newline; nothing but what must stay whole is wider."""
    result = dpx_offline("help", topic, env={"COLUMNS": str(columns)})
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(topics.read()[topic]["summary"].split()[0])
    assert result.out.endswith("\n")
    assert "\x1b" not in result.out
    if columns == 100:
        assert max(map(len, result.out.splitlines())) <= columns


def test_every_exit_code_is_explained_with_its_error_codes(dpx_offline: Program) -> None:
    """As the types have them."""
    rows = {int(code): (names, meaning) for code, names, meaning in topics.exit_code_rows()}
    assert list(rows) == [int(code) for code in errors.ExitCode]
    kinds: list[type[errors.DpxError]] = [errors.DpxError, *errors.DpxError.__subclasses__()]
    for kind in kinds:
        assert kind.code in rows[int(kind.exit_code)][0].split(", ")
    text = " ".join(dpx_offline("help", "exit-codes").out.split())
    for code, (names, meaning) in rows.items():
        assert f"{code} {meaning}" in text
        assert names in text


def test_every_variable_is_explained(dpx_offline: Program) -> None:
    """As the settings have them."""
    text = " ".join(dpx_offline("help", "environment", env={"COLUMNS": "100"}).out.split())
    for name, what, default in VARIABLES:
        assert f"{name} {what}" in text
        assert default in text


@pytest.mark.parametrize("words", NAMES, ids=" ".join)
def test_a_commands_help_comes_by_either_way(dpx_offline: Program, words: tuple[str, ...]) -> None:
    """`dpx help projects list` is `dpx projects list --help`; a topic that is a group too leads to its commands."""
    result = dpx_offline("help", *words)
    assert (result.code, result.err) == (0, "")
    if words[0] in topics.read() and len(words) == 1:
        assert (f"dpx {words[0]} --help lists its commands." in result.out) == ("commands" in TABLE[words[0]])
    else:
        assert result.out == dpx_offline(*words, "--help").out


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["exit-code"], "No such topic: exit-code", "Did you mean exit-codes? Run: dpx help exit-codes"),
        (["projcts"], "No such command: dpx projcts", "Did you mean projects? Run: dpx projects --help"),
        (["qqqq"], "No such command: dpx qqqq", "Run: dpx --help"),
        (["projects", "lst"], "No such command: dpx projects lst", "Did you mean list? Run: dpx projects list --help"),
        (["deploy", "lst"], "No such command: dpx deploy lst", "Did you mean list? Run: dpx deploy list --help"),
        (["projects", "list", "x"], "Unexpected argument: x", "Run: dpx projects list --help"),
        (["whoami", "x"], "Unexpected argument: x", "Run: dpx whoami --help"),
        (["formats", "x"], "Unexpected argument: x", "Run: dpx help formats"),
        (["ci", "x"], "No such command: dpx ci x", "Run: dpx ci --help"),
        (["logs"], "The Deploxa API has no logs.", "Run: dpx deploy get --latest --help"),
    ],
)
def test_what_there_is_not_gets_the_nearest(dpx_offline: Program, words: list[str], error: str, hint: str) -> None:
    """Exit 2, one line and a way out."""
    result = dpx_offline("help", *words)
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error: {error}\nhint: {hint}\n"


def test_on_a_terminal_it_has_color_and_without_it_none(dpx_offline: Program) -> None:
    """Headings are bold."""
    assert "\x1b[1mExit codes\x1b[0m" in dpx_offline.tty("help", "exit-codes").out
    assert "\x1b" not in dpx_offline.tty("help", "exit-codes", env={"NO_COLOR": "1"}).out
    assert "\x1b[1mExit codes\x1b[0m" in dpx_offline("help", "exit-codes", env={"FORCE_COLOR": "1"}).out
    assert "\x1b[1mStart here\x1b[0m" in dpx_offline("--help", env={"FORCE_COLOR": "1"}).out
    assert "\x1b" not in dpx_offline("--help").out


def test_coming_from_is_searched_by_a_tool_or_a_word(dpx_offline: Program) -> None:
    """Only rows with it are shown; what matches nothing is said."""
    whole = dpx_offline("help", "coming-from").out
    found = dpx_offline("help", "coming-from", "Heroku").out
    assert "config set (heroku)" in found
    assert "dpx deploy again ID" in found
    assert "railway)" not in found.replace("(heroku, railway)", "").replace("fly, railway, render)", "")
    assert len(found) < len(whole)
    assert "dpx init" in dpx_offline("help", "coming-from", "launch").out
    assert "Nothing matches qqqq." in dpx_offline("help", "coming-from", "qqqq").out


def test_help_fits_a_screen(dpx_offline: Program) -> None:
    """That of deploy in 40 lines, the root's in 45."""
    for columns in ("80", "100"):
        assert len(dpx_offline("deploy", "--help", env={"COLUMNS": columns}).out.splitlines()) <= 40
        assert len(dpx_offline("--help", env={"COLUMNS": columns}).out.splitlines()) <= 45


def test_options_that_many_commands_have_are_a_line_each(dpx_offline: Program) -> None:
    """Output options in one line, the common ones in another; more than ten options of its own stand in panels."""
    for name, entry in TABLE.items():
        for sub, command in entry.get("commands", {"": entry}).items():
            if name in topics.read() and not sub and "commands" not in entry:
                continue
            lines = dpx_offline(name, *([sub] if sub else []), "--help").out.splitlines()
            if "commands" in entry and not sub and "" not in entry["commands"]:
                continue
            options = [param for param in command["params"] if "flags" in param]
            own = [param for param in options if param["name"] not in (*pages.FORMATS, *pages.COMMON)]
            assert sum("--profile" in line for line in lines if line.startswith("Common: ")) == 1, (name, sub)
            assert not any(re.match(r" +(-q, )?--(json|jsonl|quiet|fields|jq|profile|debug)\b", line) for line in lines)
            titles = {param.get("panel", "Options") for param in own}
            assert len(own) <= pages.MAX_OPTIONS or (len(titles) > 1 and titles <= set(lines)), (name, sub)
