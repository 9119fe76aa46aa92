"""What a place for tokens can do, and the way from its name in the index to the place.

Floor 1. A place is written in the index as "file", or as "keyring:" and the keyring's name in `keyring_store.BACKENDS`.
"""

from __future__ import annotations

from typing import Protocol

from dpx_cli.errors import TokenStorage

FILE = "file"
WITHOUT_KEYRING = "set DPX_TOKEN, or keep the token in a file: dpx auth login --insecure-storage"


class TokenStore(Protocol):
    """A place for tokens. Every method raises `TokenStorage` where the place refuses or does not answer."""

    @property
    def place(self) -> str:
        """How the index names it: "keyring:SecretService"."""

    @property
    def source(self) -> str:
        """How `auth status` names it: "keyring" or "file"."""

    @property
    def title(self) -> str:
        """How a sentence names it: "the keyring (SecretService)"."""

    def get(self, key: str) -> str | None:
        """The token stored under this name, None where there is none."""

    def set(self, key: str, token: str) -> None:
        """Store a token under this name, in place of any other."""

    def delete(self, key: str) -> bool:
        """Remove the token of this name; say whether there was one."""


def open_store(place: str, config_dir: str) -> TokenStore:
    """The store that the index names; nothing is asked of it yet.

    Args:
        place: as in the index.
        config_dir: the folder of dpx's files.

    Raises:
        TokenStorage: no such place is known to this version.
    """
    if place == FILE:
        from dpx_cli.credentials.file_store import FileStore

        return FileStore(config_dir)
    from dpx_cli.credentials import keyring_store

    kind, _, backend = place.partition(":")
    if kind != "keyring" or backend not in keyring_store.BACKENDS:
        raise TokenStorage(f"the token is in a place that this dpx does not know: {place}", hint="dpx auth login")
    return keyring_store.KeyringStore(backend)


def default_store() -> TokenStore:
    """The keyring of this machine; `TokenStorage` where none can be trusted."""
    from dpx_cli.credentials import keyring_store

    return keyring_store.KeyringStore(keyring_store.choose())


def keep(store: TokenStore, key: str, secret: str) -> None:
    """Store a secret, and believe it only when it comes back; `TokenStorage` where it does not."""
    store.set(key, secret)
    if store.get(key) != secret:
        raise TokenStorage(f"{store.title} did not give back what was stored in it", hint=WITHOUT_KEYRING)
