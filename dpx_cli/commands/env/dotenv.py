r"""Read .env files strictly: a file with one bad line is refused whole, and every bad line is named.

Floor 1, for `env import` and `env check`. Takes bytes and gives keys and values; knows neither files nor the API. No
error ever shows a value, or any other text of the file but a well-formed key.

The syntax:
    KEY=value           white space around the value is trimmed; ` #` starts a comment; `$` means itself
    KEY='value'         as it stands, over several lines if need be
    KEY="value"         the same, with the escapes \n \r \t \\ \" \$ and no others
    export KEY=value    `export` is ignored
    # comment           after white space, too
A byte order mark, CRLF and blank lines are accepted. A line break in quotes is a newline, whatever it is in the file.
"""

from __future__ import annotations

import re

from dpx_cli.errors import UsageError

MOST_BYTES = 8 * 1024 * 1024
_NAMED = 20

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_EXPORT = re.compile(r"export[ \t]+")
_BLANK = re.compile(r"[ \t]*")
_REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_LINE = re.compile(r"[^\n]*")
_COMMENT = re.compile(r"[ \t]#.*")
_DOUBLE = re.compile(r'[^"\\]*')
_BAD_ESCAPE = r"an escape in double quotes that is not \n, \r, \t, \\, \" or \$"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}


def parse(data: bytes, name: str) -> dict[str, str]:
    """The variables of a .env file in the order of the file. Empty values are values.

    Args:
        data: the whole file.
        name: what errors call it.

    Raises:
        UsageError: one line that names every bad line and every key given twice (the first 20 of them).
    """
    return _Reader(data, name, bare=False).read()


def keys(data: bytes, name: str) -> list[str]:
    """The keys of a .env.example file, in order; as strict as `parse`, but a line may be a key alone."""
    return list(_Reader(data, name, bare=True).read())


class _BadLine(Exception):
    """What is wrong with the entry that is being read, and the line where it is, where that is not its first."""

    def __init__(self, what: str, at: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.at = at


class _Reader:
    """One pass over one file. `at` is the offset of what comes next; a bad entry is noted and its line skipped."""

    def __init__(self, data: bytes, name: str, *, bare: bool) -> None:
        self._name = name
        self._bare = bare
        self._problems: list[tuple[int, str]] = []
        self._values: dict[str, str] = {}
        self._lines: dict[str, int] = {}
        self._text = self._decode(data)
        self._at = 0
        # The line that `_counted` is on: counted on from there, so that a long file is not counted again and again.
        self._line = 1
        self._counted = 0

    def read(self) -> dict[str, str]:
        """Read all entries, or raise with all problems."""
        while self._at < len(self._text):
            start = self._line_of(self._at)
            try:
                self._entry(start)
            except _BadLine as bad:
                self._problems.append((start if bad.at is None else bad.at, bad.what))
                self._skip_line()
        if self._problems:
            self._refuse()
        return self._values

    def _refuse(self) -> None:
        problems = sorted(set(self._problems))
        named = [f"{self._name}:{line}: {what}" for line, what in problems[:_NAMED]]
        if len(problems) > _NAMED:
            named.append(f"and {len(problems) - _NAMED} more")
        raise UsageError("; ".join(named), hint="mend these lines; nothing was changed")

    def _decode(self, data: bytes) -> str:
        if len(data) > MOST_BYTES:
            raise UsageError(f"{self._name} is larger than {MOST_BYTES // 1024 // 1024} MiB")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            # By lines, so that each bad one is named; a stand-in keeps the rest readable.
            text = data.decode("utf-8-sig", "replace")
            for number, line in enumerate(data.split(b"\n"), 1):
                try:
                    line.decode()
                except UnicodeDecodeError:
                    self._problems.append((number, "not UTF-8"))
        text = text.replace("\r\n", "\n")
        if "\0" in text:
            # No environment can hold it.
            lines = enumerate(text.split("\n"), 1)
            self._problems.extend([(number, "a NUL byte") for number, line in lines if "\0" in line])
        return text

    def _entry(self, start: int) -> None:
        """Read one blank line, comment, or variable."""
        self._take(_BLANK)
        rest = _REST.match(self._text, self._at)
        if rest is not None:
            self._at = rest.end()
            return
        self._take(_EXPORT)
        key = self._take(_KEY)
        if key and self._text.startswith("=", self._at):
            self._at += 1
            self._note(key, self._value(start), start)
            return
        rest = _REST.match(self._text, self._at)
        if self._bare and key and rest is not None:
            self._at = rest.end()
            self._note(key, "", start)
        elif key and self._take(_BLANK) and self._text.startswith("=", self._at):
            raise _BadLine("white space before =")
        elif "=" in self._take(_LINE):
            raise _BadLine("the key is not [A-Za-z_][A-Za-z0-9_]*")
        else:
            raise _BadLine("not a KEY=VALUE line")

    def _note(self, key: str, value: str, start: int) -> None:
        if key in self._lines:
            # Raising would skip a line that is already read.
            self._problems.append((start, f"{key} is given again, first on line {self._lines[key]}"))
            return
        self._lines[key] = start
        self._values[key] = value

    def _value(self, start: int) -> str:
        blank = self._take(_BLANK)
        quote = self._text[self._at : self._at + 1]
        if quote not in {"'", '"'}:
            # The blanks before the value belong to it here: white space before `#` is what makes a comment.
            value = _COMMENT.sub("", blank + self._take(_LINE)).strip(" \t")
            if "\r" in value:
                raise _BadLine("a carriage return inside the line")
            self._at += 1
            return value
        self._at += 1
        value = self._single() if quote == "'" else self._double()
        end = self._line_of(self._at)
        rest = _REST.match(self._text, self._at)
        if rest is None or rest[0].startswith("#"):
            opened = "" if end == start else f", which line {start} opened"
            raise _BadLine("text after the closing quote" + opened, end)
        self._at = rest.end()
        return value

    def _single(self) -> str:
        end = self._text.find("'", self._at)
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
                # What was taken for the value may hold more bad lines.
                self._at = opening
                raise _BadLine("the quote is never closed")
            if escape not in _ESCAPES:
                # Noted, not raised: the value goes on, and its lines are no entries.
                self._problems.append((self._line_of(self._at), _BAD_ESCAPE))
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
        if offset < self._counted:
            return self._line - self._text.count("\n", offset, self._counted)
        self._line += self._text.count("\n", self._counted, offset)
        self._counted = offset
        return self._line
