"""Settings: precedence, what an API root may be, and that a place which cannot be read or written is no matter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import fault_server as faults
import program
import pytest
from fault_server import PROJECT, TOKEN, FaultServer

from dpx_cli.config.paths import API_URL, origin_of
from dpx_cli.config.settings import Settings, check_api_url
from dpx_cli.errors import UsageError
from dpx_cli.system.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fault_server import Fault

    from tests.conftest import Program


# The API root


@pytest.mark.parametrize(
    "url",
    [
        "https://deploxa.com/api/v1",
        "https://deploxa.com",
        "https://deploxa.com:8443/x/",
        "https://[2001:db8::1]/api",
        "http://127.0.0.1:8787/api/v1",
        "http://127.255.0.9/",
        "http://localhost:8787",
        "http://[::1]:8787",
        "http://a.localhost",
    ],
)
def test_an_api_root(url: str) -> None:
    """Is given back without its final slash."""
    assert check_api_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://deploxa.com/api/v1",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1@evil.example",
        "http://0.0.0.0:8787",
        "http://127.1",
        "http://2130706433",
        "http://0x7f.0.0.1",
        "http://127.0.0.256",
        "http://\uff11\uff12\uff17.0.0.1",
        "http://[::ffff:127.0.0.1]",
        "http://[::1].evil.example",
        "http://evil.example[::1]",
        "https://user:canary@deploxa.com",
        "https://canary@deploxa.com",
        "https://deploxa.com/?a",
        "https://deploxa.com/#a",
        "https://deploxa.com/a?",
        "https://deploxa.com/a b",
        "https://deploxa.com\\@evil.example",
        "https://deploxa.com/\n",
        "https://dep\u0131oxa.com",
        "https://",
        "https:///api",
        "https://:443",
        "https://deploxa.com:port",
        "https://deploxa.com:99999",
        "https://deploxa.com:0",
        "https://[::1",
        "ftp://deploxa.com",
        "file:///etc/passwd",
        "deploxa.com",
        "/api/v1",
        "javascript:alert(1)",
        "a\udcff",
    ],
)
def test_what_is_no_api_root(url: str) -> None:
    """And its message shows no password."""
    with pytest.raises(UsageError) as caught:
        check_api_url(url, "DPX_API_URL")
    assert "DPX_API_URL" in caught.value.message
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    ["http://deploxa.com/api/v1", "https://u:canary@127.0.0.1/", "nonsense", "https://x/?y", "http://127.0.0.1@x"],
)
def test_a_wrong_api_root_is_2_before_anything_is_sent(dpx_on_faults: Program, server: FaultServer, url: str) -> None:
    """Whatever the command; with one JSON line under --json."""
    for words in (("projects", "list"), ("deploy", "-p", PROJECT), ("orgs", "list")):
        done = dpx_on_faults(*words, "--json", env={"DPX_API_URL": url})
        assert (done.code, done.out, done.error["code"]) == (2, "", "usage"), done
        assert "canary" not in done.err
    assert server.connections == 0


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://deploxa.com/api/v1", "https://deploxa.com:443"),
        ("https://DEPLOXA.com:443", "https://deploxa.com:443"),
        ("http://localhost/x", "http://localhost:80"),
        ("http://[::1]:8787/", "http://[::1]:8787"),
    ],
)
def test_an_origin(url: str, origin: str) -> None:
    """Scheme, host and port; the same for every way to write it."""
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("host", "loops"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("x.localhost", True),
        ("localhost.x", False),
        ("128.0.0.1", False),
        ("127.0.0", False),
        ("127.0.0.1.1", False),
        ("127.0.0.1000", False),
        ("127.0.0.09", False),
        ("127.0.0.01", False),
        ("", False),
        ("evillocalhost", False),
    ],
)
def test_loopback(host: str, *, loops: bool) -> None:
    """What never leaves this machine."""
    assert is_loopback(host) == loops


# Values


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e999", "x", "1_0", "\uff11", "86401", " "])
def test_a_timeout_that_is_none(dpx_on_faults: Program, server: FaultServer, text: str) -> None:
    """Exit 2, before anything is sent."""
    done = dpx_on_faults("projects", "list", env={"DPX_TIMEOUT": text})
    assert (done.code, done.out) == (2, ""), done
    assert "DPX_TIMEOUT" in done.err
    assert server.connections == 0


@pytest.mark.parametrize(("text", "seconds"), [("5", 5.0), ("0.5", 0.5), ("1e1", 10.0), ("", 30.0), (None, 30.0)])
def test_a_timeout(text: str | None, seconds: float) -> None:
    """In seconds, 30 where nothing is said."""
    env = {} if text is None else {"DPX_TIMEOUT": text}
    assert Settings(env).timeout == seconds


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    """As everywhere."""
    env = dict.fromkeys(("DPX_API_URL", "DPX_ORG", "DPX_PROJECT", "DPX_PROFILE", "DPX_TIMEOUT"), "")
    settings = Settings({**env, "DPX_CONFIG_DIR": str(tmp_path)}, cwd=str(tmp_path))
    assert (settings.api_url, settings.org, settings.project, settings.profile) == (API_URL, None, None, "default")


def test_precedence(tmp_path: Path) -> None:
    """Environment, link file, profile, default; a flag chooses the profile before the environment does."""
    (tmp_path / "config.json").write_text(
        json.dumps(
            {
                "current": "work",
                "profiles": {
                    "work": {"api_url": "https://work.example", "org": "work-org"},
                    "home": {"api_url": "https://home.example"},
                },
            }
        ),
        encoding="utf-8",
    )
    folder = {"DPX_CONFIG_DIR": str(tmp_path)}
    cwd = str(tmp_path)
    assert Settings(folder, cwd=cwd).api_url == "https://work.example"
    assert Settings(folder, cwd=cwd).org == "work-org"
    assert Settings({**folder, "DPX_PROFILE": "home"}, cwd=cwd).api_url == "https://home.example"
    assert Settings({**folder, "DPX_PROFILE": "home"}, profile="work", cwd=cwd).api_url == "https://work.example"
    assert Settings({**folder, "DPX_API_URL": "https://env.example"}, cwd=cwd).api_url == "https://env.example"
    (tmp_path / ".deploxa").mkdir()
    (tmp_path / ".deploxa" / "project.json").write_text(
        '{"projectId": "clm1a", "orgSlug": "link-org"}', encoding="utf-8"
    )
    assert Settings(folder, cwd=cwd).org == "link-org"
    assert Settings({**folder, "DPX_ORG": "env-org"}, cwd=cwd).org == "env-org"
    assert Settings({**folder, "DPX_PROJECT": "p"}, cwd=cwd).project == "p"


# Places that are not there


PLACES = ["read-only", "under a file", "no home", "home is a file", "gone"]


@pytest.mark.posix
@pytest.mark.parametrize("place", PLACES)
def test_without_a_place_to_write_everything_else_works(
    dpx_on_faults: Program, server: FaultServer, place: str
) -> None:
    """Commands that need none do not notice."""
    for name in ("DPX_CONFIG_DIR", "DPX_CACHE_DIR"):
        del dpx_on_faults.env[name]
    if place == "read-only":
        dpx_on_faults.home.chmod(0o500)
    elif place == "under a file":
        (dpx_on_faults.home / "file").write_text("", encoding="utf-8")
        dpx_on_faults.env.update(
            {name: str(dpx_on_faults.home / "file" / "x") for name in ("DPX_CONFIG_DIR", "DPX_CACHE_DIR")}
        )
    elif place == "no home":
        del dpx_on_faults.env["HOME"]
    elif place == "home is a file":
        (dpx_on_faults.home / "file").write_text("", encoding="utf-8")
        dpx_on_faults.env["HOME"] = str(dpx_on_faults.home / "file")
    else:
        dpx_on_faults.env["HOME"] = "/nowhere/at/all"
    for words in (
        ("projects", "list"),
        ("projects", "get", "shop"),
        ("deploy", "-p", "shop"),
        ("env", "set", "A=1", "-p", "shop"),
        ("orgs", "list"),
        ("--help",),
    ):
        done = dpx_on_faults(*words)
        assert done.code == 0, done
        assert "Traceback" not in done.err
    assert server.made == 1


def test_a_user_without_a_home_and_without_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with a random user id: no profile, and no folder named "~"."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    settings = Settings({}, cwd=str(tmp_path))
    assert settings.profile == "default"
    assert settings.api_url == API_URL
    with pytest.raises(UsageError):
        _ = settings.cache_dir


@pytest.mark.posix
def test_a_working_directory_that_is_gone(dpx_on_faults: Program, server: FaultServer) -> None:
    """Has no link file, and is no reason to fail."""
    done = subprocess.run(
        [
            "sh",
            "-c",
            'mkdir gone && cd gone && rmdir ../gone && exec "$@"',
            "sh",
            *program.PROGRAM,
            "deploy",
            "-p",
            "shop",
        ],
        cwd=dpx_on_faults.cwd,
        env=dpx_on_faults.env,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done
    assert server.made == 1
    done = subprocess.run(
        ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh", *program.PROGRAM, "env", "list"],
        cwd=dpx_on_faults.cwd,
        env=dpx_on_faults.env,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2, done
    assert b"unexpectedly" not in done.stderr


# Streams


@pytest.mark.posix
@pytest.mark.parametrize("format_", [[], ["--json"], ["--jsonl"], ["-q"]])
def test_a_full_disk_is_told(dpx_on_faults: Program, format_: list[str]) -> None:
    """Exit 1, one line."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*program.PROGRAM, "projects", "list", *format_],
            env=dpx_on_faults.env,
            cwd=dpx_on_faults.cwd,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert b"no space left" in done.stderr.lower()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("format_", [[], ["--json"], ["--jsonl"], ["-q"]])
def test_a_reader_that_went_away_is_silent(dpx_on_faults: Program, format_: list[str]) -> None:
    """141."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as broken:
        done = subprocess.run(
            [*program.PROGRAM, "projects", "list", *format_],
            env=dpx_on_faults.env,
            cwd=dpx_on_faults.cwd,
            stdout=broken,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.posix
@pytest.mark.parametrize(("redirect", "code"), [("<&-", 0), (">&-", 1), ("2>&-", 0), ("<&- >&- 2>&-", 1)])
def test_closed_streams(dpx_on_faults: Program, redirect: str, code: int) -> None:
    """Only data that cannot be written is a failure."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirect}', "sh", *program.PROGRAM, "projects", "list", "--json"],
        env=dpx_on_faults.env,
        cwd=dpx_on_faults.cwd,
        capture_output=True,
        check=False,
    )
    assert done.returncode == code, done
    assert b"Traceback" not in done.stderr


FAILURES: dict[str, tuple[faults.Fault, int, str]] = {
    "400": (faults.refused(400, "x"), 2, "bad_request"),
    "401": (faults.refused(401, "x"), 4, "unauthorized"),
    "403": (faults.refused(403, "x"), 5, "forbidden"),
    "404": (faults.refused(404, "x"), 3, "not_found"),
    "409": (faults.refused(409, "x"), 1, "failed"),
    "429": (faults.refused(429, "x", "60"), 6, "rate_limited"),
    "500": (faults.refused(500, "x"), 1, "server_error"),
    "502": (faults.html_502, 1, "server_error"),
    "301": (faults.redirect(301, "http://127.0.0.1:9/"), 1, "invalid_response"),
    "empty": (faults.reply(200, b""), 1, "invalid_response"),
    "HTML": (faults.html_200, 1, "invalid_response"),
    "null": (faults.reply(200, {"data": None}), 1, "invalid_response"),
    "deep": (faults.reply(200, b'{"data":' + b"[" * 100_000), 1, "invalid_response"),
    "bomb": (faults.bomb("gzip", 128), 1, "invalid_response"),
    "reset": (faults.reset, 7, "network"),
    "cut": (faults.truncated_body, 7, "network"),
    "stall": (faults.stall, 7, "network"),
    "drip": (faults.drip_body, 7, "network"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_leaves_stdout_empty_and_says_one_line(
    dpx_on_faults: Program, server: FaultServer, name: str
) -> None:
    """`error:` and `hint:` lines, or one JSON line with its five keys."""
    fault, code, word = FAILURES[name]
    server.on("GET", "/projects", fault)
    env = {"DPX_TIMEOUT": "0.6" if code == 7 else "20"}
    done = dpx_on_faults("projects", "list", "--jsonl" if code == 7 else "--json", env=env)
    assert (done.code, done.out) == (code, ""), done
    assert done.err.count("\n") == 1
    assert set(done.error) == {"code", "message", "hint", "status", "request"}
    assert done.error["code"] == word
    assert done.error["request"] == "GET /projects"
    done = dpx_on_faults("projects", "list", env=env)
    assert (done.code, done.out) == (code, ""), done
    assert [line.partition(":")[0] for line in done.err.splitlines()] in (["error"], ["error", "hint"])
    assert done.err.splitlines()[0].endswith(".")


@pytest.mark.parametrize("depth", [200, 900, 4000])
def test_deep_values_are_shown_or_refused(dpx_on_faults: Program, server: FaultServer, depth: int) -> None:
    """In every format; never a failure of our own."""
    body = b'{"data": [{"slug": "s", "id": "i", "name": ' + b"[" * depth + b"]" * depth + b"}]}"
    server.on("GET", "/projects", faults.reply(200, body))
    for format_ in ([], ["--json"]):
        done = dpx_on_faults("projects", "list", *format_)
        assert done.code in (0, 1), done
        assert "unexpectedly" not in done.err, done


@pytest.mark.parametrize("value", ["1e999", "1" * 4000, "-0.0", '"\\ud800"', '"\\u0000"', "true"])
def test_odd_values_are_shown_or_refused(dpx_on_faults: Program, server: FaultServer, value: str) -> None:
    """As above."""
    body = b'{"data": [{"slug": "s", "id": "i", "name": %s}]}' % value.encode()
    server.on("GET", "/projects", faults.reply(200, body))
    for format_ in ([], ["--json"]):
        done = dpx_on_faults("projects", "list", *format_)
        assert done.code in (0, 1), done
        assert "unexpectedly" not in done.err, done


BOMBS: dict[str, Fault] = {
    "gzip": faults.bomb("gzip", 1024),
    "deflate": faults.bomb("deflate", 1024),
    "large": faults.large(33 * faults.MIB),
    "28 KiB that are ten million objects": faults.compressed(b'{"data": [' + b"{}," * 10_000_000 + b"{}]}"),
    "emoji": faults.compressed(b'{"data": [{"x": "' + "\U0001f600".encode() * 7_000_000 + b'"}]}'),
}


@pytest.mark.parametrize("name", BOMBS)
def test_memory_is_bounded(dpx_on_faults: Program, server: FaultServer, name: str) -> None:
    """The whole process's, with a bomb at the other end."""
    server.on("GET", "/projects", BOMBS[name])
    watch = "import resource, subprocess, sys; c = subprocess.run(sys.argv[1:], capture_output=True).returncode; "
    watch += "print(c, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run(
        [sys.executable, "-c", watch, *program.PROGRAM, "projects", "list", "--json"],
        env=dpx_on_faults.env,
        cwd=dpx_on_faults.cwd,
        capture_output=True,
        check=True,
    )
    code, kibibytes = map(int, done.stdout.split())
    assert code == 1
    assert kibibytes < 256 * 1024


# The token


def test_the_token_shows_nowhere(dpx_on_faults: Program, server: FaultServer) -> None:
    """In no output, with --debug and in every failure; in no file."""
    echo = {"error": f"{TOKEN} is not welcome; Authorization: Bearer {TOKEN}"}
    told = []
    dpx_on_faults.env["DPX_TIMEOUT"] = "0.4"
    for fault in (faults.reply(401, echo), faults.reply(500, echo), faults.reply(400, echo), faults.reset, None):
        server._rules.clear()
        if fault:
            server.on("GET", ".*", fault)
            server.on("POST", ".*", fault)
        for words in (("projects", "list", "--debug"), ("deploy", "-p", "shop", "--json", "--debug"),
                      ("env", "set", "A=1", "-p", "shop", "--debug"), ("auth", "status"), ("doctor",)):  # fmt: skip
            done = dpx_on_faults(*words)
            told.append(done.out + done.err)
    assert not [text for text in told if TOKEN in text]
    for folder in (dpx_on_faults.home, dpx_on_faults.cwd):
        for path in folder.rglob("*"):
            assert TOKEN not in str(path)
            if path.is_file():
                assert TOKEN.encode() not in path.read_bytes()


def test_debug_tells_each_request_and_nothing_in_it(dpx_on_faults: Program, server: FaultServer) -> None:
    """Method, path, status, milliseconds, attempt."""
    server.on("GET", "/projects", faults.refused(503, "x"), times=1)
    done = dpx_on_faults("--debug", "projects", "list", "--org", "acme-canary", "--json")
    assert done.json[0]["slug"] == "shop"
    lines = [line.split() for line in done.err.splitlines()]
    assert [(line[0], line[1], line[2], line[4:]) for line in lines] == [
        ("GET", "/projects", "503", ["ms", "attempt", "1"]),
        ("GET", "/projects", "200", ["ms", "attempt", "2"]),
    ]
    assert "canary" not in done.err


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_the_token_nowhere(dpx_on_faults: Program, server: FaultServer, status: int) -> None:
    """Neither a list nor a deployment follows it."""
    with FaultServer() as other:
        server.on("GET", ".*", faults.redirect(status, f"{other.url}/projects"))
        for words in (("projects", "list"), ("deploy", "-p", PROJECT), ("env", "list", "-p", PROJECT)):
            done = dpx_on_faults(*words)
            assert (done.code, done.out) == (1, ""), done
        assert other.connections == 0


@pytest.mark.parametrize("token", ["dpx_canary a", "dpx_canary\nX-Evil: 1", "dpx_canary\udcff", "dpx_canäry"])
def test_a_token_that_is_none_is_refused_unsaid(dpx_on_faults: Program, server: FaultServer, token: str) -> None:
    """Before anything is sent."""
    for words in (("projects", "list"), ("deploy", "-p", "shop"), ("projects", "get", "shop")):
        done = dpx_on_faults(*words, env={"DPX_TOKEN": token})
        assert done.code in (2, 4), done
        assert done.out == ""
        assert "dpx_can" not in done.err
        assert "unexpectedly" not in done.err
    assert server.connections == 0


# What protects


@pytest.mark.parametrize("text", ["1", "true", "YES", "On", "maybe", "2", " on "])
def test_read_only_sends_no_change(dpx_on_faults: Program, server: FaultServer, text: str) -> None:
    """A text that is neither on nor off is on."""
    dpx_on_faults.env["DPX_READ_ONLY"] = text
    assert dpx_on_faults("projects", "list").code == 0
    done = dpx_on_faults("projects", "create", "new", "--json")
    assert (done.code, done.out) == (5, "")
    assert (done.error["code"], done.error["hint"]) == ("read_only", "Ask whoever set it.")
    assert {request.method for request in server.requests} == {"GET"}


@pytest.mark.parametrize("text", ["", "0", "false", "No", "OFF"])
def test_read_only_that_is_off_allows_changes(dpx_on_faults: Program, text: str) -> None:
    """As every boolean variable."""
    dpx_on_faults.env["DPX_READ_ONLY"] = text
    assert dpx_on_faults("projects", "create", "new").code == 0


@pytest.mark.parametrize(
    "url",
    [
        "https//user:canary@host",
        "https://u#:canary@h/",
        "https://u?:canary@h/",
        "https:user:canary@host",
        "user:canary@host/api/v1",
        "https:\\\\user:canary@host",
        "ftp://user:canary@host/",
        "https://user:canary@host:99999/",
        "https://user:canary/@host",
        "https://user%3Acanary%40host/ x",
    ],
)
def test_a_mistyped_url_does_not_show_its_password(dpx_on_faults: Program, server: FaultServer, url: str) -> None:
    """In the variable or an option."""
    done = dpx_on_faults("projects", "list", env={"DPX_API_URL": url})
    assert (done.code, done.out) == (2, ""), done
    assert "canary" not in done.err
    done = dpx_on_faults("profile", "set", "work", "--api-url", url)
    assert (done.code, done.out) == (2, ""), done
    assert "canary" not in done.err
    assert server.connections == 0


@pytest.mark.posix
@pytest.mark.parametrize("name", ["config.json", "tokens.json"])
def test_a_pipe_in_the_place_of_a_file_does_not_hang(dpx_offline: Program, name: str) -> None:
    """It would wait for a writer for ever."""
    folder = dpx_offline.home / "config"
    folder.mkdir()
    if name == "tokens.json":
        logins = {"https://deploxa.com:443": "file"}
        (folder / "config.json").write_text(json.dumps({"profiles": {"default": {"logins": logins}}}), encoding="utf-8")
    os.mkfifo(folder / name, 0o600)
    done = dpx_offline("auth", "token", seconds=20)
    assert done.code in (1, 4)
    assert f"{folder / name}: it is not a regular file." in done.err


def test_a_path_too_long_fails_no_command_that_needs_no_file(dpx_on_faults: Program) -> None:
    """Nothing can be there, and nothing is read or written."""
    for variable in ("DPX_CONFIG_DIR", "DPX_CACHE_DIR"):
        dpx_on_faults.env[variable] = "/" + "x" * 5000
    for argv in (["projects", "list"], ["projects", "get", "shop"], ["auth", "status"], ["env", "list", "-p", "shop"]):
        done = dpx_on_faults(*argv)
        assert (done.code, done.err) == (0, ""), done
    done = dpx_on_faults("profile", "set", "work")
    assert (done.code, "too long" in done.err) == (1, True), done


@pytest.fixture
def deep() -> Iterator[Path]:
    """A folder for a tree that is too deep for Python's own way to remove it."""
    folder = Path(tempfile.mkdtemp(prefix="dpx-deep-"))
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_directory_3000_deep_is_no_matter(dpx_on_faults: Program, deep: Path) -> None:
    """Neither for dpx's files nor as the working directory."""
    dpx_on_faults.env["DPX_CONFIG_DIR"] = f"{deep}{'/d' * 1500}"
    assert dpx_on_faults("profile", "set", "work").code == 0
    assert dpx_on_faults("profile", "list", "-q").out.split() == ["default", "work"]
    dpx_on_faults.env["DPX_CONFIG_DIR"] = f"{deep}{'/d' * 3000}"
    assert dpx_on_faults("projects", "list").code == 0
    done = dpx_on_faults("profile", "set", "work")
    assert (done.code, "too long" in done.err) == (1, True), done
    del dpx_on_faults.env["DPX_CONFIG_DIR"]
    script = "import os, sys\nfor _ in range(3000): os.mkdir('e'); os.chdir('e')\nos.execv(sys.argv[1], sys.argv[1:])"
    ran = subprocess.run(
        [sys.executable, "-c", script, program.PROGRAM[0], "link", "shop"],
        env=dpx_on_faults.env,
        cwd=deep,
        capture_output=True,
        check=False,
    )
    assert ran.returncode in (0, 1, 2), ran
    assert b"unexpectedly" not in ran.stderr


@pytest.mark.parametrize(("text", "asks"), [("", True), ("false", True), ("0", True), ("OFF", True), ("true", False)])
def test_ci_is_read_as_every_boolean(dpx_on_faults: Program, text: str, *, asks: bool) -> None:
    """CI=false is off."""
    done = dpx_on_faults.tty("projects", "delete", "shop", answers=[("shop", "no\n")], env={"CI": text})
    assert ("Can't ask" not in done.out) == asks, done


# A token in a file


def test_a_token_file_is_used_and_named(dpx_on_faults: Program, server: FaultServer) -> None:
    """As `auth status` tells; a 401 tells how to replace it."""
    path = dpx_on_faults.home / "token"
    path.write_text(f"{TOKEN}\n", encoding="utf-8")
    del dpx_on_faults.env["DPX_TOKEN"]
    dpx_on_faults.env["DPX_TOKEN_FILE"] = str(path)
    assert dpx_on_faults("auth", "status", "--json").json["source"] == "file"
    path.write_text("dpx_other", encoding="utf-8")
    done = dpx_on_faults("projects", "list")
    assert (done.code, "DPX_TOKEN_FILE" in done.err) == (4, True), done
    path.write_text("ghp_canary0123456789", encoding="utf-8")
    count = len(server.requests)
    done = dpx_on_faults("projects", "list")
    assert (done.code, done.out) == (4, "")
    assert "canary" not in done.err
    assert len(server.requests) == count


def test_a_401_with_the_variable_names_it(dpx_on_faults: Program) -> None:
    """A stored token would not help."""
    dpx_on_faults.env["DPX_TOKEN"] = "dpx_wrong"
    done = dpx_on_faults("projects", "list", "--json")
    assert done.code == 4
    assert done.error["hint"].endswith("/settings/tokens and set DPX_TOKEN.")


@pytest.mark.parametrize("number", ["1.10", "12345678901234567890.123", "-0", "1e999", "-1E+5"])
def test_numbers_are_printed_as_they_came(dpx_on_faults: Program, server: FaultServer, number: str) -> None:
    """In every command that prints JSON."""
    one = f'{{"id": "{PROJECT}", "slug": "shop", "n": {number}, "d": [{{"x": {number}}}]}}'
    server.on("GET", "/projects", faults.reply(200, f'{{"data": [{one}]}}'.encode()))
    server.on("GET", f"/projects/{PROJECT}", faults.reply(200, f'{{"data": {one}}}'.encode()))
    for argv in (
        ["projects", "list", "--json"],
        ["projects", "list", "--jsonl"],
        ["projects", "get", PROJECT, "--json"],
        ["api", "/projects"],
        ["api", "/projects", "--paginate"],
    ):
        done = dpx_on_faults(*argv)
        assert "".join(done.out.split()).count(f":{number}") == 2, done
    assert number in dpx_on_faults.tty("api", "/projects").out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can close a folder to others")
@pytest.mark.parametrize("closed", [".config", ".config/dpx"])
def test_a_configuration_that_belongs_to_another_user_is_said(tmp_path: Path, closed: str) -> None:
    """After a `sudo`: the folder and the way out, never "Not logged in"; a token in the environment needs no file."""
    (tmp_path / ".config" / "dpx").mkdir(parents=True)
    (tmp_path / ".config" / "dpx" / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / closed).chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    code = """
import json, os, shlex, dpx_cli.config.profiles
from dpx_cli.config.settings import Settings
os.setgroups([]), os.setgid(65534), os.setuid(65534)
assert Settings({"DPX_TOKEN": "dpx_a"}).profile == "default"
try:
    Settings({}).profile
except Exception as problem:
    print(problem.message, "|", problem.hint)
"""
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert f"permission denied for the folder {tmp_path / closed}." in done.stdout
    assert f'sudo chown -R "$(id -un)" {tmp_path / closed}' in done.stdout
