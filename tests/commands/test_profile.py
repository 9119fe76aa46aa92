"""`dpx profile`: the program in a process of its own, off a terminal and on it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dpx_cli.credentials import logins, stores

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Done = subprocess.CompletedProcess[str]
    Run = Callable[..., Done]

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"
DEFAULT = {"name": "default", "current": True, "api_url": None, "org": None, "logged_in": False}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of dpx's files."""
    return tmp_path / "config"


@pytest.fixture
def env(home: Path, tmp_path: Path) -> dict[str, str]:
    """An environment with nothing in it but folders."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(tmp_path),
        "DPX_CONFIG_DIR": str(home),
        "DPX_CACHE_DIR": str(tmp_path / "cache"),
    }


@pytest.fixture
def dpx(env: dict[str, str]) -> Run:
    """Run dpx off a terminal; keyword arguments are variables."""

    def run(*argv: str, **changes: str) -> Done:
        command = [sys.executable, "-m", "dpx_cli", *argv]
        return subprocess.run(
            command, input="", env={**env, **changes}, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def log_in(home: Path, profile: str) -> None:
    """Put a token into the file, for a profile."""

    class Settings:
        env: dict[str, str] = {}  # noqa: RUF012 - a stand-in
        origin = "https://deploxa.com:443"
        config_dir = str(home)

        def __init__(self) -> None:
            self.profile = profile

    logins.store(Settings(), TOKEN, stores.open_store("file", str(home)))


def on_terminal(env: dict[str, str], argv: list[str], answer: str) -> tuple[int, str]:
    """Run dpx on a terminal that has this answer typed in already; give the exit code and all that showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-m", "dpx_cli", *argv], {**env, "TERM": "xterm"})
    os.write(terminal, answer.encode() + b"\n")
    shown = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode()


def test_list_in_every_format(dpx: Run, home: Path) -> None:
    """Without any file the default profile; a profile with nothing but a token is one too."""
    assert json.loads(dpx("profile", "list", "--json").stdout) == [DEFAULT]
    assert not home.exists(), "reading writes nothing"
    assert dpx("profile", "set", "work", "--api-url", "https://example.com/v1/", "--org", "acme").returncode == 0
    log_in(home, "ci")
    assert dpx("profile", "list", "-q").stdout.split() == ["ci", "default", "work"]
    assert dpx("profile", "list").stdout == (
        "ci\tfalse\t\t\ttrue\ndefault\ttrue\t\t\tfalse\nwork\tfalse\thttps://example.com/v1\tacme\tfalse\n"
    )
    lines = dpx("profile", "list", "--jsonl", DPX_PROFILE="work").stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines if json.loads(line)["current"]] == ["work"]


def test_list_on_a_terminal(dpx: Run, env: dict[str, str]) -> None:
    """A table with titles."""
    dpx("profile", "set", "work", "--org", "acme")
    code, shown = on_terminal(env, ["profile", "list"], "")
    assert code == 0
    for text in ("Profile", "Organization", "work", "acme", "yes"):
        assert text in shown


def test_set_changes_what_is_given_and_takes_away_what_is_empty(dpx: Run, home: Path) -> None:
    """The rest stays."""
    assert dpx("profile", "set", "work", "--api-url", "https://example.com").stderr == "profile work is made\n"
    assert dpx("profile", "set", "work", "--org", "acme").stderr == "profile work is set\n"
    assert dpx("profile", "set", "work", "--api-url", "").returncode == 0
    assert json.loads((home / "config.json").read_bytes()) == {"profiles": {"work": {"org": "acme"}}}


@pytest.mark.parametrize(
    "argv",
    [
        ["set", "work", "--api-url", "http://example.com"],
        ["set", "work", "--api-url", "https://user:canary@example.com"],
        ["set", "work", "--api-url", "ftp://example.com"],
        ["set", "../work"],
        ["set", "wo rk"],
        ["use", "a/b"],
        ["remove", "a\nb"],
    ],
)
def test_bad_input_writes_nothing(dpx: Run, home: Path, argv: list[str]) -> None:
    """Exit 2, one line and a hint, no password shown."""
    done = dpx("profile", *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert "canary" not in done.stderr
    assert not (home / "config.json").exists()


def test_use_needs_a_profile_that_exists(dpx: Run, home: Path) -> None:
    """With settings, or logged in, or the default one."""
    done = dpx("profile", "use", "work")
    assert (done.returncode, done.stdout) == (3, "")
    assert "hint: dpx profile set work" in done.stderr
    log_in(home, "work")
    assert dpx("profile", "use", "work").returncode == 0
    done = dpx("profile", "use", "default", DPX_PROFILE="work")
    assert done.stderr == "the current profile is default\nnote: DPX_PROFILE is set to work and goes before it\n"


def test_remove_takes_the_tokens_too(dpx: Run, home: Path) -> None:
    """Off a terminal nobody is asked; a profile that is not there is exit 3."""
    dpx("profile", "set", "work", "--org", "acme")
    log_in(home, "work")
    done = dpx("profile", "remove", "work")
    assert (done.returncode, done.stderr) == (0, "profile work is removed, and its stored tokens\n")
    assert not (home / "tokens.json").exists()
    assert json.loads(dpx("profile", "list", "--json").stdout) == [DEFAULT]
    assert dpx("profile", "remove", "work").returncode == 3


def test_current_profile_is_removed_only_on_demand(dpx: Run) -> None:
    """The next command would go to another account without a word."""
    dpx("profile", "set", "work")
    dpx("profile", "use", "work")
    done = dpx("profile", "remove", "work")
    assert done.returncode == 2
    assert "hint: dpx profile use OTHER, or dpx profile remove work --yes" in done.stderr
    done = dpx("profile", "remove", "work", "--yes")
    assert done.stderr == "profile work is removed\nnote: the current profile is default now\n"


@pytest.mark.parametrize(
    ("answer", "left"), [("y", ["default"]), ("n", ["default", "work"]), ("", ["default", "work"])]
)
def test_remove_asks_on_a_terminal(dpx: Run, env: dict[str, str], answer: str, left: list[str]) -> None:
    """No is the default."""
    dpx("profile", "set", "work")
    code, shown = on_terminal(env, ["profile", "remove", "work"], answer)
    assert code == 0
    assert "Remove profile work and its stored tokens?" in shown
    assert dpx("profile", "list", "-q").stdout.split() == left


def test_place_that_takes_nothing_is_named(dpx: Run) -> None:
    """A read-only home: reading goes on, writing says where it failed."""
    assert dpx("profile", "list", "-q", DPX_CONFIG_DIR="/proc/dpx").stdout == "default\n"
    done = dpx("profile", "set", "work", DPX_CONFIG_DIR="/proc/dpx")
    assert done.returncode == 1
    assert "/proc/dpx/config.json" in done.stderr


def test_damaged_file_is_named_and_kept(dpx: Run, home: Path) -> None:
    """By every command that reads it."""
    home.mkdir()
    (home / "config.json").write_text("{")
    for argv in (["list"], ["use", "default"], ["set", "work"], ["remove", "work"]):
        done = dpx("profile", *argv)
        assert (done.returncode, done.stdout) == (1, "")
        assert str(home / "config.json") in done.stderr
    assert (home / "config.json").read_text() == "{"


def test_profile_gives_api_url_and_org(dpx: Run) -> None:
    """And the environment goes before it."""
    dpx("profile", "set", "work", "--api-url", "https://work.example/v1")
    said = dpx("auth", "token", "--profile", "work").stderr
    assert "not logged in to https://work.example as profile work" in said
    said = dpx("auth", "token", "--profile", "work", DPX_API_URL="https://other.example").stderr
    assert "not logged in to https://other.example as profile work" in said
