"""What the page of `dpx sandbox serve` shows, and what its buttons do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from dpx_cli.errors import UsageError
from dpx_cli.sandbox import deployments, timeline
from dpx_cli.sandbox.faults import EXAMPLES
from dpx_cli.sandbox.journal import LOGGED
from dpx_cli.sandbox.request import Refused, SandboxRequest, SandboxState
from dpx_cli.system.loopback.page import WebPage

MAX_ROWS = 50

_PROJECTS = (
    "SELECT p.id, p.slug, o.slug AS org, d.outcome, d.building_at, d.ended_at FROM projects p"
    " LEFT JOIN orgs o ON o.seq = p.org LEFT JOIN deployments d ON d.seq = p.newest"
    " WHERE p.org IS NULL OR p.org IN (SELECT m.org FROM members m JOIN users u ON u.seq = m.user WHERE u.email = ?)"
    " ORDER BY p.seq DESC LIMIT ?"
)
_DEPLOYMENTS = (
    "SELECT d.*, p.slug FROM deployments d JOIN projects p ON p.seq = d.project"
    " ORDER BY d.created_at DESC, d.seq DESC LIMIT ?"
)


class Dashboard(WebPage):
    """The page of a sandbox."""

    def __init__(self, state: SandboxState) -> None:
        super().__init__(self._show, {"fault": self._add_fault, "remove": self._remove_fault, "deploy": self._deploy})
        self._sandbox = state

    def _show(self, _after: int) -> dict[str, Any]:
        """Return projects, deployments, requests, webhook deliveries and faults, the newest first."""
        now = time.time()
        state = self._sandbox
        requests = list(state.journal.requests)[: -MAX_ROWS - 1 : -1]
        deliveries = [] if state.webhooks is None else list(state.webhooks.deliveries)[: -MAX_ROWS - 1 : -1]
        return {
            "kind": "sandbox",
            "projects": [
                {
                    "id": row["id"],
                    "name": f"{row['org']}/{row['slug']}" if row["org"] else row["slug"],
                    "status": None if row["outcome"] is None else timeline.status(row, now),
                }
                for row in state.store.all(_PROJECTS, (state.accepted.owner, MAX_ROWS))
            ],
            "deployments": [
                {"project": row["slug"], **timeline.show(row, now)}
                for row in state.store.all(_DEPLOYMENTS, (MAX_ROWS,))
            ],
            "requests": [{name: getattr(record, name) for name in LOGGED} for record in requests],
            "deliveries": None if state.webhooks is None else [delivery._asdict() for delivery in deliveries],
            "faults": [{"text": fault.text, "hits": fault.hits, "left": fault.left} for fault in state.scripted.faults],
            "examples": EXAMPLES,
        }

    def _add_fault(self, content: Mapping[str, Any]) -> str:
        """Add a fault. Raises UsageError if it isn't one."""
        text = content.get("text")
        if not isinstance(text, str):
            raise UsageError("A fault is a string.")
        self._sandbox.scripted.add(text.strip())
        return "Fault added."

    def _remove_fault(self, content: Mapping[str, Any]) -> str:
        """Remove a fault."""
        self._sandbox.scripted.remove(str(content.get("text")))
        return "Fault removed."

    def _deploy(self, content: Mapping[str, Any]) -> str:
        """Deploy the last deployed branch of a project. Raises UsageError if that's refused."""
        user = self._sandbox.store.find("SELECT seq FROM users WHERE email = ?", (self._sandbox.accepted.owner,))["seq"]
        try:
            deployments.create(SandboxRequest(self._sandbox, user, {"id": str(content.get("id"))}, {}, {}, time.time()))
        except Refused as refused:
            raise UsageError(refused.message) from refused
        return "Deployment started."
