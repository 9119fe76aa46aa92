"""A list that is shown again and again."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.output.screen import Column, Screen

if TYPE_CHECKING:
    from tests.output.conftest import Terminal

COLUMNS = (Column("Id", "id"), Column("Status", "status", status=True))
FIRST: list[dict[str, Any]] = [{"id": "a", "status": "QUEUED", "n": 1}, {"id": "b", "status": "READY", "n": 1}]
SECOND: list[dict[str, Any]] = [
    {"id": "a", "status": "BUILDING", "n": 1},
    {"id": "b", "status": "READY", "n": 2},
    {"id": "c", "status": "QUEUED"},
]


def drawn(stream: str) -> list[str]:
    """What a terminal shows after a stream of text, upward moves, and erasures below the cursor."""
    lines = [""]
    row = 0
    for piece in re.split(r"(\x1b\[[0-9;]*[A-Za-z]|\n|\r)", stream):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif up := re.fullmatch(r"\x1b\[(\d+)A", piece):
            row -= int(up[1])
            assert row >= 0
        elif piece == "\x1b[J":
            del lines[row:]
            lines.append("")
        elif piece and piece != "\r" and not piece.startswith("\x1b"):
            lines[row] += piece
    return lines


@pytest.mark.parametrize(
    ("form", "first", "second"),
    [
        (None, "a\tQUEUED\nb\tREADY\n", "a\tBUILDING\nc\tQUEUED\n"),
        ("quiet", "a\nb\n", "a\nc\n"),
    ],
)
def test_off_a_terminal_only_changes_are_written(form: str | None, first: str, second: str) -> None:
    """By what the columns show."""
    stdout = io.BytesIO()
    screen = Screen(form, stdout=stdout, stderr=None, stdin=None, env={})
    with screen.watch(COLUMNS, key="id") as watch:
        watch.show(FIRST)
        watch.show(FIRST)
        assert stdout.getvalue().decode() == first
        watch.show(SECOND)
    assert stdout.getvalue().decode() == first + second


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_is_a_line_a_change(form: str) -> None:
    """By the whole item; a stream has no end to close an array at."""
    stdout = io.BytesIO()
    screen = Screen(form, stdout=stdout, stderr=None, stdin=None, env={})
    with screen.watch(COLUMNS, key="id") as watch:
        for items in (FIRST, FIRST, SECOND):
            watch.show(items)
    assert [json.loads(line) for line in stdout.getvalue().splitlines()] == FIRST + SECOND


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"CI": "true", "TERM": "xterm"}])
def test_in_ci_and_on_dumb_terminals_nothing_is_redrawn(terminal: Terminal, env: dict[str, str]) -> None:
    """Plain lines there too."""
    with terminal.screen(env=env).watch(COLUMNS, key="id") as watch:
        watch.show(FIRST)
        watch.show(FIRST)
    assert terminal.finish() == "a\tQUEUED\nb\tREADY\n"


def test_on_a_terminal_each_look_replaces_the_one_before(terminal: Terminal) -> None:
    """Longer, shorter, empty; the last one stays."""
    looks: list[tuple[list[dict[str, Any]], list[str]]] = [
        (FIRST, ["Id  Status", "─" * 10, "a   QUEUED", "b   READY"]),
        (SECOND, ["Id  Status", "─" * 12, "a   BUILDING", "b   READY", "c   QUEUED"]),
        ([], ["no deployments"]),
        (FIRST[1:], ["Id  Status", "─" * 10, "b   READY"]),
    ]
    with terminal.screen(env={"TERM": "xterm"}).watch(COLUMNS, key="id", empty="no deployments") as watch:
        for items, lines in looks:
            watch.show(items)
            shown = [line.rstrip() for line in drawn(terminal.finish())]
            assert shown == [*lines, ""]


def test_a_list_longer_than_the_terminal_is_cut(terminal: Terminal) -> None:
    """What has scrolled away cannot be drawn over."""
    with terminal.screen(env={"TERM": "xterm"}).watch(COLUMNS, key="id") as watch:
        for _ in range(2):
            watch.show([{"id": f"d{number}", "status": "READY"} for number in range(60)])
    lines = drawn(terminal.finish())
    assert len(lines) == 24
    assert lines[-2] == "and 40 more"


def test_wrapped_lines_count_as_several(terminal: Terminal) -> None:
    """An identifier is never cut, so a line may be wider than the terminal."""
    terminal.resize(20)
    with terminal.screen(env={"TERM": "xterm"}).watch(COLUMNS, key="id") as watch:
        for _ in range(2):
            watch.show([{"id": "x" * 50, "status": "READY"}])
    assert "\x1b[9A" in terminal.finish()
