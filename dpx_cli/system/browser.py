"""Open a person's web browser."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from dpx_cli.system import child_env
from dpx_cli.system.switches import is_on

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS_TO_FAIL = 3.0  # a program that still runs then has opened the page
TERMINAL_BROWSERS = ("lynx", "w3m", "links", "links2", "elinks", "www-browser", "browsh")
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")


def open_url(url: str, env: Mapping[str, str]) -> bool:
    """Open a checked http(s) URL. Return False if there is no browser for it, as over ssh and in CI."""
    # The standard library's webbrowser would start a text browser in the terminal where BROWSER fails.
    variable = env.get("BROWSER")
    if is_on(env, "CI") or (env.get("SSH_CONNECTION") and not variable):
        return False
    if variable:
        return any(_run(command, url, env) for command in variable.split(os.pathsep))
    if sys.platform == "win32":  # pragma: no cover - Windows only
        os.startfile(url)  # noqa: S606 - a checked URL
        return True
    if sys.platform == "darwin":  # pragma: no cover - macOS only
        return _run("open", url, env)
    if not any(env.get(name) for name in DISPLAYS):
        return False
    return any(_run(command, url, env) for command in ("xdg-open", "wslview", "x-www-browser", "firefox"))


def _run(command: str, url: str, env: Mapping[str, str]) -> bool:
    """Run one browser, like "firefox" or "chrome --new-window %s &". Return whether it did not fail."""
    import subprocess

    try:
        words = shlex.split(command.strip().removesuffix("&"), posix=os.name == "posix")
    except ValueError:
        return False
    program = child_env.program(words[0], env) if words else None
    if program is None:
        return False
    words = [word.replace("%s", url) for word in words[1:]] if "%s" in command else [*words[1:], url]
    in_terminal = os.path.basename(program) in TERMINAL_BROWSERS
    if in_terminal and not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    stream = None if in_terminal else subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            [program, *words],
            env=child_env.environment(env),  # it needs no token, and lives longer than dpx
            stdin=stream,
            stdout=stream,
            stderr=stream,
            start_new_session=not in_terminal,
        )
        return process.wait(None if in_terminal else SECONDS_TO_FAIL) == 0
    except subprocess.TimeoutExpired:
        return True
    except OSError:
        return False
