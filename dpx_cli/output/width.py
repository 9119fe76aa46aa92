"""How many terminal cells a text takes, and how to cut it to fewer.

Follows what terminals draw: East Asian wide characters take two cells, combining marks none, an emoji sequence as many
as its first emoji. ASCII is answered without looking at a character. Floor 1; for `table.py`. Texts are neutralized
before they come here, so there are no controls to mind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ELLIPSIS = "…"

_ZWJ = "\u200d"
_VS16 = "\ufe0f"
_SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
# Characters that are no symbols and yet have an emoji form: the keycaps and the information sign.
_KEYCAPS = "#*0123456789\u2139"

_cells: dict[str, int] = {}


def width(text: str) -> int:
    """The terminal cells that `text` takes."""
    if text.isascii():
        return len(text)
    return sum(cells for _, cells in clusters(text))


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """Split `text` into what is drawn as one, each with its cells; the pieces joined are `text`."""
    start = 0
    cells = 0
    at = 0
    end = len(text)
    while at < end:
        char = text[at]
        if at == start:
            cells = _cell(char)
            at += 1
            continue
        if char == _VS16:
            # A text symbol that is asked to be an emoji takes an emoji's two cells.
            if cells == 1 and _can_be_emoji(text[at - 1]):
                cells = 2
            at += 1
        elif char == _ZWJ and at + 1 < end and cells == 2 and _cell(text[at + 1]) and _is_symbol(text[at + 1]):  # noqa: PLR2004 - an emoji's cells
            at += 2
        elif (char in _SKIN_TONES and cells == 2) or _cell(char) == 0:  # noqa: PLR2004 - as above
            at += 1
        else:
            yield text[start:at], cells
            start = at
    if end:
        yield text[start:], cells


def cut(text: str, cells: int, ellipsis: str = ELLIPSIS) -> str:
    """`text` in at most `cells` cells, ending in an ellipsis where something was left out."""
    if width(text) <= cells:
        return text
    room = cells - len(ellipsis)
    if room < 0:
        return ellipsis[:cells]
    if text.isascii():
        return text[:room] + ellipsis
    kept = []
    for cluster, takes in clusters(text):
        if takes > room:
            break
        room -= takes
        kept.append(cluster)
    return "".join(kept) + ellipsis


def _can_be_emoji(char: str) -> bool:
    return char in _KEYCAPS or (char > "\xa0" and _is_symbol(char))


def _is_symbol(char: str) -> bool:
    import unicodedata

    return unicodedata.category(char) in {"So", "Sm", "Sk", "Po", "Pd", "Cn"}


def _cell(char: str) -> int:
    known = _cells.get(char)
    if known is None:
        known = _cells[char] = _measure(char)
    return known


def _measure(char: str) -> int:
    if char.isascii():
        return 1
    import unicodedata

    code = ord(char)
    if unicodedata.category(char) in {"Mn", "Me", "Cf"} and code != 0xAD:  # noqa: PLR2004 - the soft hyphen
        return 0
    if 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF:  # noqa: PLR2004 - vowels and finals of a Hangul syllable
        return 0
    if 0x1F900 <= code <= 0x1FAFF:  # noqa: PLR2004 - emoji newer than this Python's tables
        return 2
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
