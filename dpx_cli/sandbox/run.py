"""Run a command against a new sandbox: its environment, its signals, its exit code."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import site
import sys
import sysconfig
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from dpx_cli.errors import Failed, NotFound, reason
from dpx_cli.sandbox.server import Sandbox
from dpx_cli.system import signals

FORWARDED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
# These belong to the user's own account, and guard it: a sandbox may be changed. The last ones lead to files and
# keyrings of the user's.
DROPPED = frozenset(
    [
        *("DPX_PROFILE", "DPX_TOKEN_FILE", "DPX_READ_ONLY", "DPX_LOCK_KEY", "DBUS_SESSION_BUS_ADDRESS"),
        *("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
    ]
)
TOKEN = re.compile(r"dpx_[0-9A-Za-z]{32}")  # a token in a keyring isn't known here, but has the API's own shape
GIT_FILES = (".gitconfig", ".config/git/config", ".config/git/attributes", ".config/git/ignore")
STDOUT, STDERR = 1, 2
LOOPBACK = "127.0.0.1,localhost"


def run(
    command: Sequence[str],
    env: Mapping[str, str],
    sandbox: Sandbox,
    *,
    secrets: Collection[str],
    to_stderr: bool = False,
) -> int:
    """Run a command against a new sandbox, not yet started, until it ends, and leave nothing behind.

    The command uses the standard streams directly (`to_stderr`: its output goes to standard error), and gets none of
    the `secrets`. A signal sent to this process is passed on to it; one from the terminal has reached it already.

    Returns the command's exit code; 128 plus the signal's number if a signal ended it.
    """
    try:
        temporary = tempfile.TemporaryDirectory(prefix="dpx-sandbox-", ignore_cleanup_errors=True)
    except OSError as error:
        raise Failed(
            f"Can't create a temporary directory: {reason(error)}.", hint="Set TMPDIR to a writable directory."
        ) from error
    with _blocked_signals() as mask, temporary as folder, sandbox:
        own = environment(sandbox, env, folder, secrets)
        path = command[0] if os.sep in command[0] else shutil.which(command[0], path=own["PATH"])
        if path is None:
            hint = "Write a command of dpx in full, like: dpx deploy --branch main"
            raise NotFound(f"No such command: {command[0]}", hint=hint)
        try:
            return _run(path, command, own, mask, to_stderr=to_stderr)
        except FileNotFoundError as error:
            raise NotFound(f"No such command: {command[0]}") from error
        except (OSError, ValueError) as error:
            why = reason(error) if isinstance(error, OSError) else error
            raise Failed(f"Can't run {command[0]}: {why}.") from error


def environment(sandbox: Sandbox, env: Mapping[str, str], folder: str, secrets: Collection[str]) -> dict[str, str]:
    """Return the command's environment: the sandbox's address and token, a home without the user's own files."""
    new = {
        name: value
        for name, value in env.items()
        if name not in DROPPED and not TOKEN.search(value) and not any(secret in value for secret in secrets)
    }
    home = os.path.join(folder, "home")
    _copy_git_configuration(os.path.expanduser("~") if "HOME" not in env else env["HOME"], home)
    new |= {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token, "HOME": home}
    new |= {f"DPX_{kind}_DIR": os.path.join(folder, kind.lower()) for kind in ("CONFIG", "CACHE")}
    if sys.platform == "win32":
        new |= {"USERPROFILE": home, "APPDATA": home, "LOCALAPPDATA": home}
    if site.ENABLE_USER_SITE:  # dpx itself may be installed there
        new.setdefault("PYTHONUSERBASE", site.getuserbase())
    for name in ("NO_PROXY",) if sys.platform == "win32" else ("NO_PROXY", "no_proxy"):
        new[name] = f"{env[name]},{LOOPBACK}" if env.get(name) else LOOPBACK
    # The command also finds `dpx` if its directory isn't on PATH, as in a virtual environment that isn't active. On
    # Windows, outside of one, programs aren't beside the interpreter.
    ours = (os.path.dirname(sys.executable), sysconfig.get_path("scripts"))
    new["PATH"] = os.pathsep.join(dict.fromkeys(filter(None, (env.get("PATH", os.defpath), *ours))))
    return new


def _copy_git_configuration(source: str, home: str) -> None:
    """Give a temporary home the user's name and address for commits, read-only."""
    os.mkdir(home)
    for name in GIT_FILES:
        copy = os.path.join(home, name)
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copyfile(os.path.join(source, name), copy)
            os.chmod(copy, 0o400)


if sys.platform != "win32":
    WATCHED = {*FORWARDED, signal.SIGCHLD}

    @contextlib.contextmanager
    def _blocked_signals() -> Iterator[set[int | signal.Signals]]:
        """Block signals, here and in the threads started from here: one that arrives early waits for the command."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        try:
            yield before
        finally:
            while signal.sigpending() & WATCHED:
                signal.sigwait(WATCHED)  # the terminal's Ctrl-C was for the command; its exit code reports it
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _run(path: str, command: Sequence[str], env: Mapping[str, str], mask: Any, *, to_stderr: bool) -> int:
        # Python ignores these two, and a new program would inherit that.
        restored = [signal.SIGPIPE, signal.SIGXFSZ]
        actions = [(os.POSIX_SPAWN_DUP2, STDERR, STDOUT)] if to_stderr else []
        process = os.posix_spawn(path, list(command), env, file_actions=actions, setsigmask=mask, setsigdef=restored)
        while True:
            number, is_terminals = _wait_for_signal()
            if number != signal.SIGCHLD:
                if not is_terminals:
                    os.kill(process, number)
                continue
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                return 128 - code if code < 0 else code  # as a shell shows a signal

    def _wait_for_signal() -> tuple[int, bool]:
        """Return the next signal, and whether the terminal has sent it to the command too."""
        if sys.platform != "darwin":
            came = signal.sigwaitinfo(WATCHED)
            return came.si_signo, came.si_code > 0  # positive: from the kernel, as for Ctrl-C
        else:  # noqa: RET505 - without it mypy calls the rest unreachable
            number = signal.sigwait(WATCHED)
            return number, number == signal.SIGINT and _in_foreground()

    def _in_foreground() -> bool:
        try:
            return os.tcgetpgrp(STDERR) == os.getpgrp()
        except OSError:
            return False

else:
    import subprocess

    @contextlib.contextmanager
    def _blocked_signals() -> Iterator[None]:
        yield  # Windows has none

    def _run(path: str, command: Sequence[str], env: Mapping[str, str], _mask: Any, *, to_stderr: bool) -> int:
        process = subprocess.Popen([path, *command[1:]], env=env, stdout=STDERR if to_stderr else None)
        while True:
            try:
                code = process.wait()
                return code - (1 << 32) if code >= 1 << 31 else code  # `os._exit` accepts a C int
            except KeyboardInterrupt:
                signals.forget()  # the console has sent it to the command too
            except BaseException:
                process.terminate()
                process.wait()
                raise
