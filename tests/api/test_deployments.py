"""Deployments at the API: path, parameters, body and shape; and that creating one is never repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest
from fault_server import PROJECT

from dpx_cli import errors
from dpx_cli.api import deployments

if TYPE_CHECKING:
    from fault_server import Fault, FaultServer

    from dpx_cli.api.client import Client


def test_list(server: FaultServer, client: Client) -> None:
    """GET /projects/:id/deployments, with the state as `status`."""
    pages = list(deployments.list_deployments(client, PROJECT, status="READY", limit=2, cursor="1"))
    assert [item["branch"] for page in pages for item in page] == ["main", "main"]
    assert server.requests[0].path == f"/projects/{PROJECT}/deployments"
    assert server.requests[0].query == {"status": "READY", "limit": "2", "cursor": "1"}


def test_create(server: FaultServer, client: Client) -> None:
    """POST /projects/:id/deployments, with what was given and nothing else."""
    made = deployments.create_deployment(client, PROJECT, {"branch": "main", "commitSha": "abc"})
    assert made["id"] == server.deployments[0]["id"]
    assert server.requests[0].json == {"branch": "main", "commitSha": "abc"}
    deployments.create_deployment(client, PROJECT, {})
    assert server.requests[1].json == {}


def test_get(server: FaultServer, client: Client) -> None:
    """GET /deployments/:id."""
    found = deployments.get_deployment(client, server.deployments[0]["id"])
    assert found["status"] == "READY"
    with pytest.raises(errors.NotFound):
        deployments.get_deployment(client, "clm1none")


FAULTS: dict[str, Fault] = {
    "reset": faults.reset,
    "hang up": faults.hang_up,
    "cut head": faults.truncated_head,
    "cut body": faults.truncated_body,
    "500": faults.refused(500, "x"),
    "502": faults.html_502,
    "503": faults.refused(503, "x", "0"),
    "429": faults.refused(429, "x", "0"),
    "103": faults.early_hints,
    "empty": faults.reply(200, b""),
    "HTML": faults.html_200,
    "204": faults.raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "redirect": faults.redirect(307, "http://127.0.0.1:9/"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_creating_is_sent_once_whatever_comes_back(server: FaultServer, client: Client, name: str) -> None:
    """One POST, one error."""
    server.on("POST", ".*/deployments", FAULTS[name])
    with pytest.raises(errors.DpxError):
        deployments.create_deployment(client, PROJECT, {})
    assert server.count("POST") == 1


@pytest.mark.parametrize(
    "data",
    [None, [], {}, {"id": ""}, {"id": "../x"}, {"id": "a\nb"}, {"id": 5}, {"id": None}, "clm1", {"status": "QUEUED"}],
)
def test_a_created_deployment_has_an_id(server: FaultServer, client: Client, data: Any) -> None:
    """Or the answer is not taken for one."""
    server.on("POST", ".*/deployments", faults.reply(201, {"data": data}))
    with pytest.raises(errors.InvalidResponse):
        deployments.create_deployment(client, PROJECT, {})


@pytest.mark.parametrize("name", ["..", "a/b", "a?b", "a#b", "%2e%2e", "a\n", ""])
def test_no_id_changes_the_path(server: FaultServer, client: Client, name: str) -> None:
    """It never leaves the machine."""
    with pytest.raises(errors.UsageError):
        deployments.get_deployment(client, name)
    with pytest.raises(errors.UsageError):
        deployments.create_deployment(client, name, {})
    with pytest.raises(errors.UsageError):
        deployments.list_deployments(client, name)
    assert server.connections == 0
