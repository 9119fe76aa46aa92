"""The Typer application works on its own: in a runner, as `python -m typer`, and mounted in another program."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from dpx_cli.cli.app import app, groups

if TYPE_CHECKING:
    from tests.conftest import Program

COMMANDS = (
    (["projects", "list", "--json"], 0),
    (["projects", "get", "storefront", "--fields", "slug"], 0),
    (["projects", "get", "nope"], 3),
    (["deploy", "--project", "storefront", "--branch", "main", "--no-wait", "--no-git", "-q"], 0),
    (["deploy", "list", "-p", "storefront", "--status", "ready,error", "-q"], 0),
    (["env", "set", "A=1", "-p", "storefront", "--target", "preview", "--json"], 0),
    (["env", "list", "-p", "storefront", "-q"], 0),
    (["orgs", "list"], 0),
    (["--profile", "default", "whoami", "--json"], 0),
    (["status", "--all", "--fail-on", "error"], 10),
    (["api", "/orgs", "--jq", ".data[].slug"], 0),
    (["webhook", "events"], 0),
    (["help", "exit-codes"], 0),
    (["deploy", "--branch", ""], 2),
    (["--profile", "", "whoami"], 2),
)


def test_every_group_is_a_typer_group() -> None:
    """With the names that dpx has."""
    assert isinstance(app, typer.Typer)
    assert all(isinstance(group.typer_instance, typer.Typer) for group in app.registered_groups)
    names = {group.name for group in app.registered_groups}
    assert names == {group.name for group in groups() if group.name}
    assert {"projects", "deploy", "env", "orgs", "webhook"} <= names


@pytest.mark.parametrize(
    ("argv", "code"), COMMANDS, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_it_does_what_dpx_does(dpx: Program, monkeypatch: pytest.MonkeyPatch, argv: list[str], code: int) -> None:
    """In Typer's runner: the same exit code, and output of the same shape."""
    for name, value in dpx.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(dpx.cwd)
    result = CliRunner().invoke(app, argv)
    assert result.exit_code == code, result
    own = dpx(*argv)
    assert own.code == code
    assert len(result.stdout.splitlines()) == len(own.out.splitlines())


def test_python_m_typer_runs_it(dpx: Program) -> None:
    """As Typer's own documentation has it."""
    argv = ["deploy", "list", "-p", "docs", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "typer", "dpx_cli.cli.app", "run", *argv],
        env=dpx.env,
        cwd=dpx.cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, dpx(*argv).out), done.stderr


def test_another_program_can_mount_it(dpx: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a name of its own."""
    for name, value in dpx.env.items():
        monkeypatch.setenv(name, value)
    other = typer.Typer()
    other.add_typer(app, name="deploxa")
    result = CliRunner().invoke(other, ["deploxa", "orgs", "list", "-q"])
    assert (result.exit_code, result.stdout) == (0, "acme\nglobex\n")
