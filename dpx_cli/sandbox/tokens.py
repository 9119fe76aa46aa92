"""The tokens that a sandbox accepts, and the person of each. Only digests are kept, and none in the store."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from dpx_cli.durations import delay
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOKEN = re.compile(r"dpx_[!-9;-~]{1,500}")
HINT = "Write it as dpx_TOKEN, dpx_TOKEN:ROLE or dpx_TOKEN:ROLE:SECONDS."


class Tokens:
    """The accepted tokens.

    Attributes:
        plain: the tokens as a client sends them, in the order given.
        owner: the e-mail address of the person with the owner's role.
    """

    def __init__(
        self,
        given: Sequence[str],
        *,
        people: Mapping[str, str],
        role: str,
        secret: bytes,
        now: float,
        ttl: float | None,
        scale: float,
    ) -> None:
        """Parse `TOKEN`, `TOKEN:ROLE` and `TOKEN:ROLE:SECONDS`.

        Args:
            given: as written; if empty, one token is derived from `secret`, so that it stays the same.
            people: the e-mail address of the person with each role.
            role: of a token that names none.
            secret: the store's.
            now: when the sandbox starts, in seconds since 1970.
            ttl: seconds until a token expires that names no time; None for never.
            scale: speed multiplier.

        Raises:
            UsageError: a token or its role is invalid. The message doesn't show it.
        """
        self.owner = people["owner"]
        self.plain: list[str] = []
        self._known: dict[bytes, tuple[str, float | None]] = {}
        for text in given or [f"dpx_{hmac.digest(secret, b'token', 'sha256').hex()[:60]}"]:
            token, *rest = text.split(":")
            if not TOKEN.fullmatch(token) or len(rest) > 2:  # noqa: PLR2004 - role and seconds
                raise UsageError("A --token of the sandbox must begin with dpx_ and have no white space.", hint=HINT)
            its_role = rest[0] if rest and rest[0] else role
            if its_role not in people:
                raise UsageError(f"The role of a --token must be one of {', '.join(people)}.", hint=HINT)
            its_ttl = None if ttl is None else ttl / scale
            if len(rest) > 1:
                try:
                    its_ttl = delay(rest[1])
                except ValueError:
                    raise UsageError("The lifetime of a --token must be a number of seconds.", hint=HINT) from None
                its_ttl /= scale
            self.plain.append(token)
            self._known[_digest(token)] = (people[its_role], None if its_ttl is None else now + its_ttl)

    def person(self, token: str, now: float) -> str | None:
        """Return the e-mail address of a token's person; None if it is unknown or expired."""
        known = self._known.get(_digest(token))
        if known is None or (known[1] is not None and now >= known[1]):
            return None
        return known[0]

    def expire(self, token: str) -> None:
        """Expire a token now."""
        self._known.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
