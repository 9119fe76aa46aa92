"""A client that hides nothing of the sandbox's responses."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Server(Protocol):
    """A sandbox, in this process or in another."""

    origin: str

    @property
    def token(self) -> str:
        """The token that it accepts."""


@dataclass
class Answer:
    """Status, headers (names in lower case) and JSON of a response."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def data(self) -> Any:
        """The response's `data`; fails if it has none."""
        assert self.status < 300, self
        return self.body["data"]


def deploy(sandbox: Any, project: str = "storefront", **body: Any) -> str:
    """Deploy a project and return the deployment's ID."""
    path = f"/projects/{sandbox.project_id(project)}/deployments"
    return str(ask(sandbox, "POST", path, body).data["id"])


def ask(
    sandbox: Server,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = "",
    headers: Mapping[str, str] | None = None,
    raw: bytes | None = None,
) -> Answer:
    """Send one request over a connection of its own.

    `path` is below the API root, or below the origin if it begins with //. `token` is "" for the sandbox's own, None
    for no Authorization. `raw` is sent instead of `body`, which is sent as JSON.
    """
    sent = {} if token is None else {"Authorization": f"Bearer {token or sandbox.token}"}
    content = raw if body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection(sandbox.origin.partition("//")[2], timeout=10)
    try:
        whole = path[1:] if path.startswith("//") else f"/api/v1{path}"
        connection.request(method, whole, content, sent | dict(headers or {}))
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, json.loads(response.read() or b"null"))
    finally:
        connection.close()
