"""How many cells a text takes, and where it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpx_cli.output.neutralize import neutralize
from dpx_cli.output.terminal import cut, width


@pytest.mark.parametrize(
    ("text", "cells", "short"),
    [
        ("storefront", 10, "storefront"),
        ("storefront", 6, "store…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("👨‍👩‍👧 and more", 3, "👨‍👩‍👧…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_cut_never_splits_what_is_drawn_as_one(text: str, cells: int, short: str) -> None:
    """A wide character that does not fit is left out whole."""
    assert cut(text, cells) == short


@given(st.text(), st.integers(0, 20))
def test_cut_fits(text: str, cells: int) -> None:
    """Any neutralized text."""
    assert width(cut(neutralize(text), cells)) <= cells
