"""Environment variables at the API: what is sent, that it may be repeated, and that no value comes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from fault_server import PROJECT

from dpx_cli import errors
from dpx_cli.api import env_vars

if TYPE_CHECKING:
    from fault_server import FaultServer

    from dpx_cli.api.client import Client

CANARY = "value-canary-8f3a"


def test_list(server: FaultServer, client: Client) -> None:
    """GET /projects/:id/env-vars; a value that a server sends is dropped."""
    server.on("GET", ".*/env-vars", faults.reply(200, {"data": [{"key": "A", "value": CANARY, "more": 1}]}))
    assert list(env_vars.list_env_vars(client, PROJECT)) == [[{"key": "A", "more": 1}]]


def test_by_key(server: FaultServer, client: Client) -> None:
    """A row without a key, or with one that is no text, is left out."""
    rows: list[dict[str, object]] = [{"key": "A", "value": CANARY}, {"id": "1"}, {"key": ["B"]}, {"key": "C"}]
    server.on("GET", ".*/env-vars", faults.reply(200, {"data": rows}))
    assert env_vars.by_key(client, PROJECT) == {"A": {"key": "A"}, "C": {"key": "C"}}


def test_set_sends_what_was_given(server: FaultServer, client: Client) -> None:
    """POST /projects/:id/env-vars; an empty value is one."""
    env_vars.set_env_var(client, PROJECT, "A", "")
    env_vars.set_env_var(client, PROJECT, "B", "ä\n\x00😀", targets=("preview",), sensitive=True)
    assert [json.loads(request.body) for request in server.requests] == [
        {"key": "A", "value": ""},
        {"key": "B", "value": "ä\n\x00😀", "targets": ["preview"], "sensitive": True},
    ]


def test_set_gives_no_value_back(server: FaultServer, client: Client) -> None:
    """Even where the server does."""
    server.on("POST", ".*/env-vars", faults.reply(200, {"data": {"key": "A", "value": CANARY}}))
    assert env_vars.set_env_var(client, PROJECT, "A", CANARY) == {"key": "A"}


@pytest.mark.parametrize("fault", [faults.reset, faults.truncated_body, faults.html_502, faults.refused(429, "x", "0")])
def test_set_is_repeated_because_twice_is_once(server: FaultServer, client: Client, fault: faults.Fault) -> None:
    """The contract names it among what may be."""
    server.on("POST", ".*/env-vars", fault, times=2, effect=True)
    assert env_vars.set_env_var(client, PROJECT, "A", "1")["key"] == "A"
    assert server.count("POST") == 3


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 429, 500])
def test_no_error_shows_a_value(server: FaultServer, client: Client, status: int) -> None:
    """Whatever the server says."""
    server.on("POST", ".*/env-vars", faults.refused(status, f"cannot store {CANARY!r}"))
    with pytest.raises(errors.DpxError) as caught:
        env_vars.set_env_var(client, PROJECT, "A", CANARY)
    assert CANARY not in str(vars(caught.value))


def test_delete(server: FaultServer, client: Client) -> None:
    """DELETE /projects/:id/env-vars/:key."""
    server.variables["A"] = {}
    assert env_vars.delete_env_var(client, PROJECT, "A") == {"deleted": True}
    assert server.requests[0].path == f"/projects/{PROJECT}/env-vars/A"
    with pytest.raises(errors.NotFound):
        env_vars.delete_env_var(client, PROJECT, "A")


@pytest.mark.parametrize("name", ["..", "a/b", "a?b", "%2e%2e", ""])
def test_no_name_changes_the_path(server: FaultServer, client: Client, name: str) -> None:
    """It never leaves the machine."""
    for call in (
        lambda: env_vars.delete_env_var(client, PROJECT, name),
        lambda: env_vars.delete_env_var(client, name, "A"),
        lambda: env_vars.set_env_var(client, name, "A", "1"),
        lambda: env_vars.list_env_vars(client, name),
    ):
        with pytest.raises(errors.UsageError):
            call()
    assert server.connections == 0
