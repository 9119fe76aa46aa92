"""Numbers are printed as they came, and the rest is ordinary JSON."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpx_cli.system import exact_json

NUMBERS = [
    *("1.10", "12345678901234567890.123", "-0", "-0.0", "1e999", "-1E+5", "1e5", "0.1", "0", "-1", "1.5"),
    *("123456789012345678901234567890", "9" * 5000, "-" + "9" * 5000),
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_number_is_printed_as_it_came(number: str, indent: int | None) -> None:
    """At the top, in a list, in an object."""
    write = exact_json.encoder(indent)
    assert write(exact_json.loads(number)) == number
    document = f'{{"a":[{number},{{"b":{number}}},"{number}"]}}'
    assert "".join(write(exact_json.loads(document)).split()) == document


def test_a_number_counts_as_what_it_is() -> None:
    """Commands compare and add them."""
    exact = exact_json.loads('{"a": 1.10, "b": 1e999, "c": -0}')
    assert exact["a"] + 1 == 2.1
    assert math.isinf(exact["b"])
    assert exact["c"] == 0
    assert [str(number) for number in exact.values()] == ["1.10", "1e999", "-0"]


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", '{"a": -0, "b": NaN}', "", "{", "01", "-", "1."])
def test_what_is_no_json_is_refused(text: str) -> None:
    """Python's own additions too."""
    with pytest.raises(ValueError, match=r".*"):
        exact_json.loads(text)


def test_no_text_passes_for_a_number() -> None:
    """The mark of a number is a new random one every time."""
    document = exact_json.loads('["1.10", 1.10]')
    written = exact_json.encoder()(document)
    assert written == '["1.10",1.10]'
    assert exact_json.encoder()([written, *document]) == json.dumps(
        [written, "1.10", 0], separators=(",", ":")
    ).replace(",0]", ",1.10]")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_everything_else_is_ordinary_json(value: object) -> None:
    """The same document, read and written."""
    text = json.dumps(value)
    read = exact_json.loads(text)
    assert read == json.loads(text)
    assert json.loads(exact_json.encoder()(read)) == json.loads(text)
