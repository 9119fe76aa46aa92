"""Every endpoint: what is sent, that a response of another shape is refused, and what is never sent twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest
from clients import client_of
from fault_server import PROJECT

from dpx_cli import errors
from dpx_cli.api import deployments, env_vars, once, orgs, projects

if TYPE_CHECKING:
    from collections.abc import Callable

    from fault_server import Fault, FaultServer

    from dpx_cli.api.client import Client

ONE: Any = {"limit": 1, "cursor": "0"}
QUERY = {"limit": "1", "cursor": "0"}
OBJECTS: dict[str, Callable[[Client, str], Any]] = {
    "GET /projects/:id": projects.get_project,
    "PATCH /projects/:id": lambda client, name: projects.update_project(client, name, {"build_command": ""}),
    "DELETE /projects/:id": projects.delete_project,
    "POST /projects/:id/deployments": lambda client, name: deployments.create_deployment(client, name, {}),
    "GET /deployments/:id": deployments.get_deployment,
    "POST /projects/:id/env-vars": lambda client, name: env_vars.set_env_var(client, name, "A", ""),
    "DELETE /projects/:id/env-vars/A": lambda client, name: env_vars.delete_env_var(client, name, "A"),
    "GET /orgs/:id": orgs.get_org,
}
LISTS: dict[str, Callable[[Client, str], Any]] = {
    "GET /projects?org=:id": lambda client, name: projects.list_projects(client, org=name, **ONE),
    "GET /projects/:id/deployments": lambda client, name: deployments.list_deployments(client, name, **ONE),
    "GET /projects/:id/env-vars": lambda client, name: env_vars.list_env_vars(client, name, **ONE),
    "GET /orgs/:id/members": lambda client, name: orgs.list_members(client, name, **ONE),
}
CREATE = "POST /projects"
SHAPES: list[Any] = [{}, [], {"data": []}, {"data": None}, {"data": "x"}, None, 7, {"deleted": False}]


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is read several times after a lost response; here in quick succession."""
    monkeypatch.setattr(once, "RECHECK_DELAYS", (0.0, 0.01, 0.01))


@pytest.mark.parametrize("endpoint", [*OBJECTS, *LISTS])
def test_what_is_sent(server: FaultServer, client: Client, endpoint: str) -> None:
    """Method, path and query as the reference has them."""
    name = server.deployments[0]["id"] if endpoint.startswith("GET /deployments") else PROJECT
    server.variables["A"] = {"key": "A"}
    if call := OBJECTS.get(endpoint):
        assert call(client, name)
    else:
        assert list(LISTS[endpoint](client, name))
        assert QUERY.items() <= server.requests[0].query.items()
    method, _, path = endpoint.replace(":id", name).partition(" ")
    path, _, org = path.partition("?org=")
    assert (server.requests[0].method, server.requests[0].path) == (method, path)
    assert server.requests[0].query.get("org", "") == org


@pytest.mark.parametrize("name", ["..", "a/b", "a?b", "a#b", "%2e%2e", "a\n", "a\x1bb", ""])
def test_no_name_changes_the_path(server: FaultServer, client: Client, name: str) -> None:
    """It never leaves the machine; an empty organization is left to the server."""
    calls = [*OBJECTS.values(), *LISTS.values()] if name else list(OBJECTS.values())
    for call in calls:
        with pytest.raises(errors.UsageError):
            call(client, name)
    for org in [name] * bool(name):
        with pytest.raises(errors.UsageError):
            projects.create_project(client, "x", {"orgSlug": org})
    with pytest.raises(errors.UsageError):
        env_vars.delete_env_var(client, PROJECT, name)
    assert server.connections == 0


@pytest.mark.parametrize("document", SHAPES)
def test_another_shape_is_refused(server: FaultServer, client: Client, document: Any) -> None:
    """By every function, with the request."""
    for method in ("GET", "POST", "PATCH", "DELETE"):
        server.on(method, "/.*", faults.reply(200, document))
    for call in OBJECTS.values():
        with pytest.raises((errors.InvalidResponse, errors.OutcomeUnknown)) as caught:
            call(client, "clm1")
        assert caught.value.request is not None


def test_bodies_have_what_was_given_and_nothing_else(server: FaultServer, client: Client) -> None:
    """An empty text is a value; what the server says about a variable's value is dropped."""
    assert projects.create_project(client, "shop-2", {"orgSlug": "acme", "description": ""})["slug"] == "shop-2"
    projects.create_project(client, "shop-3", {})
    deployments.create_deployment(client, PROJECT, {"branch": "main", "commitSha": "abc"})
    env_vars.set_env_var(client, PROJECT, "A", "")
    server.on("POST", ".*/env-vars", faults.reply(200, {"data": {"key": "B", "value": "canary"}}))
    row = env_vars.set_env_var(client, PROJECT, "B", "ä\n\x00😀", targets=("preview",), sensitive=True)
    assert row == {"key": "B"}
    assert [request.json for request in server.requests if request.method == "POST"] == [
        {"name": "shop-2", "orgSlug": "acme", "description": ""},
        {"name": "shop-3"},
        {"branch": "main", "commitSha": "abc"},
        {"key": "A", "value": ""},
        {"key": "B", "value": "ä\n\x00😀", "targets": ["preview"], "sensitive": True},
    ]
    assert [r.query.get("org") for r in server.requests if r.method == "GET"] == ["acme", None]


def test_values_and_rows_without_a_key_are_left_out(server: FaultServer, client: Client) -> None:
    """Of a list of variables."""
    rows: list[dict[str, object]] = [{"key": "A", "value": "canary", "more": 1}, {"id": "1"}, {"key": ["B"]}]
    server.on("GET", ".*/env-vars", faults.reply(200, {"data": rows}))
    assert next(iter(env_vars.list_env_vars(client, PROJECT)))[0] == {"key": "A", "more": 1}
    assert env_vars.by_key(client, PROJECT) == {"A": {"key": "A", "more": 1}}


@pytest.mark.parametrize("fault", [faults.reset, faults.truncated_body, faults.html_502, faults.refused(429, "x", "0")])
def test_setting_a_variable_is_repeated_because_twice_is_once(
    server: FaultServer, client: Client, fault: Fault
) -> None:
    """The contract lists it among what may be; an error shows no value."""
    server.on("POST", ".*/env-vars", fault, times=2, effect=True)
    assert env_vars.set_env_var(client, PROJECT, "A", "1")["key"] == "A"
    assert server.count("POST") == 3
    server.on("POST", ".*/env-vars", faults.refused(409, "cannot store 'canary'"))
    with pytest.raises(errors.DpxError) as caught:
        env_vars.set_env_var(client, PROJECT, "A", "canary")
    assert "canary" not in str(vars(caught.value))


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
    assert ("No response" in notes[0], "was created" in notes[-1]) == (fault is faults.reset, True)
    server.on("POST", "/projects", fault, effect=False)
    with pytest.raises(errors.OutcomeUnknown) as caught:
        projects.create_project(client, "newer", {})
    assert (caught.value.hint or "").endswith("dpx projects list")
    assert server.count("POST") == 2


@pytest.mark.parametrize("fault", [faults.refused(500, "x"), faults.html_200, faults.reply(200, {"data": {}})])
def test_a_deletion_whose_response_was_lost_is_looked_into(server: FaultServer, fault: Fault) -> None:
    """A project that is gone was deleted; one that is still there was not; otherwise the outcome is unknown."""
    notes: list[str] = []
    client = client_of(server.url, notes=notes)
    server.on("DELETE", "/projects/.*", fault, times=9)
    with pytest.raises((errors.ServerError, errors.InvalidResponse)):
        projects.delete_project(client, PROJECT)
    server.on("GET", "/projects/.*", faults.refused(503, "x"), times=3)
    with pytest.raises(errors.OutcomeUnknown):
        projects.delete_project(client, PROJECT)
    server.projects.clear()
    assert projects.delete_project(client, PROJECT) == {"deleted": True}
    assert notes == ["The response was lost, but the project was deleted."]


def test_a_busy_server_may_have_created_a_project(server: FaultServer) -> None:
    """A 429 is looked into twice; only if nothing is new, the project may be created again."""
    notes: list[str] = []
    client = client_of(server.url, notes=notes)
    busy = faults.refused(429, "busy", "0")
    server.on("POST", "/projects", busy, effect=True, times=1)
    assert projects.create_project(client, "new", {})["id"] == server.projects[-1]["id"]
    assert "but project" in notes[-1]
    server.on("POST", "/projects", busy)
    server.requests.clear()
    with pytest.raises(errors.RateLimited):
        projects.create_project(client, "newer", {})
    assert [request.method for request in server.requests] == ["GET", "POST", "GET", "GET"]


def test_a_deletion_without_a_word_is_one(server: FaultServer, client: Client) -> None:
    """204 is a server's way to say that there is nothing more to say."""
    server.on("DELETE", "/projects.*", faults.raw(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert projects.delete_project(client, PROJECT) == {"deleted": True}
