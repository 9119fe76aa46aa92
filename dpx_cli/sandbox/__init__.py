"""An embedded Deploxa API server, for `dpx sandbox`, `dpx rehearse`, the pytest plugin and the tests.

`server.py` has `Sandbox`; `app.py` takes a request through guard, body, faults, route, token and rate; `projects.py`,
`deployments.py`, `env_vars.py` and `orgs.py` respond as the reference says, from `store.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Behavior:
    """The options of `dpx sandbox`, with their defaults.

    `faults` are written as in `faults.py`; without `tokens` one is generated; `log` "-" is stderr; `data` None keeps
    the state in memory.
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
    log: str | None = None
    projects: int = 3
    port: int = 0
    data: str | None = None
