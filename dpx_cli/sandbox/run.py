"""Run a command against a sandbox of its own: its environment, its signals, its exit code.

Floor 1, over `server.py`; `commands/sandbox.py` calls it.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from dpx_cli.errors import Failed, NotFound, reason
from dpx_cli.system import signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dpx_cli.sandbox.server import Sandbox

FORWARDED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
# What belongs to the user's own account and has no meaning here.
DROPPED = ("DPX_PROFILE",)
LOOPBACK = "127.0.0.1,localhost"


def run(command: Sequence[str], env: Mapping[str, str], box: Sandbox) -> int:
    """Run a command against a new sandbox until it ends, and leave nothing behind.

    The standard streams are the command's own. A signal that is sent to this process is passed on to it; one that the
    terminal sends has reached it already.

    Args:
        command: the program and its arguments.
        env: the environment to start from.
        box: the sandbox, not yet started.

    Returns:
        The command's exit code; 128 and the signal's number where a signal ended it.

    Raises:
        NotFound: there is no such command.
        Failed: it cannot be run, or no temporary folder can be made.
    """
    if hasattr(signal, "sigwaitinfo") and hasattr(os, "posix_spawnp"):
        return _run_exactly(command, env, box)
    return _run_portably(command, env, box)


def environment(box: Sandbox, env: Mapping[str, str], folder: str) -> dict[str, str]:
    """The command's environment: the sandbox's address and token, and folders of its own for profiles and cache."""
    new = {name: value for name, value in env.items() if name not in DROPPED}
    new |= {"DPX_API_URL": box.url, "DPX_TOKEN": box.token}
    new |= {f"DPX_{kind}_DIR": f"{folder}{os.sep}{kind.lower()}" for kind in ("CONFIG", "CACHE")}
    for name in ("NO_PROXY", "no_proxy"):
        new[name] = f"{env[name]},{LOOPBACK}" if env.get(name) else LOOPBACK
    # `dpx` itself is found also where its folder is not on the path, as in a virtual environment called by its path.
    new["PATH"] = os.pathsep.join(filter(None, (env.get("PATH", os.defpath), sys.executable.rpartition(os.sep)[0])))
    return new


def _run_exactly(command: Sequence[str], env: Mapping[str, str], box: Sandbox) -> int:
    # With the signals blocked, here and in the threads that are started from here, none is lost or acts by itself:
    # one that comes early waits until there is somebody to pass it on to.
    watched = {*FORWARDED, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    try:
        with _Folder() as folder, box:
            process = _spawn(command, environment(box, env, folder), before)
            return _see_through(process, watched)
    finally:
        while signal.sigtimedwait(watched, 0) is not None:
            pass  # the terminal's Ctrl-C was for the command, whose exit code tells of it
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _spawn(command: Sequence[str], env: dict[str, str], mask: set[int | signal.Signals]) -> int:
    path = _find(command[0], env["PATH"])
    # Python ignores these two, which a new program would inherit.
    restored = [signal.SIGPIPE, signal.SIGXFSZ]
    try:
        return os.posix_spawn(path, list(command), env, setsigmask=mask, setsigdef=restored)
    except OSError as error:
        raise _cannot_run(command[0], error) from error
    except ValueError as error:
        raise Failed(f"cannot run {command[0]!r}: {error}") from error


def _see_through(process: int, watched: set[signal.Signals]) -> int:
    while True:
        came = signal.sigwaitinfo(watched)
        if came.si_signo != signal.SIGCHLD:
            # Positive is the kernel's own, like Ctrl-C: the terminal has sent it to the whole group.
            if came.si_code <= 0:
                os.kill(process, came.si_signo)
            continue
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return exit_code(os.waitstatus_to_exitcode(status))


def _run_portably(command: Sequence[str], env: Mapping[str, str], box: Sandbox) -> int:
    import subprocess

    with _Folder() as folder, box:
        own = environment(box, env, folder)
        path = _find(command[0], own["PATH"])
        try:
            process = subprocess.Popen([path, *command[1:]], env=own)
        except OSError as error:
            raise _cannot_run(command[0], error) from error
        while True:
            try:
                return exit_code(process.wait())
            except KeyboardInterrupt:
                signals.forget()  # the console has sent it to the command too
            except BaseException:
                process.terminate()
                process.wait()
                raise


def exit_code(code: int) -> int:
    """The code a shell would show: 128 and the signal's number where Python has a negative one."""
    return 128 - code if code < 0 else code


def _find(name: str, path: str) -> str:
    import shutil

    found = name if os.sep in name else shutil.which(name, path=path)
    if found is None:
        raise NotFound(f"no such command: {name}", hint="the command to run stands after --")
    return found


def _cannot_run(name: str, error: OSError) -> Failed | NotFound:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"no such command: {name}", hint="the command to run stands after --")
    return Failed(f"cannot run {name}: {reason(error)}")


class _Folder:
    """A temporary folder that goes away whatever the command has left in it."""

    def __enter__(self) -> str:
        import tempfile

        try:
            self._path = tempfile.mkdtemp(prefix="dpx-sandbox-")
        except OSError as error:
            raise Failed(
                f"cannot make a temporary folder: {reason(error)}", hint="set TMPDIR to one that can"
            ) from error
        return self._path

    def __exit__(self, *_: object) -> None:
        import shutil

        shutil.rmtree(self._path, ignore_errors=True)
