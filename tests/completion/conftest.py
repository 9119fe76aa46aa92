"""A shell at a desk: a warm cache, a `dpx` on the path that logs its calls, and the completion loaded."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import program
import pytest
import shells

from dpx_cli import completion
from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = Path(__file__).parents[2] / "completions"

# What a server may call a project; none of it may reach a command line.
HOSTILE = (
    "$(touch pwned)",
    "`touch pwned`",
    "st;touch pwned",
    "st ore",
    "st'",
    'st"',
    "st\\",
    "-st",
    "st\x1b[31m",
    "~st",
)


class Desk:
    """A home folder with a warm cache, and a shell in it, in a git checkout with the branch feature/one."""

    def __init__(self, home: Path, sandbox: Sandbox) -> None:
        self.cwd = home / "work"
        self.cwd.mkdir(parents=True)
        (self.cwd / "settings.env").write_text("A=1\n", encoding="utf-8")
        self._log = home / "calls"
        self.deployments: list[str] = []  # remembered IDs, newest first
        self.env = program.clean_env(home, {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token})
        program.need("git")
        for words in (["init", "-q"], ["checkout", "-q", "-b", "feature/one"]):
            subprocess.run(["git", *words], cwd=self.cwd, env=self.env, check=True)
        for argv in (
            ("projects", "list"),
            ("orgs", "list"),
            ("deploy", "list", "--project", "docs"),
            ("env", "list", "--project", "storefront"),
            ("env", "list", "--project", "docs"),
            ("profile", "set", "work"),
        ):
            assert program.run(*argv, env=self.env, cwd=self.cwd).code == 0
        for path in (home / "cache").glob("names-*.json"):
            names = json.loads(path.read_text(encoding="utf-8"))
            names["slugs"] += HOSTILE
            self.deployments = [row[0] for row in names["deployments"]]
            path.write_text(json.dumps(names), encoding="utf-8")
        shim = home / "bin" / "dpx"
        shim.parent.mkdir()
        note = f"{{ printf '%s\\037' \"$@\"; echo; }} >> '{self._log}'"
        shim.write_text(f'#!/bin/sh\n{note}\nexec "{program.PROGRAM[0]}" "$@"\n', encoding="utf-8")
        shim.chmod(0o755)
        self.env["PATH"] = f"{shim.parent}{os.pathsep}{self.env['PATH']}"
        self.shell: shells.Shell

    def calls(self) -> list[list[str]]:
        """Return the arguments of each start of dpx since the last time."""
        lines = self._log.read_text(encoding="utf-8").split("\n")[:-1] if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return [line.split("\x1f")[:-1] for line in lines]


@pytest.fixture(scope="module", params=shells.NAMES)
def open_desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk for each of the shells; skipped where one is not installed."""
    name: str = request.param
    if not shells.is_installed(name):
        pytest.skip(f"{name} is NOT INSTALLED: its completion is not tested")
    with Sandbox() as sandbox:
        made = Desk(tmp_path_factory.mktemp(name) / "home", sandbox)
        with shells.Shell(name, made.env, made.cwd, f"source {SCRIPTS / completion.FILES[name]}") as shell:
            made.shell = shell
            yield made


@pytest.fixture
def desk(open_desk: Desk) -> Desk:
    """The same desk for each test; what others have called is forgotten."""
    open_desk.calls()
    return open_desk
