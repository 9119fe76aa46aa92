"""The parts of a running sandbox, and its options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from dpx_cli.sandbox.faults import Faults
    from dpx_cli.sandbox.journal import SandboxJournal
    from dpx_cli.sandbox.store import Store
    from dpx_cli.sandbox.tokens import Rate, Tokens
    from dpx_cli.sandbox.webhooks import DeliveryAttempt, Webhooks


@dataclass(frozen=True, kw_only=True)
class Behavior:
    """The options of `dpx sandbox`, with their defaults.

    `faults` are written as in `faults.py`; without `tokens` one is generated; `log` "-" is stderr; `on_delivery` is
    called with each attempt to deliver an event; `data` None keeps the state in memory.
    """

    build_seconds: float = 2.0
    faults: Sequence[str] = ()
    slots: int | None = None
    rate: str | None = None
    role: str = "owner"
    tokens: Sequence[str] = ()
    token_ttl: float | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None
    on_delivery: Callable[[DeliveryAttempt], None] | None = None
    log: str | None = None
    projects: int = 3
    port: int = 0
    data: str | None = None


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
