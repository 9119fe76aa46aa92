"""Conventions of the code base that can be read from its sources. Layers are checked by import-linter."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dpx_cli"
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", sorted((PACKAGE / "commands").rglob("*.py")), ids=lambda path: path.name)
def test_commands_neither_print_nor_exit(path: Path) -> None:
    """The screen prints; errors rise to the boundary."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "exit", "quit", "input"}, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in {("sys", "exit"), ("os", "_exit")}, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_and_public_function_says_what_it_is(path: Path) -> None:
    """In a docstring; nested functions and the generated table's content apart."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{path} has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"


def test_the_top_level_has_nothing_but_what_the_card_names() -> None:
    """Dotfiles apart, which tools need."""
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    generated = {"build", "dist"}
    assert there - generated == {"pyproject.toml", "README.md", "LICENSE", "dpx_cli", "tests", "completions"}
