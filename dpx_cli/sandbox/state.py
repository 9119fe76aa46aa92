"""What a running sandbox is made of, and how it was asked to behave. Floor 1, under `app.py` and `server.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.sandbox.faults import Faults
    from dpx_cli.sandbox.journal import Journal
    from dpx_cli.sandbox.rate import Rate
    from dpx_cli.sandbox.store import Store
    from dpx_cli.sandbox.tokens import Tokens
    from dpx_cli.sandbox.webhooks import Webhooks


@dataclass(frozen=True, kw_only=True)
class Behavior:
    """The options of `dpx sandbox`, with their defaults.

    Attributes:
        build_seconds: from QUEUED to the end of a deployment.
        faults: scripted faults; `faults.py` says how they are written.
        slots: how many deployments may be under way at once; None for any number.
        rate: requests a token may make, like "10/s"; None for any number.
        role: of the tokens that name none: owner, admin or member.
        tokens: accepted tokens; without any, one is made.
        token_ttl: seconds after which a token is accepted no longer; None for never.
        time_scale: how many times as fast builds go and tokens expire.
        webhook_url: where deployment events are sent; None for nowhere.
        webhook_secret: what they are signed with.
        log: a file that gets one JSON line a request (and a try of a webhook), "-" for stderr; None for none.
        projects: how many projects a new world has.
        port: of the loopback interface; 0 for any that is free.
        data: the file that the world persists in; None keeps it in memory.
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
class State:
    """The parts of a running sandbox."""

    behavior: Behavior
    store: Store
    tokens: Tokens
    faults: Faults
    rate: Rate | None
    journal: Journal
    webhooks: Webhooks | None = None
