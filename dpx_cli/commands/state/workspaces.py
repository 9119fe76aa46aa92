"""Workspaces of npm, pnpm and yarn: the packages of a repository that a project depends on, as git's index has them."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

from dpx_cli.system import git

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PACKAGE, PNPM = "package.json", "pnpm-workspace.yaml"
DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
MAX_PACKAGES = 5000
_PNPM_LINE = re.compile(r"""\s*-\s*(?:"([^"]*)"|'([^']*)'|([^\s#]+))""")


class Workspaces:
    """The packages of a repository; `tracked` are its files, relative to its top."""

    def __init__(self, top: str, tracked: Sequence[str]) -> None:
        names = [
            name for name in tracked if posixpath.basename(name) in (PACKAGE, PNPM) and "node_modules/" not in name
        ]
        self._packages: dict[str, Mapping[str, Any]] = {}  # by their directories
        patterns: dict[str, list[str]] = {}
        for name, data in git.read_files(top, names[:MAX_PACKAGES]).items():
            folder = posixpath.dirname(name)
            if posixpath.basename(name) == PNPM:
                patterns.setdefault(folder, []).extend(read_pnpm(data.decode("utf-8", "replace")))
            elif package := _read_package(data):
                self._packages[folder] = package
                patterns.setdefault(folder, []).extend(read_patterns(package))
        self._members: dict[str, str] = {}  # directories by the packages' names
        for root, globs in patterns.items():
            for folder, package in self._packages.items():
                below = posixpath.relpath(folder or ".", root or ".")
                if isinstance(package.get("name"), str) and is_member(below, globs):
                    self._members[package["name"]] = folder

    def find_dependencies(self, folder: str) -> set[str]:
        """Return the directories of the packages that a directory's package.json needs, directly or through others."""
        reached: set[str] = set()
        waiting = [folder]
        while waiting:
            package = self._packages.get(waiting.pop(), {})
            names = [name for key in DEPENDENCIES if isinstance(package.get(key), dict) for name in package[key]]
            new = {self._members[name] for name in names if name in self._members} - reached
            reached |= new
            waiting += new
        return reached


def _read_package(data: bytes) -> Mapping[str, Any]:
    try:
        package = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return package if isinstance(package, dict) else {}


def read_patterns(package: Mapping[str, Any]) -> Iterable[str]:
    """Return `workspaces`: a list, or yarn's object with one."""
    workspaces = package.get("workspaces")
    globs = workspaces.get("packages") if isinstance(workspaces, dict) else workspaces
    return [glob for glob in globs if isinstance(glob, str)] if isinstance(globs, list) else []


def read_pnpm(text: str) -> Iterable[str]:
    """Return the list `packages` of a pnpm-workspace.yaml."""
    is_inside = False
    for line in text.splitlines():
        if line[:1] not in ("", " ", "-", "#", "\t"):
            is_inside = line.startswith("packages:")
        elif is_inside and (found := _PNPM_LINE.match(line)):
            yield next(group for group in found.groups() if group is not None)


def is_member(folder: str, globs: Iterable[str]) -> bool:
    """Return whether a directory, relative to the root, is a member; the last pattern counts."""
    is_inside = False
    for glob in globs:
        is_negative = glob.startswith("!")
        pattern = posixpath.normpath(glob.removeprefix("!"))
        parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
        translated = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        if re.fullmatch("".join(translated.get(part) or re.escape(part) for part in parts), folder):
            is_inside = not is_negative
    return is_inside
