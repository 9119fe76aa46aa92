"""What `dpx env scan` reads in code of each framework: no miss, no false alarm.

The files in `code/` say in comments what each line reads: `//: A B? dynamic` is A, B with a default, and an access
whose name is computed; `@-2` is two lines before.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from dpx_cli.commands.env.scan import files

CODE = Path(__file__).parent / "code"
FILES = sorted(path for path in CODE.rglob("*") if path.is_file())
MARK = re.compile(r"(?://|#|/\*|<!--): ([^*]*?)(?:\s*\*/|\s*-->|$)")


def expected(text: str) -> Counter[tuple[int, str]]:
    """Return what the marks of a file say: line and word, as often as it is read."""
    found: Counter[tuple[int, str]] = Counter()
    for number, line in enumerate(text.split("\n"), 1):
        for mark in MARK.finditer(line):
            for word in mark[1].split():
                name, _, shift = word.partition("@")
                found[number + int(shift or 0), name] += 1
    return found


def actual(path: Path) -> Counter[tuple[int, str]]:
    """Return what is found in a file, in the same form."""
    found = files.read(path.read_bytes(), path.name.removesuffix(".txt"))
    assert found is not None
    return Counter(
        [
            *((reading.line, reading.key + "?" * reading.optional) for reading in found.readings),
            *((line, "dynamic") for line in found.dynamic),
            *((line, "whole") for line in found.whole),
        ]
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_file_reads_what_its_marks_say(path: Path) -> None:
    """Every reading with its line and whether it has a default; nothing else."""
    wanted, found = expected(path.read_text(encoding="utf-8")), actual(path)
    assert {"missed": wanted - found, "false": found - wanted} == {"missed": Counter(), "false": Counter()}


LARGE = """\
import os
from os import environ
A = os.environ['A']
os.environ['W'] = 'x'
B = os.environ.get('B', 'x')
C = os.getenv('C')
D = environ[name]
E = environ['E'] == 'x'
F = dict(**os.environ)
G = x.environ['NO']
H = "os.environ['NO']"  # os.environ['NO']
I = environ.get(
    'I')
"""


def test_a_large_python_file_is_read_by_its_tokens() -> None:
    """The same readings as in a small one, for what is written in the usual ways."""
    small, large = (files.read(f"{LARGE}#{filler}\n".encode(), "a.py") for filler in ("", "x" * 300_000))
    assert small is not None
    assert [reading.key for reading in small.readings] == ["A", "B", "C", "E", "I"]
    assert large == small
    assert files.read(f"{LARGE}'''{'x' * 300_000}\n".encode(), "a.py") is None


@pytest.mark.parametrize(
    "text",
    [
        "process.env.A;" + "(" * 200_000,
        "f(" + "process.env.A," * 20_000 + ")",
        "{const env=process.env;env.A}" * 10_000,
        "process.env.A||" * 20_000,
        "process.env.A?[" + "process.env.A," * 20_000 + "]:" + "(" * 20_000 + "1" + ")" * 20_000,
        "`${" * 100_000 + "process.env.A",
        "process.env.A;}[]'\"`${}/*<>=!?&|(),:;\n\\" * 1000,
    ],
    ids=["parentheses", "arguments", "aliases", "defaults", "guards", "templates", "nonsense"],
)
def test_no_size_or_depth_is_too_much(text: str) -> None:
    """Each is read to its end, in time that grows with its length."""
    found = files.read(text.encode(), "a.ts")
    assert found is not None
    assert {reading.key for reading in found.readings} == {"A"}
