"""The README's picture, which `tests/support/draw_readme.py` draws from a real run."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import draw_readme


def texts(picture: str, kind: str) -> list[str]:
    """Return the lines of a picture: "k" for those that stay, "f" for the frames of a live line."""
    root = ET.fromstring(picture)  # our own file
    groups = root.iter("{http://www.w3.org/2000/svg}g")
    return ["|".join(group.itertext()) for group in groups if group.get("class") == kind]


def test_the_picture_is_of_todays_commands_and_loads_nothing() -> None:
    """If commands or messages have changed: python tests/support/draw_readme.py."""
    picture = draw_readme.FILE.read_text(encoding="utf-8")
    lines = texts(picture, "k")
    assert picture.count("<text ") == picture.count('<text xml:space="preserve" '), "blanks are kept everywhere"
    assert f'style="fill:{draw_readme.COLORS["32"]}">READY</text>' in picture
    assert any(line.startswith("storefront|BUILDING") for line in texts(picture, "f"))
    assert [line for line in lines if line.startswith("$|")] == [f"$|{command}" for command in draw_readme.COMMANDS]
    assert lines[-1] == "https://storefront.deploxa.com"
    assert not [word for word in ("href", "url(", "@import", "<script", "<image", "<foreign") if word in picture]
    assert len(picture) < 50_000
