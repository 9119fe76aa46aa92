"""The sandbox's state: one SQLite database, in memory or in the file of `--data`.

Every change is one transaction that is committed before the request is answered. With the write-ahead log, a commit
has reached the operating system by then, so a killed sandbox loses nothing that it confirmed (a power failure may lose
the last moments).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

# "dpx1": marks a file as a sandbox's, so that no other program's database is ever written to.
APPLICATION_ID = 0x64707831
VERSION = 3


class Store:
    """One connection, one lock: requests are served one after the other, and so are a test's own reads.

    A file that is damaged or isn't a sandbox's raises sqlite3.Error, and is not changed.
    """

    def __init__(self, path: str | None = None) -> None:
        self._lock = threading.RLock()
        self._db = self._open(path)
        self.secret: bytes = self.find("SELECT secret FROM meta")["secret"]

    def _open(self, path: str | None) -> sqlite3.Connection:
        if path is not None:
            # SQLite would create the file readable by everyone; its log files inherit this mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=10)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA foreign_keys = ON")
            if _is_empty(db):
                db.execute("PRAGMA journal_mode = WAL")
            db.execute("BEGIN IMMEDIATE")
            # Looked at under the lock: another sandbox may have started at the same moment.
            self.fresh = _is_empty(db)
            if self.fresh:
                _create_schema(db)  # the transaction stays open: the caller that fills the store commits it
            else:
                db.execute("ROLLBACK")
                _check_ours(db)
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return every row of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def find(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the first row of a query, or None."""
        with self._lock:
            return self._db.execute(sql, values).fetchone()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Run one transaction: committed at the end of the block, rolled back if it raises."""
        with self._lock:
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _is_empty(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_schema").fetchone() is None


def _create_schema(db: sqlite3.Connection) -> None:
    # One by one: executescript would commit first.
    for statement in files(__package__).joinpath("schema.sql").read_text("utf-8").split(";\n"):
        db.execute(statement)
    db.execute("INSERT INTO meta (secret) VALUES (?)", (secrets.token_bytes(32),))
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")


def _check_ours(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise sqlite3.DatabaseError("it is another program's database")
    if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        raise sqlite3.DatabaseError("it was written by another version of dpx")


def new_id() -> str:
    """Return an id in the reference's shape: 25 lower-case characters that begin with c, ascending with time."""
    return f"c{int(time.time() * 1000):012x}{secrets.token_hex(6)}"


def digest_of(value: str, salt: bytes) -> bytes:
    """Return what is kept of a variable's value."""
    return hashlib.sha256(salt + value.encode()).digest()


def timestamp(seconds: float) -> str:
    """Return a time as the API writes it: 2026-01-01T00:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
