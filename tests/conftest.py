"""Fixtures that every test may use: a sandbox on a real socket, and the installed program to run against it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import program
import pytest
from fault_server import TOKEN, FaultServer
from receiver import Receiver

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

# Nothing of the machine reaches a test: no settings, token, proxy, CI or GIT_DIR, nor the home directory's files.
for name in set(os.environ) - {*program.KEPT, "NODE_PATH", "PYTHONDONTWRITEBYTECODE"}:
    if not name.startswith(("PYTEST_", "PIP_", "UV_", "WINE")) and not name.endswith(("CA_BUNDLE", "CERT_FILE")):
        del os.environ[name]
# A run in a shell's background inherits SIGINT ignored, and so would the programs that tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
HOME = tempfile.TemporaryDirectory(prefix="dpx-home-")
if sys.platform == "win32":

    def link(self: Path, target: Path, _link: Any = Path.symlink_to) -> None:
        """Make a symbolic link, or skip the test: wine makes none, and Windows not for every user."""
        with contextlib.suppress(OSError):
            _link(self, target)
        if not (self.is_symlink() or self.name.endswith("current")):  # which pytest makes for itself
            pytest.skip("this system makes no symbolic links")

    Path.symlink_to = link
os.environ["HOME"] = os.environ["USERPROFILE"] = HOME.name


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this system can't run, with the reason."""
    missing = ["posix", "terminal", "root"] if sys.platform == "win32" else ["root"] if os.geteuid() != 0 else []
    for marker in missing:
        if item.get_closest_marker(marker) is not None:
            pytest.skip(f"marked {marker}, which this system or user doesn't have")


class Program:
    """`dpx` with an environment of its own, which a test may change; call it to run it."""

    def __init__(self, home: Path, cwd: Path, env: dict[str, str]) -> None:
        self.home = home
        self.cwd = cwd
        self.env = program.clean_env(home, env)

    def __call__(
        self, *argv: str, stdin: bytes | None = b"", env: dict[str, str] | None = None, seconds: float = program.SECONDS
    ) -> program.Result:
        """Run it on pipes, in this process where the command allows it."""
        return program.run(*argv, env={**self.env, **(env or {})}, cwd=self.cwd, stdin=stdin, seconds=seconds)

    def write(self, text: str | bytes, name: str = "deploxa.toml") -> Path:
        """Write a file into the working directory, or below, and return its path."""
        path = self.cwd / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def git(self, *argv: str) -> str:
        """Run git in the working directory, without the developer's own settings."""
        return program.git(self.cwd, *argv)

    def process(
        self, *argv: str, stdin: bytes | None = b"", env: dict[str, str] | None = None, seconds: float = program.SECONDS
    ) -> program.Result:
        """Run it on pipes, in a process of its own."""
        return program.run_process(*argv, env={**self.env, **(env or {})}, cwd=self.cwd, stdin=stdin, seconds=seconds)

    def tty(
        self,
        *argv: str,
        answers: Sequence[tuple[str, str]] = (),
        env: dict[str, str] | None = None,
        columns: int = 100,
    ) -> program.Result:
        """Run it on a pseudo-terminal."""
        return program.run_on_terminal(
            *argv, env={**self.env, **(env or {})}, cwd=self.cwd, answers=answers, columns=columns
        )

    def start(self, *argv: str, env: dict[str, str] | None = None) -> Any:
        """Start it on pipes and do not wait."""
        return program.start(*argv, env={**self.env, **(env or {})}, cwd=self.cwd)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox whose deployments take 0.2 seconds."""
    with Sandbox(build_seconds=0.2) as sandbox:
        yield sandbox


@pytest.fixture
def dpx_offline(tmp_path: Path) -> Program:
    """The program, with neither a token nor a server."""
    home = tmp_path / "home"
    cwd = home / "work"
    cwd.mkdir(parents=True)
    return Program(home, cwd, {})


@pytest.fixture
def dpx(dpx_offline: Program, sandbox: Sandbox) -> Program:
    """The program, logged in to the sandbox through its environment."""
    dpx_offline.env.update({"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token})
    return dpx_offline


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    """Start receivers of webhooks that end with the test."""
    started: list[Receiver] = []

    def start(*handle: Any) -> Receiver:
        started.append(Receiver(*handle))
        return started[-1]

    yield start
    for receiver in started:
        receiver.close()


@pytest.fixture
def receiver(receive: Callable[..., Receiver]) -> Receiver:
    """A receiver of webhooks."""
    return receive()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server that breaks as it is told, with one project, shop."""
    with FaultServer() as running:
        yield running


@pytest.fixture
def dpx_on_faults(dpx_offline: Program, server: FaultServer) -> Program:
    """The program, logged in to that server, and in a hurry."""
    dpx_offline.env.update({"DPX_API_URL": server.url, "DPX_TOKEN": TOKEN, "DPX_TIMEOUT": "3"})
    return dpx_offline
