"""Figures of deployments. They come from a server, so a value whose type isn't the reference's counts as missing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

MAX_AMOUNT = 1e15  # no build takes as many milliseconds


def amounts(deployments: Iterable[Mapping[str, Any]], key: str) -> list[float]:
    """Return the values of a key that are numbers from 0 up, in the order of the deployments."""
    values = (item.get(key) for item in deployments)
    return [
        value
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MAX_AMOUNT
    ]


def median(values: Sequence[float]) -> float | None:
    """Return the nearest-rank median, always one of the values; None without values."""
    return sorted(values)[(len(values) - 1) // 2] if values else None
