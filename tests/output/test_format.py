"""Times, durations and sizes as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpx_cli.output import format as shown

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1767225600.0  # 2026-01-01T00:00:00Z

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2026-01-01T00:00:00Z", "just now"),
        ("2025-12-31T21:00:00.123Z", "2 h ago"),
        ("2025-12-29T00:00:00Z", "3 days ago"),
        ("2025-06-29T10:00:00Z", "2025-06-29"),
        ("2026-01-01T02:00:00Z", "in 2 h"),
        (NOW - 3600, "1 h ago"),
        ("yesterday", "yesterday"),
        (float("inf"), "inf"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_relative(value: Any, text: str) -> None:
    """ISO 8601 or seconds since 1970; anything else as it is."""
    assert shown.relative(value, now=NOW) == text


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (shown.duration_ms, 0, "0.0 s"),
        (shown.duration_ms, 400, "0.4 s"),
        (shown.duration_ms, 45000, "45 s"),
        (shown.duration_ms, 60000, "1 min"),
        (shown.duration_ms, 90000, "1 min 30 s"),
        (shown.duration_ms, 3_660_000, "1 h 1 min"),
        (shown.duration_ms, 7_200_000, "2 h"),
        (shown.duration_ms, -5, "-5"),
        (shown.duration_ms, "soon", "soon"),
        (shown.size_kb, 512, "512 KB"),
        (shown.size_kb, 1024, "1.0 MB"),
        (shown.size_kb, 2_411_724, "2.3 GB"),
        (shown.size_kb, None, ""),
        (shown.size_kb, [1], "1"),
        (shown.yes_no, True, "yes"),
        (shown.yes_no, False, "no"),
    ],
)
def test_durations_sizes_and_booleans(show: Callable[[Any], str], value: Any, text: str) -> None:
    """Two units of time, kilobytes of 1024 bytes."""
    assert show(value) == text


@given(JSON)
def test_no_value_makes_them_fail(value: Any) -> None:
    """The values are a server's."""
    for show in (shown.relative, shown.duration_ms, shown.size_kb, shown.yes_no):
        assert isinstance(show(value), str)
