"""`--watch` through the program: a table redrawn in place on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import program
import pytest

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

SLUGS = ["storefront", "docs", "api"]
HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"


def interrupted(watcher: subprocess.Popen[bytes], started: bytes, then: Any, until: bytes) -> tuple[int, str, str]:
    """Wait for a line, let something happen, wait for another line, and press Ctrl-C; gives code, stdout, stderr."""
    assert watcher.stdout is not None
    alarm = threading.Timer(60, watcher.kill)
    alarm.start()
    seen = b""
    for wanted, action in ((started, then), (until, lambda: watcher.send_signal(signal.SIGINT))):
        while wanted not in seen:
            line = watcher.stdout.readline()
            assert line, f"it ended before {wanted!r}: {seen!r}"
            seen += line
        action()
    out, err = watcher.communicate(timeout=60)
    alarm.cancel()
    return watcher.returncode, (seen + out).decode(), err.decode()


def test_a_table_is_redrawn_in_place_and_the_cursor_comes_back(dpx: Program, sandbox: Sandbox) -> None:
    """No screen of its own is opened or cleared; Ctrl-C ends with 130 and leaves the last table."""

    def seed_after_the_first_drawing() -> None:
        while sum(seen.path.endswith("/deployments") for seen in sandbox.requests) < 2:
            time.sleep(0.01)
        sandbox.seed_deployments("docs", 1, branch="second-look")

    threading.Thread(target=seed_after_the_first_drawing, daemon=True).start()
    result = dpx.tty("deploy", "list", "-p", "docs", "--watch", "--interval", "0.5s", answers=[("second-look", "\x03")])
    assert result.code == 130, result
    assert result.out.index(HIDDEN) < result.out.index("Status") < result.out.rindex(SHOWN)
    # Three deployments make a header, a rule, three rows and the last line.
    assert "\x1b[6A" in result.out
    assert "\x1b[?1049h" not in result.out
    assert "\x1b[2J" not in result.out
    # A line may be as wide as the terminal: an erasure behind it would take its last character.
    assert "\x1b[K\n" not in result.out
    assert "Press Ctrl-C to stop." in result.out


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs a terminal that wraps lines again when resized")
def test_a_resize_leaves_no_debris(dpx: Program, sandbox: Sandbox) -> None:
    """After the next drawing the table is on the screen once, whatever the terminal did with the former one."""
    tmux = ["tmux", "-L", f"dpx-{os.getpid()}", "-f", "/dev/null"]
    command = f"echo before; {program.PROGRAM[0]} status --all --watch --interval 0.5s"
    env = {**dpx.env, "TERM": "xterm-256color", "LANG": "C.UTF-8"}

    def run(*words: str) -> str:
        done = subprocess.run([*tmux, *words], env=env, cwd=dpx.cwd, capture_output=True, text=True, check=True)
        return done.stdout

    def drawn_again() -> str:
        looks = len(sandbox.requests)
        deadline = time.monotonic() + 30
        while len(sandbox.requests) < looks + 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return run("capture-pane", "-p")

    run("new-session", "-d", "-x", "120", "-y", "30", command)
    try:
        drawn_again()
        for columns in ("60", "120", "40", "100"):
            run("resize-window", "-x", columns, "-y", "30")
            shown = [line for line in drawn_again().splitlines() if line]
            assert [line.split()[0] for line in shown] == ["before", "Project", shown[2].split()[0], *SLUGS, "Press"]
    finally:
        run("kill-server")


def test_a_low_terminal_counts_what_it_has_no_room_for(dpx: Program, sandbox: Sandbox) -> None:
    """The table never scrolls, or it could not be redrawn in place."""
    sandbox.seed_projects(60)
    result = dpx.tty("status", "--all", "--watch", answers=[("Press Ctrl-C to stop.", "\x03")])
    assert result.code == 130, result
    drawing = result.out[: result.out.index("Press Ctrl-C to stop.")]
    assert drawing.count("\n") <= 40
    assert "more lines" in drawing


def test_a_fault_is_waited_out_below_the_table(dpx: Program, sandbox: Sandbox) -> None:
    """The table stays, and what went wrong stands below it until the next look succeeds."""
    sandbox.fault("GET /projects 503 after 1 x3")
    result = dpx.tty(
        "status", "--all", "--watch", "--interval", "0.5s",
        answers=[("retrying in 1 s", ""), ("Press Ctrl-C to stop.", "\x03")],
    )  # fmt: skip
    assert result.code == 130, result
    assert "503" in result.out


def test_off_a_terminal_a_change_is_a_line(dpx: Program, sandbox: Sandbox) -> None:
    """First everything there is, oldest first, then what is new or changed; no escape sequence."""
    watcher = dpx.start("deploy", "list", "-p", "docs", "--watch", "--interval", "0.5s", "--limit", "2")
    code, out, err = interrupted(watcher, b"\n", lambda: sandbox.seed_deployments("docs", 1, branch="later"), b"later")
    assert (code, err) == (130, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[1] for row in rows] == ["main", "main", "later"]
    assert "\x1b" not in out


def test_in_ci_a_terminal_gets_lines_too(dpx: Program) -> None:
    """Nothing animates there."""
    result = dpx.tty(
        "deploy", "list", "-p", "docs", "--watch", env={"CI": "true"}, answers=[("clm15xx2jppjlqryqyd4c07l6", "\x03")]
    )
    assert result.code == 130, result
    assert "\x1b" not in result.out
    assert "READY  main" in result.out


def test_json_lines_are_whole_objects(dpx: Program, sandbox: Sandbox) -> None:
    """One at each change."""
    project = sandbox.project_id("docs")
    watcher = dpx.start("status", "--all", "--watch", "--interval", "0.5s", "--jsonl")
    _, out, _ = interrupted(
        watcher,
        b'"storefront"',
        lambda: sandbox.seed_deployments("docs", 1, fails=True),
        b'"framework":"VITE","current_deployment":{"status":"ERROR"}',
    )
    found = [json.loads(line) for line in out.splitlines()]
    assert {item["slug"] for item in found[:3]} == {"storefront", "docs", "api"}
    assert all(item["id"] == project and item["current_deployment"]["status"] == "ERROR" for item in found[3:])


def test_a_fault_off_a_terminal_is_said_once(dpx: Program, sandbox: Sandbox) -> None:
    """On stderr; stdout is data."""
    sandbox.fault("GET /projects/*/deployments 503 x6")
    watcher = dpx.start("deploy", "list", "-p", "docs", "--watch", "--interval", "0.5s")
    code, out, err = interrupted(watcher, b"\n", lambda: None, b"clm15xx2jppjlqryqyd4c07l6")
    assert code == 130
    assert err.count("note: ") == err.count("\n") == 1
    assert "503" in err
    assert len(out.splitlines()) == 3


def test_fail_on_ends_the_watch(dpx: Program) -> None:
    """After the state that fails has been shown."""
    result = dpx("status", "--all", "--watch", "--fail-on", "error")
    assert result.code == 10, result
    assert ["api", "ERROR"] in [row[:2] for row in result.rows]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--watch", "--json"], "--json"),
        (["--watch", "--cursor", "x"], "--cursor"),
        (["--interval", "3s"], "--interval needs --watch."),
        (["--watch", "--interval", "10ms"], "at least 0.5 s"),
    ],
)
def test_what_does_not_go_together_is_refused_before_any_request(
    dpx: Program, sandbox: Sandbox, flags: list[str], said: str
) -> None:
    """With exit 2."""
    result = dpx("deploy", "list", "-p", "docs", *flags)
    assert result.code == 2, result
    assert said in result.err
    assert sandbox.requests == []


def test_what_waiting_does_not_mend_ends_the_watch(dpx: Program) -> None:
    """A token that is not accepted is not going to be."""
    result = dpx("status", "--all", "--watch", env={"DPX_TOKEN": "dpx_wrong"})
    assert result.code == 4, result
