"""What a place for tokens can do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class TokenStore(Protocol):
        """A place for tokens. Every method raises `TokenStorage` if the place refuses or does not respond.

        Attributes:
            place: its name in a profile: "keyring:SecretService".
            source: "keyring" or "file".
            location: what `auth status` calls it: "SecretService", or the path of the file.
            title: what a sentence calls it: "the keyring (SecretService)".
        """

        place: str
        source: str
        location: str
        title: str

        def get(self, key: str) -> str | None:
            """Return the token stored under a name, None if there is none."""

        def set(self, key: str, token: str) -> None:
            """Store a token under a name, in place of any other."""

        def delete(self, key: str) -> bool:
            """Remove the token of a name. Return whether there was one."""

    OnWait = Callable[[str], None] | None
    OpenStore = Callable[[str, str, OnWait], TokenStore]

WITHOUT_KEYRING = "Set DPX_TOKEN, or keep the token in a file: dpx auth login --insecure-storage"
