"""Settings: precedence, what an API root may be, places that can't be read or written, and what a failure shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import fault_server as faults
import program
import pytest
from fault_server import PROJECT, TOKEN, FaultServer

from dpx_cli import credentials
from dpx_cli.config.paths import API_URL
from dpx_cli.config.settings import Settings, check_api_url
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from fault_server import Fault

    from tests.conftest import Program


# The API root

ROOTS = [
    *("https://deploxa.com/api/v1", "https://deploxa.com", "https://deploxa.com:8443/x/", "https://[2001:db8::1]/api"),
    *("http://127.0.0.1:8787/api/v1", "http://127.255.0.9/", "http://localhost:8787", "http://[::1]:8787"),
    "http://a.localhost",
]
NO_ROOTS = [
    *("http://deploxa.com/api/v1", "http://127.0.0.1.evil.example", "http://localhost.evil.example"),
    *("http://127.0.0.1@evil.example", "http://0.0.0.0:8787", "http://127.1", "http://2130706433"),
    *("http://0x7f.0.0.1", "http://127.0.0.256", "http://\uff11\uff12\uff17.0.0.1", "http://[::ffff:127.0.0.1]"),
    *("http://[::1].evil.example", "http://evil.example[::1]", "https://user:canary@deploxa.com"),
    *("https://canary@deploxa.com", "https://deploxa.com/?a", "https://deploxa.com/#a", "https://deploxa.com/a?"),
    *("https://deploxa.com/a b", "https://deploxa.com\\@evil.example", "https://deploxa.com/\n"),
    *("https://dep\u0131oxa.com", "https://", "https:///api", "https://:443", "https://deploxa.com:port"),
    *("https://deploxa.com:99999", "https://deploxa.com:0", "https://[::1", "ftp://deploxa.com", "file:///etc/passwd"),
    *("deploxa.com", "/api/v1", "javascript:alert(1)", "a\udcff", "https//user:canary@host", "https://u#:canary@h/"),
    *("https://u?:canary@h/", "https:user:canary@host", "user:canary@host/api/v1", "https:\\\\user:canary@host"),
    *("ftp://user:canary@host/", "https://user:canary@host:99999/", "https://user%3Acanary%40host/ x"),
]


@pytest.mark.parametrize("url", ROOTS)
def test_an_api_root(url: str) -> None:
    """A valid API URL is returned without its final slash."""
    assert check_api_url(url) == url.rstrip("/")


@pytest.mark.parametrize("url", NO_ROOTS)
def test_what_is_no_api_root(url: str) -> None:
    """And its message shows no password."""
    with pytest.raises(UsageError) as caught:
        check_api_url(url, "DPX_API_URL")
    assert "DPX_API_URL" in caught.value.message
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("url", ["http://deploxa.com/api/v1", "https://user:canary@127.0.0.1/", "https//u:canary@host"])
def test_a_wrong_api_root_is_2_before_anything_is_sent(dpx_on_faults: Program, server: FaultServer, url: str) -> None:
    """In the variable or an option; with one JSON line under --json."""
    for words in (("projects", "list"), ("deploy", "-p", PROJECT), ("profile", "set", "work", "--api-url", url)):
        as_json = [] if words[0] == "profile" else ["--json"]
        done = dpx_on_faults(*words, *as_json, env={"DPX_API_URL": url})
        assert (done.code, done.out, "canary" in done.err) == (2, "", False), done
        assert not as_json or done.error["code"] == "usage"
    assert server.connections == 0


# Values


@pytest.mark.parametrize("text", ["0", "-1", "nan", "1e999", "x", "1_0", "\uff11", "86401", " "])
def test_a_timeout_that_is_none(text: str) -> None:
    """A usage error that names the variable."""
    with pytest.raises(UsageError, match="DPX_TIMEOUT"):
        _ = Settings({"DPX_TIMEOUT": text}).timeout


@pytest.mark.parametrize(("text", "seconds"), [("5", 5.0), ("0.5", 0.5), ("1e1", 10.0), ("", 30.0), (None, 30.0)])
def test_a_timeout(text: str | None, seconds: float) -> None:
    """In seconds, 30 where nothing is said."""
    assert Settings({} if text is None else {"DPX_TIMEOUT": text}).timeout == seconds


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    """As everywhere."""
    env = dict.fromkeys(("DPX_API_URL", "DPX_ORG", "DPX_PROJECT", "DPX_PROFILE", "DPX_TIMEOUT"), "")
    settings = Settings({**env, "DPX_CONFIG_DIR": str(tmp_path)}, cwd=str(tmp_path))
    assert (settings.api_url, settings.org, settings.project, settings.profile) == (API_URL, None, None, "default")


def test_precedence(tmp_path: Path) -> None:
    """Environment, link file, profile, default; a flag chooses the profile before the environment does."""
    work = {"api_url": "https://work.example", "org": "work-org"}
    document = {"current": "work", "profiles": {"work": work, "home": {"api_url": "https://home.example"}}}
    (tmp_path / "config.json").write_text(json.dumps(document), encoding="utf-8")

    def settings(profile: str | None = None, **env: str) -> Settings:
        return Settings({"DPX_CONFIG_DIR": str(tmp_path), **env}, profile=profile, cwd=str(tmp_path))

    assert (settings().api_url, settings().org) == ("https://work.example", "work-org")
    assert settings(DPX_PROFILE="home").api_url == "https://home.example"
    assert settings("work", DPX_PROFILE="home").api_url == "https://work.example"
    assert settings(DPX_API_URL="https://env.example").api_url == "https://env.example"
    (tmp_path / ".deploxa").mkdir()
    (tmp_path / ".deploxa" / "project.json").write_text('{"projectId": "a", "orgSlug": "link-org"}', encoding="utf-8")
    assert (settings().org, settings().project) == ("link-org", "a")
    assert (settings(DPX_ORG="env-org").org, settings(DPX_PROJECT="p").project) == ("env-org", "p")


# Places that are not there


@pytest.mark.posix
@pytest.mark.parametrize("place", ["read-only", "under a file", "no home", "home is a file", "gone", "too long"])
def test_without_a_place_to_write_everything_else_works(
    dpx_on_faults: Program, server: FaultServer, place: str
) -> None:
    """Commands that need none do not notice; one that does is told the reason."""
    env, home = dpx_on_faults.env, dpx_on_faults.home
    (home / "file").write_text("", encoding="utf-8")
    folders = {"under a file": str(home / "file" / "x"), "too long": "/" + "x" * 5000}
    for name in ("DPX_CONFIG_DIR", "DPX_CACHE_DIR"):
        del env[name]
        if place in folders:
            env[name] = folders[place]
    env["HOME"] = {"home is a file": str(home / "file"), "gone": "/nowhere/at/all"}.get(place, env["HOME"])
    if place == "read-only":
        home.chmod(0o500)
    elif place == "no home":
        del env["HOME"]
    for words in (
        *(("projects", "list"), ("projects", "get", "shop"), ("deploy", "-p", "shop"), ("auth", "status")),
        *(("env", "set", "A=1", "-p", "shop"), ("--help",)),
    ):
        assert dpx_on_faults(*words).code == 0
    assert server.made == 1
    if place == "too long":
        done = dpx_on_faults("profile", "set", "work")
        assert (done.code, "too long" in done.err) == (1, True), done


def test_a_user_without_a_home_and_without_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with a random user id: no profile, and no folder named "~"."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    settings = Settings({}, cwd=str(tmp_path))
    assert (settings.profile, settings.api_url) == ("default", API_URL)
    assert credentials.readable_tokens(settings) == []
    with pytest.raises(UsageError):
        _ = settings.cache_dir


@pytest.mark.posix
@pytest.mark.parametrize("words", ["deploy -p shop --summary x --sha " + "a" * 40, "deploy -p shop -p no", "env list"])
def test_a_working_directory_that_is_gone(dpx_on_faults: Program, words: str) -> None:
    """Has no link file, and is no reason to fail, or to hide how a second deployment ended."""
    code = {"deploy -p shop -p no": 3, "env list": 2}.get(words, 0)
    script = 'mkdir gone && cd gone && rmdir ../gone && "$@" && exec "$@"'
    done = execute(dpx_on_faults, "sh", "-c", script, "sh", *program.PROGRAM, *words.split())
    assert (done.returncode, b"unexpectedly" in done.stderr) == (code, False), done


def execute(dpx: Program, *command: str, **streams: object) -> subprocess.CompletedProcess[bytes]:
    """Run a command with the program's environment."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.run(command, env=dpx.env, cwd=dpx.cwd, check=False, **pipes)  # type: ignore[call-overload, no-any-return]


# Streams


@pytest.mark.posix
@pytest.mark.parametrize("format_", [[], ["--json"], ["--jsonl"], ["-q"]])
def test_a_full_disk_is_told_and_a_reader_that_went_away_is_silent(dpx_on_faults: Program, format_: list[str]) -> None:
    """Exit 1 and one line; exit 141 and none."""
    command = [*program.PROGRAM, "projects", "list", *format_]
    with open("/dev/full", "wb") as full:
        done = execute(dpx_on_faults, *command, stdout=full)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"no space left" in done.stderr.lower()
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as broken:
        done = execute(dpx_on_faults, *command, stdout=broken)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.posix
@pytest.mark.parametrize(("redirect", "code"), [("<&-", 0), (">&-", 1), ("2>&-", 0), ("<&- >&- 2>&-", 1)])
def test_closed_streams(dpx_on_faults: Program, redirect: str, code: int) -> None:
    """Only data that cannot be written is a failure."""
    command = [*program.PROGRAM, "projects", "list", "--json"]
    done = execute(dpx_on_faults, "sh", "-c", f'exec "$@" {redirect}', "sh", *command)
    assert (done.returncode, b"Traceback" in done.stderr) == (code, False), done


FAILURES: dict[str, tuple[faults.Fault, int, str]] = {
    "400": (faults.refused(400, "x"), 2, "bad_request"),
    "401": (faults.refused(401, "x"), 4, "unauthorized"),
    "403": (faults.refused(403, "x"), 5, "forbidden"),
    "404": (faults.refused(404, "x"), 3, "not_found"),
    "409": (faults.refused(409, "x"), 1, "failed"),
    "429": (faults.refused(429, "x", "60"), 6, "rate_limited"),
    "500": (faults.refused(500, "x"), 1, "server_error"),
    "301": (faults.redirect(301, "http://127.0.0.1:9/"), 1, "invalid_response"),
    "HTML": (faults.html_200, 1, "invalid_response"),
    "deep": (faults.reply(200, b'{"data":' + b"[" * 100_000), 1, "invalid_response"),
    "bomb": (faults.bomb(), 1, "invalid_response"),
    "reset": (faults.reset, 7, "network"),
    "stall": (faults.stall, 7, "network"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_leaves_stdout_empty_and_says_one_line(
    dpx_on_faults: Program, server: FaultServer, name: str
) -> None:
    """`error:` and `hint:` lines, or one JSON line with its five keys."""
    fault, code, word = FAILURES[name]
    server.on("GET", "/projects", fault)
    env = {"DPX_TIMEOUT": "0.4" if code == 7 else "20"}
    done = dpx_on_faults("projects", "list", "--jsonl" if code == 7 else "--json", env=env)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1), done
    assert set(done.error) == {"code", "message", "hint", "status", "request"}
    assert (done.error["code"], done.error["request"]) == (word, "GET /projects")
    done = dpx_on_faults("projects", "list", env=env)
    assert (done.code, done.out) == (code, ""), done
    assert [line.partition(":")[0] for line in done.err.splitlines()] in (["error"], ["error", "hint"])
    assert done.err.splitlines()[0].endswith(".")


BOMBS: dict[str, Fault] = {
    "gzip": faults.bomb(),
    "large": faults.large(33 * faults.MIB),
    "28 KiB that are ten million objects": faults.compressed(b'{"data": [' + b"{}," * 10_000_000 + b"{}]}"),
    "emoji": faults.compressed(b'{"data": [{"x": "' + "\U0001f600".encode() * 7_000_000 + b'"}]}'),
}


@pytest.mark.posix
@pytest.mark.parametrize("name", BOMBS)
def test_memory_is_bounded(dpx_on_faults: Program, server: FaultServer, name: str) -> None:
    """The whole process's, with a bomb at the other end."""
    server.on("GET", "/projects", BOMBS[name])
    watch = "import resource, subprocess, sys; c = subprocess.run(sys.argv[1:], capture_output=True).returncode; "
    watch += "print(c, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = execute(dpx_on_faults, sys.executable, "-c", watch, *program.PROGRAM, "projects", "list", "--json")
    code, kibibytes = map(int, done.stdout.split())
    assert code == 1
    assert kibibytes < 256 * 1024


# The token


def test_the_token_shows_nowhere(dpx_on_faults: Program, server: FaultServer) -> None:
    """In no output, with --debug and in every failure; in no file."""
    echo = {"error": f"{TOKEN} is not welcome; Authorization: Bearer {TOKEN}"}
    output = ""
    dpx_on_faults.env["DPX_TIMEOUT"] = "0.4"
    for fault in (faults.reply(401, echo), faults.reply(500, echo), faults.reset, None):
        server._rules.clear()
        if fault:
            server.on("GET", ".*", fault)
            server.on("POST", ".*", fault)
        for words in (
            *(("projects", "list", "--debug"), ("deploy", "-p", "shop", "--json", "--debug")),
            *(("env", "set", "A=1", "-p", "shop", "--debug"), ("auth", "status"), ("doctor",)),
        ):
            done = dpx_on_faults(*words)
            output += done.out + done.err
    assert TOKEN not in output
    for folder in (dpx_on_faults.home, dpx_on_faults.cwd):
        for path in folder.rglob("*"):
            assert TOKEN not in str(path)
            assert not path.is_file() or TOKEN.encode() not in path.read_bytes()


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


def test_a_token_file_is_used_and_a_401_names_where_the_token_is(dpx_on_faults: Program) -> None:
    """As `auth status` does; a stored token would not help."""
    done = dpx_on_faults("projects", "list", "--json", env={"DPX_TOKEN": "dpx_wrong"})
    assert (done.code, done.error["hint"].endswith("/settings/tokens and set DPX_TOKEN.")) == (4, True), done
    path = dpx_on_faults.home / "token"
    del dpx_on_faults.env["DPX_TOKEN"]
    dpx_on_faults.env["DPX_TOKEN_FILE"] = str(path)
    path.write_text(f"{TOKEN}\n", encoding="utf-8")
    status = dpx_on_faults("auth", "status", "--json").json
    assert (status["source"], status["location"]) == ("file", f"DPX_TOKEN_FILE={path}")
    path.write_text("dpx_other", encoding="utf-8")
    done = dpx_on_faults("projects", "list")
    assert (done.code, "DPX_TOKEN_FILE" in done.err) == (4, True), done


# What protects


@pytest.mark.parametrize(("text", "on"), [("maybe", True), (" on ", True), ("", False), ("OFF", False)])
def test_read_only_sends_no_change(dpx_on_faults: Program, server: FaultServer, text: str, *, on: bool) -> None:
    """A text that is neither on nor off is on."""
    dpx_on_faults.env["DPX_READ_ONLY"] = text
    assert dpx_on_faults("projects", "list").code == 0
    done = dpx_on_faults("projects", "create", "new", "--json")
    assert done.code == (5 if on else 0), done
    if on:
        assert (done.error["code"], done.error["hint"]) == ("read_only", "Ask whoever set it.")
        assert {request.method for request in server.requests} == {"GET"}


@pytest.mark.posix
@pytest.mark.parametrize("name", ["config.json", "tokens.json"])
def test_a_pipe_in_the_place_of_a_file_does_not_hang(dpx_offline: Program, name: str) -> None:
    """It would wait for a writer for ever."""
    folder = dpx_offline.home / "config"
    folder.mkdir()
    if name == "tokens.json":
        document = {"profiles": {"default": {"logins": {"https://deploxa.com:443": "file"}}}}
        (folder / "config.json").write_text(json.dumps(document), encoding="utf-8")
    os.mkfifo(folder / name, 0o600)
    done = dpx_offline("auth", "token", seconds=20)
    assert done.code in (1, 4)
    assert f"{folder / name}: it is not a regular file." in done.err


@pytest.mark.terminal
@pytest.mark.parametrize("number", ["1.10", "12345678901234567890.123", "-0", "1e999", "-1E+5"])
def test_numbers_are_printed_as_they_came(dpx_on_faults: Program, server: FaultServer, number: str) -> None:
    """In every command that prints JSON."""
    one = f'{{"id": "{PROJECT}", "slug": "shop", "n": {number}, "d": [{{"x": {number}}}]}}'
    server.on("GET", "/projects", faults.reply(200, f'{{"data": [{one}]}}'.encode()))
    server.on("GET", f"/projects/{PROJECT}", faults.reply(200, f'{{"data": {one}}}'.encode()))
    for argv in (
        *(["projects", "list", "--json"], ["projects", "list", "--jsonl"], ["projects", "get", PROJECT, "--json"]),
        *(["api", "/projects"], ["api", "/projects", "--paginate"]),
    ):
        done = dpx_on_faults(*argv)
        assert "".join(done.out.split()).count(f":{number}") == 2, done
    assert number in dpx_on_faults.tty("api", "/projects").out


@pytest.mark.root
@pytest.mark.parametrize("closed", [".config", ".config/dpx"])
def test_a_configuration_that_belongs_to_another_user_is_said(tmp_path: Path, closed: str) -> None:
    """After a `sudo`: the folder and the way out, never "Not logged in"; a token in the environment needs no file."""
    (tmp_path / ".config" / "dpx").mkdir(parents=True)
    (tmp_path / ".config" / "dpx" / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / closed).chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    code = """
import json, os, dpx_cli.config.profiles
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
    assert f"permission denied for the directory {tmp_path / closed}." in done.stdout
    assert f'sudo chown -R "$(id -un)" {tmp_path / closed}' in done.stdout
