"""Where the keys of a TOML text are, which neither `tomllib` nor `tomlkit` tells."""

from __future__ import annotations

import tomllib

from dpx_cli.config.project_file import find_tokens


def find_keys(text: str) -> dict[tuple[str, ...], int]:
    """Return the offset of every table and key of a valid TOML text, by its path; the first one where several are."""
    offsets: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()  # of the last header
    path: tuple[str, ...] = ()  # of the key that is read
    brackets: list[tuple[str, tuple[str, ...]]] = []  # open ones of a value, with the path of the key before them
    part = "start"  # of a statement: "start", "header", "key" or "value"
    header = 0
    for token in find_tokens(text):
        mark, offset, kind = token[0], token.start(), token.lastgroup
        if mark == "\n":
            if not brackets:
                table = path if part == "header" else table
                part, path = "start", table
        elif mark == "=":
            part = "value"
        elif mark in ("{", "[") and part == "value":
            brackets.append((mark, path))
            part = "key" if mark == "{" else part
        elif mark in ("}", "]") and brackets:
            path = brackets.pop()[1]
            part = "value"
        elif mark == "," and brackets:
            path = brackets[-1][1]
            part = "key" if brackets[-1][0] == "{" else part
        elif mark == "[":
            part, path, header = "header", (), header if part == "header" else offset
        elif kind in ("string", "bare") and part != "value":
            part = "header" if part == "header" else "key"
            path = (*path, mark if kind == "bare" else tomllib.loads(f"key = {mark}")["key"])
            offsets.setdefault(path, header if part == "header" else offset)
    return offsets
