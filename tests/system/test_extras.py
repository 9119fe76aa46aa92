"""Which command installs an extra."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from dpx_cli.system import extras, shell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("pipx_metadata.json", "pipx install --force"),
        ("uv-receipt.toml", "uv tool install --force"),
        ("pyvenv.cfg", f"{shell.quote(sys.executable)} -m pip install"),
    ],
)
def test_the_tool_that_installed_dpx_is_in_the_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, command: str
) -> None:
    """Each leaves a file of its own in the environment."""
    (tmp_path / file).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert extras.install_command("jq") == f"{command} {shell.quote('dpx-cli[jq]')}"


def test_an_environment_of_uvx_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in uv's cache."""
    monkeypatch.setattr(sys, "prefix", os.path.join("home", "me", ".cache", "uv", "archive-v0", "abc"))
    assert extras.install_command("mcp") == f"uvx --from {shell.quote('dpx-cli[mcp]')} dpx"
