"""Conventions of the code base that neither ruff nor mypy nor import-linter checks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dpx_cli"

pytestmark = pytest.mark.once


def test_commands_neither_print_nor_exit() -> None:
    """The screen writes; errors are raised to the boundary in cli/main.py."""
    for path in sorted((PACKAGE / "commands").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"print", "exit", "quit", "input"}, f"{path}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("sys", "exit"), ("os", "_exit")}, f"{path}:{node.lineno}"


def test_the_top_level_has_nothing_but_what_the_card_names() -> None:
    """Dotfiles apart, which tools need."""
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    generated = {"build", "dist"}
    assert there - generated == {"pyproject.toml", "README.md", "LICENSE", "dpx_cli", "tests", "completions"}
