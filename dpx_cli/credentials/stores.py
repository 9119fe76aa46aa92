"""Places for tokens, by the name that a profile has for them: "file", or "keyring:" and a name in `keyring_store`."""

from __future__ import annotations

from dpx_cli.errors import TokenStorage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from dpx_cli.credentials.keyring_store import OnWait

    class TokenStore(Protocol):
        """A place for tokens. Every method raises `TokenStorage` if the place refuses or does not respond."""

        place: str  # its name in a profile: "keyring:SecretService"
        source: str  # "keyring" or "file"
        location: str  # what `auth status` calls it: "SecretService", or the path of the file
        title: str  # what a sentence calls it: "the keyring (SecretService)"

        def get(self, key: str) -> str | None:
            """Return the token stored under a name, None if there is none."""

        def set(self, key: str, token: str) -> None:
            """Store a token under a name, in place of any other."""

        def delete(self, key: str) -> bool:
            """Remove the token of a name. Return whether there was one."""

    OpenStore = Callable[[str, str, OnWait], TokenStore]


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
