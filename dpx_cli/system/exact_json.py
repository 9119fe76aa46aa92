"""JSON whose numbers are printed as they came: Python would write 1.10, -0 and 1e999 with other digits."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DIGITS = 4000  # of an int; Python converts no more than 4,300


class Number(float):
    """A number that Python would write in another way. It counts as a float and prints as it came."""

    text: str
    seen = False  # whether this process has read one; until then nothing needs to look for them

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def loads(text: str) -> Any:
    """Decode a document, strictly: NaN and Infinity are not JSON. Raise ValueError or RecursionError if it is none."""
    return json.loads(text, parse_float=_float, parse_int=_int, parse_constant=_refuse)


def encoder(indent: int | None = None) -> Callable[[Any], str]:
    """Return a function that encodes a value; it raises ValueError or RecursionError for what JSON lacks."""
    separators = (",", ": ") if indent else (",", ":")
    # No check for cycles: these values came out of a JSON parser.
    encode = json.JSONEncoder(
        indent=indent, separators=separators, ensure_ascii=False, allow_nan=False, check_circular=False
    ).encode

    def exact(value: Any) -> str:
        if not Number.seen:
            return encode(value)
        # Python's encoder writes every float its own way: encode it as a marked string, then unquote. The mark is
        # random, so that no string from a server can pass for one.
        mark = os.urandom(16).hex()
        return re.sub(f'"{mark}([^"]*)"', r"\1", encode(_mark(value, mark)))

    return exact


def _mark(value: Any, mark: str) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _mark(part, mark) for key, part in value.items()}
    if kind is list or kind is tuple:
        return [_mark(part, mark) for part in value]
    return mark + value.text if kind is Number else value


def _float(text: str) -> float:
    number: float = float(text)
    if repr(number) != text:
        number = Number(text)
        number.text, Number.seen = text, True
    return number


def _int(text: str) -> float:
    return _float(text) if text == "-0" or len(text) > MAX_DIGITS else int(text)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
