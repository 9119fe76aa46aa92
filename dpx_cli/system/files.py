"""Files written whole or not at all, and a lock between processes.

Floor 0: imports `errors.py` alone. Everything that dpx keeps on disk goes through here: the profiles, the token
file, the name cache, the link file. Who cannot parse a file raises `damaged()` and leaves the file as it is.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from dpx_cli.errors import Failed, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK_POLL = 0.02  # seconds between two tries; nobody holds a lock for longer than one write
_LEFT_BEHIND = 3600  # seconds after which a temporary file has no living writer


def read_bytes(path: str, what: str, most: int = -1) -> bytes | None:
    """The bytes of a file, or None where there is no such file, or where its folder may not be entered.

    The home of another user (a service without its own `HOME`) is the usual case of the latter; nothing can be written
    there either, so nothing is lost by going on without the file.

    Args:
        path: where it is.
        what: what the file is to its reader, for the error: "the profiles".
        most: how many bytes at the most, for a path that may lead to an endless file; -1 for all.

    Raises:
        Failed: it is there and cannot be read; the message names the file.
    """
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as exc:
        if not os.access(os.path.dirname(path) or ".", os.X_OK):
            return None
        raise Failed(f"cannot read {what} in {path}: {reason(exc)}") from exc
    except OSError as exc:
        raise Failed(f"cannot read {what} in {path}: {reason(exc)}") from exc
    except ValueError as exc:  # a NUL in the path
        raise Failed(f"cannot read {what}: {path!r} is no path") from exc


def remove(path: str) -> bool:
    """Take a file away; say whether it was there.

    Raises:
        Failed: it is there and stays; the message names it.
    """
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        raise Failed(f"cannot remove {path}: {reason(exc)}") from exc
    return True


def damaged(path: str, what: str, why: str) -> Failed:
    """Make the error for a file that was read and makes no sense; it is never overwritten."""
    return Failed(f"{what} in {path} cannot be understood: {why}", hint=f"mend {path}, or move it away")


def write_whole(path: str, data: bytes, mode: int = 0o600) -> None:
    """Put `data` in the place of whatever `path` held: wholly, or not at all.

    A reader, or a machine that loses its power, sees the old bytes or the new ones. A symbolic link is followed, so
    that a file kept elsewhere (dotfiles in a repository) stays there. Missing folders are made, for their owner only.

    Args:
        path: the file.
        data: all of its bytes.
        mode: its permissions.

    Raises:
        Failed: a full disk, a read-only folder …; what was there before is still there, and the message names the file.
    """
    try:
        target = os.path.realpath(path)
        folder = os.path.dirname(target)
        _make_folder(folder)
        _sweep(target)
        temporary = f"{target}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
        try:
            _write_new(temporary, data, mode)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(folder)
    except OSError as exc:
        raise Failed(f"cannot write {path}: {reason(exc)}") from exc
    except ValueError as exc:  # a NUL in the path
        raise Failed(f"cannot write {path!r}: it is no path") from exc


@contextlib.contextmanager
def locked(path: str, timeout: float = 5.0) -> Iterator[None]:
    """Hold the lock of `path` against every other process, and thread, that asks for the same.

    The lock is on a file beside it, `PATH.lock`, which stays: to unlink it would let two holders in. The system
    releases the lock of a process that dies. Not for nesting: a second `locked` of the same path waits for the first.

    Args:
        path: the file that is about to be read, changed and written.
        timeout: seconds to wait for the present holder.

    Raises:
        Failed: nobody let go in time, or the lock file cannot be made; the message names the lock file.
    """
    name = path + ".lock"
    try:
        name = os.path.realpath(path) + ".lock"
        _make_folder(os.path.dirname(name))
        # A symbolic link in its place would have us make a file wherever its author likes.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(name, flags, 0o600)
    except OSError as exc:
        raise Failed(f"cannot make the lock {name}: {reason(exc)}") from exc
    except ValueError as exc:
        raise Failed(f"cannot make the lock {name!r}: it is no path") from exc
    try:
        _acquire(descriptor, name, timeout)
        yield
    finally:
        os.close(descriptor)  # lets go of the lock too


def _acquire(descriptor: int, name: str, timeout: float) -> None:
    """Wait for the lock, at most `timeout` seconds."""
    import time

    deadline = time.monotonic() + timeout
    while True:
        try:
            if _try_lock(descriptor):
                return
        except OSError as exc:
            raise Failed(f"cannot lock {name}: {reason(exc)}") from exc
        if time.monotonic() >= deadline:
            raise Failed(
                f"another process holds the lock {name} (waited {timeout:g} s)",
                hint="wait for the other dpx to end, or end it, and try again",
            )
        time.sleep(_LOCK_POLL)


def _try_lock(descriptor: int) -> bool:
    """Take the lock if it is free; say whether it was."""
    if sys.platform == "win32":  # pragma: no cover
        import errno
        import msvcrt

        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as exc:
            if exc.errno in (errno.EACCES, errno.EDEADLK):
                return False
            raise
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_new(path: str, data: bytes, mode: int) -> None:
    """Create `path`, which must not exist, with these bytes, and have them on the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, mode)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)  # the umask may have taken bits that the caller wants
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(target: str) -> None:
    """Remove the temporary files of writers that were killed: they may hold what the file itself no longer does."""
    import time

    folder, name = os.path.split(target)
    with contextlib.suppress(OSError):
        for other in os.listdir(folder):
            if _is_temporary(other, name):
                left = os.path.join(folder, other)
                with contextlib.suppress(OSError):
                    if time.time() - os.lstat(left).st_mtime > _LEFT_BEHIND:
                        os.unlink(left)


def _is_temporary(other: str, name: str) -> bool:
    """Whether a file is a temporary one of `write_whole`, and not one that somebody else calls nearly so."""
    if not other.startswith(name + "."):
        return False
    process, _, rest = other[len(name) + 1 :].partition(".")
    number = rest.removesuffix(".tmp")
    return process.isdigit() and len(number) == 8 and number != rest and set(number) <= set("0123456789abcdef")  # noqa: PLR2004 - see `write_whole`


def _make_folder(folder: str) -> None:
    """Make a folder and its missing parents, for their owner only (`makedirs` gives its mode to the last one alone)."""
    if not folder or os.path.isdir(folder):
        return
    _make_folder(os.path.dirname(folder))
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)


def _sync_folder(folder: str) -> None:
    """Have the rename on the disk; file systems that cannot sync a folder are left alone."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
