"""The README's picture, which `tests/support/draw_readme.py` draws from a real run."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import draw_readme

RUNS = [
    ("dpx one", "\x1b[1mHead\x1b[0m  \x1b[32mREADY\x1b[0m\n<&>\n"),
    ("dpx two", "\r\x1b[K⠙ waiting\r\x1b[K⠹ waiting\r\x1b[Kdone\n"),
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
    assert texts(picture, "f") == ["⠙ waiting", "⠹ waiting"]


def test_the_picture_is_of_todays_commands_and_loads_nothing() -> None:
    """If commands or messages have changed: python tests/support/draw_readme.py."""
    picture = draw_readme.FILE.read_text()
    lines = texts(picture, "k")
    assert [line for line in lines if line.startswith("$|")] == [f"$|{command}" for command in draw_readme.COMMANDS]
    assert lines[-1] == "https://storefront.deploxa.com"
    assert not [word for word in ("href", "url(", "@import", "<script", "<image", "<foreign") if word in picture]
    assert len(picture) < 50_000
