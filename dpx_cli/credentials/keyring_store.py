"""Tokens in the operating system's keyring: only keyrings that keep secrets secret, and at most 3 s a call.

`choose` asks the keyring library which keyring this machine has, once, at login. After that the keyring that the index
names is used directly, because the library reads the entry points of every installed package first. From the Secret
Service (GNOME, KDE, KeePassXC) `secret_service.py` reads a token in an eighth of the library's time.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from dpx_cli.credentials.interface import WITHOUT_KEYRING
from dpx_cli.errors import TokenStorage

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = "dpx"
SECONDS = 3.0  # for one call: a person may have to type a password, but the program must not look hung
HINT = f"Unlock it. Or {WITHOUT_KEYRING[0].lower()}{WITHOUT_KEYRING[1:]}"

# The keyrings that keep secrets secret. All others "succeed" and keep nothing, or keep it in plain text.
BACKENDS = {
    "macOS": "keyring.backends.macOS.Keyring",
    "Windows": "keyring.backends.Windows.WinVaultKeyring",
    "SecretService": "keyring.backends.SecretService.Keyring",
    "libsecret": "keyring.backends.libsecret.Keyring",
    "KWallet": "keyring.backends.kwallet.DBusKeyring",
    "KWallet4": "keyring.backends.kwallet.DBusKeyringKWallet4",
}
_OVERRIDE = "PYTHON_KEYRING_BACKEND"  # the keyring library's own variable

_T = TypeVar("_T")


class KeyringStore:
    """One keyring of this machine.

    Args:
        backend: its name in `BACKENDS`.
    """

    source = "keyring"

    def __init__(self, backend: str) -> None:
        self._name = backend

    @property
    def place(self) -> str:
        """What the index calls it."""
        return f"keyring:{self._name}"

    @property
    def title(self) -> str:
        """What a sentence calls it."""
        return f"the keyring ({self._name})"

    def get(self, key: str) -> str | None:
        """Return the token of a name, None if there is none."""
        return bounded(lambda: self._get(key), self.title)

    def set(self, key: str, token: str) -> None:
        """Store a token."""
        bounded(lambda: self._backend().set_password(SERVICE, key, token), self.title, secret=token)

    def delete(self, key: str) -> bool:
        """Remove a token and return whether there was one."""
        return bounded(lambda: self._delete(key), self.title)

    def _get(self, key: str) -> str | None:
        self._heed_override()
        if self._name == "SecretService":
            from dpx_cli.credentials import secret_service

            found = secret_service.lookup(SERVICE, key)
            if found is not None:
                return found
        found = self._backend().get_password(SERVICE, key)
        return None if found is None else str(found)

    def _delete(self, key: str) -> bool:
        backend = self._backend()
        if backend.get_password(SERVICE, key) is None:
            return False
        backend.delete_password(SERVICE, key)
        return True

    def _backend(self) -> Any:
        """Return the keyring."""
        import importlib

        self._heed_override()
        module, _, name = BACKENDS[self._name].rpartition(".")
        return getattr(importlib.import_module(module), name)()

    def _heed_override(self) -> None:
        """Raise TokenStorage if the user tells the keyring library to use another keyring, or none."""
        override = os.environ.get(_OVERRIDE) or BACKENDS[self._name]
        if override != BACKENDS[self._name]:
            raise TokenStorage(
                f"The token is in {self.title}, but {_OVERRIDE} names {override}.", hint=f"Unset {_OVERRIDE}."
            )


def choose() -> str:
    """Return the name, in `BACKENDS`, of the keyring that the keyring library uses on this machine.

    Raises:
        TokenStorage: it uses none, or one that doesn't keep secrets secret.
    """
    found = bounded(_usual, "the keyring")
    names = {path: name for name, path in BACKENDS.items()}
    for path in found:
        if path in names:
            return names[path]
    what = "This machine has no keyring."
    if found and found[0] not in _NO_KEYRING:
        what = f"The keyring of this machine doesn't keep secrets secret: {found[0]}"
    raise TokenStorage(what, hint=WITHOUT_KEYRING)


_NO_KEYRING = ("keyring.backends.fail.Keyring", "keyring.backends.null.Keyring")


def _usual() -> list[str]:
    """Return the class names of the library's choice; of a chain of keyrings its members, best first."""
    import keyring

    chosen = keyring.get_keyring()
    members = getattr(chosen, "backends", None) if _path(chosen) == "keyring.backends.chainer.ChainerBackend" else None
    return [_path(backend) for backend in ([chosen] if members is None else members)]


def _path(backend: Any) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def bounded(call: Callable[[], _T], title: str, *, secret: str = "") -> _T:
    """Make a call that may hang, for at most `SECONDS`, in a thread that does not keep the process alive.

    Args:
        call: the call; every exception of it is a refusal.
        title: what the error calls the keyring.
        secret: what the error must not repeat.

    Raises:
        TokenStorage: it refused or did not respond.
    """
    import threading

    answers: list[_T] = []
    problems: list[Exception] = []

    def run() -> None:
        try:
            answers.append(call())
        except Exception as exc:  # noqa: BLE001 - keyrings raise types of four libraries; each is a refusal
            problems.append(exc)

    thread = threading.Thread(target=run, name="dpx-keyring", daemon=True)
    thread.start()
    thread.join(SECONDS)
    if answers:
        return answers[0]
    if not problems:
        raise TokenStorage(f"{title[0].upper()}{title[1:]} did not respond within {SECONDS:g} s.", hint=HINT)
    problem = problems[0]
    if isinstance(problem, TokenStorage):
        raise problem
    reason = " ".join(str(problem).split()).rstrip(".")
    if not reason or (secret and secret in reason):
        reason = type(problem).__name__
    raise TokenStorage(f"{title[0].upper()}{title[1:]} refuses: {reason}.", hint=HINT) from None
