"""Conventions of the code base that neither ruff nor mypy nor import-linter checks."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dpx_cli"

pytestmark = pytest.mark.once


def test_commands_neither_print_nor_exit() -> None:
    """The screen writes; errors are raised to the boundary in cli/main.py."""
    for path in sorted((PACKAGE / "commands").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"print", "exit", "quit", "input"}, f"{path}:{node.lineno}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("sys", "exit"), ("os", "_exit")}, f"{path}:{node.lineno}"


def test_the_top_level_has_nothing_but_what_the_card_names() -> None:
    """Dotfiles apart, which tools need."""
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    generated = {"build", "dist"}
    assert there - generated == {"pyproject.toml", "README.md", "LICENSE", "dpx_cli", "tests", "completions"}


def test_the_contributing_guide_lists_every_package_and_dependency() -> None:
    """And no others; every file that it mentions exists."""
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    layout, dependencies = (
        re.search(rf"## {title}\n(.*?)\n## ", text, re.DOTALL) for title in ("Layout", "Dependencies")
    )
    assert layout
    assert dependencies
    cells = [line.split("|")[1] for line in layout[1].splitlines() if line.startswith("| `")]
    packages = {path.parent for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"} - {PACKAGE}
    assert {name for cell in cells for name in re.findall(r"`([\w/]+)`", cell)} == {
        path.relative_to(PACKAGE).as_posix() for path in packages
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        assert re.match(r"[a-z]+(-sitter)?", requirement)[0] in dependencies[1], requirement  # type: ignore[index]
    for name in re.findall(r"`((?:[a-z_.]+/)+[a-z_]+\.[a-z]+)`", text):
        assert (PACKAGE / name).exists() or (ROOT / name).exists(), name


def test_text_files_are_read_and_written_with_an_encoding() -> None:
    """Windows' default is cp1252, and nobody else's."""
    for path in sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and not any(keyword.arg in ("encoding", None) for keyword in node.keywords):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                modes = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                is_text = (
                    isinstance(node.func, ast.Name) and name == "open" and not any("b" in str(mode) for mode in modes)
                )
                assert not is_text, f"{path}:{node.lineno}"
                assert name not in ("read_text", "write_text") or len(node.args) > (name == "write_text"), (
                    f"{path}:{node.lineno}"
                )
