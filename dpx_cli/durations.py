"""Durations as people write them: `90`, `0.5s`, `15m`, `1h30m`, `250ms`."""

from __future__ import annotations


def duration(text: str) -> float:
    """Parse a duration above zero.

    Returns:
        Seconds.

    Raises:
        ValueError: for anything else; its text says what is accepted.
    """
    seconds = _seconds(text)
    if not seconds:
        raise ValueError("a duration like 90s or 15m")
    return seconds


def delay(text: str) -> float:
    """Parse a duration that may be zero. Returns and raises as `duration`."""
    seconds = _seconds(text)
    if seconds is None:
        raise ValueError("a duration like 2s or 500ms, or 0")
    return seconds


def _seconds(text: str) -> float | None:
    import re

    parts = re.fullmatch(
        r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)(?:s|\Z))?(?:(\d{1,9})ms)?", text, re.ASCII
    )
    if not text or parts is None:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
