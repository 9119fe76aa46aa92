"""The floors of the house, and the habits that a machine can check: read from the sources, nothing is run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dpx_cli import errors

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dpx_cli"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Which floor a module is on; a folder's floor is that of everything in it. Imports only go down.
FLOORS = {
    "errors": 0,
    "files": 0,
    "urls": 0,
    "children": 0,
    "api": 1,
    "browser": 1,
    "ci": 1,
    "credentials": 1,
    "envfile": 1,
    "link": 1,
    "names": 1,
    "output": 1,
    "profiles": 1,
    "repository": 1,
    "sandbox": 1,
    "stats": 1,
    "webhook": 1,
    "workflows": 1,
    "settings": 2,
    "session": 2,
    "project_ref": 2,
    "deployment": 2,
    "doctor": 2,
    "ledger": 2,
    "preflight": 2,
    "variables": 2,
    "watch": 2,
    "declare": 3,
    "options": 3,
    "commands": 3,
    "argv": 4,
    "app": 4,
    "command_table": 4,
    "compile": 4,
    "complete": 4,
    "completion": 4,
    "help": 4,
    "topics": 4,
    "typer_app": 4,
    "__main__": 4,
    "": 0,
}
# Wall moved: these commands show what floor 4 holds, the help and the completion scripts.
UPWARD = {
    ("commands", "help"),
    ("commands", "topics"),
    ("commands", "completion"),
    ("commands", "argv"),
    ("commands", "command_table"),
}


def name_of(path: Path) -> str:
    """The first part of a module's name below dpx_cli: "api", "session", or "" for the package itself."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def is_for_types(node: ast.AST) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports_of(path: Path) -> set[str]:
    """The parts of dpx_cli that a module imports, anywhere but for type checking alone."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if is_for_types(node):
            continue
        waiting.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.ImportFrom) and node.module == "dpx_cli":
            found |= {alias.name for alias in node.names if not alias.name.startswith("__")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dpx_cli."):
            found.add((node.module or "").split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("dpx_cli.")}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_go_down(path: Path) -> None:
    """And neighbouring folders of floor 1 do not know each other."""
    own = name_of(path)
    assert own in FLOORS, f"{own} has no floor: add it to FLOORS"
    for other in imports_of(path) - {own}:
        assert other in FLOORS, f"{other} has no floor: add it to FLOORS"
        if (own, other) not in UPWARD:
            assert FLOORS[other] <= FLOORS[own], f"{path.name} (floor {FLOORS[own]}) imports {other}"
        folders = {"api", "credentials", "output", "sandbox", "webhook"}
        assert not (own in folders and other in folders), f"{own} and {other} are neighbours"


def test_no_floor_and_no_exception_is_left_over() -> None:
    """Of a module that is gone, or of an import that is no longer needed."""
    assert set(FLOORS) == {name_of(path) for path in MODULES}
    used = {(name_of(path), other) for path in MODULES for other in imports_of(path)}
    assert used >= UPWARD


@pytest.mark.parametrize("path", sorted((PACKAGE / "commands").glob("*.py")), ids=lambda path: path.name)
def test_commands_neither_print_nor_exit(path: Path) -> None:
    """The screen prints; errors rise to the boundary."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "exit", "quit", "input"}, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in {("sys", "exit"), ("os", "_exit")}, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_have_one_voice(path: Path) -> None:
    """A function that is for its result is called by it: "The …", "Whether …"; another says what it does."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            words = (ast.get_docstring(node) or "").split(" ", 2)
            assert words[0] not in {"Return", "Returns", "Get", "Gets"}, f"{path.name}:{node.lineno}"
            assert words[:2] not in (["Give", "a"], ["Say", "whether"]), f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_and_public_function_says_what_it_is(path: Path) -> None:
    """In a docstring; nested functions and the generated table's content apart."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{path} has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"


def told(node: ast.expr) -> str:
    """A message as far as its text stands in the source; "{}" for what is put into it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(told(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return "{}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_errors_are_told_in_one_way(path: Path) -> None:
    """They follow "error: " and "hint: ": in lower case (a variable or metavar apart), without a final period."""
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    for node in ast.walk(ast.parse(path.read_text())):
        called = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and called in kinds:
            for text in [told(part) for part in (*node.args[:1], *(k.value for k in node.keywords if k.arg == "hint"))]:
                assert not text.endswith("."), f"{path.name}:{node.lineno}: {text}"
                assert text[:1] == text[:1].lower() or text[:2].isupper(), f"{path.name}:{node.lineno}: {text}"


def test_the_top_level_has_nothing_but_what_the_card_names() -> None:
    """Dotfiles apart, which tools need."""
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    generated = {"build", "dist"}
    assert there - generated == {"pyproject.toml", "README.md", "LICENSE", "dpx_cli", "tests", "completions"}
