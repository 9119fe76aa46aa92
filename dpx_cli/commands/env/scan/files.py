"""Find which environment variables the code in a directory reads. A file is only parsed if it mentions them at all."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.commands.env.scan.readings import Found
from dpx_cli.errors import DpxError, Failed, NotFound, reason
from dpx_cli.system import git
from dpx_cli.system.files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = ("py", "pyw")
KINDS = ("js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte", "astro", *PYTHON)
SUFFIXES = tuple(f".{kind}" for kind in KINDS)
HTML = ".html"  # which only counts as code if it reads something
# Folders that hold no source of one's own, for where git can't tell. So do hidden ones, and virtual environments.
SKIPPED = frozenset(
    {"node_modules", "bower_components", "dist", "build", "out", "coverage", "storybook-static", "__pycache__"}
)
VIRTUAL_ENVIRONMENT = "pyvenv.cfg"
NOTHING = Found([], [], [])
MAX_BYTES = 1024 * 1024  # of a file; what is larger is generated

_MENTIONS_JAVASCRIPT = re.compile(rb"[eE]nv(?![\w$])")
_JAVASCRIPT_ROOTS = (b"process", b"import.meta", b"Deno", b"Bun", b"bun", b"$env/", b"astro:env/", b"loadEnv")
_MENTIONS_HTML = re.compile(rb"%[\w.]*(?:VITE|REACT_APP|PUBLIC)_|import\.meta")
_MENTIONS_PYTHON = (b"environ", b"getenv")


class CodeLocation(NamedTuple):
    """Where a variable is read; optional if it has a default there."""

    file: str
    line: int
    optional: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line}{' (with a default)' * self.optional}"


@dataclass
class Scan:
    """What the code in a directory reads, and what of it can't be told."""

    keys: dict[str, list[CodeLocation]] = field(default_factory=dict)  # every place
    dynamic: list[str] = field(default_factory=list)
    whole: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # can't be read, too large, or not valid Python
    absent: list[str] = field(default_factory=list)  # tracked, but not in the working tree
    files: int = 0
    git_problems: list[git.Problem] = field(default_factory=list)  # why git didn't list the repository's files

    @property
    def is_complete(self) -> bool:
        """Whether all the code there is was read."""
        return bool(self.files) and not (self.unread or self.absent or self.git_problems)

    def add(self, file: str, found: Found) -> None:
        """Add what one file reads."""
        for reading in found.readings:
            self.keys.setdefault(reading.key, []).append(CodeLocation(file, reading.line, reading.optional))
        for places, lines in ((self.dynamic, found.dynamic), (self.whole, found.whole)):
            places += [f"{file}:{line}" for line in lines]


def scan(path: str) -> Scan:
    """Return what the code in a directory reads, or in one file.

    Raises Failed if the directory can't be read, or a file's parser isn't installed.
    """
    result = Scan()
    for name, file in _files(path, result):
        # What a link leads to is in the repository, and scanned, or is none of its code.
        if os.path.islink(file):
            continue
        try:
            source = read_bytes(file, "the code", MAX_BYTES + 1, follow=False)
        except DpxError:
            result.unread.append(name)
            continue
        if source is None:
            result.absent.append(name)
            continue
        found = read(source, name) if len(source) <= MAX_BYTES else None
        result.files += not name.endswith(HTML) or bool(found and found.readings)
        if found is not None:
            result.add(name, found)
        elif not name.endswith(HTML):
            result.unread.append(name)
    return result


def read(source: bytes, name: str) -> Found | None:
    """Return what one file reads, by the kind that its name tells; None if it isn't valid."""
    kind = name.rpartition(".")[2].lower()
    if kind in PYTHON:
        if not any(word in source for word in _MENTIONS_PYTHON):
            return NOTHING
        from dpx_cli.commands.env.scan import python

        return python.read(source)
    if kind == "html":
        if _MENTIONS_HTML.search(source) is None:
            return NOTHING
    elif not any(root in source for root in _JAVASCRIPT_ROOTS) or _MENTIONS_JAVASCRIPT.search(source) is None:
        return NOTHING
    try:
        from dpx_cli.commands.env.scan import javascript
    except ImportError as missing:
        raise Failed(
            f"Can't read {name}: the Python package {missing.name} isn't installed (there are no wheels of it for "
            "every platform).",
            hint="Run: pip install tree-sitter tree-sitter-javascript tree-sitter-typescript",
        ) from None
    return javascript.read(source, kind)


def _files(path: str, result: Scan) -> Iterator[tuple[str, str]]:
    """Yield the source files of a directory: their names as a user reads them, and their paths."""
    if os.path.isfile(path):
        yield path, path
        return
    if not os.path.isdir(path):
        raise NotFound(f"No such file or directory: {path}", hint="Check the path.")
    prefix = "" if os.path.normpath(path) == os.curdir else path.rstrip("/\\" if os.sep == "\\" else "/") + "/"
    problems: list[git.Problem] = []
    names = git.tracked(path, problems=problems)
    if names is None and git.find_top(path):
        result.git_problems = problems or [git.Problem("git can't read it")]
    # In a directory that git ignores, or before the first `git add`, there is nothing tracked.
    for name in names or _walk(path):
        if name.endswith((*SUFFIXES, HTML)):
            yield prefix + name, os.path.join(path, name)


def _walk(path: str) -> Iterator[str]:
    """Yield the files below a directory, without those of hidden and build folders, relative to it, sorted."""

    def fail(error: OSError) -> None:
        if error.filename == path:
            raise Failed(f"Can't read {path}: {reason(error)}") from error

    for folder, folders, files in os.walk(path, onerror=fail):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        if VIRTUAL_ENVIRONMENT in files:
            folders.clear()
            continue
        relative = os.path.relpath(folder, path).replace(os.sep, "/")
        yield from (name if relative == "." else f"{relative}/{name}" for name in sorted(files))
