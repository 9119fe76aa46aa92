"""Tokens on the command line: no error repeats one, wherever it was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

TOKEN = "dpx_c4n4ry0123456789abcdefghij"


@pytest.mark.parametrize(
    "words",
    [
        (TOKEN,),
        ("auth", TOKEN),
        ("auth", "token", TOKEN),
        ("auth", "login", TOKEN),
        ("login", TOKEN),
        ("auth", "login", f"--token={TOKEN}"),
        ("auth", "login", "--token", TOKEN),
        (f"--{TOKEN}",),
        ("auth", "switch", TOKEN),
        ("projects", "get", TOKEN),
        ("projects", "list", "--org", TOKEN),
        ("projects", "list", "--limit", TOKEN),
        ("profile", "use", TOKEN),
        ("env", "list", f"-p{TOKEN}"),
        ("env", "list", "--target", TOKEN),
        ("deploy", TOKEN),
        ("deploy", "get", TOKEN),
        ("help", TOKEN),
    ],
)
def test_a_token_on_the_command_line_is_not_shown(dpx: Program, sandbox: Sandbox, words: tuple[str, ...]) -> None:
    """As text and as JSON; where it is a name, the name may have been meant, so requests may be sent."""
    for format_ in ((), ("--json",)):
        result = dpx(*words, *format_)
        assert result.code != 0, result
        assert "c4n4ry" not in result.out + result.err, result
    assert all(seen.method == "GET" for seen in sandbox.requests)
