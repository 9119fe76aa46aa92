"""The tokens a sandbox accepts, and for whom each speaks. Floor 1, under `app.py`.

Only digests are kept in memory, and nothing of a token in the store.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from dpx_cli.durations import delay
from dpx_cli.errors import UsageError
from dpx_cli.sandbox.seed import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

TOKEN = re.compile(r"dpx_[!-9;-~]{1,500}")
HINT = "write it as dpx_TOKEN, dpx_TOKEN:ROLE or dpx_TOKEN:ROLE:SECONDS"


class Tokens:
    """The accepted tokens.

    Attributes:
        plain: the tokens as a client sends them, in the order they were given.
    """

    def __init__(
        self, given: Sequence[str], *, role: str, secret: bytes, now: float, ttl: float | None, scale: float
    ) -> None:
        """Read `TOKEN`, `TOKEN:ROLE` and `TOKEN:ROLE:SECONDS`.

        Args:
            given: as written; where it is empty, one token is made of `secret`, so that it stays the same with it.
            role: of a token that names none.
            secret: the store's.
            now: when the sandbox starts, in seconds since 1970.
            ttl: how many seconds a token that does not say is accepted; None for ever.
            scale: how many times as fast they go.

        Raises:
            UsageError: a token or its role is none. The message does not show it.
        """
        self.plain: list[str] = []
        self._known: dict[bytes, tuple[str, float | None]] = {}
        for text in given or [f"dpx_{hmac.digest(secret, b'token', 'sha256').hex()[:60]}"]:
            token, *rest = text.split(":")
            if not TOKEN.fullmatch(token) or len(rest) > 2:  # noqa: PLR2004 - role and seconds
                raise UsageError("a --token of the sandbox begins with dpx_ and has no white space", hint=HINT)
            its_role = rest[0] if rest and rest[0] else role
            if its_role not in PEOPLE:
                raise UsageError(f"a --token has a role that is none of {', '.join(PEOPLE)}", hint=HINT)
            its_ttl = None if ttl is None else ttl / scale
            if len(rest) > 1:
                try:
                    its_ttl = delay(rest[1])
                except ValueError:
                    raise UsageError("a --token has a life that is no number of seconds", hint=HINT) from None
                its_ttl /= scale
            self.plain.append(token)
            self._known[_digest(token)] = (PEOPLE[its_role], None if its_ttl is None else now + its_ttl)

    def person(self, token: str, now: float) -> str | None:
        """The e-mail address of whom it speaks for; None where it is unknown or has expired."""
        known = self._known.get(_digest(token))
        if known is None or (known[1] is not None and now >= known[1]):
            return None
        return known[0]

    def expire(self, token: str) -> None:
        """Accept it no longer."""
        self._known.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
