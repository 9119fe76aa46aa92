"""`dpx env diff` and `dpx env copy --keys`: keys and targets, and the plain word that values cannot be had."""

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
    assert result.err == "note: values cannot be compared: the API does not give them\n"
    assert [json.loads(line) for line in dpx(*argv, "--jsonl", stdin=FILE).out.splitlines()] == wanted
    assert dpx(*argv, "-q", stdin=FILE).out.split() == [row["key"] for row in wanted]
    assert dpx(*argv, stdin=FILE).rows[1] == ["project", "NEXT_PUBLIC_API_URL", "production,preview,development"]
    (dpx.cwd / ".env").write_bytes(FILE)
    shown = dpx.tty("env", "diff", ".env", "-p", "storefront").out
    assert "Only in" in shown
    assert "values cannot be compared" in shown


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


def test_copy_prints_what_the_other_lacks(dpx: Program, sandbox: Sandbox) -> None:
    """In every format; nothing is changed, and it says so."""
    dpx("env", "set", "DATABASE_URL=1", "-p", "docs")
    sandbox.clear_requests()
    argv = ("env", "copy", "acme/storefront", "docs", "--keys")
    result = dpx(*argv, "--json")
    assert [item["key"] for item in result.json] == ["NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY"]
    assert result.err == "note: values cannot be compared or copied: the API does not give them\n"
    assert len(dpx(*argv, "--jsonl").out.splitlines()) == 2
    assert dpx(*argv, "-q").out.split() == ["NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY"]
    assert [row[0] for row in dpx(*argv).rows] == ["NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY"]
    assert "Sensitive" in dpx.tty(*argv).out
    assert all(seen.method == "GET" for seen in sandbox.requests)
    assert "docs has every key of docs" in dpx.tty("env", "copy", "docs", "docs", "--keys").out


@pytest.mark.parametrize("argv", [["storefront", "docs"], ["storefront", "--keys"]])
def test_copy_without_keys_or_with_one_project_is_refused(dpx: Program, sandbox: Sandbox, argv: list[str]) -> None:
    """Because values cannot be had."""
    result = dpx("env", "copy", *argv)
    assert result.code == 2, result
    assert sandbox.requests == []
    if "--keys" not in argv:
        assert "values cannot be copied: the API does not give them" in result.err
        assert "dpx env copy storefront docs --keys" in result.err


def test_copy_of_a_project_that_is_not_there(dpx: Program) -> None:
    """Exit 3."""
    assert dpx("env", "copy", "storefront", "none", "--keys").code == 3
