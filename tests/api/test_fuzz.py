"""Responses that are nearly right: always a document or an error of the table, never a traceback."""

from __future__ import annotations

import fuzz


def test_fuzzed_responses_end_in_a_document_or_an_error_of_the_table() -> None:
    """Of 120; the long form is for tests/benchmarks."""
    seen = fuzz.fuzz(120, 0)
    assert sum(seen.values()) == 120
    # It fuzzes what it is meant to: some are read, and some fail in each way.
    assert {"ok", "NetworkError", "OutcomeUnknown", "InvalidResponse", "ServerError"} <= set(seen)
