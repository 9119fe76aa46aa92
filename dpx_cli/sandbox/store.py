"""The sandbox's state: one SQLite database, in memory or in the file of `--data`.

Every change is one transaction that is committed before the request is answered. With the write-ahead log, a commit
has reached the operating system by then, so a killed sandbox loses nothing that it confirmed (a power failure may lose
the last moments).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# "dpx1": marks a file as a sandbox's, so that no other program's database is ever written to.
APPLICATION_ID = 0x64707831
VERSION = 2

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 25
CURSOR_BYTES = 15

SCHEMA = """
CREATE TABLE meta (secret BLOB NOT NULL);
CREATE TABLE users (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE);
CREATE TABLE orgs (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, slug TEXT NOT NULL UNIQUE);
CREATE TABLE members (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
  org INTEGER NOT NULL REFERENCES orgs, user INTEGER NOT NULL REFERENCES users, role TEXT NOT NULL, UNIQUE (org, user)
);
CREATE INDEX members_of_user ON members (user, org);
-- A project belongs to an organization, or (org is null) to the person who created it.
CREATE TABLE projects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  org INTEGER REFERENCES orgs, owner INTEGER NOT NULL REFERENCES users,
  name TEXT NOT NULL, slug TEXT NOT NULL, framework TEXT, app_type TEXT, description TEXT,
  build_command TEXT, install_command TEXT, output_dir TEXT, created_at REAL NOT NULL,
  newest INTEGER REFERENCES deployments DEFERRABLE INITIALLY DEFERRED,
  extra TEXT  -- further fields of the answer, as JSON
);
CREATE UNIQUE INDEX project_slugs ON projects (coalesce(org, -owner), slug);
CREATE INDEX projects_of_org ON projects (org, seq);
CREATE INDEX projects_by_slug ON projects (slug);
-- A deployment's course is known when it is created: its status is a function of these times and the clock.
CREATE TABLE deployments (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  branch TEXT NOT NULL, commit_message TEXT, commit_sha TEXT, outcome TEXT NOT NULL,
  created_at REAL NOT NULL, building_at REAL NOT NULL, ended_at REAL NOT NULL,
  build_ms INTEGER NOT NULL, bundle_kb INTEGER NOT NULL,
  untold INTEGER NOT NULL DEFAULT 0,  -- webhook events still to send: 2 both, 1 the last
  extra TEXT
);
CREATE INDEX deployments_of_project ON deployments (project, seq);
CREATE INDEX deployments_by_end ON deployments (ended_at);
CREATE INDEX deployments_untold ON deployments (seq) WHERE untold > 0;
CREATE INDEX projects_newest ON projects (newest);
CREATE TABLE env_vars (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  project INTEGER NOT NULL REFERENCES projects ON DELETE CASCADE,
  key TEXT NOT NULL, targets TEXT NOT NULL, sensitive INTEGER NOT NULL, salt BLOB NOT NULL, digest BLOB NOT NULL,
  UNIQUE (project, key)
);
CREATE INDEX env_vars_of_project ON env_vars (project, seq);
"""

# From version 1.
UPGRADE = (
    "ALTER TABLE projects ADD COLUMN extra TEXT",
    "ALTER TABLE deployments ADD COLUMN extra TEXT",
    f"PRAGMA user_version = {VERSION}",
)


class BadCursor(ValueError):
    """A cursor that this list never returned."""


class Store:
    """One connection, one lock: requests are served one after the other, and so are a test's own reads.

    Args:
        path: the file of `--data`; None keeps the state in memory.

    Raises:
        Failed: the file can't be opened, is damaged, or isn't a sandbox's. It is not changed.
    """

    def __init__(self, path: str | None = None) -> None:
        self._lock = threading.RLock()
        self.fresh = True
        try:
            self._db = self._open(path)
        except (sqlite3.Error, OSError) as error:
            raise Failed(
                f"Can't open the sandbox's data in {path}: {error}.",
                hint="Pass another file with --data, or move this one away.",
            ) from error
        self.secret: bytes = self.one("SELECT secret FROM meta")["secret"]

    def _open(self, path: str | None) -> sqlite3.Connection:
        if path is not None:
            # SQLite would create the file readable by everyone; its log files inherit this mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=10)
        try:
            db.row_factory = sqlite3.Row
            if db.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None:
                _check_ours(db)
                self.fresh = False
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA foreign_keys = ON")
            if self.fresh:
                db.execute("BEGIN IMMEDIATE")
                # Check again under the lock: another sandbox may have started at the same moment.
                if db.execute("SELECT 1 FROM sqlite_schema").fetchone() is not None:
                    db.execute("ROLLBACK")
                    _check_ours(db)
                    self.fresh = False
            if self.fresh:
                # One by one: executescript would commit first.
                for statement in SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute("INSERT INTO meta (secret) VALUES (?)", (secrets.token_bytes(32),))
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {VERSION}")
                # The transaction stays open: the caller that seeds the store commits it.
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return every row of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def find(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        with self._lock:
            row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
            return row

    def one(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Row:
        """Return the one row of a query that always has one."""
        row = self.find(sql, values)
        if row is None:
            raise LookupError(sql)
        return row

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

    def page(
        self,
        select: str,
        where: str,
        values: Sequence[Any],
        *,
        key: str,
        scope: str,
        limit: int,
        cursor: str | None,
        newest_first: bool = False,
    ) -> tuple[list[sqlite3.Row], str | None]:
        """Return one page of a list, and the cursor of the next (None if this is the last).

        A page starts where the previous one ended, so its cost depends only on `limit`, and rows that are added or
        removed between two pages neither repeat nor hide others.

        Args:
            select: SELECT and FROM; the rows have a `seq`.
            where: the condition, without the word.
            values: the parameters of both.
            key: the column of `seq`, like "p.seq"; unique and never reused.
            scope: names the list; a cursor of another list is refused.
            limit: how many rows.
            cursor: of the previous page; None for the first page.
            newest_first: by descending `seq`.

        Raises:
            BadCursor: this list never returned the cursor.
        """
        order, compare = ("DESC", "<") if newest_first else ("ASC", ">")
        if cursor is not None:
            where = f"({where}) AND {key} {compare} ?"
            values = (*values, self._position(scope, cursor))
        rows = self.all(f"{select} WHERE {where} ORDER BY {key} {order} LIMIT ?", (*values, limit + 1))
        if len(rows) <= limit:
            return rows, None
        return rows[:limit], self._cursor(scope, rows[limit - 1]["seq"])

    def _seal(self, scope: str, seq: int) -> bytes:
        return hmac.digest(self.secret, f"{scope} {seq}".encode(), "sha256")[:8]

    def _cursor(self, scope: str, seq: int) -> str:
        # Opaque, shaped like an id, as in the reference's example (clm1abc...).
        return "c" + base36(int.from_bytes(seq.to_bytes(CURSOR_BYTES - 8) + self._seal(scope, seq)), ID_LENGTH - 1)

    def _position(self, scope: str, cursor: str) -> int:
        if len(cursor) != ID_LENGTH or not set(cursor) <= set(DIGITS):
            raise BadCursor(cursor)
        number = int(cursor[1:], 36)
        if number >= 1 << 8 * CURSOR_BYTES:
            raise BadCursor(cursor)
        packed = number.to_bytes(CURSOR_BYTES)
        seq = int.from_bytes(packed[:-8])
        if not hmac.compare_digest(packed[-8:], self._seal(scope, seq)) or cursor[0] != "c":
            raise BadCursor(cursor)
        return seq


def _check_ours(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise sqlite3.DatabaseError("it is another program's database")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version == 1:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] == 1:
            for statement in UPGRADE:
                db.execute(statement)
        db.execute("COMMIT")
    elif version != VERSION:
        raise sqlite3.DatabaseError("it was written by another version of dpx")


def more(row: sqlite3.Row) -> dict[str, Any]:
    """Return the fields of a row that no column has: see `snapshot.Seed`."""
    return json.loads(row["extra"]) if row["extra"] else {}


def base36(number: int, width: int) -> str:
    """Return a number in lower-case base 36, padded with zeros."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return text.rjust(width, "0")


def new_id() -> str:
    """Return an id in the reference's shape: 25 lower-case characters that begin with c, ascending with time."""
    milliseconds = base36(int(time.time() * 1000), 8)
    return f"c{milliseconds}{base36(secrets.randbelow(36**16), 16)}"


def fixed_id(label: str) -> str:
    """Return an id in the same shape that is the same in every sandbox, for what it starts with."""
    return "clm1" + base36(int.from_bytes(hashlib.sha256(label.encode()).digest()) % 36**21, 21)


def digest_of(value: str, salt: bytes) -> bytes:
    """Return what is kept of a variable's value."""
    return hashlib.sha256(salt + value.encode()).digest()


def timestamp(seconds: float) -> str:
    """Return a time as the API writes it: 2026-01-01T00:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
