"""Man pages: every command is there, and the source is clean."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from dpx_cli.cli import man
from dpx_cli.cli.command_table import ROOT, TABLE

PAGES = man.pages("2026-11-24")


def rendered(source: str) -> str:
    """Return a page as a terminal without bold shows it, in one line."""
    done = subprocess.run(
        ["mandoc", "-Tutf8", "-O", "width=200"], input=source, capture_output=True, text=True, check=True
    )
    text = done.stdout
    while "\b" in text:
        at = text.index("\b")
        text = text[: at - 1] + text[at + 1 :]
    return " ".join(text.split())


def test_there_is_a_page_for_dpx_and_one_for_each_group() -> None:
    """Root commands are explained in dpx(1)."""
    groups = {name for name, entry in TABLE.items() if "commands" in entry}
    assert set(PAGES) == {"dpx.1", *(f"dpx-{name}.1" for name in groups)}


@pytest.mark.parametrize("name", PAGES)
def test_mandoc_finds_nothing_wrong(name: str) -> None:
    """Not even in style."""
    if not shutil.which("mandoc"):
        pytest.skip("NOT LINTED: mandoc is not installed")
    done = subprocess.run(["mandoc", "-Tlint"], input=PAGES[name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_command_option_and_example_is_on_its_page() -> None:
    """As it is typed, also after roff has read it."""
    if not shutil.which("mandoc"):
        pytest.skip("NOT CHECKED: mandoc is not installed")
    root = rendered(PAGES["dpx.1"])
    for flag in (flag for option in ROOT for flag in option["flags"]):
        assert flag in root
    for name, entry in TABLE.items():
        page = rendered(PAGES[f"dpx-{name}.1"]) if "commands" in entry else root
        for command in entry.get("commands", {"": entry}).values():
            assert " ".join(command["example"].split()) in page
            assert " ".join(command["help"].split()) in page
            for param in command["params"]:
                assert all(flag in page for flag in param.get("flags", ()))


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (".env 'x' `y`", "\\&.env \\(aqx\\(aq \\(gay\\(ga"),
        ("'quoted'", "\\(aqquoted\\(aq"),
        ("a\\b --c", "a\\eb \\-\\-c"),
        ("fail/…", "fail/\\[u2026]"),
    ],
)
def test_nothing_in_a_text_is_taken_for_a_request(text: str, source: str) -> None:
    """A line of roff that begins with a period or an apostrophe is a request."""
    assert list(man._text(text)) == [source]
