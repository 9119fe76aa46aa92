"""What a start may cost, told without a clock: which modules are imported, how many requests and connections are made.

The times are measured in `tests/benchmarks/startup.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dpx_cli import __version__

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

# Not one of these is worth its time before somebody needs it.
HEAVY = {
    *("typer", "click", "rich", "httpx", "keyring", "secretstorage", "jeepney", "cryptography", "starlette", "uvicorn"),
    *("pydantic", "platformdirs", "pygments", "certifi"),
    *("asyncio", "inspect", "dataclasses", "importlib.metadata", "subprocess", "tempfile", "pathlib", "argparse"),
    *("logging", "concurrent.futures", "difflib", "shutil", "textwrap", "sqlite3", "stringprep"),
}
NETWORK = {"http.client", "socket", "ssl", "email"}


def imported(dpx: Program, *argv: str, code: int = 0) -> set[str]:
    """The modules that one run imports beyond those of the bare interpreter, as its own import log tells them."""

    def log(*words: str) -> tuple[int, set[str]]:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", *words], env=dpx.env, cwd=dpx.cwd, capture_output=True, check=False
        )
        lines = re.findall(r"^import time:.*\|\s*(\S+)", done.stderr.decode(), re.MULTILINE)
        return done.returncode, set(lines)

    _, bare = log("-c", "pass")
    ended, names = log("-m", "dpx_cli", *argv)
    assert ended == code
    assert "dpx_cli" in names, "the import log is empty"
    # `-m` itself brings runpy; the installed script does not.
    return names - bare


def test_version_imports_nothing(dpx: Program) -> None:
    """Not even what the interpreter's own `argparse` would bring: `dpx_cli`, its entry and gc."""
    assert {name for name in imported(dpx, "--version") if name.startswith("dpx_cli")} <= {
        "dpx_cli",
        "dpx_cli.__main__",
    }


@pytest.mark.parametrize(
    ("argv", "code"), [(["--help"], 0), (["deploy", "-h"], 0), (["env"], 0), (["projects", "list", "--nope"], 2)]
)
def test_help_and_usage_errors_import_neither_a_command_nor_the_network(
    dpx: Program, argv: list[str], code: int
) -> None:
    """Both come from the command table; only an error looks for the nearest name."""
    names = imported(dpx, *argv, code=code)
    assert not names & (HEAVY | NETWORK) - ({"difflib"} if code else set())
    assert not {name for name in names if name.startswith(("dpx_cli.commands", "dpx_cli.api"))}


def test_a_list_with_a_token_in_the_environment_imports_no_more_than_it_uses(dpx: Program) -> None:
    """No Typer, no Rich, no keyring, no other group's module."""
    names = imported(dpx, "projects", "list", "--json")
    assert not names & HEAVY
    assert {name for name in names if name.startswith("dpx_cli.credentials")} == {"dpx_cli.credentials"}
    assert {name for name in names if name.startswith("dpx_cli.commands.")} <= {
        "dpx_cli.commands.projects",
        "dpx_cli.commands.listing",
    }
    assert {name for name in names if name.startswith("dpx_cli.api.")} >= {"dpx_cli.api.projects", "dpx_cli.api.client"}
    ours = [vars(import_module(name)) for name in names if name.startswith("dpx_cli")]
    made = [
        each for module in ours for each in module.values() if getattr(each, "__module__", "") == module["__name__"]
    ]
    # The first NamedTuple or TypedDict of a process costs a tenth of a start.
    assert not [each for each in made if hasattr(each, "_field_defaults") or hasattr(each, "__total__")]


def test_verifying_a_webhook_imports_no_client(dpx: Program) -> None:
    """Neither one nor a server, nor the network."""
    dpx.env["DPX_WEBHOOK_SECRET"] = "s3cret"
    assert not imported(dpx, "webhook", "verify", os.devnull, "--signature", "x", code=10) & (HEAVY | NETWORK)


@pytest.mark.parametrize(
    ("argv", "requests"),
    [
        (["projects", "list"], 1),
        (["projects", "get", "storefront"], 2),
        (["orgs", "list"], 1),
        (["orgs", "get", "acme"], 1),
        (["env", "list", "-p", "storefront"], 2),
        (["env", "set", "A=1", "-p", "storefront"], 2),
        (["deploy", "list", "-p", "storefront"], 2),
        (["deploy", "-p", "storefront", "--branch", "main", "--no-wait"], 3),
        (["auth", "status"], 1),
        (["--version"], 0),
        (["help"], 0),
        (["env", "set", "1BAD=x", "-p", "storefront"], 0),
    ],
)
def test_a_command_makes_no_request_that_it_does_not_need(
    dpx: Program, sandbox: Sandbox, argv: list[str], requests: int
) -> None:
    """One to look a slug up (the first time), one for what was asked, and a deployment's list before its POST."""
    dpx(*argv)
    assert len(sandbox.requests) == requests, [f"{one.method} {one.path}" for one in sandbox.requests]


def test_a_remembered_slug_is_not_looked_up_again(dpx: Program, sandbox: Sandbox) -> None:
    """The second command about a project makes one request."""
    dpx("projects", "get", "storefront")
    sandbox.clear_requests()
    assert dpx("projects", "get", "storefront").code == 0
    assert len(sandbox.requests) == 1


def test_both_names_of_the_program_are_ordinary_entry_points() -> None:
    """So that every installer makes what its platform needs: an .exe on Windows, a wrapper for paths with spaces."""
    scripts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "scripts"
    ]
    assert scripts == dict.fromkeys(("dpx", "dpx-cli"), "dpx_cli.__main__:main")
    for name in scripts:
        program = Path(sysconfig.get_path("scripts"), name)
        done = subprocess.run([program, "--version"], capture_output=True, check=True)
        assert done.stdout.decode() == f"dpx {__version__}\n"
