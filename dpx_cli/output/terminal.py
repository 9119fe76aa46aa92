"""What a stream's terminal can do: columns, lines, colors, Unicode."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO


class Look:
    """What a terminal can draw: columns, colors, clickable links, more than ASCII."""

    __slots__ = ("color", "links", "unicode", "width")

    def __init__(self, *, width: int, color: bool, links: bool, unicode: bool) -> None:
        self.width = width
        self.color = color
        self.links = links
        self.unicode = unicode


def is_terminal(stream: BinaryIO | None) -> bool:
    """Return whether a stream is a terminal."""
    try:
        return stream is not None and stream.isatty()
    except (OSError, ValueError):
        return False


def locale_is_utf8(env: Mapping[str, str]) -> bool:
    """Return whether the locale allows Unicode. Containers set no locale, on terminals that have it."""
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    return "." not in locale or "utf" in locale.lower()


def columns(env: Mapping[str, str], stream: BinaryIO | None) -> int:
    """Return the width in columns: COLUMNS, else the terminal's own, else 80."""
    said = env.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said[:6]) > 0:
        return int(said[:6])
    try:
        found = os.get_terminal_size(stream.fileno()).columns if stream is not None else 0
    except (OSError, ValueError, AttributeError):
        found = 0
    return found or 80
