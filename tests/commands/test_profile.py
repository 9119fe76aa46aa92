"""`dpx profile`: the program in a process of its own, off a terminal and on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.config.settings import Settings
from dpx_cli.credentials import stores

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"
DEFAULT = {"name": "default", "current": True, "api_url": None, "org": None, "logged_in": False, "read_only": False}


@pytest.fixture
def folder(dpx_offline: Any) -> Path:
    """The folder of dpx's files."""
    found: Path = dpx_offline.home / "config"
    return found


def log_in(folder: Path, profile: str) -> None:
    """Put a token into the file, for a profile."""
    settings = Settings({"DPX_CONFIG_DIR": str(folder)}, profile=profile)
    settings.may_create_profile = True
    stores.store_token(settings, TOKEN, stores.open_store("file", str(folder)))


def test_list_in_every_format(dpx_offline: Any, folder: Path) -> None:
    """Without any file the default profile; a profile with nothing but a token is one too."""
    assert json.loads(dpx_offline("profile", "list", "--json").out) == [DEFAULT]
    assert not folder.exists(), "reading writes nothing"
    assert dpx_offline("profile", "set", "work", "--api-url", "https://example.com/v1/", "--org", "acme").code == 0
    log_in(folder, "ci")
    assert dpx_offline("profile", "list", "-q").out.split() == ["ci", "default", "work"]
    assert dpx_offline("profile", "list").out == (
        "ci\tfalse\t\t\ttrue\tfalse\ndefault\ttrue\t\t\tfalse\tfalse\nwork\tfalse\thttps://example.com/v1\tacme\tfalse\tfalse\n"
    )
    lines = dpx_offline("profile", "list", "--jsonl", env={"DPX_PROFILE": "work"}).out.splitlines()
    assert [json.loads(line)["name"] for line in lines if json.loads(line)["current"]] == ["work"]


def test_set_changes_what_is_given_and_takes_away_what_is_empty(dpx_offline: Any, folder: Path) -> None:
    """The rest stays."""
    assert dpx_offline("profile", "set", "work", "--api-url", "https://example.com").err == "Profile work created.\n"
    assert dpx_offline("profile", "set", "work", "--org", "acme").err == "Profile work changed.\n"
    assert dpx_offline("profile", "set", "work", "--api-url", "").code == 0
    assert json.loads((folder / "config.json").read_bytes()) == {"profiles": {"work": {"org": "acme"}}}


@pytest.mark.parametrize(
    "argv",
    [
        ["set", "work", "--api-url", "https://user:canary@example.com"],
        ["set", "work", "--read-only", "--no-read-only"],
        ["use", "a/b"],
        ["remove", "a\nb"],
    ],
)
def test_bad_input_writes_nothing(dpx_offline: Any, folder: Path, argv: list[str]) -> None:
    """Exit 2, one line and a hint, no password shown."""
    done = dpx_offline("profile", *argv)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert "canary" not in done.err
    assert not (folder / "config.json").exists()


def test_use_needs_a_profile_that_exists(dpx_offline: Any, folder: Path) -> None:
    """With settings, or logged in, or the default one."""
    done = dpx_offline("profile", "use", "work")
    assert (done.code, done.out) == (3, "")
    assert "dpx auth login --profile work" in done.err
    log_in(folder, "work")
    assert dpx_offline("profile", "use", "work").code == 0
    done = dpx_offline("profile", "use", "default", env={"DPX_PROFILE": "work"})
    assert done.err == "The current profile is default.\nnote: DPX_PROFILE is set to work and takes precedence.\n"


def test_remove_takes_the_tokens_too(dpx_offline: Any, folder: Path) -> None:
    """Off a terminal nobody is asked; the next command goes to another account, which is said."""
    dpx_offline("profile", "set", "work", "--org", "acme")
    dpx_offline("profile", "use", "work")
    log_in(folder, "work")
    done = dpx_offline("profile", "remove", "work")
    assert done.code == 0
    assert done.err == "Profile work and its stored tokens removed.\nnote: The current profile is now default.\n"
    assert not (folder / "tokens.json").exists()
    assert json.loads(dpx_offline("profile", "list", "--json").out) == [DEFAULT]
    assert dpx_offline("profile", "remove", "work").code == 3


@pytest.mark.terminal
@pytest.mark.parametrize(("answer", "left"), [("y", ["default"]), ("", ["default", "work"])])
def test_remove_asks_on_a_terminal(dpx_offline: Any, answer: str, left: list[str]) -> None:
    """No is the default."""
    dpx_offline("profile", "set", "work")
    question = "Remove profile work and its stored tokens?"
    done = dpx_offline.tty("profile", "remove", "work", answers=[(question, f"{answer}\n")])
    assert done.code == 0, done
    assert question in done.out
    assert dpx_offline("profile", "list", "-q").out.split() == left


def test_a_read_only_profile_sends_no_change(dpx_offline: Any, sandbox: Sandbox) -> None:
    """Whatever the environment says; only the profile turns it off."""
    dpx_offline.env.update({"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token})
    assert dpx_offline("profile", "set", "prod", "--read-only").code == 0
    env = {"DPX_PROFILE": "prod", "DPX_READ_ONLY": "0"}
    assert dpx_offline("projects", "list", env=env).code == 0
    sandbox.clear_requests()
    for argv in (
        *(("projects", "create", "new"), ("projects", "delete", "docs", "--yes")),
        *(("env", "set", "A=1", "-p", "docs"), ("env", "rm", "SEARCH_KEY", "-p", "docs", "--yes")),
        *(("deploy", "-p", "docs", "--branch", "main"), ("api", "/projects", "-X", "POST", "-f", "name=x")),
    ):
        done = dpx_offline(*argv, env=env)
        assert (done.code, done.out) == (5, ""), done
        assert "Changes are blocked by profile prod" in done.err
        assert "--no-read-only" not in done.err
    assert {request.method for request in sandbox.requests} <= {"GET"}
    listed = {row["name"]: row["read_only"] for row in dpx_offline("profile", "list", "--json").json}
    assert listed == {"default": False, "prod": True}
    assert dpx_offline("profile", "set", "prod", "--org", "acme").code == 0
    assert dpx_offline("projects", "create", "new", env=env).code == 5
    assert dpx_offline("profile", "set", "prod", "--no-read-only").code == 0
    assert dpx_offline("projects", "create", "new", env=env).code == 0


@pytest.mark.parametrize("value", ['"no"', "1", "null", "false", "[]", '"false"'])
def test_a_profile_file_that_says_anything_but_false_is_read_only(
    dpx_offline: Any, sandbox: Sandbox, folder: Path, value: str
) -> None:
    """Somebody wrote it there to be safe."""
    folder.mkdir()
    (folder / "config.json").write_text(f'{{"profiles": {{"default": {{"read_only": {value}}}}}}}', encoding="utf-8")
    dpx_offline.env.update({"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token})
    off = value in ("null", "false", "[]")
    assert dpx_offline("projects", "create", "new").code == (0 if off else 5)


# Profiles that don't exist


@pytest.mark.parametrize("argv", [["projects", "list"], ["auth", "status"], ["auth", "token"], ["profile", "list"]])
def test_an_unknown_profile_is_a_usage_error(dpx_offline: Any, sandbox: Sandbox, argv: list[str]) -> None:
    """From the option or the variable; nothing is sent, and the message lists those there are."""
    dpx_offline.env.update({"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token, "DPX_ORG": "acme"})
    dpx_offline("profile", "set", "work")
    if argv == ["auth", "token"]:
        del dpx_offline.env["DPX_TOKEN"]
    for words, env, source in (
        (("--profile", "nope"), {}, "--profile"),
        ((), {"DPX_PROFILE": "nope"}, "DPX_PROFILE"),
    ):
        done = dpx_offline(*argv, *words, env=env)
        assert (done.code, done.out) == (2, ""), done
        assert done.err.startswith(f"error: {source}: there is no profile nope. Profiles: default, work.\n")
        assert done.err.endswith("dpx auth login --profile nope\n")
    assert sandbox.requests == []


def test_what_creates_a_profile_may_name_a_new_one(dpx_offline: Any, sandbox: Sandbox) -> None:
    """`auth login` and `profile set`."""
    dpx_offline.env.update({"DPX_API_URL": sandbox.url, "DPX_PROFILE": "new"})
    done = dpx_offline("auth", "login", "--insecure-storage", stdin=sandbox.token.encode())
    assert done.code == 0, done
    assert dpx_offline("auth", "status", "--json").json["profile"] == "new"
    dpx_offline.env["DPX_PROFILE"] = "newer"
    assert dpx_offline("profile", "set", "newer").code == 0
    assert dpx_offline("profile", "list", "-q").out.split() == ["default", "new", "newer"]
