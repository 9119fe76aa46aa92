"""`dpx webhook check`: the reference's own receivers pass, and each usual bug fails the check that names it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from receiver import Receiver

    from tests.conftest import Program

    Handler = Callable[[bytes, Mapping[str, str]], int]
    Receive = Callable[[Handler], Receiver]

SECRET = "canary-s3cret"
ENV = {"DPX_WEBHOOK_SECRET": SECRET}
RECEIVERS = Path(__file__).parent.parent / "support" / "receivers"

EVENTS = ("deployment.started", "deployment.ready", "deployment.failed", "deployment.rollback")
CHECKS = {
    "good delivery": "2xx",
    "wrong signature": "4xx",
    "no signature": "4xx",
    "changed body": "4xx",
    "empty body": "4xx",
    "upper-case digest": "4xx",
    **{f"event {event}": "2xx" for event in EVENTS},
    "unknown event": "2xx",
    "same delivery twice": "2xx",
    "1 MiB body": "2xx",
    "non-ASCII bytes": "2xx",
    "unusual JSON layout": "2xx",
}
FORGED = {name for name, expected in CHECKS.items() if expected == "4xx"}


def signature_of(body: bytes) -> str:
    """Return the signature as the reference computes it."""
    return "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def good(body: bytes, headers: Mapping[str, str]) -> int:
    """A receiver without a bug."""
    given = headers.get("x-deploxa-signature", "")
    if not hmac.compare_digest(signature_of(body).encode(), given.encode()):
        return 401
    json.loads(body)
    return 200


@pytest.fixture
def process() -> Iterator[Callable[[list[str]], str]]:
    """Start a receiver as a process that prints its port, and end it with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[str]) -> str:
        child = subprocess.Popen(
            command,
            env={**os.environ, "WEBHOOK_SECRET": SECRET},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        started.append(child)
        assert child.stdout
        return f"127.0.0.1:{int(child.stdout.readline())}/webhook"

    yield start
    for child in started:
        child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


def assert_passes(dpx_offline: Program, to: str) -> None:
    """Every check passes: exit 0, and a row for each."""
    done = dpx_offline("webhook", "check", "--to", to, "--json", env=ENV)
    assert done.code == 0, done
    assert [(row["check"], row["expected"], row["ok"]) for row in done.json] == [
        (name, expected, True) for name, expected in CHECKS.items()
    ]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, str(RECEIVERS / "python_sample.py")], id="python"),
        pytest.param(
            ["node", str(RECEIVERS / "node.mjs")],
            id="node",
            marks=pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
        ),
        pytest.param(
            ["go", "run", str(RECEIVERS / "go_sample.go")],
            id="go",
            marks=[pytest.mark.once, pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")],
        ),
    ],
)
def test_the_references_samples_pass(
    dpx_offline: Program, process: Callable[[list[str]], str], command: list[str], tmp_path: Path, monkeypatch: Any
) -> None:
    """Served by uvicorn, Node.js and net/http; `?? ""` for a missing header and a body limit of 2 MiB in Node.js."""
    monkeypatch.setenv("GOCACHE", str(tmp_path / "cache"))
    if command[0] == "go":
        command = [str(tmp_path / "receiver")]
        subprocess.run(["go", "build", "-o", *command, str(RECEIVERS / "go_sample.go")], check=True)
    assert_passes(dpx_offline, process(command))


def serialized(body: bytes, **options: Any) -> bytes:
    """The body's JSON, parsed and written again without spaces; b"" if it is none."""
    try:
        return json.dumps(json.loads(body), separators=(",", ":"), **options).encode()
    except ValueError:
        return b""


def header(headers: Mapping[str, str]) -> str:
    """The signature that came."""
    return headers.get("x-deploxa-signature", "")


def caches_the_signature() -> Handler:
    """Accept a signature that was valid once, whatever the body is now."""
    seen: set[str] = set()

    def handle(body: bytes, headers: Mapping[str, str]) -> int:
        given = headers.get("x-deploxa-signature", "")
        if given in seen or good(body or b"{}", headers) == 200:
            seen.add(given)
            return 200
        return 401

    return handle


def refuses_event(name: Callable[[str], bool]) -> Handler:
    """Answer 400 to genuine deliveries of some events."""

    def handle(body: bytes, headers: Mapping[str, str]) -> int:
        status = good(body, headers)
        return 400 if status == 200 and name(json.loads(body)["event"]) else status

    return handle


def refuses_repeats() -> Handler:
    """Answer 409 to a delivery that came before."""
    seen: set[bytes] = set()

    def handle(body: bytes, headers: Mapping[str, str]) -> int:
        status = good(body, headers)
        if status == 200 and body in seen:
            return 409
        seen.add(body)
        return status

    return handle


BUGS: dict[str, tuple[Handler, set[str]]] = {
    "none": (good, set()),
    "verifies nothing": (lambda _body, _headers: 200, FORGED),
    "checks it only if there is one": (lambda b, h: good(b, h) if header(h) else 200, {"no signature"}),
    "crashes without it": (lambda b, h: good(b, h) if header(h) else 500, {"no signature"}),
    "checks its form only": (
        lambda _body, h: 200 if header(h).startswith("sha256=") else 401,
        {"wrong signature", "changed body", "empty body", "upper-case digest"},
    ),
    "compares half": (lambda b, h: 200 if header(h)[:35] == signature_of(b)[:35] else 401, {"wrong signature"}),
    "caches the signature": (caches_the_signature(), {"changed body", "empty body"}),
    "answers empty bodies": (lambda b, h: good(b, h) if b else 200, {"empty body"}),
    "ignores case": (lambda b, h: 200 if header(h).lower() == signature_of(b) else 401, {"upper-case digest"}),
    "re-serializes": (lambda b, h: good(serialized(b, ensure_ascii=False), h), {"unusual JSON layout"}),
    "re-serializes as ASCII": (lambda b, h: good(serialized(b), h), {"unusual JSON layout", "non-ASCII bytes"}),
    "decodes as Latin-1": (lambda b, h: good(b.decode("latin-1").encode(), h), {"non-ASCII bytes"}),
    "limits bodies": (lambda b, h: 413 if len(b) > 100 * 1024 else good(b, h), {"1 MiB body"}),
    "refuses unknown events": (refuses_event(lambda event: event not in EVENTS), {"unknown event"}),
    "forgets rollbacks": (refuses_event(lambda event: "rollback" in event), {"event deployment.rollback"}),
    "refuses repeats": (refuses_repeats(), {"same delivery twice"}),
    "redirects": (lambda b, h: 308 if good(b, h) == 200 else 401, set(CHECKS) - FORGED),
    "hangs up on forgeries": (lambda b, h: 200 if good(b, h) == 200 else 0, FORGED),
}


@pytest.mark.parametrize(("handle", "failing"), BUGS.values(), ids=BUGS)
def test_a_usual_bug_fails_the_check_that_names_it(
    dpx_offline: Program, receive: Receive, handle: Handler, failing: set[str]
) -> None:
    """Exit 10, all rows on stdout, and a fix for each failed one on stderr."""
    done = dpx_offline("webhook", "check", "--to", receive(handle).address, "--json", env=ENV)
    assert done.code == (10 if failing else 0), done
    assert [row["check"] for row in done.json] == list(CHECKS)
    assert {row["check"] for row in done.json if not row["ok"]} == failing
    assert all(set(row) == {"check", "expected", "status", "ok"} for row in done.json)
    notes = [line for line in done.err.splitlines() if line.startswith("note: ")]
    assert {line.removeprefix("note: ").partition(":")[0] for line in notes} == failing
    assert all(line.endswith(".") for line in notes)
    assert SECRET not in done.out + done.err
    if failing:
        assert done.error["code"] == "check_failed"


@pytest.mark.parametrize("status", [401, 403])
def test_another_secret_is_said_once(dpx_offline: Program, receive: Receive, status: int) -> None:
    """Where every signed delivery is refused, the only advice is about the secret and the header."""

    def other_secret(body: bytes, _headers: Mapping[str, str]) -> int:
        return status if body else 200

    done = dpx_offline("webhook", "check", "--to", receive(other_secret).address, env=ENV)
    assert done.code == 10, done
    assert done.err.splitlines() == [
        "error: 11 of 15 checks failed: the receiver refused every signed delivery.",
        "hint: It uses another secret, or reads another header than X-Deploxa-Signature.",
    ]


def test_rows_in_every_format(dpx_offline: Program, receive: Receive) -> None:
    """Tab-separated, identifiers, and a table on a terminal."""
    to = receive(BUGS["checks it only if there is one"][0]).address
    plain = dpx_offline("webhook", "check", "--to", to, env=ENV)
    assert plain.code == 10
    assert plain.rows[0] == ["good delivery", "2xx", "200", "true"]
    assert plain.rows[2] == ["no signature", "4xx", "200", "false"]
    assert len(plain.rows) == len(CHECKS)
    assert "note: no signature: expected 4xx, got 200. Return 401 if" in plain.err
    assert "error: 1 of 15 checks failed." in plain.err
    assert dpx_offline("webhook", "check", "--to", to, "-q", env=ENV).out.splitlines() == list(CHECKS)
    table = dpx_offline.tty("webhook", "check", "--to", to, env=ENV)
    assert "no signature" in table.out
    assert "failed" in table.out


def test_no_response_within_the_timeout_fails_its_row(dpx_offline: Program, receive: Receive) -> None:
    """Its status is null, and the other checks are made."""
    released = threading.Event()

    def slow(body: bytes, headers: Mapping[str, str]) -> int:
        if body and json.loads(body)["event"] == "deployment.started":
            released.wait(20)
        return good(body, headers)

    done = dpx_offline("webhook", "check", "--to", receive(slow).address, "--json", env={**ENV, "DPX_TIMEOUT": "1"})
    released.set()
    assert done.code == 10
    assert [row for row in done.json if not row["ok"]] == [
        {"check": "event deployment.started", "expected": "2xx", "status": None, "ok": False}
    ]


def test_a_receiver_that_ends_is_found_out(dpx_offline: Program, receive: Receive) -> None:
    """What comes after is a failed check; one that never listened is exit 7 with nothing on stdout."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = dpx_offline("webhook", "check", "--to", f"localhost:{port}", "--json", env=ENV)
    assert (gone.code, gone.out, gone.error["code"]) == (7, "", "network")

    def end(body: bytes, _headers: Mapping[str, str]) -> int:
        if not body:
            receiver.close()
        return 200 if body else 0

    receiver = receive(end)
    done = dpx_offline("webhook", "check", "--to", receiver.address, "--json", env=ENV)
    assert done.code == 10
    assert [row["status"] for row in done.json] == [200] * 4 + [None] * 11


def test_the_listener_passes_its_own_check(dpx_offline: Program) -> None:
    """`dpx webhook listen` is a receiver too."""
    listening = dpx_offline.start("webhook", "listen", "--port", "0", env=ENV)
    try:
        url = listening.stderr.readline().decode().split()[-1]
        done = dpx_offline("webhook", "check", "--to", url, "--json", env=ENV)
        assert done.code == 0, done
    finally:
        listening.terminate()
        listening.communicate(timeout=20)
