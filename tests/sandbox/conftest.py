"""A sandbox for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dpx_cli.sandbox.server import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox whose builds take no time."""
    with Sandbox(build_seconds=0) as running:
        yield running
