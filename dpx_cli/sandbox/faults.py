"""Scripted faults: what goes wrong, on which requests, how often.

`dpx help sandbox` shows how they are written. A path is below the API root; `*` is one part of it, `**` any number of
parts. A field is a dotted path in each object of `data`, or begins with `pagination`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dpx_cli.durations import duration
from dpx_cli.errors import UsageError

SLOW, RESET, LOST, ERROR = "slow", "reset", "lost", "error"
DROP, ADD, WRONG = "drop", "add", "wrong"
DRIFTS = (DROP, ADD, WRONG)
# Effects that combine with others: several of them can apply to one request.
ADDITIONAL = (SLOW, *DRIFTS)
API_ROOT = "/api/v1"

# On the page of `dpx sandbox serve`.
EXAMPLES = (
    "POST /projects/*/deployments 429 x3",
    "POST /projects/*/deployments lost x1",
    "POST /projects/*/deployments ERROR",
    "* /** slow 2s",
    "* /** 500",
)

_GRAMMAR = re.compile(
    r"""(?P<method>GET|POST|PATCH|DELETE|\*) \s+ (?P<path>/\S*) \s+
    (?: (?P<status>[45][0-9][0-9]) | slow \s+ (?P<slow>\S+) | (?P<effect>reset|lost|error)
      | (?P<drift>drop|add|wrong) = (?P<field>[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*) )
    (?: \s+ (?: after \s+ (?P<skip>[0-9]{1,6}) | x(?P<left>[0-9]{1,6})
      | (?(status) retry-after=(?P<retry_after>[0-9]{1,6}) | (?!) ) ) )*""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


@dataclass
class Fault:
    """One scripted fault. It passes `skip` requests, then applies `left` times (None: always); `hits` counts that.

    `effect` is `SLOW`, `RESET`, `LOST`, `ERROR` or one of `DRIFTS`, which change `field`; "" if there is a status.
    """

    text: str
    method: str
    path: re.Pattern[str]
    effect: str = ""
    status: int | None = None
    seconds: float = 0.0
    field: str = ""
    retry_after: int | None = None
    skip: int = 0
    left: int | None = None
    hits: int = 0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Parse a fault. Raises UsageError for what isn't one."""
        match = _GRAMMAR.fullmatch(text.strip())
        try:
            if match is None:
                raise ValueError(text)  # noqa: TRY301 - reported as an invalid duration is
            seconds = duration(match["slow"]) if match["slow"] else 0.0
        except ValueError:
            raise UsageError(
                f"Invalid fault: {text}",
                hint="Write it as 'METHOD /PATH EFFECT [xN]', like 'POST /projects/*/deployments 429 x3'. See "
                "dpx help sandbox.",
            ) from None
        parts = re.split(r"(\*\*|\*)", match["path"].removeprefix(API_ROOT))
        path = "".join({"**": ".*", "*": "[^/]+"}.get(part, re.escape(part)) for part in parts)
        effect = SLOW if match["slow"] else (match["effect"] or match["drift"] or "").lower()
        names = ("status", "skip", "left", "retry_after")
        numbers = {name: int(match[name]) for name in names if match[name]}
        method, field = match["method"].upper(), match["field"] or ""
        return cls(text, method, re.compile(path, re.DOTALL), effect, seconds=seconds, field=field, **numbers)

    def matches(self, method: str, path: str) -> bool:
        """Return whether it applies to this request, and count that."""
        if self.method not in ("*", method) or not self.path.fullmatch(path) or self.left == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.left is not None:
            self.left -= 1
        self.hits += 1
        return True

    def drift(self, content: dict[str, Any]) -> None:
        """Change `field` in each object of `data`; or in the whole response, if it begins with `pagination`."""
        *way, name = self.field.split(".")
        root = content if self.field.partition(".")[0] == "pagination" else content.get("data", content)
        items = list(root) if isinstance(root, list) else [root]
        if self.effect == DROP and name.startswith("commit") and not way:
            # A project's deployment is a deployment too.
            items += [item["current_deployment"] for item in items if item.get("current_deployment")]
        for item in items:
            holder = item
            for key in way:
                holder = holder.get(key) if isinstance(holder, dict) else None
            if not isinstance(holder, dict):
                continue
            if self.effect == ADD:
                holder[name] = "drift"
            elif name in holder and self.effect == DROP:
                del holder[name]
            elif name in holder:
                holder[name] = 0 if isinstance(holder[name], str) else "drift"


class Faults:
    """The faults of a sandbox, in the order they were given."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self.faults = [Fault.parse(text) for text in texts]

    def add(self, text: str) -> None:
        """Add a fault. Raises UsageError for what isn't one."""
        self.faults.append(Fault.parse(text))

    def remove(self, text: str | None = None) -> None:
        """Remove the faults that were written like this, or all."""
        self.faults = [fault for fault in self.faults if text is not None and fault.text != text]

    def take_matching(self, method: str, path: str) -> list[Fault]:
        """Return the faults that apply to this request: all `ADDITIONAL` ones, and the first of the others."""
        matching: list[Fault] = []
        with self._lock:
            for fault in self.faults:
                is_decided = any(other.effect not in ADDITIONAL for other in matching)
                if (fault.effect in ADDITIONAL or not is_decided) and fault.matches(method, path):
                    matching.append(fault)
        return matching
