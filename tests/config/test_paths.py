"""The rules that settings, the link file, the name cache and completion share."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from dpx_cli.config import paths
from dpx_cli.config.settings import check_api_url

if TYPE_CHECKING:
    from pathlib import Path

    from platformdirs.api import PlatformDirsABC


@pytest.mark.posix
@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize(
    "env",
    [
        {"HOME": "/home/you"},
        {"HOME": "/home/you", "XDG_CONFIG_HOME": "/elsewhere/c", "XDG_CACHE_HOME": "/elsewhere/k"},
        {"HOME": "/home/you", "XDG_CONFIG_HOME": "relative", "XDG_CACHE_HOME": ""},
    ],
)
def test_folders_are_those_of_platformdirs(env: dict[str, str], platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing platformdirs is slow to import, so paths.py repeats its rules."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    if platform == "darwin":
        dirs: PlatformDirsABC = MacOS("dpx", appauthor=False)
    else:
        dirs = Unix("dpx", appauthor=False)
    monkeypatch.setattr(sys, "platform", platform)
    assert paths.folder(env, "config") == dirs.user_config_dir
    assert paths.folder(env, "cache") == dirs.user_cache_dir


@pytest.mark.posix
def test_a_variable_names_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """An absolute one, or one relative to the working directory; an empty variable counts as not set."""
    monkeypatch.chdir("/")
    monkeypatch.setenv("HOME", "/home/you")
    monkeypatch.setattr(sys, "platform", "linux")
    env = {"DPX_CONFIG_DIR": "c", "DPX_CACHE_DIR": "", "XDG_CACHE_HOME": "/k"}
    assert paths.folder(env, "config") == "/c"
    assert paths.folder(env, "cache") == "/k/dpx"
    monkeypatch.setenv("HOME", "relative")  # it would scatter files over working directories
    assert paths.folder({}, "config") == ""


@pytest.mark.parametrize(
    "url",
    [
        *(paths.API_URL, "https://deploxa.com", "HTTPS://Deploxa.COM/api/v1/", "https://deploxa.com:8443/api"),
        *("https://deploxa.com:08443/api", "https://deploxa.com:/api", "http://127.0.0.1:8787/api/v1"),
        *("http://localhost", "http://[::1]:80/api", "http://[::1]/api"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str) -> None:
    """As the standard library reads every URL that the settings accept."""
    parts = urlsplit(check_api_url(url))
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    assert paths.origin_of(check_api_url(url)) == f"{parts.scheme}://{host}:{port}"


def test_the_names_file_holds_a_digest_of_the_token() -> None:
    """The same with every Python, whichever module computes it."""
    digest = hashlib.sha256(b"https://a:443\ndpx_a").hexdigest()
    assert paths.names_file("https://a:443", "dpx_a") == f"names-{digest[:32]}.json"


def test_no_file_above_the_home_directory_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder below it; elsewhere the search goes up to the root."""
    (tmp_path / "deploxa.toml").touch()
    home, project = tmp_path / "home", tmp_path / "home" / "project"
    project.mkdir(parents=True)
    assert paths.project_file(str(project)) == str(tmp_path / "deploxa.toml")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    assert paths.project_file(str(project)) is None
    (home / "deploxa.toml").touch()
    assert paths.project_file(str(project)) == str(home / "deploxa.toml")
