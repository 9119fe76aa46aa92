"""Columns of lists and single things, `--fields`, and how a JSON value becomes text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.errors import InvalidResponse, UsageError
from dpx_cli.output.neutralize import escape_json, neutralize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


class Column:
    """One column of a list, or one line of a single thing, at a dotted path: "current_deployment.status".

    On a terminal `show` makes a value readable (see `format.py`), a `link` is a URL or a domain, a `status` is colored,
    and a `required` column answers the question: a narrow one leaves out others first. `missing` stands for null.
    """

    __slots__ = ("link", "missing", "parts", "path", "required", "show", "status", "title")

    def __init__(
        self,
        title: str,
        path: str,
        show: Callable[[Any], str] | None = None,
        *,
        link: bool = False,
        status: bool = False,
        missing: str = "",
        required: bool = False,
    ) -> None:
        self.title, self.path, self.parts, self.show = title, path, tuple(path.split(".")), show
        self.link, self.status, self.missing, self.required = link, status, missing, required


class Fields:
    """The fields that `--fields` chooses, in the order given. Raises UsageError if one is empty."""

    def __init__(self, text: str) -> None:
        self.names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
        if not all(part for name in self.names for part in name.split(".")):
            raise UsageError(f"Invalid fields: {text}", hint="Separate them by commas, like --fields slug,framework.")
        self.columns = [Column(name, name) for name in self.names]

    def select(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return an item with the chosen fields only; a nested one keeps the objects around it."""
        chosen: dict[str, Any] = {}
        for column in self.columns:
            *around, last = column.parts
            holder = get_path(item, tuple(around))
            if isinstance(holder, dict) and last in holder:
                target = chosen
                for part in around:
                    target = target.setdefault(part, {})
                target[last] = holder[last]
        return chosen

    def check(self, pages: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Pass pages on, from the first one on which every field has been seen.

        Raise UsageError after the last page, before any is passed on, if no item has a field.
        """
        missing = dict.fromkeys(self.names)
        waiting: list[Sequence[Mapping[str, Any]]] = []
        known: dict[str, None] = {}
        for page in pages:
            if not missing:
                yield page
                continue
            for item in page:
                known.update(dict.fromkeys(_paths(item)))
            missing = {name: None for name in missing if name not in known}
            waiting.append(page)
            if not missing:
                yield from waiting
                waiting = []
        if missing and known:
            raise UsageError(f"No such field: {', '.join(missing)}", hint=f"Fields: {', '.join(known)}")
        yield from waiting


def get_path(item: Any, parts: tuple[str, ...]) -> Any:
    """Return the value at a path of an item; None if any step of it is missing or isn't an object."""
    for part in parts:
        if not isinstance(item, dict):
            return None
        item = item.get(part)
    return item


def _paths(item: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Return the dotted paths of an item's fields."""
    for name, value in item.items():
        yield f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")


def plain(value: Any, separator: str = ",") -> str:
    """Return a JSON value as a neutralized cell: "" for null, flat lists joined, anything else as JSON."""
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else neutralize(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(part, list) for part in value):
        return separator.join([plain(part) for part in value])
    if isinstance(value, (dict, list)):
        return neutralize(encoder(None)(value))
    return str(value)


def encoder(indent: int | None) -> Callable[[Any], str]:
    """Return what encodes a value as JSON that a terminal may receive. It raises InvalidResponse for other values."""
    from dpx_cli.system import exact_json

    exactly = exact_json.encoder(indent)

    def encode(value: Any) -> str:
        try:
            return escape_json(exactly(value))
        except (ValueError, RecursionError) as problem:
            raise InvalidResponse("The response has a value that JSON can't represent.") from problem

    return encode
