"""A place for tokens in memory: the double of the real ones."""

from __future__ import annotations


class MemoryStore:
    """Tokens in a dictionary."""

    source = "keyring"
    location = "memory"
    title = "the memory"

    def __init__(self, place: str = "memory") -> None:
        self.place = place
        self.tokens: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """Return the token of a name, None if there is none."""
        return self.tokens.get(key)

    def set(self, key: str, token: str) -> None:
        """Store a token."""
        self.tokens[key] = token

    def delete(self, key: str) -> bool:
        """Remove a token and return whether there was one."""
        return self.tokens.pop(key, None) is not None
