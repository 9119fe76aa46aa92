"""One request as the resources see it: its person, its parameters, and the checks of its body and query."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dpx_cli.sandbox import Behavior
from dpx_cli.sandbox.faults import Faults
from dpx_cli.sandbox.journal import Change, SandboxJournal
from dpx_cli.sandbox.store import Store
from dpx_cli.sandbox.tokens import Rate, Tokens
from dpx_cli.sandbox.webhooks import Webhooks

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
CURSOR = re.compile("c0{12}[0-9a-f]{12}")  # all of them fit into SQLite's integers


class SandboxState:
    """The parts of a running sandbox; `closing` is set when it ends."""

    behavior: Behavior
    store: Store
    accepted: Tokens
    scripted: Faults
    rate: Rate | None
    journal: SandboxJournal
    webhooks: Webhooks | None = None
    closing: threading.Event


class Refused(Exception):
    """An error response: its status, the `error` of its body, and headers."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class SandboxRequest:
    """A request that was authenticated: `user` is `seq` of the token's person, `path` has the path's variable parts.

    `fails` is whether a scripted fault makes this deployment fail.
    """

    state: SandboxState
    user: int
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    now: float
    fails: bool = False

    def page(
        self, select: str, where: str, values: Sequence[Any], *, key: str, newest_first: bool = False
    ) -> tuple[list[sqlite3.Row], dict[str, Any]]:
        """Return the rows of a list for `limit` and `cursor`, and the response's `pagination`.

        A page starts where the previous one ended, so its cost depends only on `limit`, and rows that are added or
        removed between two pages neither repeat nor hide others.

        `select` is SELECT and FROM, `where` the condition without the word, `values` the parameters of both, `key` the
        column of `seq`, which is unique and never reused.
        """
        text = self.query.get("limit", str(DEFAULT_LIMIT))
        if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
            raise Refused(400, f"limit must be a number from 1 to {MAX_LIMIT}")
        limit = int(text)
        order, compare = ("DESC", "<") if newest_first else ("ASC", ">")
        cursor = self.query.get("cursor")
        if cursor is not None:
            if not CURSOR.fullmatch(cursor):
                raise Refused(400, "cursor is not valid")
            where, values = f"({where}) AND {key} {compare} ?", (*values, int(cursor[1:], 16))
        rows = self.state.store.all(f"{select} WHERE {where} ORDER BY {key} {order} LIMIT ?", (*values, limit + 1))
        # Shaped like an ID, as in the reference's example (clm1abc...).
        following = f"c{rows[limit - 1]['seq']:024x}" if len(rows) > limit else None
        return rows[:limit], {"hasMore": following is not None, "nextCursor": following, "limit": limit}

    def record(self, action: str, project: str, name: str) -> None:
        """Record a change that was made. See `Change`."""
        self.state.journal.changes.append(Change(action, project, name))

    def text(self, name: str, *, empty: bool = True) -> str | None:
        """Return a string of the body; None if it is missing. Blank ones are refused unless `empty`."""
        if name not in self.body:
            return None
        value = self.body[name]
        if not isinstance(value, str):
            raise Refused(400, f"{name} must be a string")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Refused(400, f"{name} is not valid Unicode") from None
        if not empty and not value.strip(" \t\r\n"):
            raise Refused(400, f"{name} must not be empty")
        return value

    def required_text(self, name: str, *, empty: bool = True) -> str:
        """As `text`, but refuse the request if it is missing."""
        if name not in self.body:
            raise Refused(400, f"{name} is required")
        return self.text(name, empty=empty) or ""

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """Return a string of the body that is one of `choices`; None if it is missing."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise Refused(400, f"{name} must be one of {', '.join(choices)}")
        return value
