r"""Parse .env files strictly: if one line is invalid, no variable is returned, and the error lists every invalid line.

No error shows a value, or any text of the file except well-formed keys.

The syntax:
    KEY=value           white space around the value is trimmed; ` #` starts a comment; `$` means itself
    KEY='value'         literal; may have several lines
    KEY=`value`         the same
    KEY="value"         the same, with the escapes \n \r \t \\ \" \$ and no others
    export KEY=value    `export` is ignored
    # comment           also after white space
White space is also allowed around `=`. A byte order mark, CRLF and blank lines are accepted. A line break in quotes is
always read as a newline.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from dpx_cli.errors import UsageError

MAX_PROBLEMS = 1000  # after which the rest of a file is not read: it is no .env file
MIN_PROBED, MAX_PROBED = 3, 100  # bytes that show an encoding
MAX_NAMED = 100  # problems in the error

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_EXPORT = re.compile(r"export[ \t]+")
_BLANK = re.compile(r"[^\S\r\n]*")  # Unicode's white space as well: it's invisible
_REST = re.compile(r"[^\S\r\n]*(?:#[^\n]*)?(?:\n|\Z)")
_LINE = re.compile(r"[^\n]*")
_COMMENT = re.compile(r"\s#.*|\A#\s.*|\A#\Z")
_REFERENCE = re.compile(r"\$\{[A-Za-z_]")
_DOUBLE = re.compile(r'[^"\\]*')
_BAD_ESCAPE = r"an escape in double quotes that is not \n, \r, \t, \\, \" or \$"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}


def parse(data: bytes, name: str, literal: list[str] | None = None) -> dict[str, str]:
    """Return the variables of a .env file, in the order of the file. `name` is what errors call the file.

    The keys whose value has a `${X}`, which is not replaced, are added to `literal`.

    Raises:
        UsageError: if a line is bad or a key is repeated; it names every such line (the first 100).
    """
    reader = _Reader(data, name)
    values = reader.read()
    if literal is not None:
        literal += reader.references
    return values


def keys(data: bytes, name: str, repeated: dict[str, tuple[int, int]] | None = None) -> list[str]:
    """Return the keys of a .env.example file, in order. As strict as `parse`, but a line may be a key alone.

    A key may be repeated; the first two of its lines are added to `repeated`.
    """
    reader = _Reader(data, name, bare=True)
    names = list(reader.read())
    if repeated is not None:
        repeated |= reader.repeated
    return names


def is_utf16(data: bytes) -> bool:
    """Return whether a text is UTF-16: by its byte order mark, or because every other byte is NUL."""
    return data.startswith((b"\xff\xfe", b"\xfe\xff")) or (
        len(data) > MIN_PROBED and not (any(data[:MAX_PROBED:2]) and any(data[1:MAX_PROBED:2]))
    )


class _BadLine(Exception):
    """The current entry is wrong: why, and the line of the mistake if it's not the entry's first."""


class _Reader:
    """Reads one file in one pass; a bad entry is noted and its line skipped. See `parse` and `keys`."""

    def __init__(self, data: bytes, name: str, *, bare: bool = False) -> None:
        self.references: list[str] = []
        self.repeated: dict[str, tuple[int, int]] = {}
        self._name = name
        self._bare = bare
        self._problems: list[tuple[int, str]] = []
        self._values: dict[str, str] = {}
        self._lines: dict[str, int] = {}
        self._text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
        self._check_encoding(data)
        self._at = 0
        self._line_ends = [match.start() for match in re.finditer("\n", self._text)]

    def read(self) -> dict[str, str]:
        """Read all entries, or raise with all problems."""
        while self._at < len(self._text):
            start = self._line_of(self._at)
            try:
                self._entry(start)
            except _BadLine as bad:
                what, *line = bad.args
                self._add(line[0] if line else start, what)
                self._skip_line()
        if self._problems:
            self._refuse()
        return self._values

    def _add(self, line: int, problem: str) -> None:
        self._problems.append((line, problem))
        if len(self._problems) >= MAX_PROBLEMS:
            self._refuse()

    def _refuse(self) -> None:
        if self._text.lstrip().startswith(("{", "[")):
            raise UsageError(f"{self._name} is JSON, not a .env file.", hint="Write each variable as KEY=VALUE.")
        problems = sorted(set(self._problems))
        named = [f"{self._name}:{line}: {what}" for line, what in problems[:MAX_NAMED]]
        if len(problems) > MAX_NAMED:
            least = "at least " if len(self._problems) >= MAX_PROBLEMS else ""
            named.append(f"and {least}{len(problems) - MAX_NAMED} more")
        raise UsageError("; ".join(named), hint="Fix these lines. Nothing was changed.")

    def _check_encoding(self, data: bytes) -> None:
        if is_utf16(data):
            raise UsageError(f"{self._name} is UTF-16, not UTF-8.", hint="Save it as UTF-8. Nothing was changed.")
        try:
            data.decode()
            is_bad = b"\0" in data  # which an environment can't hold
        except UnicodeDecodeError:
            is_bad = True
        for number, line in enumerate(data.split(b"\n") if is_bad else (), 1):
            if b"\0" in line:
                self._add(number, "a NUL byte")
            if line.decode("utf-8", "ignore").encode() != line:
                self._add(number, "not UTF-8")

    def _entry(self, start: int) -> None:
        """Read one blank line, comment, or variable."""
        self._take(_BLANK)
        rest = _REST.match(self._text, self._at)
        if rest is not None:
            self._at = rest.end()
            return
        self._take(_EXPORT)
        key = self._take(_KEY)
        self._take(_BLANK)
        if key and self._text.startswith("=", self._at):
            self._at += 1
            value, quote = self._value(start)
            self._note(key, value, start)
            if quote != "'" and _REFERENCE.search(value):
                self.references.append(key)
            return
        rest = _REST.match(self._text, self._at)
        if self._bare and key and rest is not None:
            self._at = rest.end()
            self._note(key, "", start)
        elif "=" in self._take(_LINE):
            raise _BadLine("the key is not [A-Za-z_][A-Za-z0-9_]*")
        else:
            raise _BadLine("not a KEY=VALUE line")

    def _note(self, key: str, value: str, start: int) -> None:
        first = self._lines.setdefault(key, start)
        if first == start:
            self._values[key] = value
        elif self._bare:
            self.repeated.setdefault(key, (first, start))
        else:  # not raised: that would skip the next line
            self._add(start, f"duplicate key {key} (first on line {first})")

    def _value(self, start: int) -> tuple[str, str]:
        """Read a value; return it, and the quote around it, if it is one."""
        blank = self._take(_BLANK)
        quote = self._text[self._at : self._at + 1]
        if quote not in {"'", '"', "`"}:
            # Keep leading blanks: ` #` starts a comment.
            value = _COMMENT.sub("", blank + self._take(_LINE)).strip()
            if "\r" in value:
                raise _BadLine("a carriage return inside the line")
            self._at += 1
            return value, quote
        self._at += 1
        value = self._double() if quote == '"' else self._literal(quote)
        end = self._line_of(self._at)
        rest = _REST.match(self._text, self._at)
        if rest is None:
            opened = "" if end == start else f", which line {start} opened"
            raise _BadLine("text after the closing quote" + opened, end)
        self._at = rest.end()
        return value, quote

    def _literal(self, quote: str) -> str:
        end = self._text.find(quote, self._at)
        # As in node's dotenv, a backtick behind a backslash does not close, and both are text.
        while quote == "`" and end > self._at and self._text[end - 1] == "\\":
            end = self._text.find(quote, end + 1)
        if end < 0:
            raise _BadLine("the quote is never closed")
        value = self._text[self._at : end]
        self._at = end + 1
        return value

    def _double(self) -> str:
        opening = self._at
        parts = []
        while True:
            parts.append(self._take(_DOUBLE))
            if self._text.startswith('"', self._at):
                self._at += 1
                return "".join(parts)
            escape = self._text[self._at + 1 : self._at + 2]
            if not escape:
                # The text that was read as the value may have more bad lines.
                self._at = opening
                raise _BadLine("the quote is never closed")
            if escape not in _ESCAPES:
                # Not raised: the value continues, and its lines are not entries.
                self._add(self._line_of(self._at), _BAD_ESCAPE)
            parts.append(_ESCAPES.get(escape, ""))
            self._at += 2

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0]

    def _skip_line(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end + 1

    def _line_of(self, offset: int) -> int:
        return bisect_left(self._line_ends, offset) + 1
