"""Figures of deployments, and bounds for them. A value whose type isn't the reference's counts as missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_AMOUNT = 1e15  # no build takes as many milliseconds


class Bound(NamedTuple):
    """A bound of a gate: milliseconds or KB, or a factor of the median of the last READY deployments."""

    value: float
    is_factor: bool
    text: str
    builds: int = 1


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
