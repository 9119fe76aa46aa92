"""`dpx env diff` of a file or of another project: keys and targets, and a note that values can't be compared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

FILE = b"NEW=1\nDATABASE_URL=2\n"
EVERY = ["production", "preview", "development"]


def test_diff_in_every_format(dpx: Program) -> None:
    """What only the file has comes first; exit 0; the note stands on stderr."""
    argv = ("env", "diff", "-", "-p", "storefront")
    wanted = [
        {"only": "file", "key": "NEW", "targets": []},
        {"only": "project", "key": "NEXT_PUBLIC_API_URL", "targets": EVERY},
        {"only": "project", "key": "STRIPE_SECRET_KEY", "targets": ["production", "preview"]},
    ]
    result = dpx(*argv, "--json", stdin=FILE)
    assert (result.code, result.json) == (0, wanted), result
    assert result.err == "note: Values can't be compared: the API doesn't return them.\n"
    assert [json.loads(line) for line in dpx(*argv, "--jsonl", stdin=FILE).out.splitlines()] == wanted
    assert dpx(*argv, "-q", stdin=FILE).out.split() == [row["key"] for row in wanted]
    assert dpx(*argv, stdin=FILE).rows[1] == ["project", "NEXT_PUBLIC_API_URL", "production,preview,development"]
    (dpx.cwd / ".env").write_bytes(FILE)
    shown = dpx.tty("env", "diff", ".env", "-p", "storefront").out
    assert "Only in" in shown
    assert "Values can't be compared" in shown


def test_diff_of_one_target_looks_at_that_one(dpx: Program) -> None:
    """A variable that is there for another target only is missing for this one."""
    result = dpx("env", "diff", "-", "-p", "storefront", "--target", "preview", "--json", stdin=FILE)
    assert result.json == [
        {"only": "file", "key": "NEW", "targets": ["preview"]},
        {"only": "file", "key": "DATABASE_URL", "targets": ["preview"]},
        {"only": "project", "key": "NEXT_PUBLIC_API_URL", "targets": ["preview"]},
        {"only": "project", "key": "STRIPE_SECRET_KEY", "targets": ["preview"]},
    ]
    result = dpx("env", "diff", "-", "-p", "docs", "--target", "preview", "--json", stdin=b"")
    assert result.json == []


def test_diff_exit_code(dpx: Program) -> None:
    """10 where there is a difference and it was asked for, after the rows."""
    result = dpx("env", "diff", "-", "-p", "docs", "--exit-code", stdin=b"SEARCH_KEY=\n")
    assert (result.code, result.out) == (0, ""), result
    result = dpx("env", "diff", "-", "-p", "docs", "--exit-code", stdin=b"")
    assert result.code == 10, result
    assert result.rows == [["project", "SEARCH_KEY", "production"]]


def test_diff_shows_no_value_and_sends_none(dpx: Program, sandbox: Sandbox) -> None:
    """Nor does a bad file."""
    for file in (b"A=canary\n", b"A canary\n"):
        result = dpx("env", "diff", "-", "-p", "storefront", stdin=file)
        assert "canary" not in result.out + result.err
    assert all(seen.method == "GET" for seen in sandbox.requests)


def test_diff_against_another_project(dpx: Program, sandbox: Sandbox) -> None:
    """In every format: the keys of each side with the targets that the other lacks; nothing is changed."""
    dpx("env", "set", "DATABASE_URL=1", "-p", "docs", "--target", "preview")
    sandbox.clear_requests()
    argv = ("env", "diff", "--against", "docs", "-p", "acme/storefront")
    wanted = [
        {"only": "acme/storefront", "key": "DATABASE_URL", "targets": ["production"]},
        {"only": "acme/storefront", "key": "NEXT_PUBLIC_API_URL", "targets": EVERY},
        {"only": "acme/storefront", "key": "STRIPE_SECRET_KEY", "targets": ["production", "preview"]},
        {"only": "docs", "key": "SEARCH_KEY", "targets": ["production"]},
        {"only": "docs", "key": "DATABASE_URL", "targets": ["preview"]},
    ]
    result = dpx(*argv, "--json")
    assert (result.code, result.json) == (0, wanted), result
    assert [json.loads(line) for line in dpx(*argv, "--jsonl").out.splitlines()] == wanted
    assert dpx(*argv, "-q").out.split() == [row["key"] for row in wanted]
    assert dpx(*argv).rows[0] == ["acme/storefront", "DATABASE_URL", "production"]
    assert "Only in" in dpx.tty(*argv).out
    only_preview = dpx(*argv, "--target", "preview", "--json").json
    assert [row["key"] for row in only_preview] == ["NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY", "DATABASE_URL"]
    assert dpx(*argv, "--exit-code").code == 10
    same = dpx("env", "diff", "--against", "docs", "-p", "docs", "--exit-code", "--json")
    assert (same.code, same.json) == (0, []), same
    assert all(seen.method == "GET" for seen in sandbox.requests)


@pytest.mark.parametrize("argv", [[], ["-", "--against", "docs"]])
def test_diff_takes_a_file_or_a_project(dpx: Program, sandbox: Sandbox, argv: list[str]) -> None:
    """Not both, and not neither."""
    result = dpx("env", "diff", *argv, "-p", "storefront")
    assert (result.code, result.out) == (2, ""), result
    assert sandbox.requests == []


def test_diff_against_a_project_that_does_not_exist(dpx: Program) -> None:
    """Exit 3."""
    assert dpx("env", "diff", "--against", "none", "-p", "storefront").code == 3


def test_copy_is_answered_with_diff(dpx: Program, sandbox: Sandbox) -> None:
    """Values can't be copied; the hint is the command that shows what the other project lacks."""
    result = dpx("env", "copy", "storefront", "docs")
    assert (result.code, result.out) == (2, ""), result
    assert "dpx env diff --against PROJECT" in result.err
    assert sandbox.requests == []
