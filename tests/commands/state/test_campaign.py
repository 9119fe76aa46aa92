"""The short form of the campaign of applies that fail; the long one is a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converge import Converge

if TYPE_CHECKING:
    from pathlib import Path


def test_no_plan_calls_unchanged_what_is_not(tmp_path: Path) -> None:
    """After applies with faults and kills; and after one without, the plan is empty."""
    figures = Converge(3, tmp_path, 3).run(12)
    assert (figures["wrong unchanged"], figures["differences"]) == (0, 0), figures
    assert figures["unchanged"] > 20, figures
    assert figures["killed"] > 0, figures
