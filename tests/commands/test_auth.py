"""`dpx auth` and its short forms: the program in a process of its own, on a terminal and off it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"
MASKED = "dpx_****wxyz"
UNKNOWN = "dpx_unknown89abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A Deploxa that knows one token, for all of these tests."""
    with Sandbox(tokens=[TOKEN]) as started:
        yield started


@pytest.fixture
def dpx(dpx_offline: Any, sandbox: Sandbox) -> Any:
    """The program, led to the sandbox without a token or a keyring."""
    sandbox.clear_requests()
    sandbox.clear_faults()
    dpx_offline.env |= {"DPX_API_URL": sandbox.url, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    return dpx_offline


@pytest.fixture
def logged_in(dpx: Any) -> Any:
    """The program, with the token in the file."""
    assert dpx("auth", "login", "--insecure-storage", stdin=TOKEN.encode()).code == 0
    return dpx


@pytest.fixture
def folder(dpx: Any) -> Path:
    """The folder of dpx's files."""
    found: Path = dpx.home / "config"
    return found


def everything_in(folder: Path) -> str:
    """Give the text of every file below a folder."""
    return "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())


def test_token_is_checked_then_stored_then_used(dpx: Any, sandbox: Sandbox, folder: Path) -> None:
    """From a pipe, with or without `--with-token`; stdout stays empty and the token unseen."""
    for flags in (["--with-token"], []):
        done = dpx("auth", "login", "--insecure-storage", *flags, stdin=f"{TOKEN}\r\n".encode())
        assert (done.code, done.out) == (0, "")
        assert done.err == (
            f"Logged in to {sandbox.url} as profile default. The token is in the file {folder / 'tokens.json'}.\n"
            "Organizations: acme (owner), globex (owner)\n"
        )
    assert [request.path for request in sandbox.requests] == ["/orgs", "/orgs"]
    refused = dpx("auth", "login", "--insecure-storage", stdin=UNKNOWN.encode())
    assert "hint: Create a token at " in refused.err
    assert dpx("auth", "token").out == f"{TOKEN}\n"
    assert dpx("orgs", "list", "-q").out.split() == ["acme", "globex"]


INVALID = "error: The text on standard input isn't a Deploxa token: it contains invalid characters.\n"
ELSEWHERE = "error: The text on standard input isn't a Deploxa token: tokens begin with dpx_.\n"


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (" \n", "error: Standard input has no token.\n"),
        (f"{UNKNOWN}\n{UNKNOWN}", INVALID),
        ("ghp_canary", ELSEWHERE),
        ("dpx_canary\x1b[31m", INVALID),
        ("dpx_canary\udcff", INVALID),
        ("dpx_" + "canary" * 20_000, INVALID),
        ("dpx_" + "canary" * 200_000, "error: Standard input is larger than 1 MiB.\n"),
    ],
)
def test_what_cannot_be_a_token_is_refused_unsent_and_unseen(
    dpx: Any, sandbox: Sandbox, folder: Path, stdin: str, said: str
) -> None:
    """Exit 4 (2 without any token), one line, nothing on the wire or the disk."""
    done = dpx("auth", "login", "--with-token", "--insecure-storage", stdin=os.fsencode(stdin))
    assert (done.code, done.out) == (4 if said in (INVALID, ELSEWHERE) else 2, "")
    assert done.err.startswith(said)
    assert "canary" not in done.err
    assert sandbox.requests == []
    assert not folder.exists()


@pytest.mark.posix
def test_the_token_page_is_printed_and_opened(dpx: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    """Its whole URL; --web opens it at once, Enter opens it on request, and the token is asked for after that."""
    opened = tmp_path / "opened"
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> {opened}\n', encoding="utf-8")
    script.chmod(0o755)
    page = f"{sandbox.url.removesuffix('/api/v1')}/settings/tokens"
    env = {"BROWSER": str(script)}
    answers = [("(not shown): ", "\r"), ("(not shown): ", f"{TOKEN}\r")]
    done = dpx.tty("login", "--insecure-storage", answers=answers, env=env)
    assert done.code == 0, done
    assert f"Create a token at {page}\n" in done.out
    assert opened.read_text(encoding="utf-8") == f"{page}\n"
    done = dpx.tty("login", "--insecure-storage", "--web", answers=answers[1:], env=env)
    assert done.code == 0, done
    assert opened.read_text(encoding="utf-8") == f"{page}\n{page}\n"
    done = dpx.tty("login", "--insecure-storage", "--web", answers=answers[1:], env={"CI": "false"})
    assert (done.code, "No browser found." in done.out) == (0, True), done


@pytest.mark.terminal
def test_without_a_keyring_a_file_is_offered_before_the_token_is_asked_for(
    dpx: Any, sandbox: Sandbox, folder: Path
) -> None:
    """On a terminal; no is exit 4 with the ways out, yes keeps the token in the file that was named."""
    refused = dpx.tty("login", answers=[("[y/N] ", "n\r")])
    assert refused.code == 4, refused
    assert "Token (not shown)" not in refused.out
    assert not folder.exists()
    assert sandbox.requests == []
    agreed = dpx.tty("login", answers=[("[y/N] ", "y\r"), ("(not shown): ", f"{TOKEN}\r")])
    assert agreed.code == 0, agreed
    assert str(folder / "tokens.json") in agreed.out
    assert dpx("auth", "token").out == f"{TOKEN}\n"


@pytest.mark.terminal
def test_a_token_that_is_not_accepted_is_asked_for_again(dpx: Any, folder: Path) -> None:
    """Three times; none of what was pasted shows, and the reason for each does."""
    prompt = "(not shown): "
    wrong = [(prompt, f"{UNKNOWN}\r"), (prompt, "ghp_canary\r")]
    done = dpx.tty("login", "--insecure-storage", answers=[*wrong, (prompt, f"{TOKEN}\r")])
    assert done.code == 0, done
    assert "Invalid token (HTTP 401 from GET /orgs). Try again." in done.out
    assert "tokens begin with dpx_. Try again." in done.out
    assert TOKEN in everything_in(folder)
    dpx("logout")
    given_up = dpx.tty("login", "--insecure-storage", answers=[*wrong, (prompt, f"{UNKNOWN}\r")])
    assert given_up.code == 4, given_up
    assert not any(text in done.out + given_up.out for text in (UNKNOWN, "canary", TOKEN))
    assert UNKNOWN not in everything_in(folder)


@pytest.mark.terminal
def test_a_token_that_is_pasted_too_early_is_not_shown(dpx: Any) -> None:
    """The question whether to keep it in a file echoes nothing, and the token is no answer to it."""
    done = dpx.tty(
        "login", answers=[("[y/N] ", f"{TOKEN}\r"), ("Answer y or n.", "y\r"), ("(not shown): ", f"{TOKEN}\r")]
    )
    assert (done.code, TOKEN in done.out) == (0, False), done


@pytest.mark.terminal
def test_login_on_a_terminal_asks_without_echo_and_fills_the_completion_cache(dpx: Any, folder: Path) -> None:
    """The prompt is all that shows; names are for the person who will type them."""
    assert dpx("login", "--insecure-storage", stdin=TOKEN.encode()).code == 0
    assert dpx("__complete", "orgs", "get", "").out == ""
    done = dpx.tty("login", "--insecure-storage", answers=[("Token (not shown): ", f"{TOKEN}\n")])
    assert (done.code, "Logged in to" in done.out, TOKEN in done.out) == (0, True, False), done
    assert TOKEN in everything_in(folder)
    assert "acme" in dpx("__complete", "orgs", "get", "").out
    assert "storefront" in dpx("__complete", "projects", "get", "").out


def test_nothing_is_stored_unchecked_or_in_plain_text_unasked(dpx: Any, folder: Path) -> None:
    """Exit 7 without a network; exit 4 with the ways out without a keyring."""
    env = {"DPX_API_URL": "http://127.0.0.1:1/api/v1"}
    done = dpx("auth", "login", "--insecure-storage", stdin=TOKEN.encode(), env=env)
    assert (done.code, done.out, folder.exists()) == (7, "", False)
    done = dpx("auth", "login", stdin=TOKEN.encode())
    assert (done.code, done.out, folder.exists()) == (4, "", False)
    assert done.err == (
        "error: This machine has no keyring.\n"
        "hint: Set DPX_TOKEN, or keep the token in a file: dpx auth login --insecure-storage\n"
    )


@pytest.mark.parametrize("argv", [["auth", "status"], ["whoami"]])
def test_status(logged_in: Any, sandbox: Sandbox, argv: list[str]) -> None:
    """One row off a terminal, titled lines on it, one object as JSON; the token is masked, its place is named."""
    path = logged_in.home / "config" / "tokens.json"
    assert logged_in(*argv).out == f"default\t{sandbox.url}\tfile\t{MASKED}\ttrue\t2\t{path}\n"
    item = {"profile": "default", "api_url": sandbox.url, "source": "env", "token": MASKED, "location": "DPX_TOKEN"}
    document = logged_in(*argv, "--json", env={"DPX_TOKEN": TOKEN}).json
    assert document == {**item, "accepted": True, "organizations": 2}


@pytest.mark.terminal
def test_status_on_a_terminal(logged_in: Any) -> None:
    """Titled lines."""
    done = logged_in.tty("auth", "status")
    assert all(text in done.out for text in ("Source", MASKED, "Accepted", "yes", "acme (owner), globex (owner)"))
    assert TOKEN not in done.out


def test_status_of_a_refused_token_shows_it_and_fails(logged_in: Any, sandbox: Sandbox) -> None:
    """Exit 4; a script sees `accepted: false`, a person how to go on. A 401 may be the server's mistake: all stays."""
    done = logged_in("auth", "status", "--json", env={"DPX_TOKEN": UNKNOWN})
    assert (done.code, UNKNOWN in done.out + done.err) == (4, False)
    assert (done.json["accepted"], done.json["organizations"], done.json["source"]) == (False, None, "env")
    assert (done.error["code"], done.error["status"], done.error["request"]) == ("unauthorized", 401, "GET /orgs")
    assert "set DPX_TOKEN" in done.error["hint"]
    done = logged_in("auth", "login", "--insecure-storage", stdin=UNKNOWN.encode())
    assert (done.code, done.out, logged_in("auth", "token").out) == (4, "", f"{TOKEN}\n")
    sandbox.fault("GET /orgs 401 x1")
    assert [logged_in("auth", "status").code, logged_in("auth", "status").code] == [4, 0]


def test_status_without_a_token(dpx: Any, sandbox: Sandbox) -> None:
    """Exit 4, nothing on stdout, no request."""
    for argv in (["auth", "status"], ["auth", "token"], ["whoami"]):
        done = dpx(*argv)
        assert (done.code, done.out) == (4, "")
        assert done.err == (
            f"error: Not logged in to {sandbox.origin} as profile default.\n"
            "hint: Set DPX_TOKEN, or run: dpx auth login\n"
        )
    assert sandbox.requests == []


@pytest.mark.parametrize("argv", [["auth", "logout"], ["logout"]])
def test_logout_takes_the_token_away(logged_in: Any, sandbox: Sandbox, folder: Path, argv: list[str]) -> None:
    """From every file; a second time is fine too; a token in the environment stays in use."""
    done = logged_in("login", "--insecure-storage", stdin=TOKEN.encode(), env={"DPX_TOKEN": UNKNOWN})
    assert done.err.endswith("note: DPX_TOKEN is set and takes precedence over the stored token.\n")
    done = logged_in(*argv)
    assert (done.code, done.out) == (0, "")
    title = f"the file {folder / 'tokens.json'}"
    assert done.err == f"Logged out of {sandbox.url} as profile default. The token is removed from {title}.\n"
    assert TOKEN not in everything_in(folder)
    done = logged_in(*argv, env={"DPX_TOKEN": TOKEN})
    assert done.code == 0
    assert done.err == (
        f"note: No token was stored for {sandbox.url} as profile default.\nnote: DPX_TOKEN is still set and used.\n"
    )


def test_each_profile_has_its_own_login(logged_in: Any) -> None:
    """A login makes the profile, `auth switch` makes it the usual one."""
    assert logged_in("auth", "switch", "work").code == 3
    done = logged_in("auth", "login", "--profile", "work", "--insecure-storage", stdin=TOKEN.encode())
    assert done.code == 0
    assert done.err.endswith("note: To use it without --profile, run: dpx profile use work\n")
    assert logged_in("auth", "switch", "work").err == "The current profile is work.\n"
    assert logged_in("auth", "status").out.startswith("work\t")
    assert logged_in("auth", "logout").code == 0
    assert logged_in("auth", "token").code == 4
    assert logged_in("auth", "token", "--profile", "default").out == f"{TOKEN}\n"


def test_logins_at_the_same_time_are_all_kept(logged_in: Any) -> None:
    """Five processes, five profiles, one file."""
    names = [f"p{number}" for number in range(5)]

    def log_in(name: str) -> int:
        code: int = logged_in.process("login", "--insecure-storage", "--profile", name, stdin=TOKEN.encode()).code
        return code

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(log_in, names)) == [0] * 5
    for name in [*names, "default"]:
        assert logged_in("auth", "token", "--profile", name).out == f"{TOKEN}\n"
    assert logged_in("profile", "list", "-q").out.split() == ["default", *names]


@pytest.mark.terminal
def test_nobody_to_ask_is_a_usage_error(dpx: Any, sandbox: Sandbox) -> None:
    """A terminal where asking is forbidden does not wait for a token."""
    done = dpx.tty("auth", "login", env={"DPX_NO_INPUT": "1"})
    assert done.code == 2
    assert "Can't ask for the token (not a terminal)." in done.out
    assert "dpx auth login --with-token" in done.out
    assert sandbox.requests == []
