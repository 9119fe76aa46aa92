"""Branches of the git checkout around the working directory, read from its files without running git.

The checkout may be hostile, so this only lists names: it reads two small files and lists folders, all of them bounded,
and follows no symbolic link below them.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 4 * 1024 * 1024  # of packed-refs
MAX_ENTRIES = 5000  # files and folders below refs/heads
HEADS = "refs/heads/"


def find(cwd: str) -> Iterator[tuple[str, str]]:
    """Yield the branches with a description, the current one first, the others by name."""
    folder = _git_folder(cwd)
    if not folder:
        return
    head = _first_line(os.path.join(folder, "HEAD")).removeprefix("ref: ")
    current = head.removeprefix(HEADS) if head.startswith(HEADS) else ""
    if current:
        yield current, "current branch"
    # A worktree has a HEAD of its own and shares the rest.
    common = _first_line(os.path.join(folder, "commondir"))
    shared = os.path.join(folder, common) if common and not _is_remote(common) else folder
    for name in sorted({*_loose(os.path.join(shared, "refs", "heads")), *_packed(os.path.join(shared, "packed-refs"))}):
        if name != current:
            yield name, ""


def _git_folder(cwd: str) -> str:
    """Return the folder of the checkout's HEAD, as git finds it from a folder upward; "" if there is none."""
    above = cwd
    while True:
        found = os.path.join(above, ".git")
        if os.path.isdir(found):
            return found
        if os.path.isfile(found):  # of a worktree or a submodule
            line = _first_line(found)
            target = line.removeprefix("gitdir: ")
            return os.path.join(above, target) if target != line and not _is_remote(target) else ""
        below, above = above, os.path.dirname(above)
        if below == above:
            return ""


def _is_remote(path: str) -> bool:
    """Return whether a path names another machine, to which Windows would send the user's credentials."""
    return path.replace("\\", "/").startswith("//")


def _loose(folder: str) -> Iterator[str]:
    """Yield the names of the files below refs/heads."""
    waiting = [(folder, "")]
    left = MAX_ENTRIES
    while waiting:
        path, before = waiting.pop()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        return
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, f"{before}{entry.name}/"))
                    elif not entry.name.endswith(".lock"):
                        yield before + entry.name
        except (OSError, ValueError):
            continue


def _packed(path: str) -> Iterator[str]:
    """Yield the branches in a packed-refs file."""
    for line in _text(path, MAX_BYTES).split("\n"):
        _, _, name = line.partition(" ")
        if name.startswith(HEADS) and not line.startswith(("#", "^")):
            yield name.removeprefix(HEADS)


def _first_line(path: str) -> str:
    return _text(path, 4096).partition("\n")[0].strip()


def _text(path: str, most: int) -> str:
    """Return the beginning of a file; "" if it can't be read or is no regular file, which might block forever."""
    try:
        if not os.path.isfile(path):
            return ""
        with open(path, "rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
