"""Secrets on the command line: no error and no hint repeats one, wherever it was typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

# V is a value, T a token. The first block is never understood; what stands for a name in the second one is looked up.
VALUES = """\
env set KEY V --nope | env set KEY -V | env set KEY --V | env set KEY --V=x | env set KEY=V --target nowhere
env set KEY=V --json --jsonl | env set KEY V --stdin=yes | env add KEY V | env add V | env add KEY=V OTHER=x
env add KEY --V | env add KEY -V | env KEY=V | env new KEY V --target preview | env unset KEY=V | env rmeove KEY=V
config:set KEY=V | secrets set KEY=V | variables --set KEY=V | set KEY V | env stt KEY V | envv set KEY V
webhook verify --secret V a b | webhook verify --secret V | webhook sign a V --secret | webhook sign --secrt=V
webhook sign --secrt V | webhook send deployment.redy --to http://127.0.0.1:1/ --secret V | listen --secret V
api /x -f token=V --nope | api /x -f token=V -X FETCH | curl /x -f token=V | projects list --token V
auth login --with-token V | auth login --with-token=V | auth login --token V | login V | login --token=V | login --V
signin V | signin --token V | --token V projects list | sandbox serve --token V --role nobody
sandbox serve --token V --prt 1 | env set KEY \u2013V --nope | env set T-1=x
auth T | auth token T | auth login T | login T | auth login --token=T | auth login --token T | --T | T | deploy T
projects list --T | projects list --limit T | projects rm T | projects get docs T | env list --target T | help T"""
NAMES = "auth switch T | projects get T | projects list --org T | profile use T | env list -pT | deploy get T"
SECRET = "c4n4ry-v4lue"
TOKEN = "dpx_c4n4ry0123456789abcdefghij"


@pytest.mark.parametrize("line", " | ".join((*VALUES.splitlines(), NAMES)).split(" | "))
def test_a_secret_on_the_command_line_is_not_shown(dpx: Program, sandbox: Sandbox, line: str) -> None:
    """As text, as JSON and with --debug; nothing but reading requests is sent."""
    words = [re.sub(r"\bV\b", SECRET, re.sub(r"(?<![A-Z])T\b", TOKEN, word)) for word in line.split()]
    for format_ in ((), ("--json",), ("--debug",)):
        result = dpx(*words, *format_)
        assert result.code == 2 or line in NAMES, result
        assert result.code != 0
        assert "c4n4ry" not in result.out + result.err, result
        assert result.code != 2 or format_ or "--json" in words or len(result.err.splitlines()) == 2, result
    assert all(seen.method == "GET" for seen in sandbox.requests)
