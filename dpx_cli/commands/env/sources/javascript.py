"""Find the environment variables that JavaScript and TypeScript read, in plain files and in components.

A lexer that knows as much of the language as it takes to tell code from comments, strings, templates, regular
expressions and the text of JSX; no more. It stops only at characters and words that matter (`_tokens`), so that a file
costs little more than a search through it. Contexts are kept on a stack of its own: no nesting is too deep.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.commands.env.sources.readings import NAME, STOPS, Found, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_ALIASES = 20  # other names of the environment in a file
MAX_BRACKETS = 1000  # characters of the arguments of a call
MAX_FAILURES = 1000  # each costs the rest of a line, which may be the whole file
MAX_SHADOWS = 50  # functions that have a parameter of such a name
ROOTS = ("process", "import", "Deno", "Bun")
GLOBALS = frozenset({"globalThis", "global", "window", "self"})
# Methods that every object has: `process.env.hasOwnProperty("X")` reads no variable of that name.
METHODS = frozenset(
    {"hasOwnProperty", "toString", "valueOf", "propertyIsEnumerable", "isPrototypeOf", "toLocaleString"}
)
# Functions that make another type of a value: `Number(process.env.X) || 5` has a default.
CONVERTERS = frozenset({"Number", "parseInt", "parseFloat", "String", "BigInt", "decodeURIComponent", "atob"})
# After these words comes an expression, so that `/` begins a regular expression and `<` an element.
BEFORE_EXPRESSION = frozenset(
    "return typeof instanceof in of new delete void throw case do else yield await default".split()  # noqa: SIM905 - easier to read
)
TIGHT_WORDS = frozenset({"typeof", "void", "in", "instanceof", "delete"})

_GAP = r"(?:\s++|//[^\n]*+|/\*.*?\*/)*+"
_ID = r"[A-Za-z_$][\w$]*+"
_TEXT = r"""(?:"(?P<double>[^"\\\n]*+)"|'(?P<single>[^'\\\n]*+)'|`(?P<template>[^`$\\]*+)`)"""
_TYPE = rf"(?:typeof\s++)?{_ID}(?:\.{_ID})*+(?:<[^<>();]*+>)?(?:\[\])*+"
_TYPES = rf"{_TYPE}(?:{_GAP}\|(?!\||=){_GAP}{_TYPE})*+"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


_NESTING = _pattern(r"""[()\[\]{},;]|"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+'|//[^\n]*+|/\*.*?\*/""")
_WORD_BEFORE = _pattern(r"[\w$]+\Z")
_STRING = _pattern(r""""(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+'""")
_REGEX = _pattern(r"/(?![*/])(?:[^/\\\[\n]++|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n]){0,5000}+\])++/[A-Za-z]*+")
_BLOCK_COMMENT = _pattern(r"/\*(?:.*?\*/|.*)")
_LINE_COMMENT = _pattern(r"//[^\n]*+")
_IN_TEMPLATE = _pattern(r"\\.|`|\$\{")
_IN_CHILDREN = _pattern(r"\{|<")
_IN_TAG = _pattern(r""""[^"]*+"|'[^']*+'|\{|/\s*+>|>|<|//[^\n]*+|/\*.*?\*/""")
_IN_MARKUP = _pattern(r"<!--(?:.*?-->|.*)|<(script|style)\b[^>]{0,500}+>(?:.*?</\1\s*+>|.*)|\{")
_TAG = _pattern(rf"({_ID}(?:[.:-][\w$]++)*+)?+{_GAP}(<[^<>]*+>)?")
_CLOSING = _pattern(r"</\s*+([\w$.:-]*+)\s*+>")
_CAST = _pattern(rf"{_GAP}as\b[^();=]*+\)")
_META = _pattern(rf"{_GAP}\.{_GAP}meta(?![\w$])")
_IMPORTED = _pattern(
    rf"(?:{_GAP}{_ID}{_GAP},)?{_GAP}\{{(?P<names>[^{{}}]*+)\}}{_GAP}from{_GAP}[\"'](?:node:)?process[\"']"
)
_ENV_IMPORT = _pattern(r"(?<![\w$])env(?:\s+as\s+([A-Za-z_$][\w$]*))?\s*(?:,|\Z)")
_ENV = _pattern(rf"{_GAP}!?(?:\?\.|\.){_GAP}env(?![\w$])|{_GAP}(?:\?\.)?\[{_GAP}[\"']env[\"']{_GAP}\]")
_MEMBER = _pattern(
    rf"{_GAP}!?{_GAP}(?:(?:\?\.|\.){_GAP}(?P<name>{_ID})|(?P<bracket>(?:\?\.{_GAP})?\[){_GAP}(?:{_TEXT}{_GAP}\])?)"
)
_DENO = _pattern(rf"{_GAP}\.{_GAP}(?P<method>get|toObject|\w++){_GAP}\({_GAP}(?:{_TEXT}{_GAP},?{_GAP}\)|\))?")
_WRITE = _pattern(rf"{_GAP}(?:=(?![=>])|(?:[-+*/%&|^]|\*\*|<<|>>>?|&&)=(?!=)|\+\+|--)")
_ASSIGNED = _pattern(rf"(?:const|let|var)\s++({_ID})\s*+(?::[^=;]*)?\Z")
_ASKED = _pattern(rf"{_GAP}(?:&&|[!=]==?|\?(?![.?]))")
_AS = _pattern(rf"{_GAP}(?:!(?!=)|(?:as|satisfies)\s++{_TYPES})")
_CHAIN = _pattern(rf"{_GAP}!?(?:\?\.|\.){_GAP}(?:{_ID}|(?=[(\[]))")
_OR = _pattern(rf"{_GAP}(?:\|\||\?\?)=?{_GAP}")
_CLOSES = _pattern(rf"{_GAP}(?:,{_GAP}\d++{_GAP})?\)")
_NO_DEFAULT = _pattern(
    r"(?:undefined|null|void\s+0)(?![\w$.])|\(*\s*(?:throw\b|(?:\(\s*\)\s*=>|function\s*\(\s*\))\s*\{?\s*throw\b)"
)
_CALL = _pattern(rf"({_ID}(?:\s*\??\.\s*{_ID})*+)\s*\(")
_PROPERTY = _pattern(
    rf"{_GAP}(?:(?P<rest>\.\.\.)|(?P<computed>\[)(?!{_GAP}[\"'])|(?:\[{_GAP})?(?:(?P<name>{_ID})|{_TEXT})(?:{_GAP}\])?)"
)
_RENAMED = _pattern(rf"{_GAP}:{_GAP}(?P<target>{_ID}|(?P<nested>\{{))?")
_DEFAULTED = _pattern(rf"{_GAP}=(?![=>]){_GAP}(?!undefined(?![\w$.]))")

CODE, TEMPLATE, TAG, CHILDREN, MARKUP = range(5)


class _Frame:
    """One context: a block of code, a template, an element.

    Attributes:
        kind: CODE, TEMPLATE, TAG, CHILDREN or MARKUP.
        start: offset of what opened it.
        end: offset of what closed it; the end of the text while it is open.
        name: of an element.
        closed: the last two pairs of braces inside, by their offsets: what `= process.env` may take apart.
    """

    __slots__ = ("closed", "end", "kind", "name", "start")

    def __init__(self, kind: int, start: int, end: int, name: str = "") -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.name = name
        self.closed: list[tuple[int, int]] = []


class _Bound(NamedTuple):
    """A variable that the environment is assigned to: its name, the context that it belongs to, where that is done."""

    name: str
    frame: _Frame
    start: int


class _Alias(NamedTuple):
    """Where a name stands for the environment, and where inside of that it doesn't."""

    span: tuple[int, int]
    shadows: list[tuple[int, int]]

    def holds(self, offset: int) -> bool:
        """Return whether the name stands for the environment at an offset."""
        return self.span[0] <= offset < self.span[1] and not any(lo <= offset < hi for lo, hi in self.shadows)


def read(text: str, kind: str) -> Found:
    """Return what a file reads.

    Args:
        text: the file.
        kind: its extension, without the dot: "ts" has no JSX; "vue", "svelte" and "astro" hold code in markup.
    """
    found: list[tuple[int, Reading]] = []
    dynamic: list[int] = []
    whole: list[int] = []
    for lexer in _lexers(text, kind):
        found += lexer.readings
        dynamic += lexer.dynamic
        whole += lexer.whole
    lines = _lines(text, sorted([*(at for at, _ in found), *dynamic, *whole]))
    readings = [reading._replace(line=lines[at]) for at, reading in sorted(found, key=lambda item: item[0])]
    return Found(readings, [lines[at] for at in sorted(dynamic)], [lines[at] for at in sorted(whole)])


def _lexers(text: str, kind: str) -> Iterator[_Lexer]:
    """Yield a lexer for each part of a file that is code; each has run."""
    if kind in {"vue", "svelte", "astro"}:
        for script in re.finditer(r"<script\b[^>]{0,500}+>(.*?)(?:</script\s*+>|\Z)", text, re.DOTALL):
            yield _run(text, *script.span(1), jsx=False)
        front = re.match(r"\s*---\r?\n(.*?)\n---", text, re.DOTALL) if kind == "astro" else None
        if front is not None:
            yield _run(text, *front.span(1), jsx=False)
        if kind != "vue":  # whose templates see no environment
            yield _run(text, front.end() if front else 0, len(text), jsx=kind == "astro", base=MARKUP)
    else:
        # The first line may say which program runs the file.
        start = max(text.find("\n"), 0) if text.startswith("#!") else 0
        yield _run(text, start, len(text), jsx=kind in {"js", "jsx", "mjs", "cjs", "tsx"})


def _run(text: str, start: int, end: int, *, jsx: bool, base: int = CODE) -> _Lexer:
    """Run a lexer; once more if the environment has another name, or if what looked like JSX wasn't."""
    lexer = _Lexer(text, start, end, jsx=jsx, base=base)
    if jsx and lexer.is_lost:
        jsx = False
        lexer = _Lexer(text, start, end, jsx=False, base=base)
    if not lexer.bound:
        return lexer
    known: dict[str, _Alias] = {}
    for name, bound in list({bound.name: bound for bound in lexer.bound}.items())[:MAX_ALIASES]:
        shadows = None if _is_declared_again(text, name) else _shadows(text, name)
        if shadows is not None:
            known[name] = _Alias((bound.frame.start, bound.frame.end), shadows)
    unsure = [bound.start for bound in lexer.bound if bound.name not in known]
    if known:
        lexer = _Lexer(text, start, end, jsx=jsx, base=base, known=known)
    lexer.whole += unsure
    return lexer


def _word(name: str) -> str:
    return rf"(?<![\w$.]){re.escape(name)}(?![\w$])"


def _is_declared_again(text: str, name: str) -> bool:
    """Return whether a file has several variables of a name, so that it can't be told which one is meant."""
    return len(re.findall(rf"(?:const|let|var|function|class)\s+{_word(name)}", text)) > 1


def _shadows(text: str, name: str) -> list[tuple[int, int]] | None:
    """Return the spans of the functions that have a parameter of a name; None if there are too many to look at."""
    word = _word(name)
    # Default values of parameters may call something: one level of parentheses.
    listed = rf"\((?:[^()]|\([^()]*\)){{0,500}}?{word}(?!\s*(?:[.\[!(]|\?\.))(?:[^()]|\([^()]*\)){{0,500}}?\)"
    returns = r"\s*(?::[^(){}=;]+)?"
    pattern = (
        rf"(?:{word}|{listed}{returns})\s*=>"
        rf"|(?<![\w$])(?!(?:if|while|for|switch|with)\b)[\w$]+\s*(?:<[^<>()]*>)?\s*{listed}{returns}(?=\{{)"
    )
    spans = [found.span() for found in islice(re.finditer(pattern, text), MAX_SHADOWS + 1)]
    return None if len(spans) > MAX_SHADOWS else [(start, _end_of_body(text, end)) for start, end in spans]


def _end_of_body(text: str, start: int) -> int:
    """Return the end of a function's body: of a block, or of an expression."""
    depth, is_block = 0, text[start : start + 100].lstrip().startswith("{")
    for token in _NESTING.finditer(text, start):
        at = token.end()
        if token.group() in "([{":
            depth += 1
        elif token.group() in ")]}":
            depth -= 1
            if depth < 0 or (depth == 0 and is_block):
                return at
        elif token.group() in ",;" and depth == 0:
            return at
    return len(text)


def _lines(text: str, offsets: Sequence[int]) -> dict[int, int]:
    """Return the line of each of some rising offsets."""
    lines: dict[int, int] = {}
    line, before = 1, 0
    for offset in offsets:
        line += text.count("\n", before, offset)
        before = offset
        lines[offset] = line
    return lines


@lru_cache(maxsize=64)
def _tokens(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of what the lexer stops at in code. Each alternative begins with a literal: that is fast."""
    return re.compile("|".join(['"', "'", "`", "/", r"\{", r"\}", "<", *map(re.escape, names)]))


class _Lexer:
    """Runs through a stretch of text when it is made.

    Args:
        text: the file.
        start: where the stretch begins.
        end: where it ends.
        jsx: whether `<` may begin an element.
        base: CODE or MARKUP.
        known: other names of the environment.

    Attributes:
        readings: offset and reading (without its line) of each.
        dynamic: offsets of accesses with a computed name.
        whole: offsets where the environment is handed on.
        bound: other names of the environment that the text introduces.
        is_lost: whether an element was left open at the end.
    """

    def __init__(
        self,
        text: str,
        start: int,
        end: int,
        *,
        jsx: bool,
        base: int = CODE,
        known: Mapping[str, _Alias] | None = None,
    ) -> None:
        self.readings: list[tuple[int, Reading]] = []
        self.dynamic: list[int] = []
        self.whole: list[int] = []
        self._text = text
        self._pos = start
        self._start = start
        self._end = end
        self._jsx = jsx
        self._known = known or {}
        self._pattern = _tokens((*ROOTS, *sorted(self._known, key=len, reverse=True)))
        # Comments without code between them count as one.
        self._comment = (-1, -1)
        self.bound: list[_Bound] = []
        self._declared: set[int] = set()
        self._failures = 0  # of what looked like a regular expression and wasn't
        self._closers: dict[str, int] | None = None
        self._stack = [_Frame(base, start, end)]
        steps: dict[int, Callable[[], None]] = {
            CODE: self._code,
            TEMPLATE: self._in_template,
            TAG: self._in_tag,
            CHILDREN: self._in_children,
            MARKUP: self._in_markup,
        }
        while self._pos < end:
            steps[self._stack[-1].kind]()
        self.is_lost = any(frame.kind in {TAG, CHILDREN} for frame in self._stack)
        self.whole = [offset for offset in self.whole if offset not in self._declared]

    # Contexts

    def _push(self, kind: int, start: int, name: str = "") -> None:
        self._stack.append(_Frame(kind, start, self._end, name))

    def _pop(self, end: int) -> _Frame | None:
        """Close the innermost context, never the outermost."""
        if len(self._stack) == 1:
            return None
        frame = self._stack.pop()
        frame.end = end
        return frame

    def _code(self) -> None:
        text = self._text
        token = self._pattern.search(text, self._pos, self._end)
        if token is None:
            self._pos = self._end
            return
        start, word = token.start(), token.group()
        self._pos = token.end()
        if word in "\"'":
            string = _STRING.match(text, start, self._end)
            self._pos = string.end() if string else self._pos
        elif word == "`":
            self._push(TEMPLATE, start)
        elif word == "{":
            self._push(CODE, start)
        elif word == "}":
            closed = self._pop(start)
            if closed is not None and self._stack[-1].kind == CODE:
                self._stack[-1].closed = [*self._stack[-1].closed[-1:], (closed.start, start)]
        elif word == "/":
            self._slash(start)
        elif word == "<":
            if self._jsx and self._begins_expression(start):
                self._tag(start)
        else:
            self._name(start, word)

    def _slash(self, start: int) -> None:
        """Skip a comment or a regular expression."""
        text = self._text
        following = text[start + 1 : start + 2]
        if following and following in "/*":
            comment = (_LINE_COMMENT if following == "/" else _BLOCK_COMMENT).match(text, start, self._end)
            self._pos = comment.end() if comment else self._end
            first, last = self._comment
            joined = last >= 0 and not text[last:start].strip()
            self._comment = (first if joined else start, self._pos)
        elif self._failures < MAX_FAILURES and self._begins_expression(start):
            expression = _REGEX.match(text, start, self._end)
            self._pos = expression.end() if expression else self._pos
            self._failures += expression is None

    def _in_template(self) -> None:
        token = _IN_TEMPLATE.search(self._text, self._pos, self._end)
        self._pos = token.end() if token else self._end
        if token is None:
            return
        if token.group() == "`":
            self._pop(token.start())
        elif token.group() == "${":
            self._push(CODE, token.start() + 1)

    def _tag(self, start: int) -> None:
        """Enter an element, unless `<` is TypeScript's: `<T,>(x: T) => x`, or a type that has no closing tag."""
        text = self._text
        tag = _TAG.match(text, start + 1, self._end)
        name = tag.group(1) or "" if tag else ""
        after = tag.end() if tag else start + 1
        if tag is None or (not name and text[after : after + 1] != ">"):
            return
        if text[after : after + 1] == "," or re.match(r"extends\b", text[after : after + 8]):
            return
        self._push(TAG, start, name)
        self._pos = after

    def _in_tag(self) -> None:
        token = _IN_TAG.search(self._text, self._pos, self._end)
        self._pos = token.end() if token else self._end
        if token is None:
            return
        if token.group() == "{":
            self._push(CODE, token.start())
        elif token.group() in "<>":
            tag = self._stack.pop()
            outermost = self._stack[-1].kind not in {TAG, CHILDREN}
            if token.group() == "<" or (outermost and self._last_closer(tag.name) < token.end()):
                # Not an element: a generic, or a comparison.
                self._forget(tag.start)
                self._pos = tag.start + 1
            else:
                self._push(CHILDREN, token.start(), tag.name)
        elif token.group()[0] == "/" and token.group()[-1] == ">":
            self._pop(token.end())

    def _in_children(self) -> None:
        token = _IN_CHILDREN.search(self._text, self._pos, self._end)
        self._pos = token.end() if token else self._end
        if token is None:
            return
        if token.group() == "{":
            self._push(CODE, token.start())
        elif closing := _CLOSING.match(self._text, token.start(), self._end):
            self._pos = closing.end()
            self._pop(closing.end())
        else:
            self._tag(token.start())

    def _in_markup(self) -> None:
        token = _IN_MARKUP.search(self._text, self._pos, self._end)
        self._pos = token.end() if token else self._end
        if token is not None and token.group() == "{":
            self._push(CODE, token.start())

    def _forget(self, start: int) -> None:
        """Forget what was found after an offset."""
        while self.readings and self.readings[-1][0] >= start:
            self.readings.pop()
        for offsets in (self.dynamic, self.whole):
            while offsets and offsets[-1] >= start:
                offsets.pop()

    def _last_closer(self, name: str) -> int:
        """Return where the last closing tag of a name is; -1 if there is none."""
        if self._closers is None:
            self._closers = {
                closer.group(1): closer.start() for closer in _CLOSING.finditer(self._text, self._start, self._end)
            }
        return self._closers.get(name, -1)

    # What is before

    def _before(self, offset: int) -> int:
        """Return the end of the code before an offset, without white space and comments."""
        text = self._text
        while True:
            while offset > self._start and text[offset - 1].isspace():
                offset -= 1
            if offset != self._comment[1]:
                return offset
            offset = self._comment[0]

    def _word_before(self, offset: int) -> str:
        """Return the word that ends at an offset, or ""."""
        word = _WORD_BEFORE.search(self._text, max(self._start, offset - 32), offset)
        return word.group() if word else ""

    def _begins_expression(self, offset: int) -> bool:
        """Return whether what is at an offset begins an expression instead of continuing one."""
        before = self._before(offset)
        char = self._text[before - 1] if before > self._start else ";"
        if char.isalnum() or char in "_$":
            word = self._word_before(before)
            # After a dot, a keyword is a property's name: `x.in / y`.
            return word in BEFORE_EXPRESSION and self._text[before - len(word) - 1 : before - len(word)] != "."
        return char not in ")]\"'`." and (char != ">" or self._text[before - 2 : before] == "=>")

    # Names

    def _name(self, start: int, word: str) -> None:
        text, end = self._text, start + len(word)
        if self._is_part_of_a_name(start, end):
            return
        if word in self._known:
            is_key = text[end : end + 1] == ":" and text[self._before(start) - 1] in "{,"
            if not is_key and self._known[word].holds(start):
                self._environment(start, end)
            return
        if word == "import":
            meta = _META.match(text, end, self._end)
            if meta is None:
                self._import(end)
                return
            end = meta.end()
        start, end = self._without_cast(start, end)
        env = _ENV.match(text, end, self._end)
        if env is not None:
            self._pos = env.end()
            if word == "Deno":
                self._deno(start, env.end())
            else:
                self._environment(start, env.end())
        elif word == "process":
            pattern = self._taken_apart(start)
            if pattern is not None:
                self._properties(*pattern, of_process=True)

    def _is_part_of_a_name(self, start: int, end: int) -> bool:
        text = self._text
        if end < self._end and (text[end].isalnum() or text[end] in "_$"):
            return True
        before = text[start - 1] if start > self._start else " "
        if before.isalnum() or before in "_$":
            return True
        if before == "." and text[max(start - 3, 0) : start] != "...":
            dot = start - 2 if text[start - 2 : start] == "?." else start - 1
            return self._word_before(dot) not in GLOBALS
        return False

    def _import(self, end: int) -> None:
        """Note `import { env } from "node:process"`."""
        imported = _IMPORTED.match(self._text, end, self._end)
        named = _ENV_IMPORT.search(imported["names"].strip()) if imported else None
        if imported is not None and named is not None:
            self._pos = imported.end()
            self.bound.append(_Bound(named[1] or "env", self._stack[0], end))

    def _without_cast(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of an expression with the parentheses of a cast: `(process.env as any)`."""
        before = self._before(start)
        cast = _CAST.match(self._text, end, self._end) if self._text[before - 1 : before] == "(" else None
        called = self._text[before - 2 : before - 1]
        if cast is None or called.isalnum() or called in {"_", "$"}:
            return start, end
        return before - 1, cast.end()

    def _deno(self, start: int, end: int) -> None:
        """Note what is done with `Deno.env`."""
        call = _DENO.match(self._text, end, self._end)
        if call is None:
            self.whole.append(start)
        elif call["method"] == "toObject":
            self._environment(start, call.end())
        elif call["method"] == "get":
            key = _text_of(call)
            if key is None:
                self.dynamic.append(start)
            else:
                self._read(start, call.end(), key)

    def _environment(self, start: int, end: int) -> None:
        """Note what is done with the whole environment, an expression at a span."""
        start, end = self._without_cast(start, end)
        member = _MEMBER.match(self._text, end, self._end)
        if member is None:
            self._pos = max(self._pos, end)
            self._hand_on(start, end)
            return
        key = member["name"] or _text_of(member)
        if key is not None:
            self._pos = max(self._pos, member.end())
            self._read(start, member.end(), key)
        elif not self._is_deleted(start) and not self._is_written(member.end("bracket") - 1):
            self.dynamic.append(start)

    def _is_written(self, bracket: int) -> bool:
        """Return whether what is in the brackets at an offset is assigned to: `process.env[name] = …`."""
        end = self._balanced(bracket)
        return end > 0 and _WRITE.match(self._text, end, self._end) is not None

    def _is_deleted(self, start: int) -> bool:
        return self._word_before(self._before(start)) == "delete"

    def _balanced(self, opening: int) -> int:
        """Return the end of a pair of brackets; -1 if it isn't closed soon."""
        depth, limit = 0, min(opening + MAX_BRACKETS, self._end)
        for token in _NESTING.finditer(self._text, opening, limit):
            depth += (token.group() in "([{") - (token.group() in ")]}")
            if depth == 0:
                return token.end()
        return -1

    # Readings

    def _read(self, start: int, end: int, key: str) -> None:
        """Note a reading, unless it is a write or no variable's name."""
        text = self._text
        if not NAME.fullmatch(key) or self._is_deleted(start) or _WRITE.match(text, end, self._end):
            return
        if key in METHODS and text[end : end + 1] == "(":
            return
        self.readings.append((start, Reading(key, 0, self._has_default(start, end))))

    def _has_default(self, start: int, end: int) -> bool:
        """Return whether `??` or `||` gives a value in place of the expression at a span."""
        text = self._text
        while True:
            while more := _AS.match(text, end, self._end):
                end = more.end()
            end = self._chained(end)
            if after := _OR.match(text, end, self._end):
                return not self._binds_tighter(start) and self._is_default(after.end())
            closing = _CLOSES.match(text, end, self._end)
            opening = self._before(start) - 1
            if closing is None or text[opening : opening + 1] != "(" or opening < self._start:
                return False
            start, end = opening, closing.end()
            word = self._word_before(opening)
            if word in CONVERTERS:
                start -= len(word)
            elif word and word not in BEFORE_EXPRESSION:
                return False

    def _chained(self, end: int) -> int:
        """Skip what is done with a value that may be undefined: `?.split(",")`."""
        text, start, limit = self._text, end, min(end + MAX_BRACKETS, self._end)
        link = _CHAIN.match(text, end, self._end)
        if link is None or "?." not in link.group():
            return end
        while link is not None and link.end() < limit:
            end = link.end()
            if text[end : end + 1] in {"(", "["} and (end := self._balanced(end)) < 0:
                return start
            link = _CHAIN.match(text, end, self._end)
        return end

    def _binds_tighter(self, start: int) -> bool:
        """Return whether the operator before an expression binds tighter than `||`: `!process.env.X || …`."""
        text, before = self._text, self._before(start)
        if before <= self._start:
            return False
        char, two = text[before - 1], text[max(before - 2, 0) : before]
        if char.isalnum() or char in "_$":
            return self._word_before(before) in TIGHT_WORDS
        if two in {"=>", "||", "&&", "??", "${"}:
            return False
        if char in "+-":
            # A sign: `+process.env.X || 3000`.
            return not self._begins_expression(before - 1)
        if char == "=":
            return text[max(before - 2, 0)] in "=!<>"
        return char in "!~*/%<>&^|"

    def _is_default(self, offset: int) -> bool:
        """Return whether what follows `||` or `??` is a value."""
        text = self._text
        if _NO_DEFAULT.match(text, offset, self._end):
            return False
        call = _CALL.match(text, offset, self._end)
        return call is None or STOPS.search(call.group(1)) is None

    # The whole environment

    def _hand_on(self, start: int, end: int) -> None:
        """Note what the whole environment goes to: a pattern, another name, or somewhere out of sight."""
        pattern = self._taken_apart(start)
        if pattern is not None:
            self._properties(*pattern)
            return
        before = self._before(start)
        if self._word_before(before) in {"typeof", "in"} or _WRITE.match(self._text, end, self._end):
            return
        if _ASKED.match(self._text, end, self._end):
            return  # `process.env && …`, `typeof process.env !== "undefined"`
        named = self._assigned_to(start)
        if named:
            self.bound.append(_Bound(named, self._stack[-1], start))
        else:
            self.whole.append(start)

    def _equals_before(self, start: int) -> int:
        """Return the end of what is before the `=` that an expression stands behind; -1 without one."""
        text, before = self._text, self._before(start)
        if text[before - 1 : before] != "=" or text[max(before - 2, 0)] in "=!<>+-*/%&|^?":
            return -1
        return self._before(before - 1)

    def _assigned_to(self, start: int) -> str:
        """Return the variable that an expression is assigned to at its declaration, or ""."""
        equals = self._equals_before(start)
        named = _ASSIGNED.search(self._text, max(self._start, equals - 200), equals) if equals >= 0 else None
        return named.group(1) if named else ""

    def _taken_apart(self, start: int) -> tuple[int, int] | None:
        """Return the span inside the braces of a pattern that an expression is assigned to: `const { A } = …`."""
        equals = self._equals_before(start)
        groups = self._stack[-1].closed
        if equals < 0 or not groups:
            return None
        # The braces may be those of its type: `const { A }: { A: string } & B = …`.
        after = self._text[groups[-1][1] + 1 : equals]
        if len(groups) > 1 and re.fullmatch(r"\s*:\s*", self._text[groups[0][1] + 1 : groups[1][0]]):
            pattern, is_type = groups[0], re.fullmatch(r"[\w$.<>,\s|&\"'\[\]]*", after)
        else:
            pattern, is_type = groups[-1], re.fullmatch(r"(?:\s*:\s*[\w$.<>,\s|&\"'\[\]]+)?", after)
        return (pattern[0] + 1, pattern[1]) if is_type else None

    def _properties(self, start: int, end: int, *, of_process: bool = False) -> None:
        """Note what a pattern takes from the environment, or from `process`."""
        text = self._text
        for first, last in self._parts(start, end):
            found = _PROPERTY.match(text, first, last)
            if found is None:
                continue
            at = found.start("name") if found["name"] else found.end()
            renamed = _RENAMED.match(text, found.end(), last)
            after = renamed.end() if renamed else found.end()
            key = found["name"] or _text_of(found)
            if of_process:
                if key == "env" and renamed and renamed["nested"]:
                    nested = renamed.start("nested")
                    self._properties(nested + 1, self._balanced(nested) - 1)
                elif key == "env":
                    target = renamed is not None and renamed["target"] is not None
                    self._declared.add(renamed.start("target") if renamed and target else at)
                    name = renamed["target"] if renamed and target else "env"
                    self.bound.append(_Bound(name, self._stack[-1], at))
            elif found["rest"]:
                self.whole.append(at)
            elif found["computed"] or key is None:
                self.dynamic.append(at)
            elif NAME.fullmatch(key):
                optional = _DEFAULTED.match(text, after, last) is not None
                self.readings.append((at, Reading(key, 0, optional)))

    def _parts(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the spans between the commas of a pattern."""
        text, depth, first, at = self._text, 0, start, start
        while at < end:
            char = text[at]
            if char in "\"'" and (string := _STRING.match(text, at, end)):
                at = string.end()
                continue
            if char == "/" and text[at + 1 : at + 2] in {"/", "*"}:
                comment = (_LINE_COMMENT if text[at + 1] == "/" else _BLOCK_COMMENT).match(text, at, end)
                at = comment.end() if comment else end
                continue
            if char == "`":
                at = text.find("`", at + 1, end) % (end + 1)
            depth += (char in "([{") - (char in ")]}")
            if char == "," and depth == 0:
                yield first, at
                first = at + 1
            at += 1
        yield first, end


def _text_of(found: re.Match[str]) -> str | None:
    """Return the string literal that a match found, or None."""
    return next((found[name] for name in ("double", "single", "template") if found[name] is not None), None)
