"""How many terminal cells a text takes, and how to cut it to fewer.

Rich knows what terminals draw: wide characters, combining marks, emoji sequences. ASCII is answered without importing
it. Texts are neutralized before they come here, so they have no control characters.
"""

from __future__ import annotations

ELLIPSIS = "…"


def width(text: str) -> int:
    """Return the number of terminal cells that a text takes."""
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
    for _, behind, takes in split_graphemes(text)[0]:
        if takes > room:
            break
        room -= takes
        end = behind
    return text[:end] + ellipsis
