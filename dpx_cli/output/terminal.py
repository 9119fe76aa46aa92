"""What a stream's terminal can do (columns, lines, colors, Unicode), and how many cells a text takes there."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

ELLIPSIS = "…"


class Look:
    """What a terminal can draw: columns, colors, clickable links, more than ASCII.

    The classes on the way to help and tables are no NamedTuples: the first one of a process costs a tenth of a start.
    """

    __slots__ = ("color", "links", "unicode", "width")

    def __init__(self, *, width: int, color: bool, links: bool, unicode: bool) -> None:
        self.width, self.color, self.links, self.unicode = width, color, links, unicode


def is_terminal(stream: BinaryIO | None) -> bool:
    """Return whether a stream is a terminal."""
    try:
        return stream is not None and stream.isatty()
    except (OSError, ValueError):
        return False


def enable_escapes(stream: BinaryIO | None) -> bool:
    """Return whether a terminal understands escape sequences, after telling a Windows console to do so."""
    if sys.platform == "win32" and stream is not None:
        import ctypes
        import msvcrt
        from ctypes import wintypes

        enabled = 0x4  # ENABLE_VIRTUAL_TERMINAL_PROCESSING
        mode = wintypes.DWORD()
        try:
            handle = wintypes.HANDLE(msvcrt.get_osfhandle(stream.fileno()))
        except (OSError, ValueError):
            return True
        # What is no console is a terminal emulator, which understands them.
        if ctypes.windll.kernel32.GetConsoleMode(handle, ctypes.byref(mode)) and not mode.value & enabled:
            return bool(ctypes.windll.kernel32.SetConsoleMode(handle, mode.value | enabled))
    return True


def locale_is_utf8(env: Mapping[str, str]) -> bool:
    """Return whether the locale allows Unicode. Containers set no locale, on terminals that have it."""
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    return "." not in locale or "utf" in locale.lower()


def size(env: Mapping[str, str], stream: BinaryIO | None) -> tuple[int, int]:
    """Return columns (COLUMNS, else the terminal's own, else 80) and lines (else 24) of a stream's terminal."""
    try:
        columns, lines = os.get_terminal_size(stream.fileno()) if stream is not None else (0, 0)
    except (OSError, ValueError, AttributeError):
        columns = lines = 0
    setting = env.get("COLUMNS", "")
    if setting.isascii() and setting.isdigit() and int(setting[:6]) > 0:
        columns = int(setting[:6])
    return columns or 80, lines or 24


def width(text: str) -> int:
    """Return the number of terminal cells that a neutralized text takes; Rich is imported only if it isn't ASCII."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, cells: int, ellipsis: str = ELLIPSIS) -> str:
    """Return a text in at most some cells, ending in an ellipsis if something was left out."""
    if width(text) <= cells:
        return text
    room = cells - len(ellipsis)
    if room < 0:
        return ellipsis[:cells]
    if text.isascii():
        return text[:room] + ellipsis
    from rich.cells import split_graphemes

    end = 0
    for _, behind, taken in split_graphemes(text)[0]:
        if taken > room:
            break
        room -= taken
        end = behind
    return text[:end] + ellipsis
