"""Read deploxa.toml: what one project should be. Every mistake is reported with its line before anything is sent.

The file comes with a checkout, so it is not trusted: it holds neither commands nor URLs, its `file:` sources don't
leave its directory, and no `env:` source reaches the variables of dpx itself.
"""

from __future__ import annotations

import os
import re
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.commands.state import positions
from dpx_cli.config import project_file
from dpx_cli.config.paths import PROJECT_FILE
from dpx_cli.errors import NotFound, UsageError
from dpx_cli.reference import APP_TYPES, FRAMEWORKS, TARGETS, is_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_SHOWN = 20  # mistakes in a message

FIELDS = ("name", "description", "build_command", "install_command", "output_dir")
CHOICES = {"framework": FRAMEWORKS, "app_type": APP_TYPES}
PROJECT_KEYS = ("slug", *FIELDS, *CHOICES, "paths", "needs")
VARIABLE_KEYS = ("value", "from", "targets", "sensitive", "absent")

_BARE = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Variable(NamedTuple):
    """A variable that a file describes; None for what the file doesn't say.

    The source is "env:NAME" or "file:PATH"; `place` is "FILE:LINE:COLUMN" of it, else of the key.
    """

    key: str
    value: str | None = None
    source: str | None = None
    targets: tuple[str, ...] | None = None
    sensitive: bool | None = None
    absent: bool = False
    place: str = ""


class Document(NamedTuple):
    """A valid deploxa.toml.

    Attributes:
        path: the file, as messages show it.
        folder: the absolute directory that `file:` sources, `paths` and `needs` are relative to.
        slug: the project: `slug` or `org/slug`.
        fields: those of `FIELDS` that the file has.
        paths: folders that belong to the project besides `folder`, as written.
        needs: the `identity` of the files of the projects that come first.
        variables: by their keys, in the order of the file.
    """

    path: str
    folder: str
    slug: str
    fields: dict[str, str]
    framework: str | None = None
    app_type: str | None = None
    paths: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    variables: Mapping[str, Variable] = {}

    @property
    def identity(self) -> str:
        """The real path of the file."""
        return os.path.realpath(os.path.join(self.folder, os.path.basename(self.path)))


class Mistake(Exception):
    """A part of the file that is wrong: what, as a sentence without its period, and where, as keys from the top."""

    def __init__(self, what: str, *path: str) -> None:
        super().__init__(what)
        self.what = what
        self.path = path


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
    documents, mistakes = [], []
    for path in paths:
        try:
            documents.append(read(path))
        except UsageError as refusal:
            mistakes += [refusal.message, *refusal.details]
    if mistakes:
        raise build_refusal(mistakes)
    return documents


def parse(data: bytes, path: str) -> Document:
    """Parse and check the bytes of a deploxa.toml. Raises UsageError with every mistake, without any value."""
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")

    def place(offset: int) -> str:
        return "{}:{}:{}".format(path, *positions.line_and_column(text, offset))

    syntax = _find_syntax_error(data, text)
    if syntax is not None:
        raise build_refusal([f"{place(syntax[0])}: {syntax[1]}."])
    offsets = positions.find_keys(text)
    folder = os.path.dirname(os.path.abspath(path))
    reader = _Reader(folder, lambda *keys: place(offsets.get(keys, 0)))
    reader.read(tomllib.loads(text))
    if reader.mistakes:
        at = []
        for mistake in reader.mistakes:
            keys = mistake.path
            while keys and keys not in offsets:
                keys = keys[:-1]
            at.append((offsets.get(keys, 0), mistake.what))
        raise build_refusal([f"{place(offset)}: {what}." for offset, what in sorted(set(at))])
    project = reader.project
    fields = {key: project.pop(key) for key in FIELDS if key in project}
    return Document(path, folder, fields=fields, variables=reader.variables, **project)


def _find_syntax_error(data: bytes, text: str) -> tuple[int, str] | None:
    """Return where and what a syntax error is. The message shows single characters and keys at most."""
    try:
        data.decode()
        project_file.check_depth(text)
        tomllib.loads(text)
    except UnicodeDecodeError as problem:
        # Characters, not bytes: that many were decoded before.
        return len(data[: problem.start].decode("utf-8-sig").replace("\r\n", "\n")), "Not UTF-8"
    except RecursionError:
        return 0, "Not valid TOML: it is nested too deeply"
    except ValueError as problem:
        message = str(problem)
        position = _POSITION.search(message)
        message = message[: position.start()] if position else "A number is too long"
        what = f"Not valid TOML: {message[:1].lower()}{message[1:]}"
        if position and position[1]:
            lines = text.split("\n")
            return sum(len(line) + 1 for line in lines[: int(position[1]) - 1]) + int(position[2]) - 1, what
        *_, last = project_file.find_tokens(text)
        # A string of several lines that isn't closed reaches to the end: its beginning says more.
        return last.start() if last.lastgroup == "string" else len(text.rstrip()) - 1, what
    return None


class _Reader:
    """Check a parsed document; `place` returns "FILE:LINE:COLUMN" of a key."""

    def __init__(self, folder: str, place: Callable[..., str]) -> None:
        self.mistakes: list[Mistake] = []
        self.project: dict[str, Any] = {}
        self.variables: dict[str, Variable] = {}
        self._folder = folder
        self._place = place

    def read(self, document: dict[str, Any]) -> None:
        """Fill `project` and `variables`, or `mistakes`."""
        for key, value in document.items():
            if key not in ("project", "env"):
                self._add(Mistake(_unknown(key, ("project", "env"), "")), key)
            elif not isinstance(value, dict):
                self._add(Mistake(f"[{key}] must be a table"), key)
            elif key == "env":
                self._read_env(value)
        if isinstance(project := document.get("project", {}), dict):
            self._read_project(project)

    def _add(self, mistake: Mistake, *path: str) -> None:
        mistake.path = (*path, *mistake.path)
        self.mistakes.append(mistake)

    def _read_project(self, project: Mapping[str, Any]) -> None:
        if "slug" not in project:
            self._add(Mistake('slug is missing: add slug = "SLUG" or slug = "ORG/SLUG" to [project]'), "project")
        for key, value in project.items():
            try:
                self.project[key] = self._project_value(key, value)
            except Mistake as mistake:
                self._add(mistake, "project", key)

    def _read_env(self, env: Mapping[str, Any]) -> None:
        for key, value in env.items():
            try:
                self._read_variable(key, _table(key, value))
            except Mistake as mistake:
                self._add(mistake, "env", key)

    def _project_value(self, key: str, value: Any) -> str | tuple[str, ...]:
        if key == "paths":
            return _paths(key, value)
        if key == "needs":
            return tuple(self._needed(path) for path in _paths(key, value))
        return _project_text(key, value)

    def _needed(self, path: str) -> str:
        file = os.path.join(self._folder, path)
        if os.path.basename(file) != PROJECT_FILE:
            file = os.path.join(file, PROJECT_FILE)
        if not os.path.isfile(file):
            raise Mistake(f"needs: no {PROJECT_FILE} in {path}")
        return os.path.realpath(file)

    def _read_variable(self, key: str, table: Mapping[str, Any]) -> None:
        parts: dict[str, Any] = {}
        for name, value in table.items():
            try:
                parts[name] = _READERS.get(name, _refuse_part)(name, value)
            except Mistake as mistake:
                self._add(mistake, "env", key, name)
        if len(parts) < len(table):
            return
        _check_parts(parts)
        source = parts.pop("from", None)
        place = self._place("env", key, "from") if source else self._place("env", key)
        self.variables[key] = Variable(key, source=source, place=place, **parts)


def _check_parts(parts: Mapping[str, Any]) -> None:
    """Check that the parts of a variable go together."""
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
    """Return what is wrong with a key that isn't known, and the known one that is nearest."""
    import difflib

    # What is no plain name may be a value in the wrong place.
    name = f" {key}" if _BARE.fullmatch(key) and not key.startswith("dpx_") else ""
    close = difflib.get_close_matches(key, known, n=1)
    kind = "key" if where else "table or key"
    return f"Unknown {kind}{name}{' in ' if where else ''}{where}" + (f" (did you mean {close[0]}?)" if close else "")


def _table(key: str, value: Any) -> Mapping[str, Any]:
    """Return what [env] says of a variable as a table: a string is its value."""
    if not is_key(key):
        raise Mistake("Invalid variable name: use letters, digits and _, and don't begin with a digit")
    if isinstance(value, str):
        return {"value": _value(value)}
    if not isinstance(value, dict):
        raise Mistake(f"{key} must be a string or a table")
    return value


def _refuse_part(name: str, _value: Any) -> Any:
    raise Mistake(_unknown(name, VARIABLE_KEYS, "a variable"))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Mistake(f"{name} must be a string")
    return value


def _value(value: str) -> str:
    if "\0" in value:
        # No environment can hold it.
        raise Mistake("A value can't contain a NUL character")
    return value


def _project_text(key: str, value: Any) -> str:
    if key not in PROJECT_KEYS:
        raise Mistake(_unknown(key, PROJECT_KEYS, "[project]"))
    text = _text(key, value)
    if key in CHOICES:
        if text.upper() not in CHOICES[key]:
            raise Mistake(f"{key} must be one of {', '.join(CHOICES[key])}")
        return text.upper()
    if key == "slug":
        from dpx_cli.api.client import is_name

        org, slash, slug = text.rpartition("/")
        if not is_name(slug) or (slash and not is_name(org)):
            raise Mistake('slug must be "SLUG" or "ORG/SLUG"')
    if key == "name" and not text.strip():
        raise Mistake("name can't be empty")
    return text


def _is_relative(path: str) -> bool:
    """Return whether a path is relative, on every system."""
    return bool(path) and "\0" not in path and path[0] not in "/\\" and path[1:2] != ":"


def _paths(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
        raise Mistake(f"{name} must be an array of strings")
    if not all(_is_relative(path) for path in value):
        raise Mistake(f"{name} must be relative to the directory of this file")
    return tuple(value)


def _from(_name: str, value: Any) -> str:
    text = _text("from", value)
    kind, _, name = text.partition(":")
    if kind not in ("env", "file") or not name or "\0" in name:
        raise Mistake('from must be "env:NAME" or "file:PATH"')
    if kind == "file":
        if not _is_relative(name):
            raise Mistake("from must be a file below the directory of this file")
    elif not is_key(name):
        raise Mistake("from must have an environment variable after env:")
    # In any case: names of variables have none on Windows.
    elif name.upper().startswith("DPX_"):
        raise Mistake("from can't read DPX_ variables: they hold dpx's own token and settings")
    return text


def _targets(_name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(target, str) for target in value):
        raise Mistake(f"targets must be an array of {', '.join(TARGETS)}")
    wanted = {target.lower() for target in value}
    if not wanted <= set(TARGETS):
        raise Mistake(f"targets can be {', '.join(TARGETS)} only")
    return tuple(target for target in TARGETS if target in wanted)


def _sensitive(_name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Mistake("sensitive must be true or false")
    return value


def _absent(_name: str, value: Any) -> bool:
    if value is not True:
        raise Mistake("absent must be true (leave it out otherwise)")
    return True


_READERS = {
    "value": lambda name, value: _value(_text(name, value)),
    "from": _from,
    "targets": _targets,
    "sensitive": _sensitive,
    "absent": _absent,
}
