"""`dpx sandbox serve` and `dpx sandbox run`, as the installed program."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sandbox_client import ask

from dpx_cli.credentials.file_store import FileStore
from tests.conftest import Program

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"

# Prints which signals it gets until half a second after the first one.
LISTENER = """
import signal, sys, time
got = []
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, _frame: got.append(signal.Signals(number).name))
print("ready", flush=True)
end = time.monotonic() + 30
while time.monotonic() < end:
    end = min(end, time.monotonic() + 0.5) if len(got) == 1 and end > time.monotonic() + 1 else end
    time.sleep(0.01)
print("got", *got, flush=True)
sys.exit(42)
"""


class Served:
    """A sandbox in a process of its own, as its two lines specify it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines = dict(read_line(process).removeprefix("export ").split("=", 1) for _ in range(2))
        self.token = self.lines["DPX_TOKEN"]
        self.origin = self.lines["DPX_API_URL"].removesuffix("/api/v1")


def read_line(process: subprocess.Popen[bytes]) -> str:
    """The next line of its stdout; a process that says nothing is killed, and the line is empty."""
    assert process.stdout is not None
    patience = threading.Timer(30, process.kill)
    patience.start()
    try:
        return process.stdout.readline().decode().rstrip("\n")
    finally:
        patience.cancel()


@pytest.fixture
def serve(dpx_offline: Program) -> Iterator[Any]:
    """Starts `dpx sandbox serve --port 0` with further options; killed at the end."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> Served:
        processes.append(dpx_offline.start("sandbox", "serve", "--port", "0", *options))
        return Served(processes[-1])

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.posix
def test_run_gives_the_command_a_sandbox(dpx_offline: Program) -> None:
    """The command gets its address and token, empty directories, and no proxy; it finds dpx, and may change it."""
    secret = "dpx_canary"
    dpx_offline.env |= {"DPX_PROFILE": "mine", "DPX_PROJECT": "docs", "DPX_ORG": "globex", "NO_PROXY": "a.example"}
    dpx_offline.env |= {"PATH": "/usr/bin:/bin", "DPX_READ_ONLY": "1", "XDG_DATA_HOME": "/x", "DPX_TOKEN": secret}
    dpx_offline.env |= {"BACKUP": secret, "URL": f"https://x:{secret}@a.example"}
    created = dpx_offline("sandbox", "run", "--", "dpx", "projects", "create", "new", "-q")
    assert (created.code, created.out) == (0, "new\n"), created
    result = dpx_offline("sandbox", "run", "--", sys.executable, "-c", SHOW)
    assert (result.code, result.err) == (0, ""), result
    assert secret not in result.out
    seen = result.json
    assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/api/v1", seen["DPX_API_URL"])
    assert re.fullmatch(r"dpx_[0-9a-f]{60}", seen["DPX_TOKEN"])
    assert not {"DPX_PROFILE", "DPX_READ_ONLY", "BACKUP", "URL", "XDG_DATA_HOME"} & seen.keys()
    assert (seen["DPX_PROJECT"], seen["DPX_ORG"]) == ("docs", "globex")
    assert seen["NO_PROXY"] == "a.example,127.0.0.1,localhost"
    assert seen["no_proxy"] == "127.0.0.1,localhost"
    for name in ("DPX_CONFIG_DIR", "DPX_CACHE_DIR", "HOME"):
        assert not seen[name].startswith(str(dpx_offline.home))
        assert not os.path.exists(os.path.dirname(seen[name]))


@pytest.mark.parametrize("place", ["DPX_TOKEN_FILE", "stored", "keyring"])
def test_no_variable_has_a_token_of_the_users(dpx_offline: Program, tmp_path: Path, place: str) -> None:
    """Nor one that DPX_TOKEN hides, nor one in a keyring, which isn't opened: its shape gives it away."""
    token = f"dpx_{'0123456789ab' * 5}" if place == "keyring" else "dpx_short"
    dpx_offline.env |= {"DPX_TOKEN": "dpx_other", "DPX_CONFIG_DIR": str(tmp_path / "config")}
    dpx_offline.env |= {"COPY": f"x{token}", "OWN": "dpx_cli/sandbox"}
    if place == "stored":
        FileStore(str(tmp_path / "config")).set("work@https://deploxa.com:443", token)
    elif place == "DPX_TOKEN_FILE":
        dpx_offline.env[place] = str(dpx_offline.write(token, "token"))
    seen = dpx_offline("sandbox", "run", "--", sys.executable, "-c", SHOW).json
    assert not {"COPY", "DPX_TOKEN_FILE"} & seen.keys()
    assert seen["OWN"] == "dpx_cli/sandbox"


@pytest.mark.posix
@pytest.mark.parametrize("command", [("sandbox", "run"), ("rehearse", "--all")])
def test_options_after_the_command_are_its_own(dpx: Program, command: tuple[str, ...]) -> None:
    """With and without --, which the command gets too if it comes later."""
    script = ("sh", "-c", 'echo "$@"', "sh", "-q", "--slots", "x", "--", "--help")
    for line in ([*command, *script], [*command, "--", *script]):
        assert dpx(*line).out == "-q --slots x -- --help\n", line


@pytest.mark.posix
def test_run_copies_the_git_configuration(dpx_offline: Program) -> None:
    """The temporary home has a read-only copy of it; the user's own isn't changed."""
    own = dpx_offline.home / ".gitconfig"
    own.write_text("[user]\n\tname = Olivia\n", encoding="utf-8")
    script = "import os; git = os.path.expanduser('~/.gitconfig'); print(open(git).read(), oct(os.stat(git).st_mode))"
    result = dpx_offline("sandbox", "run", "--", sys.executable, "-c", script)
    assert result.out == "[user]\n\tname = Olivia\n 0o100400\n", result
    assert dpx_offline("sandbox", "run", "--", "git", "config", "--global", "user.name", "Max").code == 0
    assert own.read_text(encoding="utf-8") == "[user]\n\tname = Olivia\n"


@pytest.mark.posix
def test_run_leaves_nothing_behind(dpx_offline: Program, tmp_path: Path) -> None:
    """`run` removes its directories with everything in them and closes its port."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    dpx_offline.env["TMPDIR"] = str(temporary)
    script = (
        'mkdir -p "$DPX_CACHE_DIR/a"; echo x > "$DPX_CACHE_DIR/a/b"; chmod 500 "$DPX_CACHE_DIR/a"; echo "$DPX_API_URL"'
    )
    result = dpx_offline("sandbox", "run", "--", "sh", "-c", script)
    assert result.code == 0, result
    assert list(temporary.iterdir()) == []
    assert list(dpx_offline.home.rglob("*")) == [dpx_offline.cwd]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(re.findall(r":([0-9]+)/", result.out)[0])), timeout=5)


@pytest.mark.posix
@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_streams_and_exit_code_are_the_commands_own(dpx_offline: Program, script: str, code: int) -> None:
    """`run` adds nothing, and exits with the command's code, or 128 plus the number of the signal that ended it."""
    script = f"cat; echo talk >&2; {script}"
    result = dpx_offline("sandbox", "run", "--", "sh", "-c", script, stdin=b"data\0\n")
    assert (result.code, result.out, result.err) == (code, "data\0\n", "talk\n")


@pytest.mark.posix
def test_a_command_that_is_not_there(dpx_offline: Program, tmp_path: Path) -> None:
    """A missing command is exit 3, one that can't be run is exit 1, each with one clear line; so is foreign data."""
    for name in ("deploy", "./no-such-command", str(tmp_path / "none")):
        result = dpx_offline("sandbox", "run", "--", name, "--flag")
        assert (result.code, result.out) == (3, ""), result
        error, *hint = result.err.splitlines()
        assert (error, len(hint)) == (f"error: No such command: {name}", name == "deploy")
    result = dpx_offline("sandbox", "run", "--", str(tmp_path))
    assert (result.code, result.err) == (1, f"error: Can't run {tmp_path}: permission denied.\n")
    assert dpx_offline("sandbox", "run").code == 2
    assert dpx_offline("sandbox", "run", "--").code == 2
    data = tmp_path / "notes.txt"
    data.write_text("not a database\n" * 100, encoding="utf-8")
    result = dpx_offline("sandbox", "run", "--data", str(data), "--", "true")
    assert (result.code, result.out) == (1, ""), result
    assert str(data) in result.err
    assert data.read_text(encoding="utf-8") == "not a database\n" * 100


@pytest.mark.posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_is_passed_on(dpx_offline: Program, name: str) -> None:
    """A signal is passed on once, and the command's exit code counts."""
    process = dpx_offline.start("sandbox", "run", "--", sys.executable, "-c", LISTENER)
    assert read_line(process) == "ready"
    process.send_signal(signal.Signals[name])
    assert read_line(process) == f"got {name}"
    assert process.wait(30) == 42
    assert process.communicate()[1] == b""


def test_ctrl_c_reaches_the_command_once(dpx_offline: Program) -> None:
    """Ctrl-C reaches the command once, since the terminal already sends it to both."""
    result = dpx_offline.tty("sandbox", "run", "--", sys.executable, "-c", LISTENER, answers=[("ready", "\x03")])
    assert "got SIGINT\n" in result.out, result
    assert result.code == 42


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_serve_ends_silently(serve: Any, dpx_offline: Program, number: int, code: int) -> None:
    """It prints two lines for a shell on stdout, everything else on stderr, and ends at a signal."""
    served = serve()
    assert list(served.lines) == ["DPX_API_URL", "DPX_TOKEN"]
    result = dpx_offline("projects", "list", "-q", env=served.lines)
    assert (result.code, result.out.split()) == (0, ["storefront", "docs", "api"]), result
    process = served.process
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert out == b""
    assert err.decode().splitlines() == ["Serving until Ctrl-C. To use it, run these two lines in a shell:"]


def test_the_options_reach_the_server(serve: Any, dpx_offline: Program, tmp_path: Path) -> None:
    """All options together reach the server; a port in use is exit 2."""
    log = tmp_path / "log.jsonl"
    served = serve(
        *("--build-seconds", "100ms", "--slots", "1", "--rate", "1000/h", "--role", "member"),
        *("--fault", "GET /orgs 503 x1", "--fault", "GET /orgs 502 x1", "--log", str(log), "--projects", "5"),
        *("--token", "dpx_first", "--token", "dpx_second:owner", "--token", "dpx_third:owner:0"),
        *("--token-ttl", "1000h", "--data", str(tmp_path / "state.db")),
    )
    port = served.origin.rpartition(":")[2]
    taken = dpx_offline("sandbox", "serve", "--port", port)
    assert (taken.code, taken.out) == (2, ""), taken
    assert taken.err.startswith(f"error: Port {port} is already in use by another program.\nhint: Choose another port")
    assert ask(served, "GET", "/projects", token="dpx_third").status == 401
    assert served.token == "dpx_first"
    assert [ask(served, "GET", "/orgs").status for _ in range(2)] == [503, 502]
    roles = [ask(served, "GET", "/orgs", token=token).data[0]["role"] for token in ("", "dpx_second")]
    assert roles == ["member", "owner"]
    projects = ask(served, "GET", "/projects").data
    assert len(projects) == 5
    deployments = f"/projects/{projects[0]['id']}/deployments"
    assert ask(served, "POST", deployments, {}).status == 201
    assert ask(served, "POST", deployments, {}).status == 429
    while ask(served, "GET", deployments).data[0]["status"] != "READY":
        time.sleep(0.02)
    assert ask(served, "GET", deployments).data[0]["buildDurationMs"] == 100
    assert 503 in [json.loads(line)["status"] for line in log.read_text(encoding="utf-8").splitlines()]


@pytest.mark.posix
@pytest.mark.parametrize(
    "options",
    [
        *("--build-seconds soon", "--slots 0", "--port 99999", "--token canary", "--token dpx_canary:boss"),
        *("--token-ttl later", "--projects many", "--projects 99999999999", "--fault GET"),
        "--webhook-url ftp://x --webhook-secret canary",
    ],
)
def test_bad_options(dpx_offline: Program, options: str) -> None:
    """A wrong option is exit 2 with one clear line that shows no secret, and the command is not run."""
    result = dpx_offline("sandbox", "run", *options.split(), "--", "sh", "-c", "echo ran")
    assert (result.code, result.out) == (2, ""), result
    assert result.err.startswith("error: "), result
    assert "Traceback" not in result.err
    assert "canary" not in result.err


def test_the_webhooks_receiver_is_checked_at_the_start_and_every_delivery_is_a_line(dpx_offline: Program) -> None:
    """The secret is DPX_WEBHOOK_SECRET by default; a receiver that isn't there is a warning, and so is each attempt."""
    dpx_offline.env["DPX_WEBHOOK_SECRET"] = "canary"
    argv = ("sandbox", "run", "--build-seconds", "0", "--webhook-url", "http://127.0.0.1:1/x", "--")
    result = dpx_offline(*argv, "dpx", "deploy", "-p", "docs", "--branch", "main", "--no-wait", "--no-git")
    assert result.code == 0, result
    lines = result.err.splitlines()
    assert lines[0].startswith("warning: Can't reach --webhook-url: 127.0.0.1:1: connection refused.")
    assert "Webhook deployment.started for docs: connection refused, trying again" in lines
    assert "canary" not in result.err
