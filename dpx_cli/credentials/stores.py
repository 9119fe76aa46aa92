"""Open a place for tokens by its name in the index: "file", or "keyring:" and a name in `keyring_store.BACKENDS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.errors import TokenStorage

if TYPE_CHECKING:
    from dpx_cli.credentials.interface import TokenStore

FILE = "file"


def open_store(place: str, config_dir: str) -> TokenStore:
    """Return the store that the index names; it is not used yet.

    Args:
        place: as in the index.
        config_dir: the folder of dpx's files.

    Raises:
        TokenStorage: this version doesn't know the place.
    """
    if place == FILE:
        from dpx_cli.credentials.file_store import FileStore

        return FileStore(config_dir)
    from dpx_cli.credentials import keyring_store

    kind, _, backend = place.partition(":")
    if kind != "keyring" or backend not in keyring_store.BACKENDS:
        raise TokenStorage(
            f"The token is in a place that this version of dpx doesn't know: {place}", hint="Run: dpx auth login"
        )
    return keyring_store.KeyringStore(backend)


def default_store() -> TokenStore:
    """Return the keyring of this machine. Raise TokenStorage if none can be trusted."""
    from dpx_cli.credentials import keyring_store

    return keyring_store.KeyringStore(keyring_store.choose())
