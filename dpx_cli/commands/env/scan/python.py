"""Find the environment variables that Python code reads: `os.environ` and `os.getenv`, however they are imported."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections import Counter
from typing import TYPE_CHECKING

from dpx_cli.commands.env.scan.readings import STOPS, Found, Reading
from dpx_cli.reference import is_key

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVIRON = frozenset({"environ", "environb"})
GETENV = frozenset({"getenv", "getenvb"})
WRITES = frozenset({"update", "clear", "popitem", "__setitem__", "__delitem__", "__contains__"})
READS = frozenset({"get", "pop", "setdefault", "__getitem__"})
MAX_TREE = 256 * 1024  # bytes of a file of which a tree is built; larger ones are generated, and read by tokens


def read(source: bytes) -> Found | None:
    """Return what a Python file reads; None if it isn't valid Python of this version."""
    if len(source) > MAX_TREE:
        return _read_tokens(source)
    try:
        with warnings.catch_warnings():
            # Python warns of odd escapes in the sources that it parses, on stderr.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _Reader(tree).found()


def _read_tokens(source: bytes) -> Found | None:
    """Return what a large file reads, by its tokens alone: without other names for it, and without defaults by `or`."""
    kinds = (tokenize.NAME, tokenize.OP, tokenize.STRING)
    try:
        tokens = [each for each in tokenize.tokenize(io.BytesIO(source).readline) if each.type in kinds]
    except (tokenize.TokenError, SyntaxError):
        return None
    found = Found([], [], [])
    texts = [each.string for each in tokens] + [""] * 6
    for at, token in enumerate(tokens):
        if token.string not in ENVIRON | GETENV or (at and texts[at - 1] == "." and texts[at - 2] != "os"):
            continue
        if token.string in GETENV:
            opening, method = at + 1, "get"
        elif texts[at + 1] == ".":
            opening, method = at + 3, texts[at + 2]
        else:
            opening, method = at + 1, "__getitem__"
        if method not in READS or texts[opening] != ("[" if method == "__getitem__" else "("):
            if texts[at - 1 - 2 * (texts[at - 1] == ".")] in ("**", "("):
                found.whole.append(token.start[0])
            continue
        key, closing = texts[opening + 1 : opening + 3]
        name = key.lstrip("bBrRuU").strip("\"'")
        if closing not in ("]", ")", ",") or not is_key(name) or name == key:
            found.dynamic.append(token.start[0])
        elif closing != "]" or texts[opening + 3] != "=":
            found.readings.append(Reading(name, token.start[0], closing == ","))
    return found


class _Reader:
    """Walks a module's tree, without recursion."""

    def __init__(self, tree: ast.Module) -> None:
        self._parents: dict[ast.AST, ast.AST] = {}
        self._nodes: list[ast.AST] = [tree]
        for node in self._nodes:
            for child in ast.iter_child_nodes(node):
                self._parents[child] = node
                self._nodes.append(child)
        self._modules: set[str] = set()
        self._environs: set[str] = set()
        self._getenvs: set[str] = set()
        self._found = Found([], [], [])

    def found(self) -> Found:
        """Return what the module reads."""
        for node in self._nodes:
            self._note_import(node)
        self._note_aliases()
        for node in self._nodes:
            if isinstance(node, ast.Call) and self._is_getenv(node.func):
                self._read(node, _argument(node, 0, "key"), optional=_argument(node, 1, "default") is not None)
            elif self._is_environ(node):
                self._read_from(node)
        return self._found.by_line()

    def _note_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            # `import os.path` binds os as well.
            names = (name for name in node.names if name.name.partition(".")[0] == "os")
            self._modules.update(name.asname or "os" for name in names if name.name == "os" or not name.asname)
        elif isinstance(node, ast.ImportFrom) and node.module == "os" and not node.level:
            for name in node.names:
                if name.name == "*":
                    self._environs |= ENVIRON
                    self._getenvs |= GETENV
                elif name.name in ENVIRON:
                    self._environs.add(name.asname or name.name)
                elif name.name in GETENV:
                    self._getenvs.add(name.asname or name.name)

    def _note_aliases(self) -> None:
        """Note names that are bound once in the module, to the environment: `env = os.environ`."""
        bound = Counter(_bound(node) for node in self._nodes)
        for node in self._nodes:
            target = _assigned(node)
            if target is not None and bound[target.id] == 1 and self._is_environ(node.value):  # type: ignore[attr-defined]  # `_assigned` says that it is an assignment
                self._environs.add(target.id)

    def _is_environ(self, node: ast.AST | None) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._environs and isinstance(node.ctx, ast.Load)
        return self._is_of_os(node, ENVIRON)

    def _is_getenv(self, node: ast.AST) -> bool:
        return (isinstance(node, ast.Name) and node.id in self._getenvs) or self._is_of_os(node, GETENV)

    def _is_of_os(self, node: ast.AST | None, names: frozenset[str]) -> bool:
        return (
            isinstance(node, ast.Attribute)
            and node.attr in names
            and isinstance(node.value, ast.Name)
            and node.value.id in self._modules
        )

    def _read_from(self, environ: ast.AST) -> None:
        parent = self._parents[environ]
        if isinstance(parent, ast.Subscript) and parent.value is environ:
            if isinstance(parent.ctx, ast.Load):
                self._read(parent, parent.slice, optional=False)
        elif isinstance(parent, ast.Attribute):
            call = self._parents[parent]
            if parent.attr in WRITES:
                return
            if parent.attr not in READS or not isinstance(call, ast.Call) or call.func is not parent:
                self._found.whole.append(parent.lineno)
            elif parent.attr != "pop" or not isinstance(self._parents[call], ast.Expr):
                default = _argument(call, 1, "default")
                self._read(call, _argument(call, 0, "key"), optional=default is not None)
        elif isinstance(parent, ast.Compare) and environ in parent.comparators:
            pass  # `"X" in os.environ` reads no value
        elif (target := _assigned(parent)) is None or target.id not in self._environs:
            self._found.whole.append(environ.lineno)  # type: ignore[attr-defined]  # a name or an attribute

    def _read(self, node: ast.expr, key: ast.expr | None, *, optional: bool) -> None:
        value = key.value if isinstance(key, ast.Constant) else None
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if not isinstance(value, str):
            self._found.dynamic.append(node.lineno)
        elif is_key(value):
            self._found.readings.append(Reading(value, node.lineno, optional or self._has_default(node, value)))

    def _has_default(self, node: ast.AST, key: str) -> bool:
        """Return whether `or`, or the other branch of `if "KEY" in os.environ`, gives a value in its place."""
        while True:
            parent = self._parents[node]
            if isinstance(parent, ast.BoolOp) and isinstance(parent.op, ast.Or):
                later = parent.values[parent.values.index(node) + 1 :]  # type: ignore[arg-type]  # its child
                return any(_is_default(value) for value in later)
            if isinstance(parent, ast.IfExp) and node is parent.body:
                return self._asks_for(parent.test, key) and _is_default(parent.orelse)
            # int(os.environ.get("X") or 1), but also int(os.getenv("X")) if "X" in os.environ else 1
            if not isinstance(parent, ast.Call) or node not in parent.args:
                return False
            if not isinstance(self._parents[parent], ast.IfExp):
                return False
            node = parent

    def _asks_for(self, test: ast.expr, key: str) -> bool:
        return (
            isinstance(test, ast.Compare)
            and isinstance(test.ops[0], ast.In)
            and isinstance(test.left, ast.Constant)
            and test.left.value == key
            and self._is_environ(test.comparators[0])
        )


def _bound(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name) | ast.alias(asname=str(name)):
            return name
        case ast.alias(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.ClassDef(name=name):
            return name
    return None


def _assigned(node: ast.AST) -> ast.Name | None:
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target: ast.expr = node.targets[0]
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        target = node.target
    else:
        return None
    return target if isinstance(target, ast.Name) else None


def _argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    arguments: Sequence[ast.expr] = call.args
    if len(arguments) > position:
        return arguments[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _is_default(value: ast.expr) -> bool:
    """Return whether an expression gives a value: None and a call that ends the program don't."""
    if isinstance(value, ast.Constant):
        return value.value is not None
    if isinstance(value, ast.Call):
        return STOPS.search(ast.unparse(value.func)) is None
    return True
