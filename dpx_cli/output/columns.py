"""Columns of lists and single things, and how a JSON value becomes text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.errors import InvalidResponse
from dpx_cli.output.neutralize import neutralize

if TYPE_CHECKING:
    from collections.abc import Callable


class Column:
    """One column of a list, or one line of a single thing.

    Args:
        title: what a terminal calls it.
        path: where the value is in an item, dotted: "current_deployment.status".
        show: makes the value readable on a terminal (`format.py` has the usual functions); elsewhere the value is
            printed as it is. Not called for null.
        link: the shown value is a URL or a domain, clickable where the terminal can.
        status: the value is a deployment status, colored.
        missing: what a table and tab-separated lines have for a value that isn't there.
    """

    __slots__ = ("link", "missing", "parts", "path", "show", "status", "title")

    def __init__(
        self,
        title: str,
        path: str,
        *,
        show: Callable[[Any], str] | None = None,
        link: bool = False,
        status: bool = False,
        missing: str = "",
    ) -> None:
        self.title = title
        self.path = path
        self.parts = tuple(path.split("."))
        self.show = show
        self.link = link
        self.status = status
        self.missing = missing


def dig(item: Any, parts: tuple[str, ...]) -> Any:
    """Return the value at a path of an item; None if any step of it is missing or isn't an object."""
    for part in parts:
        if not isinstance(item, dict):
            return None
        item = item.get(part)
    return item


def plain(value: Any) -> str:
    """Return a JSON value as a neutralized cell: "" for null, flat lists joined with commas, anything else as JSON."""
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else neutralize(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(part, list) for part in value):
        return ",".join([plain(part) for part in value])
    if isinstance(value, (dict, list)):
        return neutralize(encoder(None)(value))
    return str(value)


def encoder(indent: int | None) -> Callable[[Any], str]:
    """Return a function that encodes a value as ASCII JSON; it raises InvalidResponse for what JSON can't carry."""
    from dpx_cli.system import exact_json

    exactly = exact_json.encoder(indent)

    def encode(value: Any) -> str:
        try:
            return exactly(value)
        except (ValueError, RecursionError) as problem:
            raise InvalidResponse("The response has a value that JSON can't carry.") from problem

    return encode
