"""Read deploxa.toml: what one project should be. Every mistake is named with its line before anything is sent.

The file comes with a checkout, so it is not trusted: it holds neither commands nor URLs, its `file:` sources don't
leave its directory, and no `env:` source reaches the variables of dpx itself. `deploxa.schema.json` is its schema.
"""

from __future__ import annotations

import contextlib
import os
import re
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.commands.state import places
from dpx_cli.config import project_file
from dpx_cli.errors import NotFound, UsageError, reason
from dpx_cli.reference import APP_TYPES, FRAMEWORKS, TARGETS, is_key

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_VALUE = 4 * 1024 * 1024  # bytes of a value from a file
MAX_NAMED = 20  # mistakes
MAX_FOUND = 100  # mistakes; a file that has more is not read on

FIELDS = ("name", "description", "build_command", "install_command", "output_dir")
CHOICES = {"framework": FRAMEWORKS, "app_type": APP_TYPES}
PROJECT_KEYS = ("slug", *FIELDS, *CHOICES, "paths")
VARIABLE_KEYS = ("value", "from", "targets", "sensitive", "absent")
# What a message may show of a line.
PUBLIC = {"project": PROJECT_KEYS, "": ("targets",)}

_BARE = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Variable(NamedTuple):
    """What the file says of one variable.

    Attributes:
        key: its name.
        value: the text; None if the file doesn't hold it.
        source: "env:NAME" or "file:PATH"; None if there is none.
        targets: those the variable should have; None if the file doesn't say.
        sensitive: whether it should be; None if the file doesn't say.
        absent: whether it must not exist.
        offset: where its key is in the file.
    """

    key: str
    value: str | None = None
    source: str | None = None
    targets: tuple[str, ...] | None = None
    sensitive: bool | None = None
    absent: bool = False
    offset: int = 0


class Document(NamedTuple):
    """A valid deploxa.toml.

    Attributes:
        path: the file, as messages name it.
        folder: the directory that `file:` sources and `paths` are relative to.
        text: the whole file.
        slug: the project: `slug` or `org/slug`.
        fields: of `FIELDS` those that the file has.
        framework: for creation; None if the file doesn't say.
        app_type: likewise.
        paths: folders that belong to the project besides `folder`, as written.
        variables: by their keys, in the order of the file.
    """

    path: str
    folder: str
    text: str
    slug: str
    fields: dict[str, str]
    framework: str | None
    app_type: str | None
    paths: tuple[str, ...]
    variables: dict[str, Variable]


class _Mistake(Exception):
    """A part of the file that is wrong.

    Attributes:
        path: where, as keys from the top of the document.
        what: what is wrong, as a sentence without its period.
    """

    def __init__(self, what: str, *path: str) -> None:
        super().__init__(what)
        self.path = path
        self.what = what


class _EnoughError(Exception):
    """There are as many mistakes as are worth finding."""


class _Mistakes:
    """The mistakes of one file, by their offsets."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._found: list[tuple[int, str]] = []

    def add(self, offset: int, what: str) -> None:
        """Note one."""
        self._found.append((offset, what))

    def refuse(self) -> None:
        """Raise UsageError if there are any: each as "FILE:LINE:COLUMN: what: the line"."""
        found = sorted(set(self._found))
        if not found:
            return
        named = []
        pieces = places.marked(self._text, PUBLIC)
        for offset, what in found[:MAX_NAMED]:
            line, column = places.position(self._text, offset)
            shown = places.shown(self._text, offset, pieces)
            named.append(f"{self._path}:{line}:{column}: {what}" + (f": {shown}" if shown else "."))
        if len(found) > MAX_NAMED:
            named.append(f"and {len(found) - MAX_NAMED}{' or' * (len(found) >= MAX_FOUND)} more.")
        them = "this line" if len(found) == 1 else "these lines"
        raise UsageError("; ".join(named), hint=f"Fix {them}. Nothing was changed.")


def read(path: str) -> Document:
    """Read and check a deploxa.toml.

    Args:
        path: the file; messages name it so.

    Raises:
        NotFound: there is no such file.
        UsageError: it is too large or no regular file, or there are mistakes in it; all of them are named.
        Failed: it can't be read.
    """
    if not os.path.lexists(path):
        raise NotFound(f"No such file: {path}", hint="Check the path.")
    return parse(project_file.load(path), path)


def parse(data: bytes, path: str) -> Document:
    """Parse and check the bytes of a deploxa.toml.

    Args:
        data: the whole file.
        path: where it is, or would be.

    Raises:
        UsageError: every mistake, each with its line, column and the line itself without values.
    """
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    mistakes = _Mistakes(path, text)
    try:
        data.decode()
    except UnicodeDecodeError as problem:
        # Characters, not bytes: that many were decoded before.
        at = len(data[: problem.start].decode("utf-8-sig").replace("\r\n", "\n"))
        mistakes.add(at, "Not UTF-8")
        mistakes.refuse()
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        mistakes.add(*_syntax(problem, text))
        mistakes.refuse()
        raise  # not reached: `refuse` raises
    at_keys = places.keys(text)

    def add(mistake: _Mistake) -> None:
        path = mistake.path
        while path and path not in at_keys:
            path = path[:-1]
        mistakes.add(at_keys.get(path, 0), mistake.what)

    reader = _Reader(found, at_keys)
    for mistake in reader.mistakes:
        add(mistake)
    mistakes.refuse()
    folder = os.path.dirname(os.path.abspath(path))
    return Document(path, folder, text, **reader.parts())


def _syntax(problem: Exception, text: str) -> tuple[int, str]:
    """Return where and what a syntax error is. Of the text the message shows single characters and keys at most."""
    if isinstance(problem, RecursionError):
        return 0, "Not valid TOML: it is nested too deeply"
    said = str(problem)
    place = _POSITION.search(said)
    said = said[: place.start()] if place else "A number is too long"
    what = f"Not valid TOML: {said[:1].lower()}{said[1:]}"
    if place and place[1]:
        lines = text.split("\n")
        return sum(len(line) + 1 for line in lines[: int(place[1]) - 1]) + int(place[2]) - 1, what
    opened = places.unclosed(text)
    return (len(text.rstrip()) - 1 if opened is None else opened) if text.strip() else 0, what


class _Reader:
    """Check a parsed document.

    Args:
        found: what `tomllib` made of the file.
        at_keys: the offsets of its keys.
    """

    def __init__(self, found: dict[str, Any], at_keys: Mapping[tuple[str, ...], int]) -> None:
        self.mistakes: list[_Mistake] = []
        self._at_keys = at_keys
        self._project: dict[str, Any] = {}
        self._variables: dict[str, Variable] = {}
        with contextlib.suppress(_EnoughError):
            self._read(found)

    def _read(self, found: dict[str, Any]) -> None:
        for key, value in found.items():
            if key not in ("project", "env"):
                self._wrong(_unknown(key, ("project", "env"), ""), key)
            elif not isinstance(value, dict):
                self._wrong(f"[{key}] must be a table", key)
        project = found.get("project", {})
        if isinstance(project, dict):
            self._read_project(project)
        env = found.get("env", {})
        if isinstance(env, dict):
            self._read_env(env)

    def _wrong(self, what: str, *path: str) -> None:
        self.mistakes.append(_Mistake(what, *path))
        if len(self.mistakes) >= MAX_FOUND:
            raise _EnoughError

    def parts(self) -> dict[str, Any]:
        """Return the fields of a `Document`, if there are no mistakes."""
        project = self._project
        return {
            "slug": project["slug"],
            "fields": {key: project[key] for key in FIELDS if key in project},
            "framework": project.get("framework"),
            "app_type": project.get("app_type"),
            "paths": project.get("paths", ()),
            "variables": self._variables,
        }

    def _read_project(self, project: Mapping[str, Any]) -> None:
        if "slug" not in project:
            self._wrong('slug is missing: add slug = "SLUG" or slug = "ORG/SLUG" to [project]', "project")
        for key, value in project.items():
            try:
                self._project[key] = _paths(value) if key == "paths" else _project_text(key, value)
            except _Mistake as mistake:
                self._wrong(mistake.what, "project", key)

    def _read_env(self, env: Mapping[str, Any]) -> None:
        for key, value in env.items():
            try:
                self._read_variable(key, _table(key, value))
            except _Mistake as mistake:
                self._wrong(mistake.what, "env", key, *mistake.path)

    def _read_variable(self, key: str, table: Mapping[str, Any]) -> None:
        read: dict[str, Any] = {}
        wrong = len(self.mistakes)
        for name, value in table.items():
            try:
                read[name] = _READERS.get(name, _unknown_part)(name, value)
            except _Mistake as mistake:
                self._wrong(mistake.what, "env", key, name)
        if len(self.mistakes) > wrong:
            return
        _check_parts(read)
        self._variables[key] = Variable(
            key,
            read.get("value"),
            read.get("from"),
            read.get("targets"),
            read.get("sensitive"),
            read.get("absent", False),
            self._at_keys.get(("env", key), 0),
        )


def _check_parts(read: Mapping[str, Any]) -> None:
    """Check that the parts of a variable go together."""
    if "absent" in read:
        for name in read:
            if name != "absent":
                raise _Mistake(f"absent and {name} can't be used together", name)
        return
    if "value" in read and "from" in read:
        raise _Mistake("value and from can't be used together", "from")
    if "value" in read and read.get("sensitive"):
        raise _Mistake(
            'A sensitive value doesn\'t belong in a committed file: use from = "env:NAME" or "file:PATH"', "sensitive"
        )
    if read and "value" not in read and "from" not in read:
        name = next(iter(read))
        # The API sets targets and sensitivity together with a value only.
        raise _Mistake(f"{name} needs a value: add value or from", name)


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
        raise _Mistake("Invalid variable name: use letters, digits and _, and don't begin with a digit")
    if isinstance(value, str):
        return {"value": _value(value)}
    if not isinstance(value, dict):
        raise _Mistake(f"{key} must be a string or a table")
    return value


def _unknown_part(name: str, _value: Any) -> Any:
    raise _Mistake(_unknown(name, VARIABLE_KEYS, "a variable"))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _Mistake(f"{name} must be a string")
    return value


def _value(value: str) -> str:
    if "\0" in value:
        # No environment can hold it.
        raise _Mistake("A value can't contain a NUL character")
    return value


def _project_text(key: str, value: Any) -> str:
    if key not in PROJECT_KEYS:
        raise _Mistake(_unknown(key, PROJECT_KEYS, "[project]"))
    text = _text(key, value)
    if key in CHOICES:
        if text.upper() not in CHOICES[key]:
            raise _Mistake(f"{key} must be one of {', '.join(CHOICES[key])}")
        return text.upper()
    if key == "slug":
        from dpx_cli.api.client import is_name

        org, slash, slug = text.rpartition("/")
        if not is_name(slug) or (slash and not is_name(org)):
            raise _Mistake('slug must be "SLUG" or "ORG/SLUG"')
    if key == "name" and not text.strip():
        raise _Mistake("name can't be empty")
    return text


def _paths(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(path, str) for path in value):
        raise _Mistake("paths must be an array of strings")
    for path in value:
        if not path or "\0" in path or os.path.isabs(path) or path.startswith("\\") or path[1:2] == ":":
            raise _Mistake("paths must be relative to the directory of this file")
    return tuple(value)


def _from(_name: str, value: Any) -> str:
    text = _text("from", value)
    kind, colon, rest = text.partition(":")
    if not colon or kind not in ("env", "file") or not rest or "\0" in rest:
        raise _Mistake('from must be "env:NAME" or "file:PATH"')
    if kind == "env":
        if not is_key(rest):
            raise _Mistake("from must name an environment variable after env:")
        # In any case: names of variables have none on Windows.
        if rest.upper().startswith("DPX_"):
            raise _Mistake("from can't read DPX_ variables: they hold dpx's own token and settings")
    elif os.path.isabs(rest) or rest.startswith("\\") or rest[1:2] == ":":
        raise _Mistake("from must name a file below the directory of this file")
    return text


def _targets(_name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(target, str) for target in value):
        raise _Mistake(f"targets must be an array of {', '.join(TARGETS)}")
    found = {target.lower() for target in value}
    if not found <= set(TARGETS):
        raise _Mistake(f"targets can be {', '.join(TARGETS)} only")
    return tuple(target for target in TARGETS if target in found)


def _sensitive(_name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Mistake("sensitive must be true or false")
    return value


def _absent(_name: str, value: Any) -> bool:
    if value is not True:
        raise _Mistake("absent must be true (leave it out otherwise)")
    return True


_READERS = {
    "value": lambda name, value: _value(_text(name, value)),
    "from": _from,
    "targets": _targets,
    "sensitive": _sensitive,
    "absent": _absent,
}


def values(document: Document, env: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every variable that has one: literal, or read from its source.

    Args:
        document: what to read.
        env: the environment that `env:` reads.

    Raises:
        UsageError: every source that is missing, empty, not readable or outside of the file's directory.
    """
    mistakes = _Mistakes(document.path, document.text)
    found = {}
    for variable in document.variables.values():
        try:
            if variable.source is not None:
                found[variable.key] = _read_source(variable.source, document.folder, env)
            elif variable.value is not None:
                found[variable.key] = variable.value
        except _Mistake as mistake:
            at_source = places.keys(document.text).get(("env", variable.key, "from"), variable.offset)
            mistakes.add(at_source, mistake.what)
    mistakes.refuse()
    return found


def _read_source(source: str, folder: str, env: Mapping[str, str]) -> str:
    kind, _, name = source.partition(":")
    text = _decode(os.fsencode(env.get(name, "")), source) if kind == "env" else _read_file(name, folder, env)
    if not text:
        # An empty variable is what CI makes of a secret that doesn't exist.
        missing = kind == "env" and name not in env
        raise _Mistake(f"{source} is {'not set' if missing else 'empty'}")
    return _value(text)


def _read_file(name: str, folder: str, env: Mapping[str, str]) -> str:
    """Read a file below a directory, through no link that leaves it, less one final newline."""
    import stat

    source = f"file:{name}"
    root = os.path.realpath(folder)
    try:
        path = os.path.realpath(os.path.join(root, name), strict=True)
        if not _is_below(root, path):
            raise _Mistake(f"{source} leaves the directory of this file")
        token_file = env.get("DPX_TOKEN_FILE")
        if token_file and os.path.exists(token_file) and os.path.samefile(token_file, path):
            raise _Mistake(f"{source} is the token file of dpx")
        # Not through a link that was put there meanwhile, and not waiting for a pipe.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _Mistake(f"{source} is not a regular file")
        with open(descriptor, "rb") as file:
            data = file.read(MAX_VALUE + 1)
    except (FileNotFoundError, NotADirectoryError):
        if not _is_below(root, os.path.realpath(os.path.join(root, name))):
            raise _Mistake(f"{source} leaves the directory of this file") from None
        raise _Mistake(f"{source} doesn't exist") from None
    except (OSError, ValueError) as problem:
        raise _Mistake(f"{source} can't be read ({reason(problem)})") from None
    if len(data) > MAX_VALUE:
        raise _Mistake(f"{source} is larger than {MAX_VALUE // 1024 // 1024} MiB")
    for newline in (b"\r\n", b"\n"):
        if data.endswith(newline):
            data = data[: -len(newline)]
            break
    return _decode(data, source)


def _is_below(root: str, path: str) -> bool:
    try:
        return os.path.commonpath([root, path]) == root
    except ValueError:  # another drive
        return False


def _decode(data: bytes, source: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _Mistake(f"{source} is not UTF-8") from None
