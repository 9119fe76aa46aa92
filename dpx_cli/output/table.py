"""Lay out lists and single things for a terminal.

Rich draws small tables. Large ones and those of dumb terminals are laid out here, because Rich takes half a
millisecond per row. Both look the same, as a test checks: columns and widths are computed once, here. Cells are
neutralized already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.output.width import ELLIPSIS, cut, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.output.columns import Column
    from dpx_cli.output.terminal import Look

RICH_ROWS = 50  # larger tables are faster without Rich

_GAP = 2
_NARROWEST = 12  # cells; a column that would be narrower is left out

# Those of the sixteen colors of a terminal that can be read on white and on black.
STATUS_SGR = {"READY": "32", "ERROR": "31", "BUILDING": "33", "QUEUED": "33"}
_STATUS_STYLE = {"READY": "green", "ERROR": "red", "BUILDING": "yellow", "QUEUED": "yellow"}


def draw(cells: Sequence[Sequence[str]], columns: Sequence[Column], *, key: str, look: Look) -> str:
    """Return a table as text that ends in a newline, no line of which is wider than the terminal.

    Columns are left out before an identifier or a status is cut.

    Args:
        cells: rows of neutralized texts, one per column.
        columns: their titles, and what their values are.
        key: path of the identifier, which is always there.
        look: what the terminal can draw.
    """
    cells, columns = _filled(cells, columns, key)
    natural = [_natural(cells, columns, index) for index in range(len(columns))]
    kept = _kept(natural, columns, key, look.width)
    cells = [[row[index] for index in kept] for row in cells]
    columns = [columns[index] for index in kept]
    widths = _fit([natural[index] for index in kept], columns, key, look.width)
    if len(cells) <= RICH_ROWS and look.unicode:
        return _by_rich(cells, columns, widths, look)
    return _by_hand(cells, columns, widths, look, ELLIPSIS if look.unicode else "...")


def draw_one(cells: Sequence[str], columns: Sequence[Column], *, look: Look) -> str:
    """Return one thing as lines of title and value, without empty ones; values are never cut."""
    (cells,), columns = _filled([cells], columns, "")
    margin = max((width(column.title) for column in columns), default=0) + _GAP
    lines = []
    for cell, column in zip(cells, columns, strict=True):
        title = column.title + " " * (margin - width(column.title))
        value = _paint(cell, cell, column, look)
        lines.append((_bold(title, look) + value).rstrip(" ") + "\n")
    return "".join(lines)


def _filled(
    cells: Sequence[Sequence[str]], columns: Sequence[Column], key: str
) -> tuple[Sequence[Sequence[str]], Sequence[Column]]:
    """Leave out columns in which every row is empty, except the key's."""
    kept = [index for index, column in enumerate(columns) if column.path == key or any(row[index] for row in cells)]
    if len(kept) == len(columns):
        return cells, columns
    return [[row[index] for index in kept] for row in cells], [columns[index] for index in kept]


def target(text: str) -> str:
    """Return the URL that a domain stands for; any other text as it is."""
    is_domain = "." in text and text[0].isalnum() and text.replace(".", "").replace("-", "").isalnum()
    return f"https://{text}" if is_domain and text.isascii() else text


def link(url: str, text: str) -> str:
    """Return a text as a link (OSC 8) to a URL or domain; the text itself unless that is plainly http or https."""
    url = target(url)
    if url.startswith(("https://", "http://")) and url.isascii() and url.isprintable() and " " not in url:
        return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"
    return text


def _natural(cells: Sequence[Sequence[str]], columns: Sequence[Column], index: int) -> int:
    return max(width(columns[index].title), max([width(row[index]) for row in cells], default=0))


def _is_whole(column: Column, key: str) -> bool:
    """Return whether a column's values are useless if cut: the key, IDs and statuses."""
    return column.path == key or column.status or column.parts[-1] == "id"


def _kept(natural: Sequence[int], columns: Sequence[Column], key: str, room: int) -> list[int]:
    """Return the indexes of the columns that the terminal has room for: key and status first, then from the left."""
    order = sorted(range(len(columns)), key=lambda at: (columns[at].path != key, not columns[at].status, at))
    kept: list[int] = []
    left = room + _GAP
    for index in order:
        least = natural[index] if _is_whole(columns[index], key) else min(natural[index], _NARROWEST)
        if least + _GAP <= left or not kept:
            kept.append(index)
            left -= least + _GAP
    return sorted(kept)


def _fit(widths: list[int], columns: Sequence[Column], key: str, room: int) -> list[int]:
    """Take from the widest columns until the table fits; from the key only if there is no other."""
    if len(widths) == 1:
        return [min(widths[0], max(room, 1))]
    over = sum(widths) + _GAP * (len(widths) - 1) - room
    givers = [index for index, column in enumerate(columns) if not _is_whole(column, key)]
    while over > 0:
        givers = [index for index in givers if widths[index] > _NARROWEST]
        widest = max(givers, key=lambda index: widths[index])
        widths[widest] -= 1
        over -= 1
    return widths


def _by_hand(
    cells: Sequence[Sequence[str]], columns: Sequence[Column], widths: Sequence[int], look: Look, ellipsis: str
) -> str:
    gap = " " * _GAP
    head = gap.join([_pad(cut(c.title, w, ellipsis), w) for c, w in zip(columns, widths, strict=True)])
    lines = [_bold(head.rstrip(" "), look), _rule(widths, look)]
    plan = [
        (w, c if (c.status and look.color) or (c.link and look.links) else None)
        for c, w in zip(columns, widths, strict=True)
    ]
    for row in cells:
        parts = []
        for cell, (room, painted) in zip(row, plan, strict=True):
            takes = len(cell) if cell.isascii() else width(cell)
            text = cell
            if takes > room:
                text = cut(cell, room, ellipsis)
                takes = room if cell.isascii() else width(text)
            if painted is not None:
                text = _paint(cell, text, painted, look)
            parts.append(text + " " * (room - takes))
        lines.append(gap.join(parts).rstrip(" "))
    lines.append("")
    return "\n".join(lines)


def _rule(widths: Sequence[int], look: Look) -> str:
    return ("─" if look.unicode else "-") * (sum(widths) + _GAP * (len(widths) - 1))


def _by_rich(cells: Sequence[Sequence[str]], columns: Sequence[Column], widths: Sequence[int], look: Look) -> str:
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.style import Style
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold" if look.color else "",
    )
    for column, room in zip(columns, widths, strict=True):
        grid.add_column(Text(cut(column.title, room)), width=room, no_wrap=True)
    for row in cells:
        texts = []
        for cell, room, column in zip(row, widths, columns, strict=True):
            text = cut(cell, room)
            colored = column.status and look.color and cell in _STATUS_STYLE
            style = Style.parse(_STATUS_STYLE[cell]) if colored else Style.null()
            if column.link and look.links and link(cell, text) != text:
                style += Style(link=target(cell))
            texts.append(Text.assemble((text, style)))  # not Text(text, style), which styles the padding too
        grid.add_row(*texts)
    paper = StringIO()
    console = Console(
        file=paper,
        # The widths are settled; Rich must not settle them again.
        width=sum(widths) + _GAP * len(widths),
        force_terminal=True,
        # Not switched off under NO_COLOR, or links would go as well: there are no colored styles then.
        color_system="standard",
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    console.print(grid)
    lines = [line.rstrip(" ") for line in paper.getvalue().split("\n")]
    # Some versions of Rich give the last column one cell more.
    if lines[0].endswith(" \x1b[0m"):
        lines[0] = lines[0].removesuffix("\x1b[0m").rstrip(" ") + "\x1b[0m"
    lines[1] = _rule(widths, look)
    return "\n".join(lines)


def _pad(text: str, room: int) -> str:
    return text + " " * (room - width(text))


def _bold(text: str, look: Look) -> str:
    return f"\x1b[1m{text}\x1b[0m" if look.color else text


def _paint(value: str, text: str, column: Column, look: Look) -> str:
    if column.status and look.color and value in STATUS_SGR:
        text = f"\x1b[{STATUS_SGR[value]}m{text}\x1b[0m"
    return link(value, text) if column.link and look.links else text
