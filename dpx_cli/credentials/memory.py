"""A place for tokens that is gone with the process: the double of the others in tests.

Floor 1.
"""

from __future__ import annotations


class MemoryStore:
    """Tokens in a dictionary."""

    source = "keyring"
    title = "the memory"

    def __init__(self, place: str = "memory") -> None:
        self.place = place
        self.tokens: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """The token of this name, None where there is none."""
        return self.tokens.get(key)

    def set(self, key: str, token: str) -> None:
        """Store a token."""
        self.tokens[key] = token

    def delete(self, key: str) -> bool:
        """Remove a token; say whether there was one."""
        return self.tokens.pop(key, None) is not None
