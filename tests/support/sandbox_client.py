"""A client that hides nothing of the sandbox's answers."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpx_cli.sandbox.server import Sandbox


class Answer:
    """Status, headers (names in lower case) and JSON of an answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: Any) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body

    def __repr__(self) -> str:
        return f"{self.status} {self.body}"

    @property
    def data(self) -> Any:
        """The answer's `data`; fails where it has none."""
        assert self.status < 300, self
        return self.body["data"]


def ask(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = "",
    headers: Mapping[str, str] | None = None,
    raw: bytes | None = None,
) -> Answer:
    """One request over a connection of its own.

    Args:
        sandbox: who is asked.
        method: GET, POST …
        path: below the API root; from the origin on where it begins with /__sandbox__ or //.
        body: sent as JSON.
        token: "" for the sandbox's own, None for no Authorization.
        headers: more headers.
        raw: sent as it is, instead of `body`.
    """
    sent = {} if token is None else {"Authorization": f"Bearer {token or sandbox.token}"}
    sent |= headers or {}
    content = raw if raw is not None else None if body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection(sandbox.origin.partition("//")[2], timeout=10)
    try:
        whole = path if path.startswith("/__sandbox__") else path[1:] if path.startswith("//") else f"/api/v1{path}"
        connection.request(method, whole, content, sent)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), json.loads(answer.read() or b"null"))
    finally:
        connection.close()
