"""Addresses of deployed sites."""

from __future__ import annotations


def domain(slug: str) -> str:
    """Return where a project's site is, without the scheme."""
    return f"{slug}.deploxa.com"
