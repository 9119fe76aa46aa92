"""Parsers of option values: each takes the text of an option and returns its value.

They raise ValueError with what is accepted ("a whole number, 1 or more"), for Typer and for `parser.py` alike.
"""

from __future__ import annotations

from dpx_cli.api.deploy.figures import Bound
from dpx_cli.durations import delay, duration

__all__ = ["Bound", "build_bound", "bundle_bound", "count", "delay", "duration", "number", "port"]

MAX_DIGITS = 9  # of a whole number
MAX_BUILDS = 50  # deployments that a gate compares with
MAX_PORT = 65535


def _whole(text: str) -> int | None:
    # int() also accepts signs, underscores and the digits of other scripts.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None


def number(text: str) -> int:
    """Parse a whole number, 0 or more."""
    found = _whole(text)
    if found is None:
        raise ValueError("a whole number, 0 or more")
    return found


def count(text: str) -> int:
    """Parse a whole number, 1 or more."""
    if found := _whole(text):
        return found
    raise ValueError("a whole number, 1 or more")


def port(text: str) -> int:
    """Parse a TCP port."""
    found = _whole(text)
    if found is None or found > MAX_PORT:
        raise ValueError("a port, 0 to 65535")
    return found


def build_bound(text: str) -> Bound:
    """Parse a bound of a build time: `2x`, `+20%`, `1.5x~10`, `90s`, `2m`."""
    if bound := _factor_bound(text):
        return bound
    try:
        return Bound(duration(text) * 1000, is_factor=False, text=text)
    except ValueError:
        raise ValueError("a factor like 2x, +20% or 1.5x~10, or a duration like 90s") from None


def bundle_bound(text: str) -> Bound:
    """Parse a bound of a bundle size: `1.5x`, `+5%`, `+5%~10`, `900KB`, `2MB`."""
    if bound := _factor_bound(text):
        return bound
    units = {"kb": 1, "mb": 1024, "gb": 1024 * 1024}
    unit = units.get(text[-2:].lower())
    amount = _decimal(text[:-2])
    if unit is None or not amount:
        raise ValueError("a factor like 1.5x, +5% or +5%~10, or a size like 900KB or 2MB")
    return Bound(amount * unit, is_factor=False, text=text)


def _factor_bound(text: str) -> Bound | None:
    """Return the bound of a factor (`2x`, `+5%`), with `~N` compared with N deployments; None for anything else."""
    factor, mark, count = text.partition("~")
    builds = (_whole(count) or 0) if mark else 1
    if not 0 < builds <= MAX_BUILDS:
        return None
    if factor[-1:] in ("x", "X") and (amount := _decimal(factor[:-1])):
        return Bound(amount, is_factor=True, text=text, builds=builds)
    if factor.startswith("+") and factor.endswith("%") and (amount := _decimal(factor[1:-1])) is not None:
        return Bound(1 + amount / 100, is_factor=True, text=text, builds=builds)
    return None


def _decimal(text: str) -> float | None:
    whole, point, fraction = text.partition(".")
    if _whole(whole) is None or (point and _whole(fraction) is None):
        return None
    return float(text)


def names(text: str) -> tuple[str, ...]:
    """Parse names separated by commas."""
    if parts := tuple(filter(None, text.split(","))):
        return parts
    raise ValueError("names, separated by commas")


class OneOrMore:
    """Parser of an option with one or several of some choices, separated by commas, in any case."""

    def __init__(self, name: str, choices: tuple[str, ...]) -> None:
        self.__name__ = name
        self.choices = choices

    def __call__(self, text: str) -> tuple[str, ...]:
        """Return the choices that a text names. Raises ValueError for anything else."""
        by_name = {choice.lower(): choice for choice in self.choices}
        try:
            return tuple(by_name[word.lower()] for word in text.split(","))
        except KeyError:
            raise ValueError("one of " + ", ".join(self.choices)) from None
