"""The README's picture, which `tests/support/draw_readme.py` draws from a real run."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import draw_readme

ON, OFF = "\x1b[?25l\x1b[?7l", "\x1b[J\x1b[?7h\x1b[?25h"
RUNS = [
    ("dpx one", "\x1b[1mHead\x1b[0m  \x1b[32mREADY\x1b[0m\n<&>\n"),
    (
        "dpx two",
        f"{ON}\r\x1b[Kwaiting  1 s\n{OFF}{ON}\x1b[1A\r\x1b[K\x1b[33mBUILDING\x1b[0m  2 s\n{OFF}\x1b[1A\r\x1b[Jdone\n",
    ),
]


def texts(picture: str, kind: str) -> list[str]:
    """Return the lines of a picture: "k" for those that stay, "f" for the frames of a live line."""
    root = ET.fromstring(picture)  # our own file
    groups = root.iter("{http://www.w3.org/2000/svg}g")
    return ["|".join(group.itertext()) for group in groups if group.get("class") == kind]


def test_the_end_of_a_run_is_seen_where_nothing_animates() -> None:
    """Frames of a live line are hidden there."""
    picture = draw_readme.drawn(RUNS)
    assert texts(picture, "k") == ["$|dpx one", "Head|READY", "<&>", "$|dpx two", "done"]
    assert texts(picture, "f") == ["waiting  1 s", "BUILDING|2 s"]


def test_columns_and_colors_are_kept() -> None:
    """Renderers that ignore `white-space` keep the blanks of a text, and statuses have their color."""
    picture = draw_readme.drawn(RUNS)
    assert picture.count("<text ") == picture.count('<text xml:space="preserve" ')
    assert f'style="fill:{draw_readme.COLORS["32"]}">READY</text>' in picture
    assert f'style="fill:{draw_readme.COLORS["33"]}">BUILDING</text>' in picture


def test_the_picture_is_of_todays_commands_and_loads_nothing() -> None:
    """If commands or messages have changed: python tests/support/draw_readme.py."""
    picture = draw_readme.FILE.read_text(encoding="utf-8")
    lines = texts(picture, "k")
    assert [line for line in lines if line.startswith("$|")] == [f"$|{command}" for command in draw_readme.COMMANDS]
    assert lines[-1] == "https://storefront.deploxa.com"
    assert not [word for word in ("href", "url(", "@import", "<script", "<image", "<foreign") if word in picture]
    assert len(picture) < 50_000
