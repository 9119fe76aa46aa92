"""Remembered names in completion: from which files they come, and which are never offered."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dpx_cli import cache
from dpx_cli.completion import candidates, names
from dpx_cli.config import paths

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

ID = "clm1" + "a" * 21


# A command line that ends with a word of each kind.
LINES = {
    "project": ("projects", "get"),
    "org": ("orgs", "get"),
    "key": ("env", "rm"),
    "deployment": ("deploy", "get"),
    "profile": ("profile", "use"),
    "branch": ("deploy", "--branch"),
    "nonsense": ("projects", "create"),
}


def offered(dpx: Program, kind: str, *options: str, **env: str) -> list[str]:
    """Return the values offered for a kind of word, after some options."""
    before = [*options, *LINES[kind]] if "--profile" in options else [*LINES[kind], *options]
    with contextlib.chdir(dpx.cwd):
        values = dict(candidates.answer([*before, ""], {**dpx.env, **env}))
    return [value for value in values if not value.startswith("--")]


def remember(dpx: Program, token: str = "t", origin: str = "https://deploxa.com:443", **content: Any) -> Path:
    """Write a cache file as `cache.py` does."""
    path = dpx.home / "cache" / paths.names_file(origin, token)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"origin": origin, **content}), encoding="utf-8")
    return path


def test_it_offers_what_the_lists_have_shown(dpx: Program) -> None:
    """Each sort of name, in the order of the list it comes from."""
    assert offered(dpx, "project") == []
    ids = [row[-1] for row in dpx("deploy", "list", "-p", "docs").rows]
    dpx("projects", "list")
    dpx("orgs", "list")
    dpx("env", "list", "-p", "storefront")
    assert offered(dpx, "project") == ["storefront", "docs", "api"]
    assert offered(dpx, "org") == ["acme", "globex"]
    assert offered(dpx, "deployment") == ids
    assert offered(dpx, "key", "--project", "storefront")[0] == "DATABASE_URL"
    assert offered(dpx, "key", "--project", "docs") == []
    assert offered(dpx, "key") == []
    assert offered(dpx, "key", DPX_PROJECT="storefront")[0] == "DATABASE_URL"
    dpx("link", "storefront")
    assert offered(dpx, "key")[0] == "DATABASE_URL"
    assert offered(dpx, "key", "--project", "docs") == []


def test_a_subfolder_of_a_linked_folder_has_its_keys(dpx_offline: Program) -> None:
    """As every other command finds the link file."""
    remember(dpx_offline, keys={ID: ["FROM_LINK"]})
    (dpx_offline.cwd / ".deploxa").mkdir()
    (dpx_offline.cwd / ".deploxa" / "project.json").write_text(json.dumps({"projectId": ID}), encoding="utf-8")
    dpx_offline.cwd = dpx_offline.cwd / "below" / "it"
    dpx_offline.cwd.mkdir(parents=True)
    assert offered(dpx_offline, "key") == ["FROM_LINK"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[project]\nslug = "acme/docs" # ours\n[env]\nslug = "x"\n', ["FROM_FILE"]),
        ("  [ignored]\n[project] # ours\nslug='docs'", ["FROM_FILE"]),
        ('[env]\nslug = "docs"\n', []),
        ("\0\xff", []),
    ],
)
def test_the_project_of_a_deploxa_toml_has_its_keys(dpx_offline: Program, text: str, wanted: list[str]) -> None:
    """The nearer of it and the link file counts, as for every other command."""
    remember(dpx_offline, keys={ID: ["FROM_FILE"], "other": ["FROM_LINK"]}, projects={"docs": ID, "acme/docs": ID})
    (dpx_offline.cwd / ".deploxa").mkdir()
    (dpx_offline.cwd / ".deploxa" / "project.json").write_text(json.dumps({"projectId": "other"}), encoding="utf-8")
    (dpx_offline.cwd / "deploxa.toml").write_text("[project]\nslug='docs'", encoding="utf-8")
    assert offered(dpx_offline, "key") == ["FROM_LINK"]
    dpx_offline.cwd = dpx_offline.cwd / "below"
    dpx_offline.cwd.mkdir()
    (dpx_offline.cwd / "deploxa.toml").write_text(text, encoding="latin-1")
    assert offered(dpx_offline, "key") == wanted


@pytest.mark.posix
def test_a_link_file_that_a_stranger_planted_is_not_read(dpx_offline: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """As no other command reads it: completion has the same rule."""
    remember(dpx_offline, keys={ID: ["PLANTED"]})
    (dpx_offline.cwd / ".deploxa").mkdir()
    (dpx_offline.cwd / ".deploxa" / "project.json").write_text(json.dumps({"projectId": ID}), encoding="utf-8")
    monkeypatch.chdir(dpx_offline.cwd)
    env = {**dpx_offline.env, "DPX_API_URL": paths.API_URL, "DPX_TOKEN": ""}
    assert list(names.find("key", None, None, env)) == [("PLANTED", "")]
    dpx_offline.cwd.chmod(0o777)
    own = dpx_offline.cwd.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: own + 2)
    monkeypatch.setattr(os, "lstat", lambda _: os.stat_result((0o40755, 0, 0, 0, own + 1, *[0] * 5)))
    assert list(names.find("key", None, None, env)) == []


def test_a_deployment_is_described_by_status_branch_and_age(dpx_offline: Program) -> None:
    """An ID alone says nothing. What an older version or a hostile server left is offered without."""
    hour_ago = time.time() - 3 * 3600
    created = datetime.fromtimestamp(hour_ago, UTC).isoformat()
    rows = [["one", "READY", "main", created], ["two", "ERROR", "a\nb", "soon"], "three", ["four"], [5, "x"], []]
    remember(dpx_offline, deployments=rows)
    result = dpx_offline("__complete", "deploy", "get", "")
    assert result.out.splitlines() == ["one\tREADY main 3 h ago", "two\tERROR", "four"]


@pytest.mark.posix
def test_a_pipe_in_the_link_files_place_is_not_waited_for(dpx_offline: Program) -> None:
    """Reading it would block the shell forever."""
    (dpx_offline.cwd / ".deploxa").mkdir()
    os.mkfifo(dpx_offline.cwd / ".deploxa" / "project.json")
    assert offered(dpx_offline, "key") == []


def test_profiles_are_those_of_the_file(dpx_offline: Program) -> None:
    """And the one that always exists."""
    assert offered(dpx_offline, "profile") == ["default"]
    dpx_offline("profile", "set", "work")
    assert offered(dpx_offline, "profile") == ["default", "work"]


def test_names_of_another_origin_profile_or_token_are_not_offered(dpx_offline: Program) -> None:
    """The newest cache that fits is the one."""
    remember(dpx_offline, "1", "https://other.example:443", profile="default", slugs=["elsewhere"])
    remember(dpx_offline, "2", profile="work", slugs=["of-work"])
    mine = remember(dpx_offline, "3", profile="default", slugs=["mine"])
    older = remember(dpx_offline, "4", profile="default", slugs=["older"])
    os.utime(older, (1, 1))
    os.utime(mine, (2, 2))
    assert offered(dpx_offline, "project") == ["mine"]
    assert offered(dpx_offline, "project", "--profile", "work") == ["of-work"]
    assert offered(dpx_offline, "project", DPX_PROFILE="work") == ["of-work"]
    assert offered(dpx_offline, "project", DPX_API_URL="https://OTHER.example/api/v1") == ["elsewhere"]
    assert offered(dpx_offline, "project", DPX_TOKEN="4") == ["older"]
    assert offered(dpx_offline, "project", DPX_TOKEN=" 4 ") == ["older"]
    assert offered(dpx_offline, "project", DPX_TOKEN="unknown") == []
    dpx_offline("profile", "set", "work", "--api-url", "https://other.example/api/v1")
    dpx_offline("profile", "use", "work")
    remember(dpx_offline, "5", "https://other.example:443", profile="work", slugs=["of-work-elsewhere"])
    assert offered(dpx_offline, "project") == ["of-work-elsewhere"]


def test_a_stored_login_is_remembered_under_its_profile(dpx_offline: Program, sandbox: Sandbox) -> None:
    """So that completion, which may not ask the keyring, finds its names."""
    dpx_offline.env["DPX_API_URL"] = sandbox.url
    login = dpx_offline(
        "auth", "login", "--with-token", "--insecure-storage", "--profile", "work", stdin=sandbox.token.encode()
    )
    assert login.code == 0, login
    assert dpx_offline("projects", "list", "--profile", "work").code == 0
    assert offered(dpx_offline, "project", "--profile", "work") == ["storefront", "docs", "api"]
    assert offered(dpx_offline, "project") == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"null",
        b'{"slugs": 5}',
        b'{"slugs": [null, 5, {}, ""]}',
        b"[" * 200_000,
        b"{" * 50,
    ],
)
@pytest.mark.parametrize("file", ["names", "config", "link"])
def test_damaged_files_are_silent(dpx_offline: Program, file: str, content: bytes) -> None:
    """Whatever is wrong, the person who types is not told in the middle of the line."""
    cache = remember(dpx_offline, slugs=["x"])
    path = {
        "names": cache,
        "config": dpx_offline.home / "config" / "config.json",
        "link": dpx_offline.cwd / ".deploxa" / "project.json",
    }[file]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    for kind in LINES:
        offered(dpx_offline, kind)


def test_a_cache_that_is_too_large_is_not_read(dpx_offline: Program) -> None:
    """Nor is one that is no file."""
    remember(dpx_offline, slugs=["x"], junk="y" * names.MAX_BYTES)
    assert offered(dpx_offline, "project") == []
    remember(dpx_offline).unlink()
    remember(dpx_offline, "5").unlink()
    (dpx_offline.home / "cache" / "names-folder.json").mkdir()
    assert offered(dpx_offline, "project") == []


def test_a_reader_that_is_gone_is_no_error(dpx_offline: Program) -> None:
    """A shell that was interrupted closes the pipe."""
    remember(dpx_offline, slugs=["x"])
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "dpx_cli", "__complete", "projects", "get", ""],
        env=dpx_offline.env,
        cwd=dpx_offline.cwd,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


HARMFUL = set(" \t\n\r\"'`$\\;&|<>(){}[]*?!#~^%=,:\0\x1b\x7f\x9b\u202e\u200b\ufeff\ud800")


@given(st.text(alphabet=st.characters(codec=None), min_size=1))
@example("$(reboot)")
@example("a\u202eb")
@example("--help")
@example("-p")
@example("../x")
@example("~root")
@example("a b")
@example("\ud800")
def test_only_harmless_names_are_offered(name: str) -> None:
    """Nothing that a shell reads as more than a word, or a person as another word."""
    if candidates.is_harmless(name):
        assert not HARMFUL & set(name)
        assert name[0].isalnum() or name[0] == "_"
        assert name.isprintable()
        assert len(name) <= candidates.MAX_CHARACTERS
        name.encode()


def test_honest_names_are_offered() -> None:
    """Of every script."""
    names = ("storefront", "my-app_2.0", "acme/docs", "DATABASE_URL", "_PRIVATE", "köln", "日本語", "v1@x")
    assert all(map(candidates.is_harmless, names))


def test_the_size_bound_is_that_of_the_cache() -> None:
    """Importing the cache's own figure would import json."""
    assert names.MAX_BYTES == cache.MAX_BYTES
