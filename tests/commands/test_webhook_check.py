"""`dpx webhook check`: the reference's own receivers pass, and each usual bug fails the check that names it."""

from __future__ import annotations

import hashlib
import hmac
import http.server
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

    from tests.conftest import Program

    Handler = Callable[[bytes, Mapping[str, str]], int]

SECRET = "canary-s3cret"
ENV = {"DPX_WEBHOOK_SECRET": SECRET}
RECEIVERS = Path(__file__).parent.parent / "support" / "receivers"

CHECKS = {
    "good delivery": "2xx",
    "wrong signature": "4xx",
    "no signature": "4xx",
    "changed body": "4xx",
    "empty body": "4xx",
    "upper-case digest": "4xx",
    "event deployment.started": "2xx",
    "event deployment.ready": "2xx",
    "event deployment.failed": "2xx",
    "event deployment.rollback": "2xx",
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


class Receivers:
    """Start receivers in this process."""

    def __init__(self) -> None:
        self.servers: list[http.server.ThreadingHTTPServer] = []

    def __call__(self, handle: Handler) -> str:
        """Serve with this function and return host, port and path."""

        class Server(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = handle(body, {name.lower(): value for name, value in self.headers.items()})
                if status:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        self.servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"127.0.0.1:{server.server_port}/webhook"


@pytest.fixture
def serve() -> Iterator[Receivers]:
    """Start receivers that end with the test."""
    made = Receivers()
    yield made
    for server in made.servers:
        server.shutdown()
        server.server_close()


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


def test_the_references_python_sample_passes(dpx_offline: Program, process: Callable[[list[str]], str]) -> None:
    """Run by uvicorn."""
    assert_passes(dpx_offline, process([sys.executable, str(RECEIVERS / "python_sample.py")]))


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_references_node_sample_passes(dpx_offline: Program, process: Callable[[list[str]], str]) -> None:
    """Run by Node.js, with `?? ""` for a missing header and a body limit of 2 MiB."""
    assert_passes(dpx_offline, process(["node", str(RECEIVERS / "node.mjs")]))


@pytest.mark.once
@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
def test_the_references_go_sample_passes(
    dpx_offline: Program, process: Callable[[list[str]], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled by Go, served by net/http."""
    monkeypatch.setenv("GOCACHE", str(tmp_path / "cache"))
    built = tmp_path / "receiver"
    subprocess.run(["go", "build", "-o", str(built), str(RECEIVERS / "go_sample.go")], check=True)
    assert_passes(dpx_offline, process([str(built)]))


def verifies_nothing(_body: bytes, _headers: Mapping[str, str]) -> int:
    """Accept everything."""
    return 200


def only_if_present(body: bytes, headers: Mapping[str, str]) -> int:
    """Check the signature only if there is one."""
    return good(body, headers) if headers.get("x-deploxa-signature") else 200


def crashes_without(body: bytes, headers: Mapping[str, str]) -> int:
    """Answer 500 to a missing header."""
    return good(body, headers) if "x-deploxa-signature" in headers else 500


def checks_the_form_only(_body: bytes, headers: Mapping[str, str]) -> int:
    """Accept whatever looks like a signature."""
    return 200 if headers.get("x-deploxa-signature", "").startswith("sha256=") else 401


def compares_half(body: bytes, headers: Mapping[str, str]) -> int:
    """Compare only the beginning of the header."""
    half = len(signature_of(body)) // 2
    return 200 if headers.get("x-deploxa-signature", "")[:half] == signature_of(body)[:half] else 401


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


def answers_empty_bodies(body: bytes, headers: Mapping[str, str]) -> int:
    """Answer an empty body before its signature is checked."""
    return good(body, headers) if body else 200


def ignores_case(body: bytes, headers: Mapping[str, str]) -> int:
    """Compare in lower case."""
    return 200 if headers.get("x-deploxa-signature", "").lower() == signature_of(body) else 401


def reserializes(body: bytes, headers: Mapping[str, str]) -> int:
    """Sign the parsed and re-serialized JSON, as JSON.stringify writes it."""
    try:
        body = json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()
    except ValueError:
        return 400
    return good(body, headers)


def reserializes_ascii(body: bytes, headers: Mapping[str, str]) -> int:
    """Sign what json.dumps writes without spaces."""
    try:
        body = json.dumps(json.loads(body), separators=(",", ":")).encode()
    except ValueError:
        return 400
    return good(body, headers)


def decodes_as_latin_1(body: bytes, headers: Mapping[str, str]) -> int:
    """Sign text that was decoded in the wrong encoding."""
    return good(body.decode("latin-1").encode(), headers)


def limits_bodies(body: bytes, headers: Mapping[str, str]) -> int:
    """Refuse bodies over 100 KiB, which is the default of some frameworks."""
    return 413 if len(body) > 100 * 1024 else good(body, headers)


def refuses_unknown_events(body: bytes, headers: Mapping[str, str]) -> int:
    """Answer 400 to events that aren't documented."""
    known = {"deployment.started", "deployment.ready", "deployment.failed", "deployment.rollback"}
    status = good(body, headers)
    return 400 if status == 200 and json.loads(body)["event"] not in known else status


def forgets_rollbacks(body: bytes, headers: Mapping[str, str]) -> int:
    """Fail on the event that one forgets."""
    status = good(body, headers)
    return 500 if status == 200 and json.loads(body)["event"] == "deployment.rollback" else status


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


def redirects(body: bytes, headers: Mapping[str, str]) -> int:
    """Redirect genuine deliveries, as a missing slash at the end does."""
    return 308 if good(body, headers) == 200 else 401


def stays_silent(body: bytes, headers: Mapping[str, str]) -> int:
    """Close the connection instead of refusing a forgery."""
    return 200 if good(body, headers) == 200 else 0


@pytest.mark.parametrize(
    ("handle", "failing"),
    [
        (good, set()),
        (verifies_nothing, FORGED),
        (only_if_present, {"no signature"}),
        (crashes_without, {"no signature"}),
        (checks_the_form_only, {"wrong signature", "changed body", "empty body", "upper-case digest"}),
        (compares_half, {"wrong signature"}),
        (caches_the_signature(), {"changed body", "empty body"}),
        (answers_empty_bodies, {"empty body"}),
        (ignores_case, {"upper-case digest"}),
        (reserializes, {"unusual JSON layout"}),
        (reserializes_ascii, {"unusual JSON layout", "non-ASCII bytes"}),
        (decodes_as_latin_1, {"non-ASCII bytes"}),
        (limits_bodies, {"1 MiB body"}),
        (refuses_unknown_events, {"unknown event"}),
        (forgets_rollbacks, {"event deployment.rollback"}),
        (refuses_repeats(), {"same delivery twice"}),
        (redirects, {name for name, expected in CHECKS.items() if expected == "2xx"}),
        (stays_silent, FORGED),
    ],
    ids=lambda value: getattr(value, "__qualname__", "").partition(".")[0] or None,
)
def test_a_usual_bug_fails_the_check_that_names_it(
    dpx_offline: Program, serve: Receivers, handle: Handler, failing: set[str]
) -> None:
    """Exit 10, all rows on stdout, and a fix for each failed one on stderr."""
    done = dpx_offline("webhook", "check", "--to", serve(handle), "--json", env=ENV)
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
def test_another_secret_is_said_once(dpx_offline: Program, serve: Receivers, status: int) -> None:
    """Where every signed delivery is refused, the only advice is about the secret and the header."""

    def other_secret(body: bytes, _headers: Mapping[str, str]) -> int:
        return status if body else 200

    done = dpx_offline("webhook", "check", "--to", serve(other_secret), env=ENV)
    assert done.code == 10, done
    assert done.err.splitlines() == [
        "error: 11 of 15 checks failed: the receiver refused every signed delivery.",
        "hint: It uses another secret, or reads another header than X-Deploxa-Signature.",
    ]


def test_rows_in_every_format(dpx_offline: Program, serve: Receivers) -> None:
    """Tab-separated, JSON Lines, identifiers, and a table on a terminal."""
    to = serve(only_if_present)
    plain = dpx_offline("webhook", "check", "--to", to, env=ENV)
    assert plain.code == 10
    assert plain.rows[0] == ["good delivery", "2xx", "200", "true"]
    assert plain.rows[2] == ["no signature", "4xx", "200", "false"]
    assert len(plain.rows) == len(CHECKS)
    assert "note: no signature: expected 4xx, got 200. Return 401 if" in plain.err
    assert "error: 1 of 15 checks failed." in plain.err
    lines = dpx_offline("webhook", "check", "--to", to, "--jsonl", env=ENV)
    assert [json.loads(line)["check"] for line in lines.out.splitlines()] == list(CHECKS)
    assert dpx_offline("webhook", "check", "--to", to, "-q", env=ENV).out.splitlines() == list(CHECKS)
    fields = dpx_offline("webhook", "check", "--to", to, "--fields", "check,ok", env=ENV)
    assert fields.rows[2] == ["no signature", "false"]
    table = dpx_offline.tty("webhook", "check", "--to", to, env=ENV)
    assert "no signature" in table.out
    assert "failed" in table.out


def test_no_response_within_the_timeout_fails_its_row(dpx_offline: Program, serve: Receivers) -> None:
    """Its status is null, and the other checks are made."""
    released = threading.Event()

    def slow(body: bytes, headers: Mapping[str, str]) -> int:
        if body and json.loads(body)["event"] == "deployment.started":
            released.wait(20)
        return good(body, headers)

    done = dpx_offline("webhook", "check", "--to", serve(slow), "--json", env={**ENV, "DPX_TIMEOUT": "1"})
    released.set()
    assert done.code == 10
    assert [row for row in done.json if not row["ok"]] == [
        {"check": "event deployment.started", "expected": "2xx", "status": None, "ok": False}
    ]


def test_nothing_listens_there(dpx_offline: Program) -> None:
    """Exit 7, and nothing on stdout."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = dpx_offline("webhook", "check", "--to", f"localhost:{port}", "--json", env=ENV)
    assert (done.code, done.out, done.error["code"]) == (7, "", "network")


def test_a_receiver_that_ends_is_found_out(dpx_offline: Program, process: Callable[[list[str]], str]) -> None:
    """What comes after is a failed check, not an unreachable receiver."""
    code = (
        "import http.server, os\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        "        body = self.rfile.read(int(self.headers['Content-Length']))\n"
        "        if not body: os._exit(1)\n"
        "        self.send_response(200); self.end_headers()\n"
        "s = http.server.HTTPServer(('127.0.0.1', 0), H)\n"
        "print(s.server_port, flush=True)\n"
        "s.serve_forever()\n"
    )
    done = dpx_offline("webhook", "check", "--to", process([sys.executable, "-c", code]), "--json", env=ENV)
    assert done.code == 10
    assert [row["status"] for row in done.json] == [200] * 4 + [None] * 11


@pytest.mark.parametrize("secret", [["--secret", SECRET], ["--secret-file", "secret.txt"]])
def test_the_secret_comes_from_an_option_too(dpx_offline: Program, serve: Receivers, secret: list[str]) -> None:
    """As for verify; without one, or with an empty one, it is exit 2."""
    (dpx_offline.cwd / "secret.txt").write_text(SECRET + "\n", encoding="utf-8")
    to = serve(good)
    assert dpx_offline("webhook", "check", "--to", to, *secret).code == 0
    assert dpx_offline("webhook", "check", "--to", to).code == 2
    assert dpx_offline("webhook", "check", "--to", to, "--secret", "").code == 2


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
