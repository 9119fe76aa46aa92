"""Read files safely, write them whole or not at all, and lock them between processes.

Errors are `Failed`, and name the file. Code that can't parse a file raises `damaged` and leaves it alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from typing import TYPE_CHECKING

from dpx_cli.errors import Failed, reason
from dpx_cli.system import shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    T = TypeVar("T")

MAX_JSON = 1024 * 1024  # bytes of a JSON file, unless its reader says otherwise
PRIVATE = 0o600
_PATIENCE = 2.0  # seconds for another program to close a file, on Windows
_SQLITE_FULL = 13  # sqlite3.SQLITE_FULL, without its import
_LOCK_POLL = 0.02  # seconds between two tries; a lock is held for one write only


class Unreachable(Failed):
    """A folder on the way to a file may not be entered, as in the home of another user."""


def read_bytes(path: str, what: str, limit: int = -1, *, pipes: bool = False, follow: bool = True) -> bytes | None:
    """Return the first `limit` bytes of a file (-1: all), or None if there is no such file.

    `what` is what the file is to its reader, for the error: "the profiles". Without `follow`, the last part of the path
    may not be a symbolic link. With `pipes`, the file may be a pipe or a device, which would hang every command in the
    place of dpx's own files.
    """
    more = (0 if pipes else getattr(os, "O_NONBLOCK", 0)) | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    try:
        if not follow and os.path.islink(path):
            raise Failed(f"Can't read {what} in {path}: it is a symbolic link.")
        with open(path, "rb", opener=lambda name, flags: _insist(lambda: os.open(name, flags | more))) as file:
            if not pipes and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Failed(f"Can't read {what} in {path}: it is not a regular file.")
            return file.read(limit)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        if problem.errno == errno.ENAMETOOLONG:  # nothing can have that name
            return None
        if isinstance(problem, PermissionError) and (unreachable := _explain_unreachable(path, what)):
            raise unreachable from problem
        raise Failed(f"Can't read {what} in {path}: {reason(problem)}.") from problem
    except ValueError as problem:  # a NUL in the path
        raise Failed(f"Can't read {what}: {path!r} is not a path.") from problem


def read_json(path: str, what: str, limit: int = MAX_JSON) -> dict[str, Any] | None:
    """Return the object in a JSON file of at most `limit` bytes, or None if there is no such file."""
    import json

    data = read_bytes(path, what, limit + 1)
    if data is None:
        return None
    if len(data) > limit:
        raise damaged(path, what, f"it is larger than {limit // 1024} KiB")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise damaged(path, what, "it is not JSON") from None
    if not isinstance(document, dict):
        raise damaged(path, what, "it is not an object")
    return document


def _explain_unreachable(path: str, what: str) -> Unreachable | None:
    """Return the error for a path with a folder that may not be entered, naming the topmost; None without one."""
    folder, closed = os.path.dirname(os.path.abspath(path)), ""
    while folder != os.path.dirname(folder):
        if os.path.isdir(folder) and not os.access(folder, os.X_OK):
            closed = folder
        folder = os.path.dirname(folder)
    if not closed:
        return None
    return Unreachable(
        f"Can't read {what} in {path}: permission denied for the directory {closed}.",
        hint=f'If it should be yours, run: sudo chown -R "$(id -un)" {shell.quote(closed)}',
    )


def _insist(action: Callable[[], T]) -> T:
    """Do something; on Windows, which denies it while another program has the file open, again for two seconds."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return action()
        except PermissionError:
            if os.name != "nt" or time.monotonic() > deadline:
                raise
        time.sleep(_LOCK_POLL)  # pragma: no cover - Windows only


def remove(path: str) -> bool:
    """Remove a file. Return whether it was there."""
    with naming_file(f"remove {path}"):
        try:
            _insist(lambda: os.unlink(path))
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


@contextlib.contextmanager
def naming_file(action: str) -> Iterator[None]:
    """Raise Failed, which says what dpx can't do, for an error of the system or a NUL in a path."""
    try:
        yield
    except (OSError, ValueError) as problem:
        raise Failed(f"Can't {action}: {reason(problem)}.", hint=full_disk_hint(problem)) from problem


def full_disk_hint(problem: Exception) -> str | None:
    """Return the hint for an error of writing on a full disk or beyond a quota; None for another one."""
    full = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    if getattr(problem, "errno", None) in full or getattr(problem, "sqlite_errorcode", 0) == _SQLITE_FULL:
        return "Free some disk space, then try again."
    return None


def short(path: str, start: str | None = None) -> str:
    """Return a path for a message, with slashes on every system: relative if it is below the working directory.

    With `start`, it is relative to that in any case.
    """
    try:
        below = os.path.relpath(path, start) if start else path.removeprefix(os.path.join(os.getcwd(), ""))
    except (OSError, ValueError):  # the working directory was removed, or is on another drive of Windows
        return path
    return path if below == path else below.replace(os.sep, "/")


def damaged(path: str, what: str, why: str) -> Failed:
    """Return the error for a file that makes no sense. It is never overwritten."""
    return Failed(f"Can't understand {what} in {short(path)}: {why}.", hint="Fix or move the file.")


def write_whole(path: str, data: bytes, mode: int | None = PRIVATE) -> None:
    """Replace a file's content: completely, or not at all.

    A reader, or a machine that loses its power, sees the old bytes or the new ones. A symbolic link is followed. The
    mode None stands for what the file has, or what the umask leaves to a new one; missing folders are created
    accordingly, and with any other mode for their owner only.
    """
    with naming_file(f"write {path}"):
        target = os.path.realpath(path)
        _make_folder(os.path.dirname(target), 0o777 if mode is None else 0o700)
        temporary = f"{target}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
        try:
            if mode is None and os.path.isfile(target):
                mode = stat.S_IMODE(os.stat(target).st_mode)
            _write_new(temporary, data, mode)
            _insist(lambda: os.replace(temporary, target))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def write_checkout(root: str, relative: str, data: bytes, *, private: bool = False) -> str:
    """Write a file of a checkout, whole, and return its path; unless it is private, it follows the umask."""
    path = checkout_path(root, relative)
    write_whole(path, data, PRIVATE if private else None)
    return path


def checkout_path(root: str, relative: str) -> str:
    """Return the path of a file in a checkout. Raise Failed if a symbolic link below the root is on the way to it.

    A checkout may be hostile, and the link could lead to any file of the user's.
    """
    path = os.path.normpath(os.path.join(os.path.realpath(root), relative))
    if os.path.islink(path) or os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
        link = path
        while not os.path.islink(link) and link != os.path.dirname(link):
            link = os.path.dirname(link)
        raise Failed(
            f"{link} is a symbolic link, and dpx doesn't write through links in a checkout.",
            hint="Replace it with a file or directory.",
        )
    return path


@contextlib.contextmanager
def locked(path: str, timeout: float = 5.0) -> Iterator[None]:
    """Hold the lock of a path against every other process and thread, waiting at most `timeout` seconds for it.

    The lock is on a file beside it, `PATH.lock`, which stays: to unlink it would let two holders in. The system
    releases the lock of a process that dies. Don't nest: a second `locked` of the same path waits for the first.
    """
    with naming_file(f"create the lock {path}.lock"):
        name = os.path.realpath(path) + ".lock"
        _make_folder(os.path.dirname(name))
        # Through a symbolic link, a file could be created anywhere.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(name, flags, 0o600)
    try:
        deadline = time.monotonic() + timeout
        with naming_file(f"lock {name}"):
            while not _try_lock(descriptor):
                if time.monotonic() >= deadline:
                    raise Failed(
                        f"Another process holds the lock {name} (waited {timeout:g} s).",
                        hint="Wait for the other dpx to finish, or end it, and try again.",
                    )
                time.sleep(_LOCK_POLL)
        yield
    finally:
        os.close(descriptor)  # releases the lock too


def _try_lock(descriptor: int) -> bool:
    """Acquire the lock if it is free. Return whether it was."""
    if sys.platform == "win32":  # pragma: no cover
        import msvcrt

        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as problem:
            if problem.errno in (errno.EACCES, errno.EDEADLK):
                return False
            raise
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_new(path: str, data: bytes, mode: int | None) -> None:
    """Create a file, which must not exist, with these bytes, and sync it to the disk."""
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o666 if mode is None else mode)) as file:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), mode)  # the umask may have removed bits that the caller wants
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: str, mode: int = 0o700) -> None:
    """Create a folder and its missing parents with this mode (`makedirs` gives its mode to the last one only)."""
    # A drive of Windows that isn't there is its own parent.
    if not os.path.isdir(folder) and folder != os.path.dirname(folder):
        _make_folder(os.path.dirname(folder), mode)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, mode)
