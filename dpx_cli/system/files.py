"""Read files safely, write them whole or not at all, and lock them between processes.

Everything that dpx keeps on disk goes through here. Code that can't parse a file raises `damaged` and leaves it alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING

from dpx_cli.errors import Failed, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK_POLL = 0.02  # seconds between two tries; a lock is held for one write only
_LEFT_BEHIND = 3600  # seconds after which a temporary file no longer has a writer


def read_bytes(path: str, what: str, limit: int = -1, *, pipes: bool = False) -> bytes | None:
    """Return the bytes of a file, or None if there is no such file, or if its folder may not be entered.

    The home of another user (a service without its own `HOME`) is the usual case of the latter. Nothing can be written
    there either, so nothing is lost by continuing without the file.

    Args:
        path: where it is.
        what: what the file is to its reader, for the error: "the profiles".
        limit: how many bytes at most, for a path that may lead to an endless file; -1 for all.
        pipes: whether a pipe or a device will do, as for a file that the user names. dpx's own files are regular
            ones: a pipe in their place would hang every command.

    Raises:
        Failed: it is there and can't be read; the message names the file.
    """
    try:
        with open(path, "rb", opener=None if pipes else _open_at_once) as file:
            if not pipes and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Failed(f"Can't read {what} in {path}: it is not a regular file.")
            return file.read(limit)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as exc:
        if not os.access(os.path.dirname(path) or ".", os.X_OK):
            return None
        raise Failed(f"Can't read {what} in {path}: {reason(exc)}.") from exc
    except OSError as exc:
        if exc.errno == errno.ENAMETOOLONG:  # nothing can have that name
            return None
        raise Failed(f"Can't read {what} in {path}: {reason(exc)}.") from exc
    except ValueError as exc:  # a NUL in the path
        raise Failed(f"Can't read {what}: {path!r} is not a path.") from exc


def _open_at_once(path: str, flags: int) -> int:
    """Open a file, without waiting for a writer if it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def remove(path: str) -> bool:
    """Remove a file. Return whether it was there.

    Raises:
        Failed: it can't be removed; the message names it.
    """
    try:
        os.unlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        raise Failed(f"Can't remove {path}: {reason(exc)}.") from exc
    return True


def damaged(path: str, what: str, why: str) -> Failed:
    """Return the error for a file that makes no sense. It is never overwritten."""
    return Failed(f"Can't understand {what} in {path}: {why}.", hint="Fix or move the file.")


def write_whole(path: str, data: bytes, mode: int = 0o600) -> None:
    """Replace a file's content: completely, or not at all.

    A reader, or a machine that loses its power, sees the old bytes or the new ones. A symbolic link is followed, so
    that a file kept elsewhere (dotfiles in a repository) stays there. Missing folders are created for their owner only.

    Args:
        path: the file.
        data: all of its bytes.
        mode: its permissions.

    Raises:
        Failed: a full disk, a read-only folder, …; the old content is still there, and the message names the file.
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
        raise Failed(f"Can't write {path}: {reason(exc)}.") from exc
    except ValueError as exc:  # a NUL in the path
        raise Failed(f"Can't write {path!r}: it is not a path.") from exc


@contextlib.contextmanager
def locked(path: str, timeout: float = 5.0) -> Iterator[None]:
    """Hold the lock of a path against every other process and thread.

    The lock is on a file beside it, `PATH.lock`, which stays: to unlink it would let two holders in. The system
    releases the lock of a process that dies. Don't nest: a second `locked` of the same path waits for the first.

    Args:
        path: the file that is about to be read, changed and written.
        timeout: seconds to wait for the present holder.

    Raises:
        Failed: it was not released in time, or the lock file can't be created; the message names the lock file.
    """
    name = path + ".lock"
    try:
        name = os.path.realpath(path) + ".lock"
        _make_folder(os.path.dirname(name))
        # Through a symbolic link, a file could be created anywhere.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(name, flags, 0o600)
    except OSError as exc:
        raise Failed(f"Can't create the lock {name}: {reason(exc)}.") from exc
    except ValueError as exc:
        raise Failed(f"Can't create the lock {name!r}: it is not a path.") from exc
    try:
        _acquire(descriptor, name, timeout)
        yield
    finally:
        os.close(descriptor)  # releases the lock too


def _acquire(descriptor: int, name: str, timeout: float) -> None:
    """Wait for the lock, at most `timeout` seconds."""
    import time

    deadline = time.monotonic() + timeout
    while True:
        try:
            if _try_lock(descriptor):
                return
        except OSError as exc:
            raise Failed(f"Can't lock {name}: {reason(exc)}.") from exc
        if time.monotonic() >= deadline:
            raise Failed(
                f"Another process holds the lock {name} (waited {timeout:g} s).",
                hint="Wait until the other dpx ends, or end it, and try again.",
            )
        time.sleep(_LOCK_POLL)


def _try_lock(descriptor: int) -> bool:
    """Take the lock if it is free. Return whether it was."""
    if sys.platform == "win32":  # pragma: no cover
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
    """Create a file, which must not exist, with these bytes, and sync it to the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, mode)
    try:
        if hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)  # the umask may have removed bits that the caller wants
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(target: str) -> None:
    """Remove the temporary files of killed writers: they may hold what the file itself no longer does."""
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
    """Return whether a file is a temporary one of `write_whole`, and not one with nearly such a name."""
    if not other.startswith(name + "."):
        return False
    process, _, rest = other[len(name) + 1 :].partition(".")
    number = rest.removesuffix(".tmp")
    return process.isdigit() and len(number) == 8 and number != rest and set(number) <= set("0123456789abcdef")  # noqa: PLR2004 - see `write_whole`


def _make_folder(folder: str) -> None:
    """Create a folder and its missing parents for their owner only (`makedirs` gives its mode to the last one only)."""
    missing = []
    while folder and not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for name in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700)


def _sync_folder(folder: str) -> None:
    """Sync a rename to the disk, on file systems that can sync a folder."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
