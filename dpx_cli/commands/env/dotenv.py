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

MAX_PROBLEMS = 100  # after which the rest of a file is not read: it is no .env file
MIN_PROBED, MAX_PROBED = 3, 100  # bytes that show an encoding

_BLANK = r"[^\S\r\n]*+"  # Unicode's white space as well: it's invisible
_HEAD = re.compile(rf"{_BLANK}(?:export[ \t]+)?+(?P<key>[A-Za-z_][A-Za-z0-9_]*+){_BLANK}(?P<equals>=)?")
_TAIL = re.compile(rf"{_BLANK}(?:#[^\n]*)?(?:\n|\Z)")
# As in node's dotenv, a backtick behind a backslash does not close, and both are text.
_QUOTED = re.compile(
    _BLANK
    + r"""(?: '(?P<single>[^']*+)' | `(?P<tick>(?:[^`]|(?<=\\)`)*+)` | "(?P<double>[^"\\]*+(?:\\.[^"\\]*+)*+)" )""",
    re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(r"\s#.*|\A#\s.*|\A#\Z")
_REFERENCE = re.compile(r"\$\{[A-Za-z_]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_BAD_ESCAPE = r"an escape in double quotes that is not \n, \r, \t, \\, \" or \$"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}


def is_utf16(data: bytes) -> bool:
    """Return whether a text is UTF-16: by its byte order mark, or because every other byte is NUL."""
    return data.startswith((b"\xff\xfe", b"\xfe\xff")) or (
        len(data) > MIN_PROBED and not (any(data[:MAX_PROBED:2]) and any(data[1:MAX_PROBED:2]))
    )


class EnvFile:
    """The variables of a .env file, in its order; `name` is what errors call it.

    With `bare`, as for .env.example, a line may be a key alone, and a key may be repeated. Otherwise UsageError is
    raised for bad lines and repeated keys; it names all of them (the first 100).
    """

    def __init__(self, data: bytes, name: str, *, bare: bool = False) -> None:
        self.values: dict[str, str] = {}
        self.references: list[str] = []  # keys whose value has a `${X}`, which is not replaced
        self.repeated: dict[str, tuple[int, int]] = {}  # the first two lines of a key
        self._name = name
        self._bare = bare
        self._problems: list[tuple[int, str]] = []
        self._lines: dict[str, int] = {}
        self._text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
        self._check_encoding(data)
        self._line_ends = [match.start() for match in re.finditer("\n", self._text)]
        at = 0
        while at < len(self._text):
            blank = _TAIL.match(self._text, at)
            at = blank.end() if blank else self._read_entry(at)
        if self._problems:
            self._refuse()

    def _check_encoding(self, data: bytes) -> None:
        if is_utf16(data):
            raise UsageError(f"{self._name} is UTF-16, not UTF-8.", hint="Save it as UTF-8. Nothing was changed.")
        if "\ufffd" not in self._text and b"\0" not in data:
            return
        for number, line in enumerate(data.split(b"\n"), 1):
            if b"\0" in line:  # which an environment can't hold
                self._add(number, "a NUL byte")
            if line.decode("utf-8", "ignore").encode() != line:
                self._add(number, "not UTF-8")

    def _read_entry(self, start: int) -> int:
        """Read a variable, or note what is wrong with the line. Return where the next entry begins."""
        text, line, end = self._text, self._line_of(start), self._end_of_line(start)
        head = _HEAD.match(text, start)
        if head and self._bare and not head["equals"] and (tail := _TAIL.match(text, head.end())):
            self._set(head["key"], "", line)
            return tail.end()
        if not head or not head["equals"]:
            is_pair = "=" in text[start:end]
            self._add(line, "the key is not [A-Za-z_][A-Za-z0-9_]*" if is_pair else "not a KEY=VALUE line")
            return end
        quoted = _QUOTED.match(text, head.end())
        if quoted is None:
            value = _COMMENT.sub("", text[head.end() : end]).strip()
            if value.startswith(("'", '"', "`")):
                self._add(line, "the quote is never closed")
            elif "\r" in value:
                self._add(line, "a carriage return inside the line")
            else:
                self._set(head["key"], value, line)
            return end
        value = quoted[quoted.lastgroup or ""]
        if quoted.lastgroup == "double":
            for escape in _ESCAPE.finditer(value):
                if escape[1] not in _ESCAPES:
                    self._add(self._line_of(quoted.start("double") + escape.start()), _BAD_ESCAPE)
            value = _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], ""), value)
        closed = self._line_of(quoted.end())
        tail = _TAIL.match(text, quoted.end())
        if tail is None:
            opened = "" if closed == line else f", which line {line} opened"
            self._add(closed, f"text after the closing quote{opened}")
            return self._end_of_line(quoted.end())
        self._set(head["key"], value, line, is_literal=quoted.lastgroup == "single")
        return tail.end()

    def _set(self, key: str, value: str, line: int, *, is_literal: bool = False) -> None:
        first = self._lines.setdefault(key, line)
        if first == line:
            self.values[key] = value
        elif self._bare:
            self.repeated.setdefault(key, (first, line))
        else:
            self._add(line, f"duplicate key {key} (first on line {first})")
        if not is_literal and _REFERENCE.search(value):
            self.references.append(key)

    def _add(self, line: int, problem: str) -> None:
        self._problems.append((line, problem))
        if len(self._problems) >= MAX_PROBLEMS:
            self._refuse()

    def _refuse(self) -> None:
        if re.match(r'\s*(?:\{\s*["}]|\[\s*["{[\]])', self._text):
            raise UsageError(f"{self._name} is JSON, not a .env file.", hint="Write each variable as KEY=VALUE.")
        named = [f"{self._name}:{line}: {what}" for line, what in sorted(set(self._problems))]
        if len(self._problems) >= MAX_PROBLEMS:
            named.append("and more")
        raise UsageError("; ".join(named), hint="Fix these lines. Nothing was changed.")

    def _end_of_line(self, offset: int) -> int:
        return self._text.find("\n", offset) + 1 or len(self._text)

    def _line_of(self, offset: int) -> int:
        return bisect_left(self._line_ends, offset) + 1
