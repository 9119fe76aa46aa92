"""`--fields a,b.c`: choose the fields of items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.errors import UsageError
from dpx_cli.output.columns import Column, dig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class Fields:
    """The chosen fields, in the order given.

    Args:
        text: dotted paths, separated by commas.

    Raises:
        UsageError: if one is empty.
    """

    def __init__(self, text: str) -> None:
        self.names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
        if not all(part for name in self.names for part in name.split(".")):
            raise UsageError(f"Invalid fields: {text}", hint="Separate them by commas, like --fields slug,framework.")
        self.columns = [Column(name, name) for name in self.names]

    def select(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return an item with the chosen fields only; a nested one keeps the objects around it."""
        chosen: dict[str, Any] = {}
        for column in self.columns:
            source: Any = item
            target = chosen
            *around, last = column.parts
            for part in around:
                source = source.get(part) if isinstance(source, dict) else None
                if not isinstance(source, dict):
                    break
                target = target.setdefault(part, {})
            if isinstance(source, dict) and last in source:
                target[last] = source[last]
        return chosen

    def checked(self, pages: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Pass pages on, from the first one on which every field has been seen.

        Raises:
            UsageError: after the last page, before any is passed on, if no item has a field.
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
                for name in [name for name in missing if has(item, tuple(name.split(".")))]:
                    del missing[name]
            waiting.append(page)
            if not missing:
                yield from waiting
                waiting = []
        if missing and known:
            raise UsageError(f"No such field: {', '.join(missing)}", hint=f"Fields: {', '.join(known)}")
        yield from waiting


def has(item: Any, parts: tuple[str, ...]) -> bool:
    """Return whether an item has a value, null included, at a path."""
    parent = dig(item, parts[:-1])
    return isinstance(parent, dict) and parts[-1] in parent


def _paths(item: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Return the dotted paths of an item's fields."""
    for name, value in item.items():
        yield f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")
