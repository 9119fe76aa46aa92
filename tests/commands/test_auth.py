"""`dpx auth` and its short forms: the program in a process of its own, on a terminal and off it."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Done = subprocess.CompletedProcess[str]
    Run = Callable[..., Done]

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"
MASKED = "dpx_****wxyz"
UNKNOWN = "dpx_unknown89abcdefghijklmnopqrstuvwxyz"
NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """A Deploxa that knows one token."""
    with Sandbox(tokens=[TOKEN]) as started:
        yield started


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of dpx's files."""
    return tmp_path / "config"


@pytest.fixture
def env(box: Sandbox, home: Path, tmp_path: Path) -> dict[str, str]:
    """An environment without a token or a keyring, that leads to the sandbox."""
    box.clear_requests()
    box.clear_faults()
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(tmp_path),
        "DPX_CONFIG_DIR": str(home),
        "DPX_CACHE_DIR": str(tmp_path / "cache"),
        "DPX_API_URL": box.url,
        **NO_KEYRING,
    }


@pytest.fixture
def dpx(env: dict[str, str]) -> Run:
    """Run dpx off a terminal; keyword arguments other than `stdin` are variables, None for taking one away."""

    def run(*argv: str, stdin: str = "", **changes: str | None) -> Done:
        changed = {name: value for name, value in {**env, **changes}.items() if value is not None}
        command = [sys.executable, "-m", "dpx_cli", *argv]
        return subprocess.run(
            command, input=stdin, env=changed, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def logged_in(dpx: Run) -> Run:
    """Run dpx, with the token in the file."""
    assert dpx("auth", "login", "--insecure-storage", stdin=TOKEN).returncode == 0
    return dpx


def on_terminal(env: dict[str, str], argv: list[str], answers: dict[str, str]) -> tuple[int, str]:
    """Run dpx on a terminal, and type an answer when its question shows; give the exit code and all that showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-m", "dpx_cli", *argv], {**env, "TERM": "xterm"})
    shown, left, end = "", dict(answers), time.monotonic() + 60
    while time.monotonic() < end and select.select([terminal], [], [], 60)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data.decode()
        for question in [question for question in left if question in shown]:
            os.write(terminal, left.pop(question).encode() + b"\n")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown


def everything_in(folder: Path) -> str:
    """Give the text of every file below a folder."""
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_token_is_checked_then_stored_then_used(dpx: Run, box: Sandbox, home: Path) -> None:
    """From a pipe, with or without `--with-token`; stdout stays empty and the token unseen."""
    for flags in (["--with-token"], []):
        done = dpx("auth", "login", "--insecure-storage", *flags, stdin=f"{TOKEN}\r\n")
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == (
            f"logged in to {box.url} as profile default; the token is in the file {home / 'tokens.json'}\n"
        )
    assert [request.path for request in box.requests] == ["/orgs", "/orgs"]
    assert dpx("auth", "token").stdout == f"{TOKEN}\n"
    assert dpx("orgs", "list", "-q").stdout.split() == ["acme", "globex"]


def test_login_on_a_terminal_asks_without_echo(env: dict[str, str], home: Path) -> None:
    """The prompt is all that shows."""
    code, shown = on_terminal(env, ["login", "--insecure-storage"], {"Token": TOKEN})
    assert code == 0, shown
    assert "logged in to" in shown
    assert TOKEN not in shown
    assert TOKEN in everything_in(home)


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        ("", "error: stdin has no token\n"),
        (" \n", "error: stdin has no token\n"),
        ("dpx_a b", "error: the token has characters that no token has\n"),
        (f"{UNKNOWN}\n{UNKNOWN}", "error: the token has characters that no token has\n"),
        ("ghp_canary", "error: a token starts with dpx_, this one does not\n"),
        ("dpx_canary\x1b[31m", "error: the token has characters that no token has\n"),
        ("dpx_" + "canary" * 20_000, "error: the token has characters that no token has\n"),
    ],
)
def test_what_cannot_be_a_token_is_refused_unsent_and_unseen(
    dpx: Run, box: Sandbox, home: Path, stdin: str, said: str
) -> None:
    """Exit 2, one line, nothing on the wire or the disk."""
    done = dpx("auth", "login", "--with-token", "--insecure-storage", stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert "canary" not in done.stderr
    assert box.requests == []
    assert not home.exists()


def test_refused_token_is_not_stored(logged_in: Run, box: Sandbox, home: Path) -> None:
    """401: exit 4, and the token of before stays."""
    done = logged_in("auth", "login", "--insecure-storage", stdin=UNKNOWN)
    assert (done.returncode, done.stdout) == (4, "")
    assert UNKNOWN not in done.stderr + everything_in(home)
    assert logged_in("auth", "token").stdout == f"{TOKEN}\n"
    assert [request.status for request in box.requests] == [200, 401]


def test_unchecked_token_is_not_stored(dpx: Run, home: Path) -> None:
    """No network: exit 7."""
    done = dpx("auth", "login", "--insecure-storage", stdin=TOKEN, DPX_API_URL="http://127.0.0.1:1/api/v1")
    assert (done.returncode, done.stdout) == (7, "")
    assert not home.exists()


def test_without_a_keyring_nothing_is_stored_in_plain_text_unasked(dpx: Run, home: Path) -> None:
    """Exit 4 with the ways out."""
    done = dpx("auth", "login", stdin=TOKEN)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "error: this machine has no keyring\n"
        "hint: set DPX_TOKEN, or keep the token in a file: dpx auth login --insecure-storage\n"
    )
    assert not home.exists()


def test_unwritable_folder_is_a_matter_of_token_storage(dpx: Run) -> None:
    """Exit 4, naming the folder."""
    done = dpx("auth", "login", "--insecure-storage", stdin=TOKEN, DPX_CONFIG_DIR="/proc/dpx")
    assert done.returncode == 4
    assert "/proc/dpx/credentials.json.lock" in done.stderr


def test_login_says_that_the_environment_goes_first(dpx: Run) -> None:
    """And works all the same."""
    done = dpx("login", "--insecure-storage", stdin=TOKEN, DPX_TOKEN=UNKNOWN)
    assert done.returncode == 0
    assert done.stderr.endswith("note: DPX_TOKEN is set and goes before the stored token\n")


@pytest.mark.parametrize("argv", [["auth", "status"], ["whoami"]])
def test_status(logged_in: Run, box: Sandbox, argv: list[str]) -> None:
    """One row off a terminal, one object as JSON; the token is masked."""
    assert logged_in(*argv).stdout == f"default\t{box.url}\tfile\t{MASKED}\ttrue\t2\n"
    document = json.loads(logged_in(*argv, "--json", DPX_TOKEN=TOKEN).stdout)
    assert document == {
        "profile": "default",
        "api_url": box.url,
        "source": "env",
        "token": MASKED,
        "accepted": True,
        "organizations": 2,
    }


def test_status_on_a_terminal(logged_in: Run, env: dict[str, str]) -> None:
    """Titled lines."""
    assert logged_in("auth", "status").returncode == 0
    code, shown = on_terminal(env, ["auth", "status"], {})
    assert code == 0
    for text in ("Source", "file", MASKED, "Accepted", "yes"):
        assert text in shown
    assert TOKEN not in shown


def test_status_of_a_refused_token_shows_it_and_fails(dpx: Run) -> None:
    """Exit 4; a script sees `accepted: false`, a person how to go on."""
    done = dpx("auth", "status", "--json", DPX_TOKEN=UNKNOWN)
    assert done.returncode == 4
    shown = json.loads(done.stdout)
    assert (shown["accepted"], shown["organizations"], shown["source"]) == (False, None, "env")
    error = json.loads(done.stderr)["error"]
    assert (error["code"], error["status"], error["request"]) == ("unauthorized", 401, "GET /orgs")
    assert "set DPX_TOKEN" in error["hint"]
    assert UNKNOWN not in done.stdout + done.stderr


def test_status_without_a_token(dpx: Run, box: Sandbox) -> None:
    """Exit 4, nothing on stdout, no request."""
    for argv in (["auth", "status"], ["auth", "token"], ["whoami"]):
        done = dpx(*argv)
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr == (
            f"error: not logged in to {box.origin} as profile default\nhint: dpx auth login, or set DPX_TOKEN\n"
        )
    assert box.requests == []


def test_a_refusal_deletes_nothing(logged_in: Run, box: Sandbox) -> None:
    """A 401 may be the server's mistake."""
    box.fault("GET /orgs 401 x1")
    assert logged_in("auth", "status").returncode == 4
    assert logged_in("auth", "status").returncode == 0


@pytest.mark.parametrize("argv", [["auth", "logout"], ["logout"]])
def test_logout_takes_the_token_away(logged_in: Run, box: Sandbox, home: Path, argv: list[str]) -> None:
    """From every file; a second time is fine too; a token in the environment stays in use."""
    done = logged_in(*argv)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        f"logged out of {box.url} as profile default; the token is gone from the file {home / 'tokens.json'}\n"
    )
    assert TOKEN not in everything_in(home)
    done = logged_in(*argv, DPX_TOKEN=TOKEN)
    assert done.returncode == 0
    assert done.stderr == (
        f"note: there was no token stored for {box.url} as profile default\n"
        "note: DPX_TOKEN is still set and still used\n"
    )


def test_token_is_sent_to_no_other_origin(logged_in: Run) -> None:
    """Another API URL finds nobody logged in, and says for whom there is a token."""
    with Sandbox(tokens=[TOKEN]) as other:
        done = logged_in("auth", "status", DPX_API_URL=other.url)
        assert done.returncode == 4
        assert "there is a token for http://127.0.0.1:" in done.stderr
        assert other.requests == []


def test_each_profile_has_its_own_login(logged_in: Run) -> None:
    """A login makes the profile, `auth switch` makes it the usual one."""
    assert logged_in("auth", "switch", "work").returncode == 3
    done = logged_in("auth", "login", "--profile", "work", "--insecure-storage", stdin=TOKEN)
    assert done.returncode == 0
    assert done.stderr.endswith("note: to use it without --profile: dpx profile use work\n")
    assert logged_in("auth", "switch", "work").stderr == "the current profile is work\n"
    assert logged_in("auth", "status").stdout.startswith("work\t")
    assert logged_in("auth", "logout").returncode == 0
    assert logged_in("auth", "token").returncode == 4
    assert logged_in("auth", "token", "--profile", "default").stdout == f"{TOKEN}\n"


def test_damaged_files_are_named_and_kept(logged_in: Run, home: Path) -> None:
    """Of the tokens exit 4, of the profiles exit 1; a login overwrites neither."""
    (home / "tokens.json").write_text('{"tokens": {"canary')
    for argv, stdin in ((["auth", "status"], ""), (["login", "--insecure-storage"], TOKEN)):
        done = logged_in(*argv, stdin=stdin)
        assert done.returncode == 4
        assert str(home / "tokens.json") in done.stderr
        assert "canary" not in done.stderr
    assert "canary" in (home / "tokens.json").read_text()
    (home / "config.json").write_text("{")
    done = logged_in("auth", "status")
    assert done.returncode == 1
    assert str(home / "config.json") in done.stderr


def test_nobody_to_ask_is_a_usage_error(env: dict[str, str], box: Sandbox) -> None:
    """A terminal where asking is forbidden does not wait for a token."""
    code, shown = on_terminal({**env, "DPX_NO_INPUT": "1"}, ["auth", "login"], {})
    assert code == 2
    assert "nobody can be asked for the token" in shown
    assert "dpx auth login --with-token" in shown
    assert box.requests == []
