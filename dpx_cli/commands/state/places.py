"""Where the keys of a TOML text are, which neither `tomllib` nor `tomlkit` tells, and lines of it without values.

`deploxa.toml` may hold a secret by mistake, so a line is shown with its values left out. A text that is no valid TOML
is read as far as that is possible.
"""

from __future__ import annotations

import re
import tomllib
from typing import NamedTuple

# A closing delimiter of three quotes may be preceded by up to two quotes that belong to the string.
_TOKEN = re.compile(
    r"""
    (?P<string> \"{3}(?:[^\\]|\\.)*?(?:\"{3,5}|\Z) | '{3}.*?(?:'{3,5}|\Z) | "(?:[^"\\\n]|\\[^\n])*["]? | '[^'\n]*'? )
    | (?P<comment> \#[^\n]*) | (?P<newline> \n) | (?P<mark> [\[\]{}=.,]) | (?P<bare> [^\s"'\#\[\]{}=.,]+) | \s
    """,
    re.VERBOSE | re.DOTALL,
)
MAX_SHOWN = 100  # characters of a line
_LITERAL = ("true", "false")


class Token(NamedTuple):
    """A piece of a TOML text: "string", "comment", "newline", "mark" or "bare", and its offsets."""

    kind: str
    start: int
    end: int
    text: str


def tokens(text: str) -> list[Token]:
    """Split a TOML text; what is not closed reaches to the end of its line, or of the text."""
    return [
        Token(match.lastgroup, match.start(), match.end(), match[0])
        for match in _TOKEN.finditer(text)
        if match.lastgroup
    ]


def keys(text: str) -> dict[tuple[str, ...], int]:
    """Return the offset of every table and key of a valid TOML text, by its path; the first one where several are."""
    return _Walk(text).walk()


class _Walk:
    """One pass over the tokens of a valid text."""

    def __init__(self, text: str) -> None:
        self._left = list(reversed(tokens(text)))
        self._found: dict[tuple[str, ...], int] = {}

    def walk(self) -> dict[tuple[str, ...], int]:
        """Read statement by statement."""
        table: tuple[str, ...] = ()
        while self._skip("newline", "comment"):
            if self._left[-1].text == "[":
                start = self._left[-1].start
                while self._left and self._left[-1].text == "[":
                    self._left.pop()
                table = self._path((), "]")
                self._found[table] = min(start, self._found.get(table, start))
                self._to_end_of_line()
            else:
                self._value(self._path(table, "="))
                self._to_end_of_line()
        return self._found

    def _skip(self, *kinds: str) -> bool:
        while self._left and self._left[-1].kind in kinds:
            self._left.pop()
        return bool(self._left)

    def _to_end_of_line(self) -> None:
        while self._left and self._left.pop().kind != "newline":
            pass

    def _path(self, path: tuple[str, ...], end: str) -> tuple[str, ...]:
        """Read a key up to a mark, which is taken too; note where it and each of its parts begin."""
        while self._left:
            token = self._left.pop()
            if token.kind == "mark":
                if token.text == end:
                    break
                continue
            name = token.text if token.kind == "bare" else tomllib.loads(f"key = {token.text}")["key"]
            path = (*path, name)
            self._found.setdefault(path, token.start)
        return path

    def _value(self, path: tuple[str, ...]) -> None:
        if not self._skip("newline", "comment"):
            return
        token = self._left.pop()
        if token.text == "{":
            while self._skip("newline", "comment") and self._left[-1].text != "}":
                if self._left[-1].text == ",":
                    self._left.pop()
                else:
                    self._value(self._path(path, "="))
            self._left = self._left[:-1]
        elif token.text == "[":
            while self._skip("newline", "comment") and self._left[-1].text != "]":
                if self._left[-1].text == ",":
                    self._left.pop()
                else:
                    self._value(path)
            self._left = self._left[:-1]
        else:
            # A number or a date may be several tokens.
            while self._left and self._left[-1].kind in ("bare", "mark") and self._left[-1].text not in (",", "}", "]"):
                self._left.pop()


def position(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of an offset, each from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def unclosed(text: str) -> int | None:
    """Return the offset of the last string, array or table that is opened and not closed; None if all are closed."""
    opened: list[Token] = []
    for token in tokens(text):
        if token.kind == "string":
            quote = token.text[:3] if token.text[:3] in ('"""', "'''") else token.text[0]
            if len(token.text) < 2 * len(quote) or not token.text.endswith(quote):
                return token.start
        elif token.text in ("[", "{"):
            opened.append(token)
        elif token.text in ("]", "}") and opened:
            opened.pop()
    return opened[-1].start if opened else None


def shown(text: str, offset: int, pieces: list[tuple[Token, bool]]) -> str:
    """Return the line at an offset with its values and comments left out.

    Args:
        text: the whole text.
        offset: where.
        pieces: what `marked` makes of the text.
    """
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    line: list[str] = []
    at = start
    for token, is_shown in pieces:
        if token.start >= end:
            break
        if token.end <= start or token.kind == "newline":
            continue
        line.append(text[at : max(at, token.start)])
        line.append(text[max(start, token.start) : min(end, token.end)] if is_shown else _hidden(token))
        at = min(end, token.end)
    line.append(text[at:end])
    found = "".join(line).strip()
    return found if len(found) <= MAX_SHOWN else found[:MAX_SHOWN] + "…"


def _hidden(token: Token) -> str:
    return {"string": '"…"', "comment": "# …"}.get(token.kind, "…")


def marked(text: str, public: dict[str, tuple[str, ...]]) -> list[tuple[Token, bool]]:
    """Return every token, and whether it may be shown: marks, keys, and what is public.

    Args:
        text: the whole text, valid or not.
        public: of each table the keys whose values may be shown; those of "" in every table, if they are arrays.
    """
    marker = _Marker(text, public)
    split = tokens(text)
    following = [token.text for token in split[1:]] + [""]
    return [(token, marker.mark(token, after)) for token, after in zip(split, following, strict=False)]


class _Marker:
    """Tell of each token in turn whether it may be shown.

    In a text that is no valid TOML a value may be anywhere, so a name is shown only where a key must be.
    """

    def __init__(self, text: str, public: dict[str, tuple[str, ...]]) -> None:
        self._text = text
        self._public = public
        self._table = ""
        self._key = ""
        self._open: list[str] = []  # brackets of a value
        self._part = "start"  # of a statement: "start", "header", "name" (after one), "value", "lost"
        self._before = ""

    def mark(self, token: Token, following: str) -> bool:
        """Take the next token and the text of the one after it."""
        is_text = token.kind in ("bare", "string")
        is_shown = self._may_show(token, following) if is_text else token.kind != "comment"
        if token.kind == "newline":
            if not self._open:
                self._part, self._key = "start", ""
        elif token.text == "[" and self._part == "start":
            line_end = self._text.find("\n", token.end)
            header = self._text[token.end : len(self._text) if line_end < 0 else line_end]
            self._part, self._table = "header", header.partition("]")[0].strip("[ \t")
        elif self._part == "value":
            self._count(token)
        elif token.text == "=":
            self._part = "value"
        elif token.text == "." and self._part == "name":
            self._part = "start"
        elif is_text and self._part != "header":
            self._part = "name" if is_shown else "lost"
        self._before = token.text
        return is_shown

    def _count(self, token: Token) -> None:
        """Keep count of the brackets of a value."""
        if token.text in ("[", "{"):
            self._open.append(token.text)
        elif token.text in ("]", "}") and self._open:
            self._open.pop()

    def _may_show(self, token: Token, following: str) -> bool:
        is_inner = self._open[-1:] == ["{"] and self._before in ("{", ",") and following == "="
        if is_inner or (self._part == "start" and following in ("=", ".")):
            self._key = token.text
            return True
        if self._part == "header":
            return following in (".", "]")
        # A `from` is the name of a source, unless a value was put there.
        is_source = self._key == "from" and token.text[1:].startswith(("env:", "file:"))
        is_public = self._key in self._public.get(self._table, ()) or (
            bool(self._open) and self._key in self._public.get("", ())
        )
        return token.text in _LITERAL or (self._part == "value" and (is_source or is_public))
