"""Seconds as a person writes them: 2, 0.5, 2s, 500ms, 15m. Floor 1, under `faults.py` and `server.py`."""

from __future__ import annotations

import re

FACTORS = {"": 1.0, "s": 1.0, "ms": 0.001, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float | None:
    """The seconds; None where the text is none. Zero is."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|)", text)
    return None if match is None else float(match[1]) * FACTORS[match[2]]
