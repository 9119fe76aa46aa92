"""Run a command against a new sandbox: its environment, its signals, its exit code."""

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
# These belong to the user's own account, and guard it: a sandbox may be changed.
DROPPED = ("DPX_PROFILE", "DPX_TOKEN_FILE", "DPX_READ_ONLY")
STDOUT, STDERR = 1, 2
LOOPBACK = "127.0.0.1,localhost"


def run(command: Sequence[str], env: Mapping[str, str], sandbox: Sandbox, *, to_stderr: bool = False) -> int:
    """Run a command against a new sandbox until it ends, and leave nothing behind.

    The command uses the standard streams directly. A signal sent to this process is passed on to it; one from the
    terminal has reached it already.

    Args:
        command: the program and its arguments.
        env: the environment to start from.
        sandbox: the sandbox, not yet started.
        to_stderr: whether the command's standard output goes to standard error.

    Returns:
        The command's exit code; 128 plus the signal's number if a signal ended it.

    Raises:
        NotFound: there is no such command.
        Failed: it can't be run, or no temporary directory can be created.
    """
    if sys.platform != "win32" and sys.platform != "darwin":
        return _run_exactly(command, env, sandbox, to_stderr=to_stderr)
    else:  # noqa: RET505 - without it mypy calls the rest unreachable
        return _run_portably(command, env, sandbox, to_stderr=to_stderr)


def environment(sandbox: Sandbox, env: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the command's environment: the sandbox's address and token, new directories for profiles and cache."""
    new = {name: value for name, value in env.items() if name not in DROPPED}
    new |= {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token}
    new |= {f"DPX_{kind}_DIR": f"{folder}{os.sep}{kind.lower()}" for kind in ("CONFIG", "CACHE")}
    for name in ("NO_PROXY", "no_proxy"):
        new[name] = f"{env[name]},{LOOPBACK}" if env.get(name) else LOOPBACK
    # The command also finds `dpx` if its directory isn't on PATH, as in a virtual environment that isn't active.
    new["PATH"] = os.pathsep.join(filter(None, (env.get("PATH", os.defpath), sys.executable.rpartition(os.sep)[0])))
    return new


if sys.platform != "win32" and sys.platform != "darwin":

    def _run_exactly(
        command: Sequence[str], env: Mapping[str, str], sandbox: Sandbox, *, to_stderr: bool = False
    ) -> int:
        # Signals are blocked, here and in the threads started from here, so none is lost: one that arrives early waits
        # until the command runs.
        watched = {*FORWARDED, signal.SIGCHLD}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
        try:
            with _Folder() as folder, sandbox:
                process = _spawn(command, environment(sandbox, env, folder), before, to_stderr=to_stderr)
                return _see_through(process, watched)
        finally:
            while signal.sigtimedwait(watched, 0) is not None:
                pass  # the terminal's Ctrl-C was for the command; its exit code reports it
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _spawn(command: Sequence[str], env: dict[str, str], mask: set[int | signal.Signals], *, to_stderr: bool) -> int:
        path = _find(command[0], env["PATH"])
        # Python ignores these two, and a new program would inherit that.
        restored = [signal.SIGPIPE, signal.SIGXFSZ]
        actions = [(os.POSIX_SPAWN_DUP2, STDERR, STDOUT)] if to_stderr else []
        try:
            return os.posix_spawn(path, list(command), env, file_actions=actions, setsigmask=mask, setsigdef=restored)
        except OSError as error:
            raise _cannot_run(command[0], error) from error
        except ValueError as error:
            raise Failed(f"Can't run {command[0]!r}: {error}.") from error

    def _see_through(process: int, watched: set[signal.Signals]) -> int:
        while True:
            came = signal.sigwaitinfo(watched)
            if came.si_signo != signal.SIGCHLD:
                # Positive means that the kernel sent it, as for Ctrl-C, and to the whole group.
                if came.si_code <= 0:
                    os.kill(process, came.si_signo)
                continue
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                return exit_code(os.waitstatus_to_exitcode(status))


def _run_portably(command: Sequence[str], env: Mapping[str, str], sandbox: Sandbox, *, to_stderr: bool = False) -> int:
    import subprocess

    with _Folder() as folder, sandbox:
        own = environment(sandbox, env, folder)
        path = _find(command[0], own["PATH"])
        try:
            process = subprocess.Popen([path, *command[1:]], env=own, stdout=STDERR if to_stderr else None)
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
    """Return the exit code as a shell shows it: 128 plus the signal's number instead of a negative one."""
    return 128 - code if code < 0 else code


def _find(name: str, path: str) -> str:
    import shutil

    found = name if os.sep in name else shutil.which(name, path=path)
    if found is None:
        raise NotFound(f"No such command: {name}", hint="Put the command after --.")
    return found


def _cannot_run(name: str, error: OSError) -> Failed | NotFound:
    if isinstance(error, FileNotFoundError):
        return NotFound(f"No such command: {name}", hint="Put the command after --.")
    return Failed(f"Can't run {name}: {reason(error)}.")


class _Folder:
    """A temporary directory that is removed with everything in it."""

    def __enter__(self) -> str:
        import tempfile

        try:
            self._path = tempfile.mkdtemp(prefix="dpx-sandbox-")
        except OSError as error:
            raise Failed(
                f"Can't create a temporary directory: {reason(error)}.", hint="Set TMPDIR to a writable directory."
            ) from error
        return self._path

    def __exit__(self, *_: object) -> None:
        import shutil

        shutil.rmtree(self._path, ignore_errors=True)
