"""Tokens in the operating system's keyring: only keyrings that keep secrets secret, and only for a limited time a call.

Only a login asks the keyring library which keyring this machine has, because that reads the entry points of every
installed package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.errors import TokenStorage

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    OnWait = Callable[[str], None] | None  # tells a person that dpx waits for the keyring
    T = TypeVar("T")

SERVICE = "dpx"
SECONDS = 3.0  # for one call without a user who can type a password
SECONDS_TO_TYPE = 60.0  # where somebody can
WITHOUT_KEYRING = "Set DPX_TOKEN, or keep the token in a file: dpx auth login --insecure-storage"
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
_NO_KEYRING = ("keyring.backends.fail.Keyring", "keyring.backends.null.Keyring")


class KeyringStore:
    """One keyring of this machine."""

    source = "keyring"

    def __init__(self, backend: str, on_wait: OnWait = None) -> None:
        self.place = f"keyring:{backend}"
        self.location = backend
        self.title = f"the keyring ({backend})"
        self._on_wait = on_wait

    def get(self, key: str) -> str | None:
        """Return the token of a name, None without one."""
        from dpx_cli.credentials import native

        token = self._bound(lambda: native.read(self.location, SERVICE, key))
        if token is None:
            backend = _load(self.location)
            token = self._bound(lambda: backend().get_password(SERVICE, key))
        return None if token is None else str(token)

    def set(self, key: str, token: str) -> None:
        """Store a token."""
        backend = _load(self.location)
        self._bound(lambda: backend().set_password(SERVICE, key, token), secret=token)

    def delete(self, key: str) -> bool:
        """Remove a token and return whether there was one."""
        if self.get(key) is None:
            return False
        backend = _load(self.location)
        self._bound(lambda: backend().delete_password(SERVICE, key))
        return True

    def _bound(self, call: Callable[[], T], *, secret: str = "") -> T:
        return bound(call, self.title, self._on_wait, secret=secret)


def choose() -> str:
    """Return the name, in `BACKENDS`, of the keyring that the keyring library uses on this machine."""
    names = {path: name for name, path in BACKENDS.items()}
    for name in BACKENDS:
        _load(name)
    paths = bound(_list_backends, "the keyring")
    for path in paths:
        if path in names:
            return names[path]
    if not paths or paths[0] in _NO_KEYRING:
        raise TokenStorage("This machine has no keyring.", hint=WITHOUT_KEYRING)
    raise TokenStorage(f"This machine's keyring doesn't protect secrets: {paths[0]}", hint=WITHOUT_KEYRING)


def _load(backend: str) -> Any:
    """Return a class of `BACKENDS`. Importing it, which every system can, is not part of any call's time."""
    import importlib

    module, _, name = BACKENDS[backend].rpartition(".")
    return getattr(importlib.import_module(module), name)


def _list_backends() -> list[str]:
    """Return the class paths of the library's choice; of a chain of keyrings its members, best first."""
    import keyring

    chosen = keyring.get_keyring()
    paths = [
        f"{type(each).__module__}.{type(each).__qualname__}" for each in [chosen, *getattr(chosen, "backends", ())]
    ]
    return paths[1:] if paths[0] == "keyring.backends.chainer.ChainerBackend" else paths[:1]


def bound(call: Callable[[], T], title: str, on_wait: OnWait = None, *, secret: str = "") -> T:
    """Make a call that may hang, in a thread that does not keep the process alive."""
    import threading

    results: list[T] = []
    problems: list[Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as problem:  # noqa: BLE001 - keyrings raise types of four libraries; each is a refusal
            problems.append(problem)

    thread = threading.Thread(target=run, name="dpx-keyring", daemon=True)
    thread.start()
    thread.join(SECONDS)
    seconds = SECONDS
    if thread.is_alive() and on_wait is not None:
        seconds = SECONDS_TO_TYPE
        on_wait(f"Waiting for {title}. If it asks for a password, enter it.")
        thread.join(seconds - SECONDS)
    if results:
        return results[0]
    message = f"did not respond within {seconds:g} s"
    if problems:
        reason = " ".join(str(problems[0]).split()).rstrip(".")
        message = f"refuses: {type(problems[0]).__name__ if not reason or (secret and secret in reason) else reason}"
    raise TokenStorage(f"{title[0].upper()}{title[1:]} {message}.", hint=HINT) from None
