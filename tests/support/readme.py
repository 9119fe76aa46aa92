"""The README as a program: its shell blocks run in order against one sandbox.

`python tests/support/readme.py` updates the outputs of the `console` blocks, and `tests/test_readme.py` compares them.
A `console` block is what a terminal shows: lines that begin with "$ " are typed,
the rest is what came. A `sh` block is run as a script and must end with 0.
"""

from __future__ import annotations

import re
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import program

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What differs from run to run: ids, ports, times, paths.
VARIABLE = (
    (re.compile(r"\bc[a-z0-9]{24}\b"), "ID"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"\bjust now\b|\b[\d.]+ (?:ms|s|min|h|d)\b(?: ago)?"), "SPAN"),
    (re.compile(r"dpx_\*+\w+"), "TOKEN"),
    (re.compile(r"/\S*/(?=\.deploxa|project\.json)"), "FOLDER/"),
    (re.compile(r"-{4,}"), "----"),
    (re.compile(r"[ \t]+"), " "),
)


def normal(text: str) -> str:
    """A block's text with everything that differs from run to run put out of the way."""
    for pattern, name in VARIABLE:
        text = pattern.sub(name, text)
    return "\n".join(line.strip() for line in text.strip().splitlines())


def blocks(text: str, *languages: str) -> list[str]:
    """The code blocks of some languages, in order."""
    return [found[2] for found in BLOCK.finditer(text) if found[1] in languages]


def environment(sandbox: Sandbox, home: Path) -> dict[str, str]:
    """The reader's environment: a dumb terminal, logged in to the sandbox, `dpx` on the path."""
    dpx_on_faults = {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token, "TERM": "dumb", "LANG": "C.UTF-8"}
    return program.clean_env(home, dpx_on_faults)


def console(block: str, env: dict[str, str], cwd: Path) -> str:
    """A console block with the outputs that its commands have now."""
    lines = []
    for line in block.splitlines():
        if line.startswith("$ "):
            result = program.terminal(["sh", "-c", line[2:]], env=env, cwd=cwd, columns=100)
            lines += [line, *result.out.replace(str(cwd), "/home/you/shop").splitlines()]
    return "\n".join(lines) + "\n"


@contextmanager
def world() -> Iterator[tuple[dict[str, str], Path]]:
    """An environment and a folder for one reading of the README, with a sandbox to try things on."""
    with tempfile.TemporaryDirectory() as folder, Sandbox(build_seconds=0.5) as sandbox:
        cwd = Path(folder) / "shop"
        cwd.mkdir()
        yield environment(sandbox, Path(folder)), cwd


def rewritten(text: str, run: Callable[[str], str]) -> str:
    """The README with every console block's outputs as they are now."""
    return BLOCK.sub(lambda found: f"```{found[1]}\n{run(found[2])}```" if found[1] == "console" else found[0], text)


def main() -> None:
    """Write the outputs of the console blocks as they are now."""
    text = README.read_text(encoding="utf-8")
    with world() as (env, cwd):
        text = rewritten(text, lambda block: console(block, env, cwd))
    README.write_text(text, encoding="utf-8")
    sys.stdout.write("README.md is up to date\n")


if __name__ == "__main__":
    main()
