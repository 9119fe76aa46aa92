"""Run dpx as a user or a script would: on pipes in this process, in a process of its own, or on a pseudo-terminal.

Most tests look at what a command prints, sends and returns. They run in this process, where a call costs milliseconds.
Streams, signals, start-up and child processes need the installed program: `run_process`, `start` and `terminal`.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_BESIDE = Path(sys.executable).with_name("dpx.exe" if sys.platform == "win32" else "dpx")
PROGRAM = [str(_BESIDE)] if _BESIDE.exists() else [sys.executable, "-m", "dpx_cli"]
SECONDS = 60  # no command of a test takes longer, however busy the machine

# What a test's environment keeps of the developer's own; everything else would make tests differ between machines.
KEPT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "TMPDIR", "SYSTEMROOT")

# Makes stdin the controlling terminal, and becomes the command.
CONTROL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"

# Commands that hand their streams to other programs, serve until a signal comes, or are answered before `cli.main`.
NEED_A_PROCESS = {"sandbox", "rehearse", "mcp", "listen", "__complete", "--version"}


class Result:
    """What a run left: exit code, and the text of both streams. On a terminal both are in `out`."""

    def __init__(self, argv: Sequence[str], code: int, out: str, err: str) -> None:
        self.argv = list(argv)
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"dpx {' '.join(self.argv)}\n  code {self.code}\n  stdout {self.out!r}\n  stderr {self.err!r}"

    @property
    def json(self) -> Any:
        """Stdout as one JSON document."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error object of a stderr whose last line is JSON."""
        found: dict[str, Any] = json.loads(self.err.splitlines()[-1])["error"]
        return found

    @property
    def rows(self) -> list[list[str]]:
        """Tab-separated stdout as lists of cells."""
        return [line.split("\t") for line in self.out.splitlines()]


def clean_env(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """An environment in which nothing of the developer's own matters."""
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        # A script of a test calls dpx by its name.
        "PATH": os.pathsep.join([str(Path(PROGRAM[0]).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home),
        "DPX_CONFIG_DIR": str(home / "config"),
        "DPX_CACHE_DIR": str(home / "cache"),
        "NO_PROXY": "127.0.0.1,localhost",
        **extra,
    }


def run(*argv: str, env: Mapping[str, str], cwd: Path, stdin: bytes | None = b"", seconds: float = SECONDS) -> Result:
    """Run dpx on pipes: in this process, or in one of its own where the command or the closed `stdin` needs it."""
    if stdin is None or not NEED_A_PROCESS.isdisjoint(argv):
        return run_process(*argv, env=env, cwd=cwd, stdin=stdin, seconds=seconds)
    out, err = io.BytesIO(), io.BytesIO()
    with _as_a_process(env, cwd, io.BytesIO(stdin), out, err):
        code = main.run(argv)
    return Result(argv, code, _text(out.getvalue()), _text(err.getvalue()))


@contextlib.contextmanager
def _as_a_process(env: Mapping[str, str], cwd: Path, *streams: io.BytesIO) -> Iterator[None]:
    """Give this process another environment, directory and streams within the context, and take back what dpx sets."""
    before = dict(os.environ), Path.cwd(), (sys.stdin, sys.stdout, sys.stderr), sys.unraisablehook
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    _replace_environment(env)
    os.chdir(cwd)
    sys.stdin, sys.stdout, sys.stderr = (io.TextIOWrapper(stream, "utf-8", write_through=True) for stream in streams)
    try:
        yield
    finally:
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            stream.detach()  # or the wrapper closes the bytes that are read next
        _replace_environment(before[0])
        os.chdir(before[1])
        (sys.stdin, sys.stdout, sys.stderr), sys.unraisablehook = before[2:]
        for number, handler in handlers.items():
            signal.signal(number, handler)
        gc.unfreeze()


def _replace_environment(env: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)


def run_process(
    *argv: str, env: Mapping[str, str], cwd: Path, stdin: bytes | None = b"", seconds: float = SECONDS
) -> Result:
    """Run the installed program on pipes. `stdin=None` closes it."""
    done = subprocess.run(
        [*PROGRAM, *argv],
        env=dict(env),
        cwd=cwd,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    return Result(argv, done.returncode, _text(done.stdout), _text(done.stderr))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def need(name: str) -> None:
    """Skip the test on a Windows that doesn't have a program."""
    if sys.platform == "win32" and shutil.which(name) is None:
        pytest.skip(f"needs {name}, which this Windows doesn't have")


def git(folder: Path, *argv: str) -> str:
    """Run git in a folder, without the developer's own settings, and return what it prints."""
    need("git")
    settings = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *settings, *argv], cwd=folder, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def start(*argv: str, env: Mapping[str, str], cwd: Path) -> subprocess.Popen[bytes]:
    """Start the program on pipes, for a test of signals. Skips the test on Windows, which has none to send."""
    if sys.platform == "win32":
        pytest.skip("sends a signal, which Windows can't")
    return subprocess.Popen(
        [*PROGRAM, *argv],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def start_on_terminal(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path, lines: int, columns: int
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command on a pseudo-terminal of its own; return it and our side. Skips the test on Windows."""
    if sys.platform == "win32":
        pytest.skip("needs a pseudo-terminal, which Windows doesn't have")
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", CONTROL, *command],
        env={"TERM": "xterm-256color", "LANG": "C.UTF-8", **env},
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    return child, ours


def run_on_terminal(
    *argv: str,
    env: Mapping[str, str],
    cwd: Path,
    answers: Sequence[tuple[str, str]] = (),
    columns: int = 100,
    seconds: float = SECONDS,
) -> Result:
    """Run the program on a pseudo-terminal and answer its questions. See `terminal`."""
    return terminal([*PROGRAM, *argv], env=env, cwd=cwd, answers=answers, columns=columns, seconds=seconds)


def terminal(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    answers: Sequence[tuple[str, str]] = (),
    columns: int = 100,
    seconds: float = SECONDS,
) -> Result:
    """Run any command on a pseudo-terminal; `answers` are pairs of what to wait for in the output and to type then."""
    child, ours = start_on_terminal(command, env=env, cwd=cwd, lines=40, columns=columns)
    seen = b""
    waiting = list(answers)
    asked_from = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ready, _, _ = select.select([ours], [], [], 0.1)
        if ready:
            try:
                data = os.read(ours, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not data:
                break
            seen += data
        if waiting and (at := seen.find(waiting[0][0].encode(), asked_from)) >= 0:
            asked_from = at + len(waiting[0][0].encode())
            os.write(ours, waiting.pop(0)[1].encode())
    else:
        child.kill()
    code = child.wait(10)
    os.close(ours)
    return Result(command, code, seen.decode("utf-8", "replace").replace("\r\n", "\n"), "")
