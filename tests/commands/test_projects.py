"""`dpx projects` against the sandbox, in every format, on a terminal and off it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Program
    from dpx_cli.sandbox.server import Sandbox


def test_list_in_a_pipe_is_one_row_a_line_without_a_header(dpx: Program) -> None:
    """Tab-separated, no header, no escape sequence."""
    result = dpx("projects", "list")
    assert result.code == 0, result
    assert [row[0] for row in result.rows] == ["storefront", "docs", "api"], result
    assert "\x1b" not in result.out


def test_list_on_a_terminal_is_a_table(dpx: Program) -> None:
    """With a header."""
    result = dpx.tty("projects", "list")
    assert result.code == 0, result
    assert "Slug" in result.out
    assert "storefront" in result.out


def test_delete_wants_the_slug_typed(dpx: Program, box: Sandbox) -> None:
    """On a terminal; anything else deletes nothing."""
    refused = dpx.tty("projects", "delete", "docs", answers=[("type docs", "storefront\r")])
    assert refused.code == 2, refused
    assert "docs" in box.projects()
    done = dpx.tty("projects", "delete", "docs", answers=[("type docs", "docs\r")])
    assert done.code == 0, done
    assert "docs" not in box.projects()
