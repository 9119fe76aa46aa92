"""What `dpx env scan` reads in code of each framework: no miss, no false alarm.

The files in `code/` say in comments what each line reads: `//: A B? dynamic` is A, B with a default, and an access
whose name is computed; `@-2` is two lines before.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from dpx_cli.commands.env import sources

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
    found = sources.read(path.read_bytes(), path.name.removesuffix(".txt"))
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
    wanted, found = expected(path.read_text()), actual(path)
    assert {"missed": wanted - found, "false": found - wanted} == {"missed": Counter(), "false": Counter()}
