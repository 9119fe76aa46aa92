"""`dpx open`: the site in a browser, or its URL where there is no browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

URL = "https://storefront.deploxa.com"


def script(path: Path, text: str) -> Path:
    """Write a shell script that can be run."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    """A browser that writes down what it is to open; gives where."""
    return script(tmp_path / "browser", f'(echo "$1"; env) > {tmp_path}/opened')


@pytest.mark.posix
def test_a_browser_is_opened(dpx: Program, browser: Path) -> None:
    """Stdout stays empty; the browser gets the URL and no secret: it lives longer than dpx."""
    env = {"BROWSER": str(browser), "DPX_WEBHOOK_SECRET": "canary"}
    result = dpx.process("open", "storefront", env=env)
    assert (result.code, result.out, result.err) == (0, "", f"Opened {URL}.\n"), result
    url, _, seen = (browser.parent / "opened").read_text(encoding="utf-8").partition("\n")
    assert (url, "BROWSER=" in seen) == (URL, True)
    assert dpx.env["DPX_TOKEN"] not in seen
    assert "canary" not in seen


def test_print_opens_nothing(dpx: Program, browser: Path) -> None:
    """The URL alone, and as JSON."""
    assert dpx("open", "storefront", "--print", env={"BROWSER": str(browser)}).out == f"{URL}\n"
    assert dpx("open", "storefront", "--json", env={"BROWSER": str(browser)}).json == {"url": URL}
    assert not (browser.parent / "opened").exists()
    assert URL in dpx.tty("open", "storefront", "--print").out


@pytest.mark.posix
@pytest.mark.parametrize("env", [{}, {"CI": "true", "DISPLAY": ":0"}, {"SSH_CONNECTION": "1", "DISPLAY": ":0"}])
def test_without_a_browser_the_url_is_printed(dpx: Program, env: dict[str, str]) -> None:
    """Without a desktop, in CI, and over ssh."""
    result = dpx.process("open", "storefront", env=env)
    assert (result.code, result.out, result.err) == (0, f"{URL}\n", "note: No browser found.\n"), result


@pytest.mark.posix
@pytest.mark.parametrize("command", ["/does/not/exist", "none", "false", "/bin/false", "no-such-firefox %s &", "'"])
def test_a_browser_that_fails(dpx: Program, tmp_path: Path, command: str) -> None:
    """The URL is printed, as if there were none, and no text browser of the machine is started instead."""
    script(tmp_path / "lynx", f"touch {tmp_path}/ran")
    env = {"PATH": f"{tmp_path}:{dpx.env['PATH']}", "DISPLAY": ":0"}
    result = dpx.process("open", "storefront", env={**env, "BROWSER": command})
    assert (result.code, result.out, result.err) == (0, f"{URL}\n", "note: No browser found.\n"), result
    assert not (tmp_path / "ran").exists()
    result = dpx.process("open", "storefront", env={**env, "BROWSER": "lynx"})
    assert result.out == f"{URL}\n", "it would need a terminal"


@pytest.mark.posix
def test_a_text_browser_is_used_on_a_terminal_if_it_is_asked_for(dpx: Program, tmp_path: Path) -> None:
    """BROWSER names it, with an argument in which the URL has a place."""
    text_browser = script(tmp_path / "w3m", 'echo "page: $*"')
    done = dpx.tty("open", "storefront", env={"BROWSER": f"{text_browser} -o x=%s"})
    assert (done.code, f"page: -o x={URL}" in done.out) == (0, True), done


def test_a_project_without_a_site(dpx: Program, sandbox: Sandbox) -> None:
    """Where the API tells a domain it has one; where the project is not there, exit 3."""
    sandbox.seed_project("bare")
    result = dpx("open", "bare", "--print")
    assert result.code == 3 or result.out == "https://bare.deploxa.com\n", result
    assert dpx("open", "none", "--print").code == 3
