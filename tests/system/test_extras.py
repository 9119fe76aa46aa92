"""Which command installs an extra."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from dpx_cli.system import extras, shell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("pipx_metadata.json", "pipx install --force {}"),
        ("uv-receipt.toml", "uv tool install --force {}"),
        ("uv/archive-v0/abc/pyvenv.cfg", "uvx --from {} dpx"),
        ("pyvenv.cfg", f"{shell.quote(sys.executable)} -m pip install {{}}"),
    ],
)
def test_the_tool_that_installed_dpx_is_in_the_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, command: str
) -> None:
    """Each leaves a file of its own in the environment, which for uvx is in uv's cache."""
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    monkeypatch.setattr(sys, "prefix", str((tmp_path / file).parent))
    assert extras.install_command("jq") == command.format(shell.quote("dpx-cli[jq]"))
