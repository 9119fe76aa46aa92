"""`dpx webhook`: the program in a process of its own, its streams, exit codes and signals."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.output.terminal import width

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from receiver import Receiver

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
    """A valid signature is exit 0 with an empty stdout, or one object; from a file and from standard input."""
    argv = ("webhook", "verify", *([file] if file else []), "--signature", signature_of(BODY))
    done = dpx_offline(*argv, env=ENV, stdin=body.read_bytes())
    assert (done.code, done.out, done.err) == (0, "", "valid\n")
    done = dpx_offline(*argv, "--json", env=ENV, stdin=body.read_bytes())
    assert (done.code, done.json, done.err) == (0, {"valid": True}, "")


@pytest.mark.parametrize("stdin", [b"\xff\xfe\x00\r\n", b"", b"\r\n\r\n", "é\n".encode("latin-1"), b"\x1a\x04"])
def test_bodies_are_bytes(dpx_offline: Any, stdin: bytes) -> None:
    """Bodies are read as bytes: nothing is decoded, and no newline changes."""
    signed = dpx_offline("webhook", "sign", env=ENV, stdin=stdin)
    assert (signed.code, signed.out, signed.err) == (0, signature_of(stdin) + "\n", "")
    assert dpx_offline("webhook", "verify", "--signature", signed.out.strip(), env=ENV, stdin=stdin).code == 0
    assert dpx_offline("webhook", "sign", "--json", env=ENV, stdin=stdin).json == {"signature": signature_of(stdin)}


def test_a_mismatch_names_the_cause_and_nothing_else(dpx_offline: Any, body: Path) -> None:
    """A mismatch is exit 10 and shows the cause, but neither the secret nor the expected signature."""
    body.write_bytes(BODY + b"\n")
    argv = ("webhook", "verify", body.name, "--signature", signature_of(BODY))
    done = dpx_offline(*argv, env=ENV)
    assert (done.code, done.out) == (10, "")
    error, hint = done.err.splitlines()
    assert error == "error: The signature does not match: the body has a final newline that was not signed."
    assert hint.startswith("hint: ")
    assert SECRET not in done.err
    assert signature_of(BODY + b"\n")[7:] not in done.err
    done = dpx_offline(*argv, "--json", env=ENV)
    assert (done.code, done.out, done.error["code"]) == (10, "", "check_failed")


def test_a_body_typed_at_a_terminal(dpx_offline: Any) -> None:
    """Without FILE on a terminal, dpx says what it waits for."""
    answers = [("Ctrl-D", "\x04")]
    done = dpx_offline.tty("webhook", "verify", "--signature", signature_of(BODY), answers=answers, env=ENV)
    assert done.code == 10
    assert "the body is empty" in done.out


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        *[
            (f"verify body.json --signature={text}", 10, "does not match")
            for text in ("", "sha256=" + "é" * 64, "\x1b[31m", "sha256=" + "0" * 100_000)
        ],
        ("verify nowhere --signature x", 3, "nowhere"),
        ("sign nowhere", 3, "nowhere"),
        ("sign . ", 1, ""),
        ("sign /dev/zero", 2, "/dev/zero is larger than 32 MiB"),
        ("sign --secret-file /dev/zero", 2, "larger"),
        ("sign --secret-file nowhere", 3, "nowhere"),
        ("sign --secret canary --secret-file secret", 2, ""),
        ("sign --secret-file -", 2, ""),
        ("send deployment.redy --to http://127.0.0.1:9/", 2, "deployment.rollback"),
        ("send deployment.ready --to http://me:canary@127.0.0.1/", 2, "--to"),
        ("send deployment.ready --to localhost:9 --data x --set a=b", 2, ""),
        *[
            (f"send deployment.ready --to localhost:9 --set {given}", 2, "--set")
            for given in (
                "event.name=canary",
                "deployment.id.x=canary",
                "deployment",
                "=canary",
                "a..b=canary",
                ".=canary",
            )
        ],
        ("replay nowhere.body --to http://127.0.0.1:9/", 3, "nowhere.body"),
        ("replay none --to http://127.0.0.1:9/", 3, "No deliveries in none."),
        ("listen --forward-to http://example.com/", 2, "--allow-remote"),
        ("listen --port 0 --save body.json/kept", 1, "body.json/kept"),
        *[(f"listen --port={port}", 2, "") for port in ("65536", "-1", "x", "\uff11\uff12")],
        *[
            (f"listen --port 0 --public-host={name}", 2, "")
            for name in ("", "https://abc.ngrok.app", "abc.ngrok.app:443", "*.ngrok.app", "-a")
        ],
    ],
)
def test_what_is_refused(dpx_offline: Any, body: Path, argv: str, code: int, said: str) -> None:
    """With nothing on stdout, no value shown, and before anything is sent."""
    (body.parent / "none").mkdir()
    done = dpx_offline("webhook", *argv.split(), env=ENV)
    assert (done.code, done.out) == (code, ""), done
    assert said in done.err
    assert not any(word in done.err for word in ("canary", "Traceback", "Listening", "\x1b"))


# The secret


@pytest.mark.parametrize(
    "command", ["verify --signature x", "sign", "send deployment.ready --to 127.0.0.1:9", "listen"]
)
@pytest.mark.parametrize("given", ["", "--secret=", "--secret-file empty", "--secret-file newline"])
def test_no_secret_or_an_empty_one_is_a_usage_error(dpx_offline: Any, command: str, given: str) -> None:
    """It is exit 2, whatever DPX_WEBHOOK_SECRET is."""
    (dpx_offline.cwd / "empty").write_bytes(b"")
    (dpx_offline.cwd / "newline").write_bytes(b"\n")
    for env in (ENV, {"DPX_WEBHOOK_SECRET": ""}) if given else ({"DPX_WEBHOOK_SECRET": ""}, {}):
        done = dpx_offline("webhook", *command.split(), *given.split(), env=env)
        assert (done.code, done.out) == (2, "")
        assert "secret" in done.err


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
    """Exactly one final newline of a secret file, or of standard input, is not part of the secret."""
    (dpx_offline.cwd / "secret").write_bytes(text)
    for file in ("secret", "-"):
        done = dpx_offline("webhook", "sign", body.name, "--secret-file", file, stdin=text)
        assert done.out.strip() == signature_of(BODY, secret)


def test_the_flag_goes_before_the_variable(dpx_offline: Any, body: Path) -> None:
    """A secret that isn't ASCII is used as UTF-8."""
    done = dpx_offline("webhook", "sign", body.name, "--secret", "gehéim🚀", env=ENV)
    assert done.out.strip() == signature_of(BODY, "gehéim🚀".encode())


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


def test_send_a_sample(dpx_offline: Any, receiver: Receiver) -> None:
    """`--set` changes it, its keys are in the reference's order, and its response is on stdout."""
    done = dpx_offline(
        "webhook", "send", "Deployment.FAILED", "--to", receiver.url,
        "--set", "project.slug=shop", "--set", "deployment.branch=é/b=c\udcff", "--set", "project.name=",
        "--set", "meta.deep.n=1", env={**ENV, "DPX_TOKEN": "dpx_canary"},
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    [[status, milliseconds]] = done.rows
    assert status == "200"
    assert milliseconds.isdigit()
    [(_, _, _, sent)] = receiver.requests
    assert sent.decode() == (
        r'{"event":"deployment.failed","deployment":{"id":"clm1abc","status":"ERROR","branch":"é/b=c\udcff",'
        '"url":"https://my-app.deploxa.com"},"project":{"id":"clm1def","name":"","slug":"shop"},'
        '"meta":{"deep":{"n":"1"}}}'
    )


@pytest.mark.parametrize("data", ["own", "-"])
def test_send_a_body_of_ones_own(dpx_offline: Any, receiver: Receiver, data: str) -> None:
    """--data is sent byte for byte, with its signature and the event."""
    own = b'{"a":\r\n1.0}\xff\x00\n'
    dpx_offline.write(own, "own")
    argv = ("webhook", "send", "deployment.failed", "--to", receiver.url, "--data", data)
    assert dpx_offline(*argv, env=ENV, stdin=own).code == 0
    [(_, _, headers, sent)] = receiver.requests
    assert (sent, dict(headers)["X-Deploxa-Signature"]) == (own, signature_of(own))
    assert dict(headers)["X-Deploxa-Event"] == "deployment.failed"


def test_a_receiver_that_refuses_is_exit_1(dpx_offline: Any, receiver: Receiver) -> None:
    """A refusal is exit 1, with the response on stdout and its text neutralized; so is a redirect."""
    receiver.status, receiver.body = 401, b"\x1b[31mno way"
    argv = ("webhook", "send", "deployment.ready", "--to", receiver.url)
    done = dpx_offline(*argv, "--json", env=ENV)
    assert (done.code, done.json["status"], done.error["status"], done.error["code"]) == (1, 401, 401, "failed")
    assert "The receiver responded 401: \\x1b[31mno way" in dpx_offline(*argv, env=ENV).err
    receiver.status, receiver.headers = 302, {"Location": receiver.url}
    redirected = dpx_offline(*argv, env=ENV)
    assert redirected.code == 1
    assert "Redirects are not followed" in redirected.err
    assert len(receiver.requests) == 3


def test_no_response_is_exit_7_or_11(dpx_offline: Any, receiver: Receiver) -> None:
    """An unreachable receiver is 7, a lost response 11, since the receiver may have acted."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    done = dpx_offline("webhook", "send", "deployment.ready", "--to", url, env=ENV)
    assert (done.code, done.out) == (7, "")
    assert "connection refused" in done.err
    receiver.status = 0
    assert dpx_offline("webhook", "send", "deployment.ready", "--to", receiver.url, env=ENV).code == 11


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


def test_listen_in_a_pipe(listen: Callable[..., Listening]) -> None:
    """Each delivery is a line as it comes: tab-separated and neutralized, or an object under --json."""
    listening = listen()
    assert listening.post(SAMPLE) == 200
    cells = listening.line().rstrip("\n").split("\t")
    assert cells[1:] == ["deployment.ready", "shop", "main\\x1b[31m", "READY", "received"]
    assert listening.post(SAMPLE, "sha256=" + "0" * 64) == 401
    assert listening.line().rstrip("\n").split("\t")[1:] == ["", "", "", "", "The signature does not match."]
    listening = listen("--json")
    assert listening.post(SAMPLE) == 200
    delivery = json.loads(listening.line())
    assert (delivery["event"], delivery["branch"]) == ("deployment.ready", "main\x1b[31m")
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


def test_listen_takes_a_public_host(dpx_offline: Any, listen: Callable[..., Listening]) -> None:
    """--public-host admits that name and no other, and the warning has the option to pass."""
    listening = listen("--public-host", "ABC.ngrok.app")
    taken = dpx_offline("webhook", "listen", "--port", str(listening.port), env=ENV)
    assert (taken.code, taken.out, "--port 0" in taken.err) == (1, "", True)
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
    assert listening.process.stderr
    warnings = [listening.process.stderr.readline().decode() for _ in range(2)]
    assert "If evil.example is your tunnel, pass --public-host evil.example." in warnings[1]


def test_a_listener_that_is_killed_has_saved_what_it_acknowledged(
    dpx_offline: Any, listen: Callable[..., Listening]
) -> None:
    """Kill -9 at some moment of a stream of deliveries: each 200 is on the disk, whole, with its headers."""
    for run in range(2):
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
        threading.Event().wait(0.1 * run)
        listening.process.kill()
        for thread in threads:
            thread.join()
        kept = [file.with_suffix(".body") for file in (dpx_offline.cwd / f"kept-{run}").glob("*.headers")]
        assert acknowledged
        assert acknowledged <= {file.read_bytes() for file in kept}


def test_listen_on_a_terminal(dpx_offline: Any) -> None:
    """On a terminal each delivery is a line of columns with the local time; wide and escaped letters keep them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def deliver() -> None:
        for _ in range(200):
            to = f"http://127.0.0.1:{port}"
            argv = ("webhook", "send", "deployment.ready", "--to", to, "--set", "project.slug=日本\x1b")
            done = dpx_offline.process(*argv, env=ENV)
            if done.code == 0:
                return

    thread = threading.Thread(target=deliver)
    thread.start()
    answers = [("deployment.ready", "\x03")]
    shown = dpx_offline.tty("webhook", "listen", "--port", str(port), answers=answers, env=ENV)
    thread.join()
    assert shown.code == 130
    line = next(line for line in shown.out.splitlines() if "deployment.ready" in line)
    assert line.split()[1:] == ["deployment.ready", "日本\\x1b", "main", "READY", "received"]
    assert width(line.partition("main")[0]) == 49
    assert line[2] == line[5] == ":"
