"""Scripted faults: what goes wrong, on which requests, how often.

    POST /projects/*/deployments 429 x3                  the first three are refused
    GET /deployments/* 503 retry-after=2 x1              with a Retry-After
    * /orgs slow 1500ms                                   every answer comes late
    POST /projects/*/deployments lost x1                 it is done, and the answer is lost
    GET /projects reset after 1 x1                       the second one's connection is reset
    POST /projects/*/deployments ERROR                   the build fails

A path is below the API root; `*` stands for one part of it, `**` for any number. Floor 1, under `app.py`.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from dpx_cli.durations import duration
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

SLOW, RESET, LOST, ERROR = "slow", "reset", "lost", "ERROR"
METHODS = ("GET", "POST", "PATCH", "DELETE", "*")
HINT = "write it as 'METHOD PATH EFFECT [xN]', like 'POST /projects/*/deployments 429 x3'"
API_ROOT = "/api/v1"


class Fault:
    """One scripted fault.

    Attributes:
        text: as it was written.
        status: the status it answers with; None for the other effects.
        effect: `SLOW`, `RESET`, `LOST` or `ERROR`; "" where there is a status.
        seconds: how long `SLOW` waits.
        retry_after: the Retry-After of its answer, in seconds.
    """

    def __init__(self, text: str) -> None:
        """Read a fault.

        Raises:
            UsageError: it is not written as this module's docstring shows.
        """
        self.text = text
        self.status: int | None = None
        self.effect = ""
        self.seconds = 0.0
        self.retry_after: int | None = None
        self._skip = 0
        self._left: int | None = None
        words = text.split()
        if len(words) < 3:  # noqa: PLR2004 - method, path, effect
            raise UsageError(f"fault {text!r} is not complete", hint=HINT)
        self._method, path, effect, *rest = words
        self._method = self._method.upper()
        if self._method not in METHODS:
            raise UsageError(f"fault {text!r} names no method of the API", hint=HINT)
        if not path.startswith("/"):
            raise UsageError(f"fault {text!r} has a path that does not begin with /", hint=HINT)
        self._path = _pattern(path.removeprefix(API_ROOT))
        if re.fullmatch(r"[45][0-9][0-9]", effect):
            self.status = int(effect)
        elif effect.lower() == SLOW:
            self.effect = SLOW
            try:
                self.seconds = duration(rest.pop(0) if rest else "")
            except ValueError:
                raise UsageError(
                    f"fault {text!r} does not say how slow", hint="add a duration, like 'slow 2s'"
                ) from None
        elif effect.lower() in (RESET, LOST):
            self.effect = effect.lower()
        elif effect.upper() == ERROR:
            self.effect = ERROR
        else:
            raise UsageError(
                f"fault {text!r} has an effect that is none of 4xx, 5xx, slow, reset, lost, ERROR", hint=HINT
            )
        self._read_rest(rest)

    def _read_rest(self, rest: list[str]) -> None:
        while rest:
            word = rest.pop(0)
            if re.fullmatch(r"x[0-9]{1,6}", word):
                self._left = int(word[1:])
            elif word == "after" and rest and re.fullmatch(r"[0-9]{1,6}", rest[0]):
                self._skip = int(rest.pop(0))
            elif re.fullmatch(r"retry-after=[0-9]{1,6}", word) and self.status is not None:
                self.retry_after = int(word.partition("=")[2])
            else:
                raise UsageError(f"fault {self.text!r} has a word too many: {word!r}", hint=HINT)

    def strikes(self, method: str, path: str) -> bool:
        """Whether it strikes this request; says so no more often than it may."""
        if self._method not in ("*", method) or not self._path.fullmatch(path) or self._left == 0:
            return False
        if self._skip:
            self._skip -= 1
            return False
        if self._left is not None:
            self._left -= 1
        return True


class Faults:
    """The faults of a sandbox, in the order they were given."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._faults = [Fault(text) for text in texts]

    def add(self, text: str) -> None:
        """Script one more. Raises UsageError where it is not written as the module's docstring shows."""
        fault = Fault(text)
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Take them all away."""
        with self._lock:
            self._faults.clear()

    def strike(self, method: str, path: str) -> list[Fault]:
        """Those that strike this request: every slow one, and the first of the others."""
        struck: list[Fault] = []
        with self._lock:
            for fault in self._faults:
                decided = any(other.effect != SLOW for other in struck)
                if (fault.effect == SLOW or not decided) and fault.strikes(method, path):
                    struck.append(fault)
        return struck


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", path)
    return re.compile("".join({"**": ".*", "*": "[^/]+"}.get(part, re.escape(part)) for part in parts), re.DOTALL)
