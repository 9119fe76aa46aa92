"""Places for tokens, by the name that a profile has for them: "file", or "keyring:" and a name in `keyring_store`."""

from __future__ import annotations

from dpx_cli.errors import TokenStorage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dpx_cli.credentials.interface import OnWait, TokenStore


def open_store(place: str, config_dir: str, on_wait: OnWait = None) -> TokenStore:
    """Return the store that a profile names; it is not used yet."""
    if place == "file":
        from dpx_cli.credentials.file_store import FileStore

        return FileStore(config_dir)
    from dpx_cli.credentials.keyring_store import BACKENDS, KeyringStore

    kind, _, backend = place.partition(":")
    if kind != "keyring" or backend not in BACKENDS:
        raise TokenStorage(
            f"The token is in a place that this version of dpx doesn't know: {place}", hint="Run: dpx auth login"
        )
    return KeyringStore(backend, on_wait)


def default_store(on_wait: OnWait = None) -> TokenStore:
    """Return the keyring of this machine. Raise TokenStorage if none can be trusted."""
    from dpx_cli.credentials.keyring_store import KeyringStore, choose

    return KeyringStore(choose(), on_wait)
