"""Lay out lists and single things for a terminal.

Columns and widths are computed once, here. Rich draws small tables; large ones and those of dumb terminals are joined
here, because Rich takes half a millisecond per row. Both look the same, as a test checks. Cells are neutralized
already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.output.columns import Column
from dpx_cli.output.terminal import ELLIPSIS, cut, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dpx_cli.output.terminal import Look

RICH_ROWS = 50  # larger tables are faster without Rich

_GAP = 2
_NARROWEST = 12  # cells; a column that would be narrower is left out

# ANSI colors readable on light and dark backgrounds.
STATUS_SGR = {"READY": "32", "ERROR": "31", "BUILDING": "33", "QUEUED": "33"}


def draw(cells: Sequence[Sequence[str]], columns: Sequence[Column], *, key: str, look: Look) -> str:
    """Return a table as text that ends in a newline, no line of which is wider than the terminal.

    Columns are left out before an identifier (`key`), a status or a required column is; a last column says so.
    """
    ellipsis = ELLIPSIS if look.unicode else "..."
    cells, columns = _without_empty(cells, columns, key)
    natural = [
        max(width(column.title), max([width(row[index]) for row in cells], default=0))
        for index, column in enumerate(columns)
    ]
    # A key that leaves no room for the required columns, and the mark of others, is cut, unless it is an ID.
    required = sum(_least(natural[at], column, key) + _GAP for at, column in enumerate(columns) if column.required)
    if required and any(not column.required and column.path != key for column in columns):
        required += _GAP + len(ellipsis)
    natural = [
        min(size, max(look.width - required, _NARROWEST)) if column.path == key != "id" and required else size
        for size, column in zip(natural, columns, strict=True)
    ]
    chosen = _choose(natural, columns, key, look.width)
    if len(chosen) < len(columns):
        # The mark of left-out columns takes the place of another one, but not of one that must stay.
        fewer = _choose(natural, columns, key, look.width - _GAP - len(ellipsis))
        needed = sum(_least(natural[index], columns[index], key) + _GAP for index in fewer) + len(ellipsis)
        if needed <= look.width and all(index in fewer for index in chosen if _must_stay(columns[index], key)):
            chosen = [*fewer, len(columns)]
            columns, natural = [*columns, Column(ellipsis, "")], [*natural, len(ellipsis)]
            cells = [[*row, ""] for row in cells]
    columns = [columns[index] for index in chosen]
    cells = [[row[index] for index in chosen] for row in cells]
    widths = _fit([natural[index] for index in chosen], columns, key, look.width)
    titles = [_bold(cut(column.title, room, ellipsis), look) for column, room in zip(columns, widths, strict=True)]
    rows = _paint_rows(cells, columns, widths, look, ellipsis)
    if len(cells) <= RICH_ROWS and look.unicode:
        return _by_rich(titles, rows, widths)
    rule = ("─" if look.unicode else "-") * (sum(widths) + _GAP * (len(widths) - 1))
    pads = [room - width(cut(column.title, room, ellipsis)) for column, room in zip(columns, widths, strict=True)]
    lines = [(" " * _GAP).join(row).rstrip(" ") for row in rows]
    head = (" " * _GAP).join([title + " " * pad for title, pad in zip(titles, pads, strict=True)])
    return "\n".join([head.rstrip(" "), rule, *lines, ""])


def draw_one(rows: Sequence[Sequence[str]], columns: Sequence[Column], *, look: Look) -> str:
    """Return a single row as lines of title and value, without empty ones; values are never cut."""
    (cells,), columns = _without_empty(rows, columns, "")
    margin = max((width(column.title) for column in columns), default=0) + _GAP
    lines = []
    for cell, column in zip(cells, columns, strict=True):
        title = column.title + " " * (margin - width(column.title))
        lines.append((_bold(title, look) + _paint(cell, cell, column, look)).rstrip(" ") + "\n")
    return "".join(lines)


def link(url: str, text: str) -> str:
    """Return a text as a link (OSC 8) to a URL or domain; the text itself unless that is plainly http or https."""
    if "." in url and url[0].isalnum() and url.replace(".", "").replace("-", "").isalnum():
        url = f"https://{url}"
    if url.startswith(("https://", "http://")) and url.isascii() and url.isprintable() and " " not in url:
        return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"
    return text


def _without_empty(
    cells: Sequence[Sequence[str]], columns: Sequence[Column], key: str
) -> tuple[Sequence[Sequence[str]], Sequence[Column]]:
    """Leave out columns in which every row is empty, except the key's."""
    indexes = [index for index, column in enumerate(columns) if column.path == key or any(row[index] for row in cells)]
    if len(indexes) == len(columns):
        return cells, columns
    return [[row[index] for index in indexes] for row in cells], [columns[index] for index in indexes]


def _must_stay(column: Column, key: str) -> bool:
    return column.path == key or column.status or column.required


def _is_whole(column: Column, key: str) -> bool:
    """Return whether a column's values are useless if cut: the key, IDs and statuses."""
    return column.path == key or column.status or column.parts[-1] in ("id", "")


def _least(natural: int, column: Column, key: str) -> int:
    return natural if _is_whole(column, key) else min(natural, _NARROWEST)


def _choose(natural: Sequence[int], columns: Sequence[Column], key: str, room: int) -> list[int]:
    """Return the indexes of the columns that there is room for: the required ones, the key, statuses, others."""
    order = sorted(
        range(len(columns)),
        key=lambda at: (not columns[at].required, columns[at].path != key, not columns[at].status, at),
    )
    chosen: list[int] = []
    left = room + _GAP
    for index in order:
        needed = _least(natural[index], columns[index], key) + _GAP
        if needed <= left or not chosen:
            chosen.append(index)
            left -= needed
    return sorted(chosen)


def _fit(widths: list[int], columns: Sequence[Column], key: str, room: int) -> list[int]:
    """Narrow the widest columns until the table fits; the key only if there is no other."""
    if len(widths) == 1:
        return [min(widths[0], max(room, 1))]
    over = sum(widths) + _GAP * (len(widths) - 1) - room
    while over > 0:
        flexible = [at for at, column in enumerate(columns) if not _is_whole(column, key) and widths[at] > _NARROWEST]
        widths[max(flexible, key=lambda at: widths[at])] -= 1
        over -= 1
    return widths


def _paint_rows(
    cells: Sequence[Sequence[str]], columns: Sequence[Column], widths: Sequence[int], look: Look, ellipsis: str
) -> Iterator[list[str]]:
    """Cut and pad each cell to its column's width, with its color and link."""
    painted = [
        (room, column if (column.status and look.color) or (column.link and look.links) else None)
        for column, room in zip(columns, widths, strict=True)
    ]
    for row in cells:
        parts = []
        for cell, (room, column) in zip(row, painted, strict=True):
            text = cell
            taken = len(cell) if cell.isascii() else width(cell)
            if taken > room:
                text = cut(cell, room, ellipsis)
                taken = width(text)
            if column is not None:
                text = _paint(cell, text, column, look)
            parts.append(text + " " * (room - taken))
        yield parts


def _by_rich(titles: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> str:
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    for title, room in zip(titles, widths, strict=True):
        table.add_column(Text.from_ansi(title), width=room, no_wrap=True)
    for row in rows:
        table.add_row(*map(Text.from_ansi, row))
    paper = StringIO()
    console = Console(
        file=paper,
        width=sum(widths) + _GAP * len(widths),  # the widths are settled; Rich must not settle them again
        force_terminal=True,
        color_system="standard",  # not switched off under NO_COLOR, or links would go as well
        legacy_windows=False,
        _environ={},
    )
    console.print(table)
    lines = [line.rstrip(" ") for line in paper.getvalue().split("\n")]
    lines[1] = "─" * (sum(widths) + _GAP * (len(widths) - 1))  # some versions of Rich draw a longer one
    return "\n".join(lines)


def _bold(text: str, look: Look) -> str:
    return f"\x1b[1m{text}\x1b[0m" if look.color else text


def _paint(value: str, text: str, column: Column, look: Look) -> str:
    if column.status and look.color and value in STATUS_SGR:
        text = f"\x1b[{STATUS_SGR[value]}m{text}\x1b[0m"
    return link(value, text) if column.link and look.links else text
