"""deploxa.toml as a setting: which project a checkout belongs to. `commands/state/document.py` reads the whole file.

It comes with a checkout, so it is trusted no more than a link file.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.errors import UsageError
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 16  # parts of a dotted key: tomllib needs the square of their number
# A closing delimiter of three quotes may be preceded by up to two quotes that belong to the string. What isn't closed
# reaches to the end of its line, or of the text.
_PIECES = r"""
    (?P<string> \"{3}(?:[^\\]|\\.)*?(?:\"{3,5}|\\?\Z) | '{3}.*?(?:'{3,5}|\Z) | "(?:[^"\\\n]|\\[^\n])*["]? | '[^'\n]*'? )
    | \#[^\n]* | (?P<mark> [\n\[\]{}=.,]) | (?P<bare> [^\s"'\#\[\]{}=.,]+)
"""


class ProjectFile(NamedTuple):
    """A deploxa.toml. Its `slug` is "slug" or "org/slug", or "" if the file doesn't contain one."""

    path: str
    slug: str

    @property
    def org_slug(self) -> str | None:
        """The organization, if the slug has one."""
        return self.slug.rpartition("/")[0] or None

    @property
    def reference(self) -> str:
        """The project. Raises UsageError if the file doesn't contain one."""
        if not self.slug:
            raise UsageError(
                f"{self.path} doesn't specify a project.", hint='Add slug = "SLUG" to its table [project].'
            )
        return self.slug


def find_tokens(text: str) -> Iterator[re.Match[str]]:
    """Yield the strings, marks and bare words of a TOML text, as `lastgroup`, and its comments."""
    return re.finditer(_PIECES, text, re.VERBOSE | re.DOTALL)


def check_depth(text: str) -> None:
    """Raise ValueError, as tomllib would, for a key with more than `MAX_DEPTH` parts."""
    depth, was_dot = 0, False
    for token in find_tokens(text) if text.count(".") >= MAX_DEPTH else ():
        is_dot = token[0] == "."
        depth = depth + is_dot if is_dot or was_dot else 0
        was_dot = is_dot
        if depth >= MAX_DEPTH:
            line, column = line_and_column(text, token.start())
            raise ValueError(f"A key has more than {MAX_DEPTH} parts (at line {line}, column {column})")


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of an offset, each from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def load(path: str) -> bytes:
    """Return the bytes of a deploxa.toml."""
    # A checkout may have a symbolic link here: to a device or a pipe that never ends.
    data = files.read_bytes(path, "the project file", MAX_BYTES + 1) if os.path.isfile(path) else None
    if data is None:
        raise UsageError(f"{path} is not a regular file.", hint="Replace it with a file.")
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES // 1024} KiB.", hint="Shorten it.")
    return data


def read(path: str) -> ProjectFile:
    """Read which project a deploxa.toml specifies, and nothing else in it."""
    import tomllib

    hint = "Run: dpx plan"  # which names every mistake with its line
    try:
        text = load(path).decode("utf-8-sig")
        check_depth(text)
        document: Any = tomllib.loads(text)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8.", hint=hint) from None
    except (ValueError, RecursionError) as problem:
        place = str(problem).rpartition("(at ")[2].rstrip(")") if "(at " in str(problem) else "a number"
        raise UsageError(f"{path} is not valid TOML, at {place}.", hint=hint) from None
    project = document.get("project")
    slug = project.get("slug") if isinstance(project, dict) else None
    return ProjectFile(path, slug if isinstance(slug, str) else "")
