"""Responses that are nearly right: always a document or an error of the table, never a traceback."""

from __future__ import annotations

import fuzz
import pytest


@pytest.mark.parametrize("seed", range(3))
def test_fuzzed_responses_end_in_a_document_or_an_error_of_the_table(seed: int) -> None:
    """Of 120 each; the long form is for tests/benchmarks."""
    seen = fuzz.fuzz(120, seed)
    assert sum(seen.values()) == 120
    # It fuzzes what it is meant to: some are read, and some fail in each way.
    assert {"ok", "NetworkError", "OutcomeUnknown", "InvalidResponse", "ServerError"} <= set(seen)
