"""Read deploxa.toml: what one project should be. Every mistake is reported with its line before anything is sent.

The file comes with a checkout, so it is not trusted: it holds neither commands nor URLs, its `file:` sources don't
leave its directory, and no `env:` source reaches the variables of dpx itself.
"""

from __future__ import annotations

import difflib
import os
import posixpath
import re
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.api.client import is_name
from dpx_cli.config import project_file
from dpx_cli.config.paths import PROJECT_FILE
from dpx_cli.errors import NotFound, UsageError
from dpx_cli.reference import APP_TYPES, FRAMEWORKS, TARGETS, is_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MAX_SHOWN = 20  # mistakes in a message
MAX_MISTAKES = 100  # a file that has more is not read on

FIELDS = ("name", "description", "build_command", "install_command", "output_dir")
CHOICES = {"framework": FRAMEWORKS, "app_type": APP_TYPES}

_BARE = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_POSITION = re.compile(r"line (\d+), column (\d+)")


class Variable(NamedTuple):
    """A variable that a file describes; None for what the file doesn't say."""

    key: str
    value: str | None = None
    source: str | None = None  # "env:NAME" or "file:PATH"
    targets: tuple[str, ...] | None = None
    sensitive: bool | None = None
    absent: bool = False
    place: str = ""  # "FILE:LINE:COLUMN" of the source, else of the key


class Document(NamedTuple):
    """A valid deploxa.toml."""

    path: str  # as messages show it
    folder: str  # the absolute directory that `file:` sources, `paths` and `needs` are relative to
    slug: str  # or "org/slug"
    fields: dict[str, str]  # those of `FIELDS` that the file has
    framework: str | None = None
    app_type: str | None = None
    paths: tuple[str, ...] = ()  # folders that belong to the project besides `folder`, as written
    needs: tuple[str, ...] = ()  # the `identity` of the files of the projects that come first
    variables: Mapping[str, Variable] = {}

    @property
    def identity(self) -> str:
        """The real path of the file."""
        return os.path.realpath(os.path.join(self.folder, os.path.basename(self.path)))


class Mistake(Exception):
    """A part of the file that is wrong: `what`, as a sentence without its period, and perhaps the key below it."""

    @property
    def what(self) -> str:
        """What is wrong."""
        return str(self.args[0])


def build_refusal(mistakes: list[str]) -> UsageError:
    """Return the error for mistakes, "FILE:LINE:COLUMN: what" each: one a line."""
    shown = mistakes[:MAX_SHOWN]
    if left := len(mistakes) - len(shown):
        shown.append(f"and {left} more.")
    them = "this line" if len(mistakes) == 1 else "these lines"
    return UsageError(shown[0], details=shown[1:], hint=f"Fix {them}. Nothing was changed.")


def read(path: str) -> Document:
    """Read and check a deploxa.toml. Raises UsageError with every mistake, NotFound if there is no such file."""
    if not os.path.lexists(path):
        raise NotFound(f"No such file: {path}", hint="Check the path.")
    return parse(project_file.load(path), path)


def read_all(paths: Sequence[str]) -> list[Document]:
    """Read files. Raises UsageError with the mistakes of all of them."""
    documents, refusals = [], []
    for path in paths:
        try:
            documents.append(read(path))
        except UsageError as refusal:
            refusals.append(refusal)
    if len(refusals) > 1:
        raise build_refusal([line for refusal in refusals for line in (refusal.message, *refusal.details)])
    if refusals:
        raise refusals[0]
    return documents


def parse(data: bytes, path: str) -> Document:
    """Parse and check the bytes of a deploxa.toml. Raises UsageError with every mistake, without any value."""
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    try:
        data.decode()
        project_file.check_depth(text)
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        raise build_refusal([f"{path}:{_explain(problem, data, text)}."]) from None
    reader = _Reader(path, text)
    reader.read(content)
    if reader.mistakes:
        raise build_refusal([f"{reader.place(offset)}: {what}." for offset, what in sorted(reader.mistakes)])
    fields = {key: reader.project.pop(key) for key in FIELDS if key in reader.project}
    return Document(path, reader.folder, fields=fields, variables=reader.variables, **reader.project)


def _explain(problem: Exception, data: bytes, text: str) -> str:
    """Return "LINE:COLUMN: what" for text that is not TOML. It shows single characters and keys at most."""
    if isinstance(problem, UnicodeDecodeError):
        # Characters, not bytes: that many were decoded before.
        offset, what = len(data[: problem.start].decode("utf-8-sig").replace("\r\n", "\n")), "Not UTF-8"
    elif isinstance(problem, RecursionError):
        offset, what = 0, "Not valid TOML: it is nested too deeply"
    else:
        message, _, position = str(problem).rpartition(" (at ")
        message = message or "A number is too long"
        what = f"Not valid TOML: {message[:1].lower()}{message[1:]}"
        if place := _POSITION.match(position):
            return f"{place[1]}:{place[2]}: {what}"
        *_, last = project_file.find_tokens(text)
        # A string of several lines that isn't closed reaches to the end: its beginning says more.
        offset = last.start() if last.lastgroup == "string" else len(text.rstrip()) - 1
    return "{}:{}: {}".format(*project_file.line_and_column(text, offset), what)


class _Reader:
    """Check a parsed document: fill `project` and `variables`, or `mistakes` with their offsets."""

    def __init__(self, path: str, text: str) -> None:
        self.mistakes: set[tuple[int, str]] = set()
        self.project: dict[str, Any] = {}
        self.variables: dict[str, Variable] = {}
        self.folder = os.path.dirname(os.path.abspath(path))
        self._path = path
        self._text = text
        self._offsets = find_keys(text)

    def place(self, offset: int) -> str:
        """Return "FILE:LINE:COLUMN"."""
        return "{}:{}:{}".format(self._path, *project_file.line_and_column(self._text, offset))

    def _add(self, mistake: Mistake, *path: str) -> None:
        path += mistake.args[1:]
        while path and path not in self._offsets:
            path = path[:-1]
        self.mistakes.add((self._offsets.get(path, 0), mistake.what))

    def read(self, document: dict[str, Any]) -> None:
        """Read all of it."""
        for key, value in self._items(document):
            if key not in ("project", "env"):
                self._add(Mistake(_unknown(key, ("project", "env"), "")), key)
            elif not isinstance(value, dict):
                self._add(Mistake(f"[{key}] must be a table"), key)
        project, env = document.get("project", {}), document.get("env", {})
        if isinstance(project, dict) and "slug" not in project:
            self._add(Mistake('slug is missing: add slug = "SLUG" or slug = "ORG/SLUG" to [project]'), "project")
        for key, value in self._items(project):
            try:
                self.project[key] = self._read_setting(key, value)
            except Mistake as mistake:
                self._add(mistake, "project", key)
        for key, value in self._items(env):
            try:
                self._read_variable(key, _table(key, value))
            except Mistake as mistake:
                self._add(mistake, "env", key)

    def _items(self, table: Any) -> Iterator[tuple[str, Any]]:
        """Yield the items of a table, as long as more mistakes are worth finding."""
        for item in table.items() if isinstance(table, dict) else ():
            if len(self.mistakes) < MAX_MISTAKES:
                yield item

    def _read_setting(self, key: str, value: Any) -> str | tuple[str, ...]:
        setting: str | tuple[str, ...] = _read(key, value, SETTINGS, "[project]")
        if key != "needs":
            return setting
        paths = list(setting)
        files = [os.path.join(self.folder, path.removesuffix(PROJECT_FILE), PROJECT_FILE) for path in paths]
        for path, file in zip(paths, files, strict=True):
            if not os.path.isfile(file):
                raise Mistake(f'needs: "{path}" has no {PROJECT_FILE}')
        return tuple(map(os.path.realpath, files))

    def _read_variable(self, key: str, table: Mapping[str, Any]) -> None:
        parts: dict[str, Any] = {}
        for name, value in table.items():
            try:
                parts[name] = _read(name, value, PARTS, "a variable")
            except Mistake as mistake:
                self._add(mistake, "env", key, name)
        if len(parts) < len(table):
            return
        _check_parts(parts)
        source = parts.pop("from", None)
        offset = self._offsets.get(("env", key, "from"), self._offsets.get(("env", key), 0))
        self.variables[key] = Variable(key, source=source, place=self.place(offset), **parts)


def find_keys(text: str) -> dict[tuple[str, ...], int]:
    """Return the offset of every table and key of a valid TOML text, by its path; the first one where several are."""
    offsets: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()  # of the last header
    path: tuple[str, ...] = ()  # of the key that is read
    brackets: list[tuple[str, tuple[str, ...]]] = []  # open ones of a value, with the path of the key before them
    part = "start"  # of a statement: "start", "header", "key" or "value"
    header = 0
    for token in project_file.find_tokens(text):
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


def _check_parts(parts: Mapping[str, Any]) -> None:
    if "absent" in parts:
        for name in parts:
            if name != "absent":
                raise Mistake(f"absent and {name} can't be used together", name)
        return
    if "value" in parts and "from" in parts:
        raise Mistake("value and from can't be used together", "from")
    if "value" in parts and parts.get("sensitive"):
        raise Mistake(
            'A sensitive value doesn\'t belong in a committed file: use from = "env:NAME" or "file:PATH"', "sensitive"
        )
    if parts and "value" not in parts and "from" not in parts:
        name = next(iter(parts))
        # The API sets targets and sensitivity together with a value only.
        raise Mistake(f"{name} needs a value: add value or from", name)


def _unknown(key: str, known: tuple[str, ...], where: str) -> str:
    # What is no plain name may be a value in the wrong place.
    name = f" {key}" if _BARE.fullmatch(key) and not key.startswith("dpx_") else ""
    close = difflib.get_close_matches(key, known, n=1)
    what = f"Unknown key{name} in {where}" if where else f"Unknown table or key{name}"
    return what + (f" (did you mean {close[0]}?)" if close else "")


def _table(key: str, value: Any) -> Mapping[str, Any]:
    """Return what [env] says of a variable as a table: a string is its value."""
    if not is_key(key):
        raise Mistake("Invalid variable name: use letters, digits and _, and don't begin with a digit")
    if isinstance(value, str):
        return {"value": _value(key, value)}
    if not isinstance(value, dict):
        raise Mistake(f"{key} must be a string or a table")
    return value


def _read(key: str, value: Any, readers: Mapping[str, Callable[[str, Any], Any]], where: str) -> Any:
    if key not in readers:
        raise Mistake(_unknown(key, tuple(readers), where))
    return readers[key](key, value)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Mistake(f"{key} must be a string")
    return value


def _slug(key: str, value: Any) -> str:
    org, slash, slug = _text(key, value).rpartition("/")
    if not is_name(slug) or (slash and not is_name(org)):
        raise Mistake('slug must be "SLUG" or "ORG/SLUG"')
    return str(value)


def _name(key: str, value: Any) -> str:
    if not _text(key, value).strip():
        raise Mistake("name can't be empty")
    return str(value)


def _choice(key: str, value: Any) -> str:
    choice = _text(key, value).upper()
    if choice not in CHOICES[key]:
        raise Mistake(f"{key} must be one of {', '.join(CHOICES[key])}")
    return choice


def _paths(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
        raise Mistake(f"{key} must be an array of strings")
    if not all(_is_relative(path) for path in value):
        raise Mistake(f"{key} must be relative to the directory of this file")
    return tuple(value)


def _is_relative(path: str) -> bool:
    return bool(path) and "\0" not in path and path[0] not in "/\\" and path[1:2] != ":"


def _value(key: str, value: Any) -> str:
    if "\0" in _text(key, value):
        raise Mistake("A value can't contain a NUL character")  # no environment can hold it
    return str(value)


def _source(key: str, value: Any) -> str:
    kind, _, name = _text(key, value).partition(":")
    if kind not in ("env", "file") or not name or "\0" in name:
        raise Mistake('from must be "env:NAME" or "file:PATH"')
    if kind == "file":
        if not _is_relative(name) or posixpath.normpath(name).startswith("../"):
            raise Mistake("from must be a file below the directory of this file")
    elif not is_key(name):
        raise Mistake("from must have an environment variable after env:")
    # In any case: names of variables have none on Windows.
    elif name.upper().startswith("DPX_"):
        raise Mistake("from can't read DPX_ variables: they hold dpx's own token and settings")
    return str(value)


def _targets(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(target, str) for target in value):
        raise Mistake(f"{key} must be an array of {', '.join(TARGETS)}")
    wanted = {target.lower() for target in value}
    if not wanted <= set(TARGETS):
        raise Mistake(f"{key} can be {', '.join(TARGETS)} only")
    return tuple(target for target in TARGETS if target in wanted)


def _sensitive(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Mistake(f"{key} must be true or false")
    return value


def _absent(key: str, value: Any) -> bool:
    if value is not True:
        raise Mistake(f"{key} must be true (leave it out otherwise)")
    return True


SETTINGS: dict[str, Callable[[str, Any], Any]] = {
    "slug": _slug,
    **dict.fromkeys(FIELDS, _text),
    "name": _name,
    **dict.fromkeys(CHOICES, _choice),
    "paths": _paths,
    "needs": _paths,
}
PARTS = {"value": _value, "from": _source, "targets": _targets, "sensitive": _sensitive, "absent": _absent}
