"""Errors that are made in one place."""

from __future__ import annotations

import pytest

from dpx_cli.errors import UsageError, exclusive


def test_options_that_exclude_one_another() -> None:
    """Only those that were given are in the message; an empty text was given."""
    exclusive(("--org", None), ("--all", False), ("--project", ()), ("PROJECT", "shop"))
    with pytest.raises(UsageError, match=r"^PROJECT and --all can't be used together\.$"):
        exclusive(("PROJECT", ""), ("--org", None), ("--all", True))
    with pytest.raises(UsageError, match=r"^--a, --b and --c can't be used together\.$"):
        exclusive(("--a", "x"), ("--b", ["x"]), ("--c", 0))
