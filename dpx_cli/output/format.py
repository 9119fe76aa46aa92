"""Values as a person reads them: times, durations, sizes. For a `Column`'s `show`.

Floor 1. None of these raises: what is not of the expected kind comes back as its plain text, because the values are a
server's.
"""

from __future__ import annotations

import time
from typing import Any

_MINUTE = 60
_HOUR = 3600
_DAY = 86400
_MONTH = 30 * _DAY


def relative(value: Any, *, now: float | None = None) -> str:
    """A moment as the time since: "just now", "3 min ago", "3 h ago", "2 d ago"; its date after a month.

    Args:
        value: ISO 8601 text (UTC where it names no zone), or seconds since 1970.
        now: seconds since 1970; the clock, if not given.
    """
    moment = _epoch(value)
    if moment is None:
        return _text(value)
    ago = (time.time() if now is None else now) - moment
    span = abs(ago)
    if span >= _MONTH:
        return time.strftime("%Y-%m-%d", time.gmtime(moment))
    if span < 10:  # noqa: PLR2004 - clocks differ by seconds
        return "just now"
    if span < _MINUTE:
        words = f"{span:.0f} s"
    elif span < _HOUR:
        words = f"{span // _MINUTE:.0f} min"
    elif span < _DAY:
        words = f"{span // _HOUR:.0f} h"
    else:
        words = f"{span // _DAY:.0f} d"
    return f"{words} ago" if ago > 0 else f"in {words}"


def elapsed(seconds: float) -> str:
    """A duration in its two largest units: "0.4 s", "45 s", "1 min 30 s", "1 h 1 min"."""
    if seconds < 1:
        return f"{max(seconds, 0):.1f} s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(whole, _HOUR)
    return f"{hours} h {rest // _MINUTE} min" if rest >= _MINUTE else f"{hours} h"


def duration_ms(value: Any) -> str:
    """Milliseconds as `elapsed` does."""
    return elapsed(value / 1000) if _is_amount(value) else _text(value)


def size_kb(value: Any) -> str:
    """Kilobytes (1024 bytes) as "512 KB", "1.0 MB", "2.3 GB"."""
    if not _is_amount(value):
        return _text(value)
    if value < 1024:  # noqa: PLR2004 - KB in a MB
        return f"{value:.0f} KB"
    if value < 1024**2:
        return f"{value / 1024:.1f} MB"
    return f"{value / 1024**2:.1f} GB"


def joined(value: Any) -> str:
    """A list as "production, preview"."""
    return ", ".join([_text(part) for part in value]) if isinstance(value, list) else _text(value)


def yes_no(value: Any) -> str:
    """A boolean as "yes" or "no"."""
    return ("yes" if value else "no") if isinstance(value, bool) else _text(value)


def _epoch(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Beyond the years that gmtime knows it is no moment.
        return float(value) if 0 <= value < 253402300800 else None  # noqa: PLR2004 - the year 10000
    if not isinstance(value, str) or not value:
        return None
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds >= 0 else None


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15  # noqa: PLR2004 - no such build


def _text(value: Any) -> str:
    from dpx_cli.output.columns import plain

    return plain(value)
