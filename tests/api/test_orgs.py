"""Organizations at the API: path, parameters and shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fault_server as faults
import pytest

from dpx_cli import errors
from dpx_cli.api import orgs

if TYPE_CHECKING:
    from fault_server import FaultServer

    from dpx_cli.api.client import Client


def test_list(server: FaultServer, client: Client) -> None:
    """GET /orgs."""
    assert next(iter(orgs.list_orgs(client, limit=3)))[0]["slug"] == "acme"
    assert server.requests[0].target == "/api/v1/orgs?limit=3"


def test_get(server: FaultServer, client: Client) -> None:
    """GET /orgs/:slug, what we do not know included."""
    assert orgs.get_org(client, "acme")["_count"] == {"members": 1}
    assert server.requests[0].target == "/api/v1/orgs/acme"


def test_members(server: FaultServer, client: Client) -> None:
    """GET /orgs/:slug/members."""
    assert next(iter(orgs.list_members(client, "acme")))[0]["user"]["email"] == "alice@acme.com"
    assert server.requests[0].path == "/orgs/acme/members"


def test_another_shape_is_refused(server: FaultServer, client: Client) -> None:
    """A list where one thing was asked for."""
    server.on("GET", "/orgs/acme", faults.reply(200, {"data": []}))
    with pytest.raises(errors.InvalidResponse):
        orgs.get_org(client, "acme")


@pytest.mark.parametrize("name", ["..", "a/b", "a?b", "%2e%2e", ""])
def test_no_slug_changes_the_path(server: FaultServer, client: Client, name: str) -> None:
    """It never leaves the machine."""
    with pytest.raises(errors.UsageError):
        orgs.get_org(client, name)
    with pytest.raises(errors.UsageError):
        orgs.list_members(client, name)
    assert server.connections == 0
