"""Format times, durations and sizes for people; for a `Column`'s `show`.

None of these functions raises: the values come from a server, so a value of an unexpected type is returned as text.
"""

from __future__ import annotations

from typing import Any

from dpx_cli.durations import HOUR, MINUTE, ago, epoch
from dpx_cli.output.columns import plain


def relative(value: Any, *, now: float | None = None) -> str:
    """Return ISO 8601 text or seconds since 1970 as the time since: "3 min ago", "2 days ago"; a date after a month."""
    moment = epoch(value)
    return plain(value) if moment is None else ago(moment, now=now)


def elapsed(seconds: float) -> str:
    """Return a duration in its two largest units: "0.4 s", "45 s", "1 min 30 s", "1 h 1 min"."""
    if seconds < 1:
        return f"{max(seconds, 0):.1f} s"
    whole = int(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        minutes, rest = divmod(whole, MINUTE)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(whole, HOUR)
    return f"{hours} h {rest // MINUTE} min" if rest >= MINUTE else f"{hours} h"


def duration_ms(value: Any) -> str:
    """Return milliseconds formatted by `elapsed`."""
    return elapsed(value / 1000) if _is_amount(value) else plain(value)


def size_kb(value: Any) -> str:
    """Return kilobytes (1024 bytes) as "512 KB", "1.0 MB", "2.3 GB"."""
    if not _is_amount(value):
        return plain(value)
    if value < 1024:  # noqa: PLR2004 - KB in a MB
        return f"{value:.0f} KB"
    if value < 1024**2:
        return f"{value / 1024:.1f} MB"
    return f"{value / 1024**2:.1f} GB"


def yes_no(value: Any) -> str:
    """Return a boolean as "yes" or "no"."""
    return ("yes" if value else "no") if isinstance(value, bool) else plain(value)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15  # noqa: PLR2004 - no such build
