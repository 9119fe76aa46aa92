"""The hidden entry that completion scripts call: what it offers, and what it never does."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import platformdirs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dpx_cli import cache as names
from dpx_cli.completion import candidates as complete
from dpx_cli.config import settings

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

ID = "clm1" + "a" * 21


def offered(dpx: Program, *argv: str, **env: str) -> list[str]:
    """What the entry prints; it must be silent otherwise."""
    result = dpx("__complete", *argv, env=env)
    assert result.code == 0
    assert result.err == ""
    return result.out.splitlines()


def remember(dpx: Program, token: str = "t", origin: str = "https://deploxa.com:443", **content: Any) -> Path:
    """Write a cache file as `names.py` does."""
    path = dpx.home / "cache" / f"names-{complete.digest(origin, token)}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"origin": origin, **content}))
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
    (dpx_offline.cwd / ".deploxa" / "project.json").write_text(json.dumps({"projectId": ID}))
    dpx_offline.cwd = dpx_offline.cwd / "below" / "it"
    dpx_offline.cwd.mkdir(parents=True)
    assert offered(dpx_offline, "key") == ["FROM_LINK"]


def test_a_pipe_in_the_link_files_place_is_not_waited_for(dpx_offline: Program) -> None:
    """Nobody writes into it, and somebody sits at the TAB key."""
    (dpx_offline.cwd / ".deploxa").mkdir()
    os.mkfifo(dpx_offline.cwd / ".deploxa" / "project.json")
    assert offered(dpx_offline, "key") == []


def test_profiles_are_those_of_both_files(dpx_offline: Program) -> None:
    """Set by hand, or logged in."""
    assert offered(dpx_offline, "profile") == ["default"]
    dpx_offline("profile", "set", "work")
    (dpx_offline.home / "config" / "credentials.json").write_text(
        '{"tokens": {"other@https://deploxa.com:443": "file"}}'
    )
    assert offered(dpx_offline, "profile") == ["default", "work", "other"]


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
    assert offered(dpx_offline, "project", DPX_TOKEN="nobody's") == []
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
@pytest.mark.parametrize("file", ["names", "config", "credentials", "link"])
def test_damaged_files_are_silent(dpx_offline: Program, file: str, content: bytes) -> None:
    """Whatever is wrong, the person who types is not told in the middle of the line."""
    cache = remember(dpx_offline, slugs=["x"])
    path = {
        "names": cache,
        "config": dpx_offline.home / "config" / "config.json",
        "credentials": dpx_offline.home / "config" / "credentials.json",
        "link": dpx_offline.cwd / ".deploxa" / "project.json",
    }[file]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    for kind in ("project", "org", "key", "deployment", "profile", "nonsense"):
        offered(dpx_offline, kind)
    offered(dpx_offline)
    offered(dpx_offline, "key", "--project")


def test_a_cache_that_is_too_large_is_not_read(dpx_offline: Program) -> None:
    """Nor is one that is no file."""
    remember(dpx_offline, slugs=["x"], junk="y" * complete.MOST_BYTES)
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
        [sys.executable, "-m", "dpx_cli", "__complete", "project"],
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
    if complete.is_harmless(name):
        assert not HARMFUL & set(name)
        assert name[0].isalnum() or name[0] == "_"
        assert name.isprintable()
        assert len(name) <= complete.MOST_CHARACTERS
        name.encode()


@pytest.mark.parametrize(
    "name", ["storefront", "my-app_2.0", "acme/docs", "DATABASE_URL", "_PRIVATE", "köln", "日本語", "v1@x"]
)
def test_honest_names_are_offered(name: str) -> None:
    """Of every script."""
    assert complete.is_harmless(name)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize(
    "env",
    [
        {"HOME": "/home/you"},
        {"HOME": "/home/you", "XDG_CONFIG_HOME": "/elsewhere/c", "XDG_CACHE_HOME": "/elsewhere/k"},
        {"HOME": "/home/you", "XDG_CONFIG_HOME": "relative", "XDG_CACHE_HOME": ""},
        {"HOME": "/home/you", "DPX_CONFIG_DIR": "/c", "DPX_CACHE_DIR": "/k"},
        {"HOME": "/home/you", "DPX_CONFIG_DIR": "c", "DPX_CACHE_DIR": ""},
    ],
)
def test_files_are_where_the_settings_have_them(
    env: dict[str, str], platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Platformdirs is too slow for the entry, so what it says is written down there."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    if platform == "darwin":
        from platformdirs.macos import MacOS

        dirs = MacOS("dpx", appauthor=False)
        monkeypatch.setattr(platformdirs, "user_config_dir", lambda *_, **__: dirs.user_config_dir)
        monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *_, **__: dirs.user_cache_dir)
    monkeypatch.setattr(sys, "platform", platform)
    found = settings.Settings(env)
    assert complete.folder(env, "config") == found.config_dir
    assert complete.folder(env, "cache") == found.cache_dir


@pytest.mark.parametrize(
    "url",
    [
        settings.API_URL,
        "https://deploxa.com",
        "HTTPS://Deploxa.COM/api/v1/",
        "https://deploxa.com:8443/api",
        "http://127.0.0.1:8787/api/v1",
        "http://localhost",
        "http://[::1]:80/api",
        "http://[::1]/api",
    ],
)
def test_an_origin_is_what_the_settings_make_of_it(url: str) -> None:
    """The cache is found by it."""
    assert complete.origin_of(url) == settings.origin_of(settings.check_api_url(url))


def test_the_copied_figures_are_the_originals() -> None:
    """Importing them would cost more than reading the cache."""
    assert complete.API_URL == settings.API_URL
    assert complete.MOST_BYTES == names.MOST_BYTES


@given(st.text(), st.text())
def test_a_digest_is_that_of_the_cache(origin: str, token: str) -> None:
    """Whichever module of the interpreter made it."""
    with contextlib.suppress(UnicodeEncodeError):
        path = names.Names(lambda: "", origin, token)._path()
        assert path == f"names-{complete.digest(origin, token)}.json"


def test_it_imports_next_to_nothing(dpx: Program) -> None:
    """No network, no keyring, no Typer, no json: one module of ours, and C modules of the interpreter."""
    dpx("env", "list", "-p", "storefront")
    code = (
        "import sys; before = set(sys.modules); from dpx_cli.completion import candidates as complete; import os\n"
        "complete.run(['key', '--project', 'storefront'], os.environ)\n"
        "print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=dpx.env, cwd=dpx.cwd, capture_output=True, text=True, check=True
    )
    assert "DATABASE_URL" in done.stdout
    allowed = {
        "dpx_cli",
        "dpx_cli.completion",
        "dpx_cli.completion.candidates",
        "__future__",
        "_json",
        "_sha256",
        "_sha2",
    }
    assert set(done.stderr.split()) <= allowed
