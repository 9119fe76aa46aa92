"""The parts of a running sandbox, and its options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.sandbox.faults import Faults
    from dpx_cli.sandbox.journal import SandboxJournal
    from dpx_cli.sandbox.rate import Rate
    from dpx_cli.sandbox.store import Store
    from dpx_cli.sandbox.tokens import Tokens
    from dpx_cli.sandbox.webhooks import Webhooks


@dataclass(frozen=True, kw_only=True)
class Behavior:
    """The options of `dpx sandbox`, with their defaults.

    Attributes:
        build_seconds: from QUEUED to the end of a deployment.
        faults: scripted faults; see `faults.py` for how they are written.
        slots: maximum concurrent deployments; None for any number.
        rate: requests per token, like "10/s"; None for any number.
        role: role of tokens that name none: owner, admin or member.
        tokens: accepted tokens; if empty, one is generated.
        token_ttl: seconds until tokens expire; None for never.
        time_scale: speed multiplier for builds and token expiry.
        webhook_url: where deployment events are sent; None for nowhere.
        webhook_secret: what they are signed with.
        log: a file that gets one JSON line per request (and per webhook attempt), "-" for stderr; None for none.
        projects: number of projects in a new sandbox.
        port: of the loopback interface; 0 for any free one.
        data: the file that the sandbox's state persists in; None keeps it in memory.
    """

    build_seconds: float = 2.0
    faults: Sequence[str] = ()
    slots: int | None = None
    rate: str | None = None
    role: str = "owner"
    tokens: Sequence[str] = ()
    token_ttl: float | None = None
    time_scale: float = 1.0
    webhook_url: str | None = None
    webhook_secret: str | None = None
    log: str | None = None
    projects: int = 3
    port: int = 0
    data: str | None = None


@dataclass(kw_only=True)
class SandboxState:
    """The parts of a running sandbox."""

    behavior: Behavior
    store: Store
    tokens: Tokens
    faults: Faults
    rate: Rate | None
    journal: SandboxJournal
    webhooks: Webhooks | None = None
