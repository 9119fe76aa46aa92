"""Remember what was last set from this machine, as keyed digests, to tell changed from unchanged values.

Off unless DPX_LEDGER is set. Of a value only an HMAC-SHA256 is kept, over value, API, project and key, under a random
secret that is only in the keyring: the file alone doesn't let anyone read or guess a value, or see that two variables
have the same one. Without a keyring there is no ledger. No problem with the ledger stops a command.

One file, `ledger.json`:
    {"place": "keyring:SecretService", "secret": "<which secret>", "digests": {"<digest of a name>": "<digest>"}}
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import DpxError, TokenStorage, UsageError
from dpx_cli.system import files, switches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dpx_cli.config.settings import Settings
    from dpx_cli.credentials.interface import TokenStore
    from dpx_cli.session import Session

VARIABLE = "DPX_LEDGER"
NAME = "ledger"  # of the secret in the keyring; tokens are named "profile@origin"
SECRET_BYTES = 32
_WHAT = "the ledger"
_REMOVE = "Remove it from the keyring (service dpx, user ledger); dpx then makes a new one."


def is_on(env: Mapping[str, str]) -> bool:
    """Return whether the user wants a ledger."""
    return switches.is_on(env, VARIABLE)


@contextmanager
def kept(session: Session, project_id: str, values: Mapping[str, str], finished: Mapping[str, str]) -> Iterator[None]:
    """Keep the ledger of what is set within the context, even if that fails half-way; say what has changed.

    Args:
        session: the session.
        project_id: the project.
        values: key -> value of those that are to be set.
        finished: likewise, of those that are set; filled within the context.
    """
    book = opened(session)
    same: dict[str, bool] = {}
    try:
        if book is not None:
            same = book.compare(project_id, values)
            # If dpx is killed between a request and its record, the old digest must not call the value unchanged.
            book.forget(project_id, values)
    except DpxError as problem:
        session.screen.note(f"The ledger is off: {problem.message}")
        book = None
    try:
        yield
    finally:
        if book is not None:
            _record(session, book, project_id, finished)
            _tell(session, {key: is_same for key, is_same in same.items() if key in finished})


def _record(session: Session, book: Ledger, project_id: str, finished: Mapping[str, str]) -> None:
    try:
        book.record(project_id, finished)
    except DpxError as problem:
        session.screen.note(f"The ledger is off: {problem.message}")


def note(session: Session, project_id: str, values: Mapping[str, str]) -> None:
    """Say which of some values would change, without recording them. Arguments as for `kept`."""
    _tell(session, compare(session, project_id, values))


def compare(session: Session, project_id: str, values: Mapping[str, str]) -> dict[str, bool]:
    """Return what `Ledger.compare` does, or nothing if the ledger is off or can't be read."""
    try:
        book = opened(session)
        return {} if book is None else book.compare(project_id, values)
    except DpxError as problem:
        session.screen.note(f"The ledger is off: {problem.message}")
        return {}


def opened(session: Session) -> Ledger | None:
    """Return the ledger, or None if it's off or can't be opened, which the user is told."""
    if not is_on(session.env):
        return None
    try:
        return open_ledger(session.settings)
    except DpxError as problem:
        session.screen.note(f"The ledger is off: {problem.message}")
        return None


def _tell(session: Session, same: Mapping[str, bool]) -> None:
    for word, wanted in (("changed", False), ("unchanged", True)):
        if keys := [key for key, is_same in same.items() if is_same is wanted]:
            session.screen.note(f"{word} since last set from this machine: {', '.join(keys)}")


class Ledger:
    """The digests of one API, under one secret; see `open_ledger`.

    Args:
        path: the file.
        origin: scheme, host and port of the API.
        secret: the key of the digests.
        place: where the secret is, as `credentials/stores.py` names it.
    """

    def __init__(self, path: str, origin: str, secret: bytes, place: str) -> None:
        self._path = path
        self._origin = origin
        self._secret = secret
        self._place = place

    def __repr__(self) -> str:
        return f"Ledger({self._path!r})"

    def compare(self, project_id: str, values: Mapping[str, str]) -> dict[str, bool]:
        """Return for each key whether its value is the one that was last set from this machine.

        A key that was never set is left out.

        Raises:
            Failed: if the file can't be read or understood.
        """
        digests = self._digests()
        found = {}
        for key, value in values.items():
            last = digests.get(self._name(project_id, key))
            if last is not None:
                found[key] = hmac.compare_digest(last.encode(), self._digest(project_id, key, value).encode())
        return found

    def record(self, project_id: str, values: Mapping[str, str]) -> None:
        """Store the digests of values that were set. Raises Failed, and stores none, if they can't be written."""
        if not values:
            return
        with files.locked(self._path):
            digests = self._digests()
            for key, value in values.items():
                digests[self._name(project_id, key)] = self._digest(project_id, key, value)
            self._write(digests)

    def forget(self, project_id: str, keys: Iterable[str]) -> None:
        """Drop the digests of keys that are about to be set. Raises Failed if that can't be written."""
        names = {self._name(project_id, key) for key in keys}
        with files.locked(self._path):
            digests = self._digests()
            if names & digests.keys():
                self._write({name: digest for name, digest in digests.items() if name not in names})

    def _write(self, digests: Mapping[str, str]) -> None:
        document = {"place": self._place, "secret": self._which(), "digests": digests}
        files.write_whole(self._path, (json.dumps(document, indent=1) + "\n").encode())

    def _digests(self) -> dict[str, str]:
        document = _read(self._path)
        # Digests under another secret, of a keyring that was replaced, are worthless.
        return dict(document["digests"]) if document.get("secret") == self._which() else {}

    def _which(self) -> str:
        return self._hmac("which secret")[:16]

    # Without the targets: Deploxa keeps one value per key, for all its targets.
    def _name(self, project_id: str, key: str) -> str:
        return self._hmac("name", self._origin, project_id, key)

    def _digest(self, project_id: str, key: str, value: str) -> str:
        return self._hmac("value", self._origin, project_id, key, value)

    def _hmac(self, *parts: Any) -> str:
        # JSON, so that no two lists of parts give the same bytes.
        return hmac.new(self._secret, json.dumps(parts).encode("ascii"), hashlib.sha256).hexdigest()


def open_ledger(
    settings: Settings,
    default_store: Callable[[], TokenStore] | None = None,
    open_store: Callable[[str, str], TokenStore] | None = None,
) -> Ledger:
    """Return the ledger of this machine, and make its secret if there is none.

    Args:
        settings: the settings.
        default_store: returns the keyring of this machine. [default: `stores.default_store`]
        open_store: returns the store of a place. [default: `stores.open_store`]

    Raises:
        UsageError: if DPX_TOKEN is set: then the keyring is not used.
        TokenStorage: if there is no keyring, or it refuses.
        Failed: if the file can't be read, understood or locked.
    """
    from dpx_cli import credentials
    from dpx_cli.credentials import stores

    if credentials.token_variable(settings.env):
        raise UsageError("Its secret is in the keyring, which isn't used if DPX_TOKEN is set.")

    path = os.path.join(settings.config_dir, "ledger.json")
    place = _read(path).get("place", "")
    store = (
        (open_store or stores.open_store)(place, settings.config_dir)
        if place.startswith("keyring:")
        else (default_store or stores.default_store)()
    )
    secret = store.get(NAME)
    if secret is None:
        with files.locked(path):
            # Another process may have made one meanwhile.
            secret = store.get(NAME) or _new_secret(store)
    if not re.fullmatch(rf"[0-9a-f]{{{SECRET_BYTES * 2}}}", secret):
        raise TokenStorage(f"What {store.title} has for the ledger is not a secret of dpx.", hint=_REMOVE)
    return Ledger(path, settings.origin, bytes.fromhex(secret), store.place)


def _new_secret(store: TokenStore) -> str:
    import secrets

    secret = secrets.token_hex(SECRET_BYTES)
    store.set(NAME, secret)
    if store.get(NAME) != secret:
        raise TokenStorage(f"Can't read back what was stored in {store.title}.")
    return secret


def _read(path: str) -> dict[str, Any]:
    """Return the document of a ledger file, an empty one if there is no file."""
    data = files.read_bytes(path, _WHAT)
    if data is None:
        return {"digests": {}}
    try:
        document = json.loads(data)
        digests = document["digests"]
        texts = [document["place"], document["secret"], *digests, *digests.values()]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise files.damaged(path, _WHAT, "it doesn't have the form that dpx writes") from None
    if not all(isinstance(text, str) for text in texts):
        raise files.damaged(path, _WHAT, "it doesn't have the form that dpx writes")
    return dict(document)
