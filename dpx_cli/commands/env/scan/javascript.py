"""Find the environment variables that JavaScript and TypeScript read, in tree-sitter's syntax trees."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Parser

from dpx_cli.commands.env.scan.readings import STOPS, Found, Reading
from dpx_cli.reference import is_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

JAVASCRIPT = Language(tree_sitter_javascript.language())
TYPESCRIPT = Language(tree_sitter_typescript.language_typescript())
TSX = Language(tree_sitter_typescript.language_tsx())
LANGUAGES = {"ts": TYPESCRIPT, "mts": TYPESCRIPT, "cts": TYPESCRIPT, "svelte": TYPESCRIPT, "vue": TYPESCRIPT}
LANGUAGES |= {"tsx": TSX, "astro": TSX}

GLOBALS = ("globalThis", "global", "window", "self")
ROOTS = ("process", "Bun", "Deno")
# Modules whose export `env` is the environment; below the others, each export is a variable.
PROCESS_MODULES = ("process", "node:process", "bun")
ENV_MODULES = (*PROCESS_MODULES, "$env/dynamic/private", "$env/dynamic/public")
VARIABLE_MODULES = ("$env/static/private", "$env/static/public", "astro:env/server", "astro:env/client")
# Methods that every object has: `process.env.hasOwnProperty("X")` reads no variable of that name.
METHODS = ("hasOwnProperty", "toString", "valueOf", "propertyIsEnumerable", "isPrototypeOf", "toLocaleString")
# Functions that make another type of a value: `Number(process.env.X) || 5` has a default.
CONVERTERS = ("Number", "parseInt", "parseFloat", "String", "BigInt", "decodeURIComponent", "atob")
CASTS = ("parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression", "type_assertion")
MEMBERS = ("member_expression", "subscript_expression")
NAMES = ("identifier", "shorthand_property_identifier")
BINDINGS = ("variable_declarator", "assignment_expression", "assignment_pattern", "required_parameter")
FUNCTIONS = ("function_declaration", "function_expression", "arrow_function", "method_definition")
# Where a name that stands for the environment is not declared, but passed on.
PASSES = (
    *("arguments", "spread_element", "pair", "object", "array", "return_statement", "for_in_statement"),
    *("variable_declarator", "assignment_expression", "arrow_function", "jsx_expression", "export_statement"),
    "export_specifier",
)
OPERATIONS = ("binary_expression", "unary_expression", "augmented_assignment_expression")
TESTS = ("in", "&&", "==", "===", "!=", "!==")  # operators that read no variable from the whole environment
OR = ("||", "??", "||=", "??=")
MAX_DEPTH = 1000  # functions and blocks around a name
MAX_GUARDED = 20  # expressions between a reading and the condition that guards it
MAX_TEXT = 4096  # bytes of a function that is searched for what ends the program

SKIPPED = rb"<!--.*?(?:-->|\Z)|<style\b.*?(?:</style\s*>|\Z)"
SCRIPT = re.compile(rb"%b|<script\b[^>]*>(?P<code>.*?)(?:</script\s*>|\Z)" % SKIPPED, re.DOTALL)
FRONT_MATTER = re.compile(rb"\s*---\r?\n(?P<code>.*?)\n---", re.DOTALL)
BRACE = re.compile(rb"%b|<script\b.*?(?:</script\s*>|\Z)|[{}]" % SKIPPED, re.DOTALL)
BLOCK = re.compile(rb"\{[#:@/](?:else if|\w+)")  # of Svelte: {#if x}
HTML_VARIABLE = re.compile(rb"%%((?:VITE|REACT_APP)_\w+|sveltekit\.env\.\w+)%%|%b" % SKIPPED, re.DOTALL)


def read(source: bytes, kind: str) -> Found:
    """Return what a file reads; `kind` is its extension, without the dot."""
    found = Found([], [], [])
    code = _code(source, kind) if kind in ("vue", "svelte", "astro", "html") else source
    language = TSX if kind == "vue" and b'sx"' in source else LANGUAGES.get(kind, JAVASCRIPT)
    _Reader(Parser(language).parse(code).root_node, found)
    if kind == "html":
        for match in HTML_VARIABLE.finditer(source):
            if match[1]:
                line = source.count(b"\n", 0, match.start()) + 1
                found.readings.append(Reading(match[1].decode().rpartition(".")[2], line, optional=False))
    return found.by_line()


def _code(source: bytes, kind: str) -> bytes:
    """Return a component's scripts and the expressions in its markup; everything else becomes blank."""
    spans = [match.span("code") for match in SCRIPT.finditer(source) if match["code"]]
    if kind == "astro" and (front := FRONT_MATTER.match(source)):
        spans.append(front.span("code"))
    code = bytearray(re.sub(rb"[^\n]", b" ", source))
    if kind in ("svelte", "astro"):  # Vue's templates see no environment
        for start, end in _braces(source, front.end() if kind == "astro" and front else 0):
            code[start : start + 1] = code[end - 1 : end] = b";"
            block = BLOCK.match(source, start)
            spans.append((block.end() if block else start + 1, end - 1))
    for start, end in spans:
        code[start:end] = source[start:end]
    return bytes(code)


def _braces(source: bytes, begin: int) -> Iterator[tuple[int, int]]:
    depth = start = 0
    for match in BRACE.finditer(source, begin):
        if match[0] == b"{":
            start = start if depth else match.start()
            depth += 1
        elif match[0] == b"}" and depth:
            depth -= 1
            if not depth:
                yield start, match.end()


class _Reader:
    """Walks one tree, without recursion, and adds what it reads."""

    def __init__(self, root: Node, found: Found) -> None:
        self._found = found
        self._scopes: dict[str, set[int]] = {}  # IDs of the blocks in which a name stands for the environment
        self._loaders: set[str] = set()  # names of Vite's loadEnv
        # `Node.parent` searches from the root.
        self._parents: dict[int, Node] = {}
        nodes = [root]
        for node in nodes:
            children = node.named_children
            self._parents.update((child.id, node) for child in children)
            nodes.extend(children)
        for node in nodes:
            if node.type == "import_statement" or (node.type == "export_statement" and _field(node, "source")):
                self._import(node)
            elif node.type == "variable_declarator":
                self._declare(node)
        for node in nodes:
            if self._is_environment(node):
                self._use(self._outer(node), node)

    def _import(self, node: Node) -> None:
        module = _literal(_field(node, "source"))
        if module not in (*ENV_MODULES, *VARIABLE_MODULES, "vite") or any(
            each.type == "type" for each in node.children
        ):
            return
        for each in _descendants(node):
            name = _text(_field(each, "name"))
            if each.type == "namespace_import" and module in VARIABLE_MODULES:
                self._bind(_text(each.named_children[0]), node)
            elif each.type not in ("import_specifier", "export_specifier"):
                continue
            elif module in VARIABLE_MODULES:
                self._read(each, None if name == "getSecret" else name)
            elif name == ("loadEnv" if module == "vite" else "env") and each.type == "import_specifier":
                alias = _text(_field(each, "alias")) or name
                if module == "vite":
                    self._loaders.add(alias)
                else:
                    self._bind(alias, node)

    def _declare(self, node: Node) -> None:
        """Note another name for the environment: `const env = process.env`, `const { env } = process`."""
        name, value = _field(node, "name"), _field(node, "value")
        if name is None or value is None:
            return
        if name.type == "identifier" and self._is_environment(_bare(value)):
            self._bind(_text(name), node)
        elif name.type == "object_pattern" and _is_root(_bare(value)):
            for key, target, _ in _properties(name):
                if key == "env" and target is not None and target.type == "object_pattern":
                    self._read_pattern(target)
                elif key == "env":
                    self._bind(_text(target), node)

    def _bind(self, name: str, node: Node) -> None:
        scope: Node | None = node
        while scope and scope.type not in ("statement_block", "program"):
            scope = self._parent(scope)
        self._scopes.setdefault(name, set()).add((scope or node).id)

    def _parent(self, node: Node) -> Node | None:
        return self._parents.get(node.id)

    def _outer(self, node: Node) -> Node:
        """Return an expression with the parentheses and casts around it."""
        while (parent := self._parent(node)) and parent.type in CASTS and _inner(parent) == node:
            node = parent
        return node

    def _is_environment(self, node: Node | None) -> bool:
        """Return whether an expression, without parentheses and casts around it, is the environment."""
        if node is None:
            return False
        if node.type in NAMES:
            return bool(self._scopes) and self._is_alias(node)
        if node.type == "call_expression":
            function = _field(node, "function")
            return _is_text(function, "Deno.env.toObject") or _text_if_name(function) in self._loaders
        return node.type in MEMBERS and _key(node) == "env" and _is_root(_bare(_field(node, "object")))

    def _is_alias(self, node: Node) -> bool:
        name = _text(node)
        scopes = self._scopes.get(name, ())
        above, depth = self._parent(node), 0
        while scopes and above and depth < MAX_DEPTH:
            if above.id in scopes:
                return True
            if above.type in FUNCTIONS and name in _parameters(above):
                return False
            above, depth = self._parent(above), depth + 1
        return False

    def _use(self, node: Node, inner: Node) -> None:
        """Note what is done with the environment; `inner` is it, `node` with the parentheses and casts around."""
        parent = self._parent(node)
        if parent is None or parent.type in ("type_query", "nested_type_identifier"):
            return
        if parent.type in MEMBERS and _field(parent, "object") == node:
            self._read_member(parent, is_deno=_is_text(_bare(_field(inner, "object")), "Deno"))
            return
        if parent.type in BINDINGS:
            target = _field(parent, "name") or _field(parent, "left") or _field(parent, "pattern")
            if target is not None and target.type == "object_pattern":
                self._read_pattern(target)
                return
            declaration = self._parent(parent)
            exporter = declaration and self._parent(declaration)
            is_exported = exporter is not None and exporter.type == "export_statement"  # other modules read it
            if target is not None and _text(target) in self._scopes and (target == node or not is_exported):
                return
        is_test = parent.type == "binary_expression" and _text(_field(parent, "operator")) in TESTS
        is_condition = parent.type == "ternary_expression" and _field(parent, "condition") == node
        is_declaration = inner.type in NAMES and parent.type not in PASSES
        if not (is_test or is_condition or is_declaration or parent.type == "unary_expression"):
            self._found.whole.append(_line(node))

    def _read_member(self, node: Node, *, is_deno: bool) -> None:
        """Note one member of the environment, unless it's only written; Deno's are methods."""
        outer = self._outer(node)
        parent = self._parent(outer)
        if parent is not None:
            if is_deno and _key(node) == "get" and (arguments := _field(parent, "arguments")):
                self._read(parent, _literal(arguments.named_child(0)))
            operator = _text(_field(parent, "operator")) if parent.type in OPERATIONS else ""
            is_left = parent.type.endswith("assignment_expression") and _field(parent, "left") == outer
            if (
                is_deno
                or (is_left and operator not in OR)
                or parent.type == "update_expression"
                or (parent.type == "unary_expression" and operator == "delete")
                or (parent.type == "call_expression" and _key(node) in METHODS)
            ):
                return
        self._read(node, _key(node))

    def _read(self, node: Node, key: str | None) -> None:
        if key is None:
            self._found.dynamic.append(_line(node))
        elif is_key(key):
            optional = self._has_default(node) or self._is_guarded(node)
            self._found.readings.append(Reading(key, _line(node), optional))

    def _read_pattern(self, pattern: Node) -> None:
        for key, target, default in _properties(pattern):
            line = _line(target or pattern)
            if key == "...":
                self._found.whole.append(line)
            elif key is None:
                self._found.dynamic.append(line)
            elif is_key(key):
                self._found.readings.append(Reading(key, line, _is_default(default)))

    def _has_default(self, node: Node) -> bool:
        """Return whether `??` or `||` gives a value in place of an expression, whatever is made of it before."""
        chained = False  # behind ?. everything is skipped if there is no value
        while (parent := self._parent(node := self._outer(node))) is not None:
            operator = _text(_field(parent, "operator")) if parent.type in OPERATIONS else ""
            if operator in OR:
                if _field(parent, "left") == node:
                    return _is_default(_field(parent, "right"))
            elif parent.type == "arguments" and parent.named_child(0) == node and (call := self._parent(parent)):
                if _text_if_name(_field(call, "function")) not in CONVERTERS:
                    return False
                parent = call
            elif parent.type in MEMBERS and _field(parent, "object") == node:
                chained = chained or any(child.type == "optional_chain" for child in parent.children)
                if not chained:
                    return False
            elif not (
                (operator in ("+", "-") and parent.type == "unary_expression")
                or (chained and parent.type == "call_expression" and _field(parent, "function") == node)
            ):
                return False
            node = parent
        return False

    def _is_guarded(self, reading: Node) -> bool:
        """Return whether an expression is one in `X ? f(X) : 5`, which has a default."""
        node, text = reading, _text(reading)
        for _ in range(MAX_GUARDED):
            if (parent := self._parent(node)) is None:
                break
            default = _field(parent, "alternative") if parent.type == "ternary_expression" else None
            if default not in (None, node) and _is_text(_field(parent, "condition"), text):
                return _is_default(default)
            node = parent
        return False


def _field(node: Node, name: str) -> Node | None:
    return node.child_by_field_name(name)


def _line(node: Node) -> int:
    return node.start_point[0] + 1


def _text(node: Node | None) -> str:
    return (node.text or b"").decode("utf-8", "replace") if node else ""


def _is_text(node: Node | None, text: str) -> bool:
    """Compare, without a copy of what is longer."""
    return node is not None and node.end_byte - node.start_byte == len(text) and _text(node) == text


def _text_if_name(node: Node | None) -> str:
    return _text(node) if node and node.type == "identifier" else ""


def _literal(node: Node | None) -> str | None:
    if node is None or node.type not in ("string", "template_string"):
        return None
    plain = all(child.type in ("string_fragment", "escape_sequence") for child in node.named_children)
    return _text(node)[1:-1] if plain else None


def _inner(cast: Node) -> Node | None:
    children = [child for child in cast.named_children if child.type != "comment"]
    return children[-1 if cast.type == "type_assertion" else 0] if children else None


def _bare(node: Node | None) -> Node | None:
    """Return an expression without the parentheses and casts around it."""
    while node is not None and node.type in CASTS:
        node = _inner(node)
    return node


def _key(node: Node) -> str | None:
    if node.type == "member_expression":
        return _text(_field(node, "property"))
    return _literal(_field(node, "index")) if node.type == "subscript_expression" else None


def _is_root(node: Node | None) -> bool:
    """Return whether an expression is the object whose member `env` is the environment."""
    if node is None:
        return False
    if node.type == "call_expression" and _is_text(_field(node, "function"), "require"):
        return _literal((_field(node, "arguments") or node).named_child(0)) in PROCESS_MODULES
    if node.type == "member_expression" and _text_if_name(_bare(_field(node, "object"))) in GLOBALS:
        return _text(_field(node, "property")) in ROOTS
    return _is_text(node, "import.meta") or _text_if_name(node) in ROOTS


def _descendants(node: Node) -> list[Node]:
    nodes = [node]
    for each in nodes:
        nodes.extend(each.named_children)
    return nodes


def _parameters(function: Node) -> set[str]:
    parameters = _field(function, "parameters") or _field(function, "parameter")
    kinds = ("identifier", "shorthand_property_identifier_pattern")
    return {_text(each) for each in _descendants(parameters) if each.type in kinds} if parameters else set()


def _properties(pattern: Node) -> Iterator[tuple[str | None, Node | None, Node | None]]:
    """Yield key ("..." for the rest, None for a computed one), target and default of each property of a pattern."""
    for child in pattern.named_children:
        if child.type == "rest_pattern":
            yield "...", child, None
        elif child.type == "shorthand_property_identifier_pattern":
            yield _text(child), child, None
        elif child.type == "object_assignment_pattern":
            left = _field(child, "left")
            yield _text(left), left, _field(child, "right")
        elif child.type == "pair_pattern":
            key, value = _field(child, "key"), _field(child, "value")
            default = _field(value, "right") if value and value.type == "assignment_pattern" else None
            if key and key.type == "computed_property_name" and key.named_children:
                key = key.named_children[0]
            yield _text(key) if key and key.type == "property_identifier" else _literal(key), value, default


@lru_cache(maxsize=1)  # many readings may have the same
def _is_default(node: Node | None) -> bool:
    """Return whether an expression gives a value: null, undefined and a call that ends the program don't."""
    node = _bare(node)
    if node is None or node.type in ("undefined", "null") or _is_text(node, "void 0"):
        return False
    if node.type == "call_expression" and (function := _field(node, "function")):
        return STOPS.search((function.text or b"")[:MAX_TEXT].decode("utf-8", "replace")) is None
    return True
