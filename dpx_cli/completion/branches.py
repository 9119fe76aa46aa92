"""Branches of the git checkout around the working directory, read from its files without running git.

The checkout may be hostile, so this only lists names: it reads three small files and lists directories, all of them
bounded, and follows no symbolic link below them.
"""

from __future__ import annotations

import os

from dpx_cli.completion import read_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 4 * 1024 * 1024  # of packed-refs
MAX_BRANCHES = 5000
HEADS = "refs/heads/"


def find(cwd: str) -> Iterator[tuple[str, str]]:
    """Yield the branches with a description, the current one first, the others by name."""
    folder = _git_folder(cwd)
    if not folder:
        return
    head = _first_line(os.path.join(folder, "HEAD"))
    current = head.partition(HEADS)[2]
    if current:
        yield current, "current branch"
    # A worktree has a HEAD of its own and shares the rest.
    common = _first_line(os.path.join(folder, "commondir"))
    shared = os.path.join(folder, common) if common and not _is_remote(common) else folder
    names = {*_loose(os.path.join(shared, "refs", "heads")), *_packed(os.path.join(shared, "packed-refs"))}
    yield from ((name, "") for name in sorted(names - {current})[:MAX_BRANCHES])


def _git_folder(cwd: str) -> str:
    """Return the folder of the checkout's HEAD, as git finds it from a folder upward; "" if there is none."""
    above, below = cwd, ""
    while above != below:
        path = os.path.join(above, ".git")
        if os.path.isdir(path):
            return path
        if os.path.isfile(path):  # of a worktree or a submodule
            _, _, target = _first_line(path).partition("gitdir: ")
            folder = os.path.join(above, target)
            return folder if target and not _is_remote(target) and os.path.isdir(folder) else ""
        above, below = os.path.dirname(above), above
    return ""


def _is_remote(path: str) -> bool:
    """Return whether a path names another machine, to which Windows would send the user's credentials."""
    return path.replace("\\", "/").startswith("//")


def _loose(folder: str) -> Iterator[str]:
    for path, _, names in os.walk(folder):
        for name in names:
            if not name.endswith(".lock"):
                yield os.path.relpath(os.path.join(path, name), folder).replace(os.sep, "/")


def _packed(path: str) -> Iterator[str]:
    for line in read_start(path, MAX_BYTES).split("\n"):
        _, _, name = line.partition(f" {HEADS}")
        if name and not line.startswith(("#", "^")):
            yield name


def _first_line(path: str) -> str:
    return read_start(path, 4096).partition("\n")[0].strip()
