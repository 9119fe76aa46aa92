"""One request as the resources see it: its person, its parameters, and the checks of its body and query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dpx_cli.sandbox.store import BadCursor

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from dpx_cli.sandbox.state import SandboxState

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class Refused(Exception):
    """An error response: its status, the `error` of its body, and headers."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxRequest:
    """A request that was authenticated.

    Attributes:
        state: the sandbox behind it.
        user: `seq` of the token's person.
        path: the variable parts of the path, decoded.
        query: the first value of each query parameter.
        now: when it arrived, in seconds since 1970.
        fails: whether a scripted fault makes this deployment fail.
    """

    state: SandboxState
    user: int
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    now: float
    fails: bool

    def page(
        self,
        select: str,
        where: str,
        values: Sequence[Any],
        **options: Any,
    ) -> tuple[list[sqlite3.Row], dict[str, Any]]:
        """Return the rows for `limit` and `cursor`, and the response's `pagination`. See `Store.page`."""
        limit = DEFAULT_LIMIT
        if "limit" in self.query:
            text = self.query["limit"]
            if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
                raise Refused(400, f"limit must be a number from 1 to {MAX_LIMIT}")
            limit = int(text)
        try:
            rows, cursor = self.state.store.page(
                select, where, values, limit=limit, cursor=self.query.get("cursor"), **options
            )
        except BadCursor:
            raise Refused(400, "cursor is not valid for this list") from None
        return rows, {"hasMore": cursor is not None, "nextCursor": cursor, "limit": limit}

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
        """As `text`, but refuse the request with 400 if it is missing."""
        value = self.text(name, empty=empty)
        if value is None:
            raise Refused(400, f"{name} is required")
        return value

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """Return a string of the body that is one of `choices`; None if it is missing."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise Refused(400, f"{name} must be one of {', '.join(choices)}")
        return value
