"""Projects at the API: path, parameters, body and shape of every endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest
from clients import client_of
from fault_server import PROJECT

from dpx_cli import errors
from dpx_cli.api import once, projects

if TYPE_CHECKING:
    from collections.abc import Callable

    from fault_server import Fault, FaultServer

    from dpx_cli.api.client import Client


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is read several times after a lost response; here in quick succession."""
    monkeypatch.setattr(once, "RECHECK_DELAYS", (0.0, 0.01, 0.01))


ONE: dict[str, Callable[[Client], Any]] = {
    "create": lambda client: projects.create_project(client, "x", {}),
    "get": lambda client: projects.get_project(client, PROJECT),
    "update": lambda client: projects.update_project(client, PROJECT, {"name": "x"}),
    "delete": lambda client: projects.delete_project(client, PROJECT),
}


def test_list(server: FaultServer, client: Client) -> None:
    """GET /projects, with the organization as `org`."""
    pages = list(projects.list_projects(client, org="acme", limit=5, cursor="0"))
    assert pages[0][0]["id"] == PROJECT
    assert server.requests[0].query == {"org": "acme", "limit": "5", "cursor": "0"}


def test_create(server: FaultServer, client: Client) -> None:
    """POST /projects, with what was given and nothing else."""
    made = projects.create_project(client, "shop-2", {"orgSlug": "acme", "description": ""})
    assert made["slug"] == "shop-2"
    projects.create_project(client, "shop-3", {})
    listed, posted, listed_all, posted_again = server.requests
    assert posted.json == {"name": "shop-2", "orgSlug": "acme", "description": ""}
    assert posted_again.json == {"name": "shop-3"}
    assert (listed.query.get("org"), listed_all.query.get("org")) == ("acme", None)


@pytest.mark.parametrize(
    "fault",
    [
        *(faults.reset, faults.html_200, faults.html_502, faults.refused(408, "x"), faults.refused(500, "x")),
        *(faults.reply(201, b""), faults.reply(201, {"data": {}}), faults.reply(201, {"data": {"id": ["x"]}})),
    ],
)
def test_a_project_whose_response_was_lost_is_found_in_the_list(server: FaultServer, fault: Fault) -> None:
    """Once created, it is not created again; otherwise the outcome is unknown."""
    notes: list[str] = []
    client = client_of(server.url, notes=notes)
    server.on("POST", "/projects", fault, effect=True, times=1)
    assert projects.create_project(client, "new", {})["id"] == server.projects[-1]["id"]
    assert "was created" in notes[-1]
    server.on("POST", "/projects", fault, effect=False)
    with pytest.raises(errors.OutcomeUnknown) as caught:
        projects.create_project(client, "newer", {})
    assert (caught.value.hint or "").endswith("dpx projects list")
    assert server.count("POST") == 2


@pytest.mark.parametrize("org", ["..", "a/b", "a?b", "a#b", "a\x1bb", "a\nb"])
def test_what_no_organization_is_called_never_leaves(server: FaultServer, client: Client, org: str) -> None:
    """It comes from a flag, the environment, a profile, or a link file of somebody's checkout."""
    with pytest.raises(errors.UsageError):
        projects.list_projects(client, org=org)
    with pytest.raises(errors.UsageError):
        projects.create_project(client, "x", {"orgSlug": org})
    assert server.connections == 0


def test_get(server: FaultServer, client: Client) -> None:
    """GET /projects/:id."""
    assert projects.get_project(client, PROJECT)["slug"] == "shop"
    assert server.requests[0].target == f"/api/v1/projects/{PROJECT}"


def test_update(server: FaultServer, client: Client) -> None:
    """PATCH /projects/:id, an empty text included."""
    changed = projects.update_project(client, PROJECT, {"build_command": ""})
    assert changed["build_command"] == ""
    assert (server.requests[0].method, server.requests[0].json) == ("PATCH", {"build_command": ""})


def test_delete(server: FaultServer, client: Client) -> None:
    """DELETE /projects/:id."""
    assert projects.delete_project(client, PROJECT) == {"deleted": True}
    assert server.projects == []


@pytest.mark.parametrize("fault", [faults.refused(500, "x"), faults.html_200, faults.reply(200, {"data": {}})])
def test_a_deletion_whose_response_was_lost_is_looked_into(server: FaultServer, fault: Fault) -> None:
    """A project that is gone was deleted; one that is still there was not; otherwise the outcome is unknown."""
    notes: list[str] = []
    client = client_of(server.url, notes=notes)
    server.on("DELETE", "/projects/.*", fault)
    with pytest.raises((errors.ServerError, errors.InvalidResponse)):
        projects.delete_project(client, PROJECT)
    server.on("GET", "/projects/.*", faults.refused(503, "x"), times=3)
    with pytest.raises(errors.OutcomeUnknown):
        projects.delete_project(client, PROJECT)
    server.projects.clear()
    assert projects.delete_project(client, PROJECT) == {"deleted": True}
    assert notes == ["The response was lost, but the project was deleted."]


def test_a_deletion_without_a_word_is_one(server: FaultServer, client: Client) -> None:
    """204 is a server's way to say that there is nothing more to say."""
    server.on("DELETE", "/projects.*", faults.raw(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert projects.delete_project(client, PROJECT) == {"deleted": True}


@pytest.mark.parametrize("document", [{}, [], {"data": []}, {"data": None}, {"data": "x"}, None, 7, {"deleted": False}])
def test_another_shape_is_refused(server: FaultServer, client: Client, document: Any) -> None:
    """By every function, with the request."""
    for method in ("GET", "POST", "PATCH", "DELETE"):
        server.on(method, "/projects.*", faults.reply(200, document))
    for call in ONE.values():
        with pytest.raises((errors.InvalidResponse, errors.OutcomeUnknown)) as caught:
            call(client)
        assert caught.value.request is not None


@pytest.mark.parametrize("name", ["..", "a/b", "a?b", "a#b", "%2e%2e", "a\n", ""])
def test_no_id_changes_the_path(server: FaultServer, client: Client, name: str) -> None:
    """It never leaves the machine."""
    calls: tuple[Callable[[], Any], ...] = (
        lambda: projects.get_project(client, name),
        lambda: projects.delete_project(client, name),
        lambda: projects.update_project(client, name, {}),
    )
    for call in calls:
        with pytest.raises(errors.UsageError):
            call()
    assert server.connections == 0
