"""A sandbox for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox whose builds take no time."""
    with Sandbox(build_seconds=0) as running:
        yield running
