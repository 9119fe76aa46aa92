"""Every command at once: its words, and its example, run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import program
import pytest
from receiver import Receiver

from dpx_cli.cli import build_table as table_compiler
from dpx_cli.cli import main, parser
from dpx_cli.cli.command_table import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Program

COMMANDS: dict[str, Mapping[str, Any]] = {
    f"{name} {sub}".strip(): command
    for name, entry in TABLE.items()
    for sub, command in entry.get("commands", {"": entry}).items()
}

SECRET_FILE = "printf 's3cret' > secret.txt && printf '{}' > body.json"
# What an example finds: commands that are run before it.
BEFORE = {
    "deploy diff": "git init -q && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one"
    " && dpx deploy -p storefront --branch main --sha HEAD",
    "plan": "dpx export --project storefront > deploxa.toml",
    "apply": "dpx export --project storefront > deploxa.toml",
    "env rm": "dpx env set LEGACY_FLAG 1 --project storefront",
    "env import": "echo LOG_LEVEL=debug > .env",
    "env check": "echo DATABASE_URL= > .env.example",
    "env scan": "echo 'process.env.DATABASE_URL' > app.js",
    "env diff": "echo DATABASE_URL=x > .env",
    "auth logout": "echo $DPX_TOKEN | dpx login --with-token --insecure-storage",
    "logout": "echo $DPX_TOKEN | dpx login --with-token --insecure-storage",
    "auth switch": "echo $DPX_TOKEN | dpx login --with-token --insecure-storage",
    "profile remove": "dpx profile set work",
    "webhook verify": SECRET_FILE,
    "webhook sign": SECRET_FILE,
    "webhook send": SECRET_FILE,
    "webhook listen": SECRET_FILE,
    "webhook check": SECRET_FILE,
    "completion uninstall": "dpx completion install bash",
}
# What it may end with where that is not 0, and why.
ENDS = {
    "doctor": {0, 10},  # what it finds is the machine's
    "webhook check": {10},  # the receiver of this test accepts everything
    "env diff": {0, 10},  # there is a difference
}
# These cannot be run as they are, and where they are tried.
ELSEWHERE = {
    "webhook replay": "needs a delivery that was saved: tests/commands/test_webhook.py",
    "mcp": "tests/commands/agents",
    "sandbox serve": "tests/commands/test_sandbox.py",
    "webhook listen": "tests/commands/test_webhook.py",
}


def test_the_table_is_what_the_declarations_say() -> None:
    """Otherwise: python -m dpx_cli.cli.build_table."""
    assert table_compiler.render() == Path(table_compiler.FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_words_are_unambiguous(name: str) -> None:
    """No flag or parameter twice, nothing after an argument that takes all words; the machinery's own are there."""
    params = COMMANDS[name]["params"]
    flags = [flag for param in params for flag in param.get("flags", ())]
    assert len(set(flags)) == len(flags)
    assert len({param["name"] for param in params}) == len(params)
    assert {"--profile", "--debug", "--help", "-h"} <= set(flags)
    assert all(re.fullmatch(r"--[a-z][a-z-]+|-[a-zA-Z]", flag) for flag in flags)
    arguments = [param for param in params if "flags" not in param]
    assert not any(param.get("multiple") for param in arguments[:-1])
    assert f"dpx {name}" in COMMANDS[name]["example"]
    optional = [not param.get("required") for param in arguments]
    assert optional == sorted(optional), "an argument that may be left out stands before one that may not"


def test_a_default_that_is_not_used_is_not_promised() -> None:
    """DPX_ORG is no default beside --all, which needs no organization either; delete needs its project typed."""
    for name, command in COMMANDS.items():
        defaults = {param["flags"][0]: param.get("env") for param in command["params"] if "flags" in param}
        assert "--all" not in defaults or not defaults.get("--org"), name
        assert "--project" not in defaults or bool(defaults["--project"]) == (name != "projects delete"), name


@pytest.mark.parametrize("name", ELSEWHERE)
def test_an_example_that_is_not_run_is_understood(name: str) -> None:
    """The parser accepts it."""
    assert isinstance(main.parse_line(shlex.split(COMMANDS[name]["example"])[1:]), parser.Call)


@pytest.mark.posix
@pytest.mark.parametrize("name", sorted(set(COMMANDS) - set(ELSEWHERE)))
def test_an_example_works(dpx: Program, request: pytest.FixtureRequest, name: str) -> None:
    """Run by sh against a new sandbox, in an empty folder."""
    line = COMMANDS[name]["example"]
    if "127.0.0.1:3000" in line:
        receiver = Receiver()
        request.addfinalizer(receiver.close)
        line = line.replace("127.0.0.1:3000", receiver.address.partition("/")[0])
    folder = str(Path(program.PROGRAM[0]).parent)
    env = {**dpx.env, "PATH": os.pathsep.join([folder, dpx.env["PATH"]]), "DPX_NO_INPUT": "1"}
    if name in BEFORE:
        subprocess.run(["sh", "-euc", BEFORE[name]], env=env, cwd=dpx.cwd, check=True, capture_output=True)
    done = subprocess.run(
        ["sh", "-c", line], env=env, cwd=dpx.cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    assert done.returncode in ENDS.get(name, {0}), (line, done.stdout, done.stderr)
    assert b"Traceback" not in done.stderr
    if done.returncode == 0 and name not in {"auth login", "login", "logout", "auth logout"}:
        assert done.stdout or done.stderr, "it said nothing at all"
