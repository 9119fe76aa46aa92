"""Durations as people write them (`90`, `0.5s`, `15m`, `1h30m`, `7d`), and moments as they read them ("3 h ago")."""

from __future__ import annotations

import time

TYPE_CHECKING = False  # completion reads this module, and importing typing would cost more than the rest
if TYPE_CHECKING:
    from typing import Any

MINUTE, HOUR, DAY = 60, 3600, 86400
MONTH = 30 * DAY
MAX_EPOCH = 253402300800  # the year 10000, which gmtime doesn't know


def duration(text: str) -> float:
    """Parse a duration above zero into seconds. Raise ValueError for anything else; its text says what is accepted."""
    if seconds := _parse(text):
        return seconds
    raise ValueError("a duration like 90s or 15m")


def delay(text: str) -> float:
    """Parse a duration that may be zero; otherwise as `duration`."""
    if (seconds := _parse(text)) is not None:
        return seconds
    raise ValueError("a duration like 2s or 500ms, or 0")


def _parse(text: str) -> float | None:
    import re

    parts = re.fullmatch(
        r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)(?:s|\Z))?(?:(\d{1,9})ms)?",
        text,
        re.ASCII,
    )
    if not text or parts is None:
        return None
    days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in parts.groups())
    return days * DAY + hours * HOUR + minutes * MINUTE + seconds + milliseconds / 1000


def epoch(value: Any) -> float | None:
    """Return a moment, as ISO 8601 text (UTC without a zone) or seconds since 1970, in those seconds, or None."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 <= value < MAX_EPOCH else None
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


def ago(moment: float, *, now: float | None = None) -> str:
    """Return the time since a moment, like "just now", "3 min ago", "3 h ago", "2 days ago"; its date after a month."""
    passed = (time.time() if now is None else now) - moment
    span = abs(passed)
    if span >= MONTH:
        return time.strftime("%Y-%m-%d", time.gmtime(moment))
    if span < 10:  # noqa: PLR2004 - clocks differ by seconds
        return "just now"
    if span < MINUTE:
        words = f"{span:.0f} s"
    elif span < HOUR:
        words = f"{span // MINUTE:.0f} min"
    elif span < DAY:
        words = f"{span // HOUR:.0f} h"
    else:
        words = f"{span // DAY:.0f} day{'' if span < 2 * DAY else 's'}"
    return f"{words} ago" if passed > 0 else f"in {words}"
