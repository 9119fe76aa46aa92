"""The values of a deploxa.toml: literal, or read from the environment or from a file below its directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.commands.state.document import Mistake
from dpx_cli.config.paths import LINK_FOLDER
from dpx_cli.errors import Failed
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dpx_cli.commands.state.document import Document

MAX_VALUE = 4 * 1024 * 1024  # bytes of a value from a file
PRIVATE = (".git", LINK_FOLDER)  # directories whose files are no values


class MissingSource(Mistake):
    """A source that isn't here: a variable that isn't set, a file that doesn't exist. `plan` can do without."""


def read_values(
    document: Document, env: Mapping[str, str], private: Iterable[str], token: str
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return values by key, for each one whose source isn't here the reason, and what is wrong with other sources.

    `env:` reads the environment, `file:` none of dpx's own (private) directories. No value may contain the token.
    """
    values: dict[str, str] = {}
    missing: dict[str, str] = {}
    mistakes = []
    for variable in document.variables.values():
        try:
            if variable.source is not None:
                values[variable.key] = _read_source(variable.source, document.folder, env, private)
            elif variable.value is not None:
                values[variable.key] = variable.value
        except MissingSource as mistake:
            missing[variable.key] = f"{variable.place}: {mistake.what}."
        except Mistake as mistake:
            mistakes.append(f"{variable.place}: {mistake.what}.")
        if token in values.get(variable.key, ""):
            mistakes.append(f"{variable.place}: The value of {variable.key} contains the token in use.")
    return values, missing, mistakes


def _read_source(source: str, folder: str, env: Mapping[str, str], private: Iterable[str]) -> str:
    kind, _, name = source.partition(":")
    if kind == "env":
        if name not in env:
            raise MissingSource(f"{source} is not set")
        data = os.fsencode(env[name])
    else:
        data = _read_file(name, folder, env, private)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Mistake(f"{source} is not UTF-8") from None
    if not text:
        # An empty variable is what CI makes of a secret that doesn't exist.
        raise MissingSource(f"{source} is empty")
    if "\0" in text:
        raise Mistake(f"{source} contains a NUL character")
    return text


def _read_file(name: str, folder: str, env: Mapping[str, str], private: Iterable[str]) -> bytes:
    """Read a file below a directory, through no link that leaves it, less one final newline."""
    source = f"file:{name}"
    root = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(root, name))
    if not _is_below(root, path):
        raise Mistake(f"{source} is outside the directory of this file")
    parts = os.path.relpath(path, root).casefold().split(os.sep)
    if set(parts) & set(PRIVATE) or any(_is_below(os.path.realpath(other), path) for other in private):
        raise Mistake(f"{source} is a file that belongs to git or dpx")
    if os.path.realpath(env.get("DPX_TOKEN_FILE") or os.devnull) == path:
        raise Mistake(f"{source} is dpx's token file")
    try:
        # Not through a link that was put there after the check, and not waiting for a pipe.
        data = files.read_bytes(path, source, MAX_VALUE + 1, follow=False)
    except Failed as failure:
        raise Mistake(f"{source} can't be read: {failure.message.rpartition(': ')[2].rstrip('.')}") from None
    if data is None:
        raise MissingSource(f"{source} doesn't exist")
    if len(data) > MAX_VALUE:
        raise Mistake(f"{source} is larger than {MAX_VALUE // 1024 // 1024} MiB")
    return data.removesuffix(b"\r\n") if data.endswith(b"\r\n") else data.removesuffix(b"\n")


def _is_below(root: str, path: str) -> bool:
    return path == root or path.startswith(os.path.join(root, ""))
