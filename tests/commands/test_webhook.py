"""`dpx webhook`: the program in a process of its own, its streams, exit codes and signals."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

SECRET = "canary-s3cret"
BODY = b'{"event":"deployment.ready","n":1}'
ENV = {"DPX_WEBHOOK_SECRET": SECRET}


def signature_of(body: bytes, secret: bytes = SECRET.encode()) -> str:
    """The Python sample of the API reference."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


@pytest.fixture
def body(dpx_offline: Any) -> Path:
    """A file that holds BODY."""
    path: Path = dpx_offline.cwd / "body.json"
    path.write_bytes(BODY)
    return path


# verify and sign


@pytest.mark.parametrize("file", ["body.json", "-", None])
def test_a_valid_signature(dpx_offline: Any, body: Path, file: str | None) -> None:
    """A valid signature is exit 0 with an empty stdout, from a file and from standard input."""
    files = [file] if file else []
    done = dpx_offline("webhook", "verify", *files, "--signature", signature_of(BODY), env=ENV, stdin=body.read_bytes())
    assert (done.code, done.out, done.err) == (0, "", "valid\n")


def test_a_valid_signature_as_json(dpx_offline: Any, body: Path) -> None:
    """`verify --json` prints one object."""
    done = dpx_offline("webhook", "verify", body.name, "--signature", signature_of(BODY), "--json", env=ENV)
    assert (done.code, done.json, done.err) == (0, {"valid": True}, "")


@pytest.mark.parametrize("stdin", [b"\xff\xfe\x00\r\n", b"", b"\r\n\r\n", "é\n".encode("latin-1"), b"\x1a\x04"])
def test_bodies_are_bytes(dpx_offline: Any, stdin: bytes) -> None:
    """Bodies are read as bytes: nothing is decoded, and no newline changes."""
    signed = dpx_offline("webhook", "sign", env=ENV, stdin=stdin)
    assert (signed.code, signed.out, signed.err) == (0, signature_of(stdin) + "\n", "")
    assert dpx_offline("webhook", "verify", "--signature", signed.out.strip(), env=ENV, stdin=stdin).code == 0


def test_sign_as_json(dpx_offline: Any, body: Path) -> None:
    """`sign --json` prints one object."""
    assert dpx_offline("webhook", "sign", body.name, "--json", env=ENV).json == {"signature": signature_of(BODY)}


def test_a_mismatch_names_the_cause_and_nothing_else(dpx_offline: Any, body: Path) -> None:
    """A mismatch is exit 10 and shows the cause, but neither the secret nor the expected signature."""
    body.write_bytes(BODY + b"\n")
    done = dpx_offline("webhook", "verify", body.name, "--signature", signature_of(BODY), env=ENV)
    assert (done.code, done.out) == (10, "")
    assert done.err.splitlines()[0] == (
        "error: The signature does not match: the body has a final newline that was not signed."
    )
    assert done.err.splitlines()[1].startswith("hint: ")
    assert SECRET not in done.err
    assert signature_of(BODY + b"\n")[7:] not in done.err


def test_a_mismatch_as_json(dpx_offline: Any, body: Path) -> None:
    """Under --json a mismatch is an error object on stderr, with an empty stdout."""
    done = dpx_offline("webhook", "verify", body.name, "--signature", signature_of(BODY)[7:], "--json", env=ENV)
    assert (done.code, done.out, done.error["code"]) == (10, "", "check_failed")
    assert "bare digest" in done.error["message"]


@pytest.mark.parametrize("signature", ["", "é", "sha256=" + "é" * 64, "\x1b[31m", "sha256=" + "0" * 100_000])
def test_any_signature_is_refused_without_a_crash(dpx_offline: Any, body: Path, signature: str) -> None:
    """Any text is accepted as a signature to check, without a traceback or raw escape sequences."""
    done = dpx_offline("webhook", "verify", body.name, "--signature", signature, env=ENV)
    assert (done.code, done.out) == (10, "")
    assert "Traceback" not in done.err
    assert "\x1b" not in done.err


def test_the_signature_is_required(dpx_offline: Any, body: Path) -> None:
    """`verify` without --signature is exit 2."""
    assert dpx_offline("webhook", "verify", body.name, env=ENV).code == 2


def test_a_missing_file_is_named(dpx_offline: Any) -> None:
    """A missing body file is exit 3 and named."""
    for argv in (("webhook", "verify", "nowhere", "--signature", "x"), ("webhook", "sign", "nowhere")):
        done = dpx_offline(*argv, env=ENV)
        assert (done.code, done.out) == (3, "")
        assert "nowhere" in done.err


def test_an_endless_file_is_no_body_and_no_secret(dpx_offline: Any) -> None:
    """An endless file is refused in bounded memory, as body and as secret."""
    result = dpx_offline("webhook", "sign", "/dev/zero", "--secret", "s")
    assert (result.code, result.out) == (2, ""), result
    assert "/dev/zero is larger than 32 MiB" in result.err
    assert dpx_offline("webhook", "sign", "--secret-file", "/dev/zero", stdin=b"").code == 2


def test_a_folder_is_no_body(dpx_offline: Any) -> None:
    """A directory as body is exit 1 without a traceback."""
    done = dpx_offline("webhook", "sign", ".", env=ENV)
    assert done.code == 1
    assert "Traceback" not in done.err


def test_a_body_typed_at_a_terminal(dpx_offline: Any) -> None:
    """Without FILE on a terminal, dpx says what it waits for."""
    done = dpx_offline.tty(
        "webhook", "verify", "--signature", signature_of(BODY), answers=[("Ctrl-D", "\x04")], env=ENV
    )
    assert done.code == 10
    assert "the body is empty" in done.out


# The secret


@pytest.mark.parametrize(
    "command",
    [
        ("verify", "--signature", "x"),
        ("sign",),
        ("send", "deployment.ready", "--to", "http://127.0.0.1:9/"),
        ("listen", "--port", "0"),
    ],
)
@pytest.mark.parametrize(
    "given", [[], ["--secret", ""], ["--secret="], ["--secret-file", "empty"], ["--secret-file", "newline"]]
)
def test_no_secret_or_an_empty_one_is_a_usage_error(
    dpx_offline: Any, command: tuple[str, ...], given: list[str]
) -> None:
    """No secret, or an empty one, is exit 2 before standard input is read."""
    (dpx_offline.cwd / "empty").write_bytes(b"")
    (dpx_offline.cwd / "newline").write_bytes(b"\n")
    reader, writer = os.pipe()
    import program

    try:
        done = subprocess.run(
            [*program.PROGRAM, "webhook", *command, *given],
            env=dpx_offline.env,
            cwd=dpx_offline.cwd,
            stdin=reader,
            capture_output=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(reader)
        os.close(writer)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"secret" in done.stderr


def test_an_empty_variable_is_no_secret(dpx_offline: Any, body: Path) -> None:
    """An empty DPX_WEBHOOK_SECRET is exit 2."""
    assert dpx_offline("webhook", "sign", body.name, env={"DPX_WEBHOOK_SECRET": ""}).code == 2


def test_an_empty_secret_does_not_fall_back_to_the_variable(dpx_offline: Any, body: Path) -> None:
    """An empty --secret is exit 2, even if DPX_WEBHOOK_SECRET is set."""
    assert dpx_offline("webhook", "sign", body.name, "--secret", "", env=ENV).code == 2


def test_the_flag_goes_before_the_variable(dpx_offline: Any, body: Path) -> None:
    """--secret takes precedence over DPX_WEBHOOK_SECRET."""
    done = dpx_offline("webhook", "sign", body.name, "--secret", "other", env=ENV)
    assert done.out.strip() == signature_of(BODY, b"other")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (b"key", b"key"),
        (b"key\n", b"key"),
        (b"key\r\n", b"key"),
        (b"key\n\n", b"key\n"),
        (b" key \n", b" key "),
        (b"\xff\x00key\n", b"\xff\x00key"),
    ],
)
def test_a_secret_file_is_bytes_less_one_final_newline(
    dpx_offline: Any, body: Path, text: bytes, secret: bytes
) -> None:
    """Exactly one final newline of a secret file is not part of the secret."""
    (dpx_offline.cwd / "secret").write_bytes(text)
    assert dpx_offline("webhook", "sign", body.name, "--secret-file", "secret").out.strip() == signature_of(
        BODY, secret
    )


def test_a_secret_that_is_not_ascii(dpx_offline: Any, body: Path) -> None:
    """A secret that isn't ASCII is used as UTF-8."""
    assert dpx_offline("webhook", "sign", body.name, "--secret", "gehéim🚀").out.strip() == signature_of(
        BODY, "gehéim🚀".encode()
    )


def test_two_secrets_exclude_each_other(dpx_offline: Any, body: Path) -> None:
    """--secret and --secret-file together are exit 2, and neither value is shown."""
    done = dpx_offline("webhook", "sign", body.name, "--secret", SECRET, "--secret-file", "secret")
    assert done.code == 2
    assert SECRET not in done.err


def test_a_missing_secret_file_is_named(dpx_offline: Any, body: Path) -> None:
    """A missing secret file is exit 3 and named."""
    done = dpx_offline("webhook", "sign", body.name, "--secret-file", "nowhere")
    assert done.code == 3
    assert "nowhere" in done.err


def test_standard_input_is_not_read_for_both(dpx_offline: Any, body: Path) -> None:
    """Standard input can hold the secret only if the body comes from a file."""
    assert dpx_offline("webhook", "sign", "--secret-file", "-", stdin=b"key\n").code == 2
    assert dpx_offline("webhook", "sign", body.name, "--secret-file", "-", stdin=b"key\n").out.strip() == signature_of(
        BODY, b"key"
    )


# events


def test_events_in_every_format(dpx_offline: Any) -> None:
    """`events` lists the four events in the reference's order, with a sample payload each under --json."""
    names = ["deployment.started", "deployment.ready", "deployment.failed", "deployment.rollback"]
    assert [row[0] for row in dpx_offline("webhook", "events").rows] == names
    assert dpx_offline("webhook", "events", "-q").out.split() == names
    items = dpx_offline("webhook", "events", "--json").json
    assert [item["payload"]["event"] for item in items] == names
    assert dpx_offline("webhook", "events", "--jsonl").out == "".join(
        json.dumps(item, separators=(",", ":")) + "\n" for item in items
    )
    assert "deployment.rollback" in dpx_offline.tty("webhook", "events").out


# send and replay


@pytest.fixture
def receiver() -> Iterator[Callable[[bytes], Any]]:
    """Start a receiver that takes some requests and answers these bytes; gives its URL and the requests."""
    servers: list[socket.socket] = []

    def start(answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", times: int = 1) -> Any:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        seen: list[bytes] = []

        def serve() -> None:
            for _ in range(times):
                connection, _ = server.accept()
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                length = int(data.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                while len(data.split(b"\r\n\r\n", 1)[1]) < length:
                    data += connection.recv(65536)
                seen.append(data)
                connection.sendall(answer)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/hook", seen

    yield start
    for server in servers:
        server.close()


def header(request: bytes, name: str) -> str:
    """One header of a raw request."""
    lines = request.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    return {line.split(": ")[0].lower(): line.split(": ", 1)[1] for line in lines}[name]


def test_send_a_sample(dpx_offline: Any, receiver: Any) -> None:
    """A sample is signed, has the reference's headers, and its response is on stdout."""
    url, seen = receiver()
    done = dpx_offline(
        "webhook", "send", "Deployment.FAILED", "--to", url,
        "--set", "project.slug=shop", "--set", "deployment.branch=a/b", env={**ENV, "DPX_TOKEN": "dpx_canary"},
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    [[status, milliseconds]] = done.rows
    assert status == "200"
    assert milliseconds.isdigit()
    [request] = seen
    sent = request.split(b"\r\n\r\n", 1)[1]
    assert json.loads(sent) == {
        "event": "deployment.failed",
        "deployment": {"id": "clm1abc", "status": "ERROR", "branch": "a/b", "url": "https://my-app.deploxa.com"},
        "project": {"id": "clm1def", "name": "my-app", "slug": "shop"},
    }
    assert header(request, "x-deploxa-signature") == signature_of(sent)
    assert header(request, "x-deploxa-event") == "deployment.failed"
    assert header(request, "content-type") == "application/json"
    assert b"authorization" not in request.lower()
    assert b"canary" not in request


@pytest.mark.parametrize("data", ["own", "-"])
def test_send_a_body_of_ones_own(dpx_offline: Any, receiver: Any, data: str) -> None:
    """--data is sent byte for byte."""
    own = b'{"a":\r\n1.0}\xff\x00\n'
    (dpx_offline.cwd / "own").write_bytes(own)
    url, seen = receiver()
    assert dpx_offline("webhook", "send", "deployment.ready", "--to", url, "--data", data, env=ENV, stdin=own).code == 0
    assert seen[0].endswith(b"\r\n\r\n" + own)
    assert header(seen[0], "x-deploxa-signature") == signature_of(own)


def test_a_receiver_that_refuses_is_exit_1(dpx_offline: Any, receiver: Any) -> None:
    """A refusal is exit 1, with the response on stdout and its text neutralized."""
    url, _ = receiver(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 11\r\n\r\n\x1b[31mno way")
    done = dpx_offline("webhook", "send", "deployment.ready", "--to", url, "--json", env=ENV)
    assert done.code == 1
    assert done.json["status"] == 401
    assert done.error["status"] == 401
    assert done.error["code"] == "failed"
    url, _ = receiver(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 11\r\n\r\n\x1b[31mno way")
    plain = dpx_offline("webhook", "send", "deployment.ready", "--to", url, env=ENV)
    assert "The receiver responded 401: \\x1b[31mno way" in plain.err


def test_a_redirect_is_exit_1_and_not_followed(dpx_offline: Any, receiver: Any) -> None:
    """A redirect is exit 1 with a hint, and is not followed."""
    url, _ = receiver(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
    done = dpx_offline("webhook", "send", "deployment.ready", "--to", url, env=ENV)
    assert done.code == 1
    assert "Redirects are not followed" in done.err


def test_nobody_there_is_exit_7(dpx_offline: Any) -> None:
    """An unreachable receiver is exit 7 with an empty stdout."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    done = dpx_offline("webhook", "send", "deployment.ready", "--to", url, env=ENV)
    assert (done.code, done.out) == (7, "")
    assert "connection refused" in done.err


def test_a_lost_answer_is_exit_11(dpx_offline: Any, receiver: Any) -> None:
    """A lost response is exit 11, since the receiver may have acted."""
    url, _ = receiver(b"")
    assert dpx_offline("webhook", "send", "deployment.ready", "--to", url, env=ENV).code == 11


def test_other_events_are_refused(dpx_offline: Any) -> None:
    """An undocumented event is exit 2, and the documented ones are listed."""
    done = dpx_offline("webhook", "send", "deployment.redy", "--to", "http://127.0.0.1:9/", env=ENV)
    assert done.code == 2
    assert "deployment.rollback" in done.err


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", ":3000/hook", "http://me:canary@127.0.0.1/", ""])
def test_what_is_no_receiver_is_refused(dpx_offline: Any, url: str) -> None:
    """An invalid --to is a usage error before anything is sent, and a password in it is not shown."""
    done = dpx_offline("webhook", "send", "deployment.ready", "--to", url, env=ENV)
    assert (done.code, done.out) == (2, "")
    assert "canary" not in done.err


# listen


class Listening:
    """A `dpx webhook listen` process that is ready."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert process.stderr
        assert process.stdout
        first = process.stderr.readline().decode()
        assert first.startswith("Listening on http://127.0.0.1:"), first
        self.url = first.split()[-1]
        self.page = process.stderr.readline().decode().split()[-1]
        self.port = int(self.url.rpartition(":")[2])

    def post(self, body: bytes, signature: str | None = None, event: str = "deployment.ready") -> int:
        """Deliver as Deploxa does; gives the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {
            "Content-Type": "application/json",
            "X-Deploxa-Signature": signature or signature_of(body),
            "X-Deploxa-Event": event,
        }
        connection.request("POST", "/webhook", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def line(self) -> str:
        """The next line of stdout."""
        assert self.process.stdout
        return self.process.stdout.readline().decode()

    def end(self, seconds: float = 20) -> tuple[int, str, str]:
        """Wait for its end: exit code and the rest of both streams."""
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out.decode(), err.decode()


@pytest.fixture
def listen(dpx_offline: Any) -> Iterator[Callable[..., Listening]]:
    """Start listeners that are ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str, port: str = "0") -> Listening:
        started.append(dpx_offline.start("webhook", "listen", "--port", port, *argv, env=ENV))
        return Listening(started[-1])

    yield start
    for process in started:
        process.kill()
        process.communicate()


SAMPLE = json.dumps(
    {
        "event": "deployment.ready",
        "deployment": {"id": "d1", "status": "READY", "branch": "main\x1b[31m", "url": "https://x"},
        "project": {"id": "p1", "name": "Shop", "slug": "shop"},
    }
).encode()


def test_listen_prints_one_line_a_delivery_as_it_comes(listen: Callable[..., Listening]) -> None:
    """In a pipe each delivery is one tab-separated line, neutralized."""
    listening = listen()
    assert listening.post(SAMPLE) == 200
    cells = listening.line().rstrip("\n").split("\t")
    assert cells[1:] == ["deployment.ready", "shop", "main\\x1b[31m", "READY", "received"]
    assert listening.post(SAMPLE, "sha256=" + "0" * 64) == 401
    assert listening.line().rstrip("\n").split("\t")[1:] == ["", "", "", "", "The signature does not match."]


def test_listen_as_json_lines(listen: Callable[..., Listening]) -> None:
    """`listen --json` writes one object per line as deliveries arrive."""
    listening = listen("--json")
    assert listening.post(SAMPLE, "sha256=" + "0" * 64) == 401
    refused = json.loads(listening.line())
    assert refused["verified"] is False
    assert refused["event"] is None
    assert listening.post(SAMPLE) == 200
    line = listening.line()
    delivery = json.loads(line)
    assert delivery["event"] == "deployment.ready"
    assert (delivery["project"], delivery["branch"], delivery["status"]) == ("shop", "main\x1b[31m", "READY")
    assert (delivery["deployment_id"], delivery["verified"], delivery["forwarded"]) == ("d1", True, None)
    listening.process.send_signal(signal.SIGINT)
    assert listening.end() == (130, "", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_at_once(listen: Callable[..., Listening], number: int, code: int) -> None:
    """A signal ends the listener at once, without a traceback, even with a slow client."""
    listening = listen()
    with socket.create_connection(("127.0.0.1", listening.port)) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\n")
        listening.process.send_signal(number)
        exit_code, out, err = listening.end()
    assert exit_code == code
    assert out == ""
    assert "Traceback" not in err


def test_a_reader_that_went_away_ends_it(listen: Callable[..., Listening]) -> None:
    """A closed pipe, or anything else that reporting raises, ends the listener."""
    listening = listen()
    assert listening.process.stdout
    listening.process.stdout.close()
    listening.post(SAMPLE)
    assert listening.process.wait(20) == 141
    assert listening.process.stderr
    assert listening.process.stderr.read() == b""


def test_send_listen_save_replay(dpx_offline: Any, listen: Callable[..., Listening]) -> None:
    """A delivery goes through two listeners, is saved, and is replayed with its own signature."""
    last = listen("--json")
    first = listen("--forward-to", last.url + "/hook", "--save", "kept")
    assert dpx_offline("webhook", "send", "deployment.rollback", "--to", first.url, env=ENV).code == 0
    assert "forwarded: 200 in " in first.line()
    assert json.loads(last.line())["event"] == "deployment.rollback"
    [kept] = sorted((dpx_offline.cwd / "kept").glob("*.body"))
    assert kept.name == "0001-deployment.rollback.body"
    done = dpx_offline("webhook", "replay", str(kept), "--to", last.url, "--json")
    assert (done.code, done.json["status"]) == (0, 200)
    assert json.loads(last.line())["event"] == "deployment.rollback"
    kept.write_bytes(kept.read_bytes() + b"\n")
    assert dpx_offline("webhook", "replay", str(kept), "--to", last.url).code == 1
    assert "final newline" in json.loads(last.line())["result"]


def saved(directory: Path, numbers: Sequence[int]) -> list[str]:
    """Save deliveries as `listen --save` does; return the paths of their bodies."""
    directory.mkdir()
    paths = []
    for number in numbers:
        body = b'{"event":"deployment.ready","n":%d}' % number
        stem = directory / f"{number:04}-deployment.ready"
        stem.with_name(stem.name + ".body").write_bytes(body)
        headers = f"X-Deploxa-Signature: {signature_of(body)}\nX-Deploxa-Event: deployment.ready\n"
        stem.with_name(stem.name + ".headers").write_text(headers, encoding="utf-8")
        paths.append(f"{directory.name}/{stem.name}.body")
    return paths


def test_replay_of_a_directory(dpx_offline: Any, listen: Callable[..., Listening]) -> None:
    """`replay DIR` sends each saved delivery once, by number, and prints a row for each."""
    saved(dpx_offline.cwd / "in", [2, 1, 10_001, 9_999])
    listening = listen("--save", "out")
    done = dpx_offline("webhook", "replay", "in", "--to", listening.url)
    assert done.code == 0, done
    assert [row[0].partition("/")[2][:5].rstrip("-") for row in done.rows] == ["0001", "0002", "9999", "10001"]
    assert [row[1] for row in done.rows] == ["200"] * 4
    files = sorted((dpx_offline.cwd / "out").glob("*.body"))
    assert [json.loads(file.read_bytes())["n"] for file in files] == [1, 2, 9999, 10_001]


def test_replay_of_several_tries_every_one(dpx_offline: Any, listen: Callable[..., Listening]) -> None:
    """`replay` tries every file, exits with the first failure's code, and sends no delivery twice."""
    one, two = saved(dpx_offline.cwd / "in", [1, 2])
    listening = listen("--json")
    headers = two.removesuffix(".body") + ".headers"
    done = dpx_offline("webhook", "replay", one, "in/missing.body", two, headers, one, "--to", listening.url, "--json")
    assert done.code == 3
    assert [(item["file"], item["status"]) for item in done.json] == [(one, 200), ("in/missing.body", None), (two, 200)]
    assert done.error["code"] == "not_found"
    assert [json.loads(listening.line())["answer"] for _ in range(2)] == [200, 200]
    (dpx_offline.cwd / one).write_bytes(b"{}")
    assert dpx_offline("webhook", "replay", one, "in/missing.body", two, "--to", listening.url).code == 1
    assert dpx_offline("webhook", "replay", "in/missing.body", one, two, "--to", listening.url).code == 3


def test_replay_of_an_empty_directory_is_exit_3(dpx_offline: Any) -> None:
    """Replaying a directory without deliveries is exit 3 and names it."""
    (dpx_offline.cwd / "none").mkdir()
    done = dpx_offline("webhook", "replay", "none", "--to", "http://127.0.0.1:9/")
    assert (done.code, done.out) == (3, "")
    assert "No deliveries in none." in done.err


def test_send_sets_fields(dpx_offline: Any, receiver: Any) -> None:
    """--set sets text, adds missing objects, and the signature is of what was sent."""
    url, seen = receiver()
    done = dpx_offline(
        "webhook", "send", "deployment.ready", "--to", url,
        "--set", "deployment.branch=feature/a=b", "--set", "project.name=",
        "--set", "meta.deep.n=1", "--set", "event=x", env=ENV,
    )  # fmt: skip
    assert done.code == 0, done
    sent = seen[0].split(b"\r\n\r\n", 1)[1]
    payload = json.loads(sent)
    assert payload["deployment"]["branch"] == "feature/a=b"
    assert payload["project"]["name"] == ""
    assert payload["meta"] == {"deep": {"n": "1"}}
    assert payload["event"] == "x"
    assert header(seen[0], "x-deploxa-event") == "deployment.ready"
    assert header(seen[0], "x-deploxa-signature") == signature_of(sent)


@pytest.mark.parametrize(
    "given", ["event.name=canary", "deployment.id.x=canary", "deployment", "=canary", "a..b=canary", ".=canary", ""]
)
def test_what_cannot_be_set_is_exit_2(dpx_offline: Any, given: str) -> None:
    """--set through something that isn't an object, without a name or `=`, is exit 2 and shows no value."""
    done = dpx_offline("webhook", "send", "deployment.ready", "--to", "http://127.0.0.1:9/", "--set", given, env=ENV)
    assert (done.code, done.out) == (2, "")
    assert "--set" in done.err
    assert "canary" not in done.err


def test_set_does_not_change_a_body_of_ones_own(dpx_offline: Any) -> None:
    """--data with --set is exit 2."""
    argv = ("webhook", "send", "deployment.ready", "--to", "localhost:9", "--data", "x", "--set", "a=b")
    assert dpx_offline(*argv, env=ENV).code == 2


@pytest.mark.parametrize("name", ["localhost:{}/hook", "127.0.0.1:{}", "[::1]:{}"])
def test_a_receiver_without_a_scheme(dpx_offline: Any, receiver: Any, name: str) -> None:
    """A receiver on this machine needs no http://."""
    url, seen = receiver()
    to = name.format(url.rpartition(":")[2].partition("/")[0])
    done = dpx_offline("webhook", "send", "deployment.ready", "--to", to, env=ENV)
    if "::1" in name:  # nothing listens on IPv6 here; it is asked all the same
        assert (done.code, "http://[::1]:" in done.err) == (7, True)
    else:
        assert done.code == 0, done
        assert len(seen) == 1


def test_listen_takes_a_public_host(listen: Callable[..., Listening]) -> None:
    """--public-host admits that name and no other; the page's address always has a key."""
    listening = listen("--public-host", "ABC.ngrok.app")
    assert listening.page.startswith(f"{listening.url}/#")
    for host, status in (
        ("abc.ngrok.app", 200),
        ("Abc.Ngrok.App:443", 200),
        ("x.abc.ngrok.app", 403),
        ("127.0.0.1", 200),
        ("evil.example", 403),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", listening.port, timeout=20)
        connection.request("POST", "/", BODY, {"Host": host, "X-Deploxa-Signature": signature_of(BODY)})
        assert connection.getresponse().status == status, host
        connection.close()


@pytest.mark.parametrize(
    "name", ["", "https://abc.ngrok.app", "abc.ngrok.app:443", "a b", "*.ngrok.app", "abc\n", "-a"]
)
def test_a_public_host_that_is_none_is_exit_2(dpx_offline: Any, name: str) -> None:
    """--public-host takes only a host name."""
    done = dpx_offline("webhook", "listen", "--port", "0", f"--public-host={name}", env=ENV)
    assert (done.code, done.out) == (2, "")


def test_a_listener_that_is_killed_has_saved_what_it_acknowledged(
    dpx_offline: Any, listen: Callable[..., Listening]
) -> None:
    """Kill -9 at some moment of a stream of deliveries: each 200 is on the disk, whole, with its headers."""
    for run in range(5):
        listening = listen("--save", f"kept-{run}")
        acknowledged: set[bytes] = set()
        started = threading.Event()

        def post(
            sender: int, to: Listening = listening, seen: set[bytes] = acknowledged, started: Any = started
        ) -> None:
            for number in range(10_000):
                body = b'{"event":"deployment.ready","n":"%d-%d"}' % (sender, number)
                try:
                    if to.post(body) == 200:
                        seen.add(body)
                except (OSError, http.client.HTTPException):
                    return
                started.set()

        threads = [threading.Thread(target=post, args=(sender,)) for sender in range(3)]
        for thread in threads:
            thread.start()
        assert started.wait(20)
        threading.Event().wait(0.05 * run)
        listening.process.kill()
        for thread in threads:
            thread.join()
        kept = [file.with_suffix(".body") for file in (dpx_offline.cwd / f"kept-{run}").glob("*.headers")]
        assert acknowledged
        assert acknowledged <= {file.read_bytes() for file in kept}


def test_verify_needs_little_memory(dpx_offline: Any) -> None:
    """A body of 32 MiB is not copied to find out why its signature doesn't match."""
    import program

    (dpx_offline.cwd / "large").write_bytes(b'{"a": 1}\r\n' * (32 * 1024 * 1024 // 10))
    # In a process between, since a process inherits the peak of the one that started it.
    code = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:])\n"
        "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    verify = [*program.PROGRAM, "webhook", "verify", "large", "--secret", "x", "--signature", "sha256=" + "0" * 64]
    done = subprocess.run(
        [sys.executable, "-c", code, *verify], env=dpx_offline.env, cwd=dpx_offline.cwd, capture_output=True, check=True
    )
    exit_code, peak = map(int, done.stdout.split())
    assert exit_code == 10
    assert peak < 100 * 1024 * (1024 if sys.platform == "darwin" else 1)


def test_replay_of_nothing_is_exit_3(dpx_offline: Any) -> None:
    """Replaying a missing file is exit 3 and names it."""
    done = dpx_offline("webhook", "replay", "nowhere.body", "--to", "http://127.0.0.1:9/")
    assert (done.code, done.out) == (3, "")
    assert "nowhere.body" in done.err


def test_forwarding_elsewhere_needs_to_be_meant(dpx_offline: Any) -> None:
    """Forwarding to another machine without --allow-remote is exit 2."""
    done = dpx_offline("webhook", "listen", "--port", "0", "--forward-to", "http://example.com/", env=ENV)
    assert done.code == 2
    assert "--allow-remote" in done.err


def test_a_port_in_use_is_exit_1(dpx_offline: Any, listen: Callable[..., Listening]) -> None:
    """A port in use is exit 1 with a hint."""
    done = dpx_offline("webhook", "listen", "--port", str(listen().port), env=ENV)
    assert (done.code, done.out) == (1, "")
    assert "--port 0" in done.err


@pytest.mark.parametrize("port", ["65536", "-1", "x", "\uff11\uff12"])
def test_a_port_that_is_none_is_exit_2(dpx_offline: Any, port: str) -> None:
    """Only ASCII digits from 0 to 65535 are a port."""
    assert dpx_offline("webhook", "listen", f"--port={port}", env=ENV).code == 2


def test_listen_on_a_terminal(dpx_offline: Any) -> None:
    """On a terminal each delivery is a line of columns with the local time."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def deliver() -> None:
        for _ in range(200):
            done = dpx_offline.process(
                "webhook", "send", "deployment.ready", "--to", f"http://127.0.0.1:{port}", env=ENV
            )
            if done.code == 0:
                return

    thread = threading.Thread(target=deliver)
    thread.start()
    answers = [("deployment.ready", "\x03")]
    shown = dpx_offline.tty("webhook", "listen", "--port", str(port), answers=answers, env=ENV)
    thread.join()
    assert shown.code == 130
    line = next(line for line in shown.out.splitlines() if "deployment.ready" in line)
    assert line.split()[1:] == ["deployment.ready", "my-app", "main", "READY", "received"]
    assert line[2] == line[5] == ":"


def test_the_client_library_is_not_needed_to_verify(dpx_offline: Any, body: Path) -> None:
    """`verify` imports neither httpx nor a server."""
    import sys

    code = (
        "import sys, runpy\n"
        f"sys.argv = ['dpx', 'webhook', 'verify', {body.name!r}, '--signature', {signature_of(BODY)!r}]\n"
        "import os\nreal = os._exit\n"
        "def leave(code):\n"
        "    heavy = [n for n in ('httpx', 'uvicorn', 'starlette', 'asyncio', 'rich', 'typer') if n in sys.modules]\n"
        "    sys.stdout.write(f'{code} {heavy}'); sys.stdout.flush(); real(code)\n"
        "os._exit = leave\n"
        "from dpx_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    leave(end.code or 0)\nleave(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**dpx_offline.env, **ENV},
        cwd=dpx_offline.cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "0 []", done.stderr


def test_a_request_for_another_host_names_it_and_the_option(listen: Callable[..., Listening]) -> None:
    """A tunnel without --public-host is refused, and the warning has the option to pass."""
    listening = listen()
    connection = http.client.HTTPConnection("127.0.0.1", listening.port, timeout=20)
    connection.request(
        "POST", "/", BODY, {"Host": "ab12.ngrok-free.app:443", "X-Deploxa-Signature": signature_of(BODY)}
    )
    assert connection.getresponse().status == 403
    assert listening.process.stderr
    warning = listening.process.stderr.readline().decode()
    assert "If ab12.ngrok-free.app is your tunnel, pass --public-host ab12.ngrok-free.app." in warning


def test_a_folder_that_cannot_be_written_is_an_error_at_the_start(dpx_offline: Any) -> None:
    """`listen --save` fails before it listens, naming the folder."""
    (dpx_offline.cwd / "file").write_bytes(b"")
    done = dpx_offline("webhook", "listen", "--port", "0", "--save", "file/kept", env=ENV)
    assert (done.code, done.out) == (1, "")
    assert "file/kept" in done.err
    assert "Listening" not in done.err
