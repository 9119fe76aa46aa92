"""Parsers of option values: each takes the text of an option and returns its value.

They raise ValueError with what is accepted ("a whole number, 1 or more"), for Typer and for `parser.py` alike.
"""

from __future__ import annotations

from dpx_cli.durations import delay, duration

__all__ = ["count", "delay", "duration", "factor", "number", "port"]

MAX_DIGITS = 9  # of a whole number
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
    found = _whole(text)
    if not found:
        raise ValueError("a whole number, 1 or more")
    return found


def port(text: str) -> int:
    """Parse a TCP port."""
    found = _whole(text)
    if found is None or found > MAX_PORT:
        raise ValueError("a port, 0 to 65535")
    return found


def factor(text: str) -> float:
    """Parse a number above 0."""
    whole, point, fraction = text.partition(".")
    if _whole(whole) is None or (point and _whole(fraction) is None) or not float(text):
        raise ValueError("a number above 0, like 10 or 0.5")
    return float(text)


class OneOrMore:
    """Parser of an option that takes one or several of some choices, separated by commas, in any case.

    Args:
        name: what Typer calls it.
        choices: the values.
    """

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
