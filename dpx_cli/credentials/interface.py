"""What a place for tokens can do."""

from __future__ import annotations

from typing import Protocol

from dpx_cli.errors import TokenStorage

WITHOUT_KEYRING = "Set DPX_TOKEN, or keep the token in a file: dpx auth login --insecure-storage"


class TokenStore(Protocol):
    """A place for tokens. Every method raises `TokenStorage` if the place refuses or does not respond."""

    @property
    def place(self) -> str:
        """What the index calls it: "keyring:SecretService"."""

    @property
    def source(self) -> str:
        """What `auth status` calls it: "keyring" or "file"."""

    @property
    def title(self) -> str:
        """What a sentence calls it: "the keyring (SecretService)"."""

    def get(self, key: str) -> str | None:
        """Return the token stored under a name, None if there is none."""

    def set(self, key: str, token: str) -> None:
        """Store a token under a name, in place of any other."""

    def delete(self, key: str) -> bool:
        """Remove the token of a name. Return whether there was one."""


def keep(store: TokenStore, key: str, secret: str) -> None:
    """Store a secret and read it back. Raise TokenStorage if it doesn't come back."""
    store.set(key, secret)
    if store.get(key) != secret:
        raise TokenStorage(f"Can't read back what was stored in {store.title}.", hint=WITHOUT_KEYRING)
