"""`dpx env diff` of a file or of another project: keys and targets, and a note that values can't be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

FILE = b"NEW=1\nDATABASE_URL=2\n"
EVERY = ["production", "preview", "development"]


def rows(dpx: Program, *argv: str, stdin: bytes = b"") -> list[tuple[str, str, list[str]]]:
    """Return the rows of a diff, and check its exit code and note."""
    result = dpx("env", "diff", *argv, "--json", stdin=stdin)
    assert result.code == 0, result
    assert result.err.endswith("note: Values can't be compared: the API doesn't return them.\n")
    return [(row["only"], row["key"], row["targets"]) for row in result.json]


def test_diff_of_a_file(dpx: Program, sandbox: Sandbox) -> None:
    """What only the file has comes first; with --target a variable for another target only is missing for this one."""
    assert rows(dpx, "-", "-p", "storefront", stdin=FILE) == [
        ("file", "NEW", []),
        ("project", "NEXT_PUBLIC_API_URL", EVERY),
        ("project", "STRIPE_SECRET_KEY", ["production", "preview"]),
    ]
    assert rows(dpx, "-", "-p", "storefront", "--target", "preview", stdin=FILE) == [
        ("file", "NEW", ["preview"]),
        ("file", "DATABASE_URL", ["preview"]),
        ("project", "NEXT_PUBLIC_API_URL", ["preview"]),
        ("project", "STRIPE_SECRET_KEY", ["preview"]),
    ]
    assert rows(dpx, "-", "-p", "docs", "--target", "preview") == []
    for file in (b"A=canary\n", b"A canary\n"):
        result = dpx("env", "diff", "-", "-p", "storefront", stdin=file)
        assert "canary" not in result.out + result.err
    assert all(seen.method == "GET" for seen in sandbox.requests)


def test_diff_exit_code(dpx: Program) -> None:
    """10 where there is a difference and it was asked for, after the rows."""
    argv = ("env", "diff", "-", "-p", "docs", "--exit-code")
    result = dpx(*argv, stdin=b"SEARCH_KEY=\n")
    assert (result.code, result.out) == (0, ""), result
    result = dpx(*argv)
    assert (result.code, result.rows) == (10, [["project", "SEARCH_KEY", "production"]]), result


def test_diff_against_another_project(dpx: Program, sandbox: Sandbox) -> None:
    """The keys of each side with the targets that the other lacks; nothing is changed."""
    dpx("env", "set", "DATABASE_URL=1", "-p", "docs", "--target", "preview")
    sandbox.clear_requests()
    argv = ("--against", "docs", "-p", "acme/storefront")
    assert rows(dpx, *argv) == [
        ("acme/storefront", "DATABASE_URL", ["production"]),
        ("acme/storefront", "NEXT_PUBLIC_API_URL", EVERY),
        ("acme/storefront", "STRIPE_SECRET_KEY", ["production", "preview"]),
        ("docs", "SEARCH_KEY", ["production"]),
        ("docs", "DATABASE_URL", ["preview"]),
    ]
    only_preview = [key for _, key, _ in rows(dpx, *argv, "--target", "preview")]
    assert only_preview == ["NEXT_PUBLIC_API_URL", "STRIPE_SECRET_KEY", "DATABASE_URL"]
    assert dpx("env", "diff", *argv, "--exit-code").code == 10
    assert dpx("env", "diff", "--against", "docs", "-p", "docs", "--exit-code").code == 0
    assert dpx("env", "diff", "--against", "none", "-p", "storefront").code == 3
    assert all(seen.method == "GET" for seen in sandbox.requests)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("diff", "-p", "storefront"), "Pass either FILE or --against PROJECT."),
        (("diff", "-", "--against", "docs", "-p", "storefront"), "Pass either FILE or --against PROJECT."),
        (("copy", "storefront", "docs"), "dpx env diff --against PROJECT"),
    ],
)
def test_what_cannot_be_compared(dpx: Program, sandbox: Sandbox, argv: tuple[str, ...], message: str) -> None:
    """Both or neither, exit 2; `copy` is answered with the command that shows what the other project lacks."""
    result = dpx("env", *argv)
    assert (result.code, result.out, message in result.err) == (2, "", True), result
    assert sandbox.requests == []
