"""Scripted faults: how they are written, and what they do to a client."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sandbox_client import ask

from dpx_cli.cli import topics
from dpx_cli.errors import UsageError
from dpx_cli.sandbox.faults import DRIFTS, ERROR, LOST, RESET, SLOW, Fault, Faults
from dpx_cli.sandbox.server import Sandbox


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET /orgs",
        "GET orgs 500",
        "PUT /orgs 500",
        "GET /orgs 200",
        "GET /orgs 5000",
        "GET /orgs nope",
        "GET /orgs slow",
        "GET /orgs slow x3",
        "GET /orgs slow never",
        "GET /orgs slow 0",
        "GET /orgs 500 x",
        "GET /orgs 500 3",
        "GET /orgs 500 x-1",
        "GET /orgs 500 after",
        "GET /orgs reset retry-after=2",
        "GET /orgs 500 \uff15",
    ],
)
def test_a_fault_that_is_none(text: str) -> None:
    """An invalid fault is a usage error with a hint."""
    with pytest.raises(UsageError) as caught:
        Fault.parse(text)
    assert caught.value.hint


def test_the_forms_that_help_shows_are_all_there_are() -> None:
    """The help topic shows every effect and every option of a fault."""
    shown = [Fault.parse(text) for text, _ in topics.read()["sandbox"]["faults"]]
    assert {fault.effect for fault in shown} == {"", SLOW, RESET, LOST, ERROR, *DRIFTS}
    assert any(fault.retry_after for fault in shown)
    assert any(" after " in fault.text for fault in shown)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/projects", "/projects", True),
        ("/api/v1/projects", "/projects", True),
        ("/projects", "/projects/x", False),
        ("/projects/*", "/projects/x", True),
        ("/projects/*", "/projects/", False),
        ("/projects/*", "/projects/x/deployments", False),
        ("/projects/*/deployments", "/projects/x/deployments", True),
        ("/projects/**", "/projects/x/deployments", True),
        ("/**", "/orgs", True),
        ("/org.", "/orgs", False),
    ],
)
def test_which_paths_a_fault_strikes(pattern: str, path: str, fits: bool) -> None:
    """In a path, * is one part, ** any number, and everything else is literal."""
    assert bool(Faults([f"GET {pattern} 500"]).take_matching("GET", path)) is fits
    assert not Faults([f"GET {pattern} 500"]).take_matching("POST", path)
    assert bool(Faults([f"* {pattern} 500"]).take_matching("POST", path)) is fits


@pytest.mark.parametrize(
    ("texts", "statuses"),
    [
        (["GET /orgs 500"], [500, 500, 500, 500]),
        (["GET /orgs 429 x3"], [429, 429, 429, 200]),
        (["get /orgs 503 after 2 x1"], [200, 200, 503, 200]),
        (["GET /orgs 500 x0"], [200, 200, 200, 200]),
        (["GET /orgs 500 x1", "GET /orgs 502 x1"], [500, 502, 200, 200]),
        (["GET /orgs slow 1ms", "GET /orgs 500 x1"], [500, 200, 200, 200]),
        (["POST /orgs 500"], [200, 200, 200, 200]),
    ],
)
def test_how_often_a_fault_strikes(texts: Sequence[str], statuses: list[int]) -> None:
    """A fault strikes as often as it says, and the first matching one decides."""
    with Sandbox(faults=texts) as sandbox:
        assert [ask(sandbox, "GET", "/orgs").status for _ in statuses] == statuses


def test_a_refusal_does_nothing(sandbox: Sandbox) -> None:
    """A refused request changes nothing, has an error body and Retry-After, and is refused before authentication."""
    fault = "POST /projects 429 retry-after=7 x2"
    sandbox.fault(fault)
    answer = ask(sandbox, "POST", "/projects", {"name": "x"}, token=None)
    assert (answer.status, answer.body) == (429, {"error": "Scripted fault: 429"})
    assert answer.headers["retry-after"] == "7"
    sandbox.clear_faults()
    reset = "POST /projects reset x1"
    sandbox.fault(reset)
    with pytest.raises(ConnectionResetError):
        ask(sandbox, "POST", "/projects", {"name": "x"})
    assert sandbox.changes == []
    assert [(record.status, record.fault) for record in sandbox.requests] == [
        (429, fault),
        (None, "POST /projects reset x1"),
    ]
    assert ask(sandbox, "POST", "/projects", {"name": "x"}).status == 201


def test_effects_on_deployments(sandbox: Sandbox) -> None:
    """`lost` deploys and resets the connection, but not of a request that is refused; `ERROR` fails any branch."""
    path = f"/projects/{sandbox.project_id('docs')}/deployments"
    sandbox.fault("POST /projects/*/deployments lost x2")
    assert ask(sandbox, "POST", path, {"branch": 1}).status == 400
    with pytest.raises(ConnectionResetError):
        ask(sandbox, "POST", path, {"branch": "lost"})
    sandbox.clear_faults()
    sandbox.fault("POST /projects/*/deployments ERROR x1")
    for branch in ("broken", "main"):
        assert ask(sandbox, "POST", path, {"branch": branch}).status == 201
    rows = [(deployment["branch"], deployment["status"]) for deployment in sandbox.deployments("docs")[:3]]
    assert rows == [("main", "READY"), ("broken", "ERROR"), ("lost", "READY")]


def test_slow_delays_no_other_response(sandbox: Sandbox) -> None:
    """Another request is served while one is delayed."""
    sandbox.fault("GET /orgs slow 300ms x1")
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(ask, sandbox, "GET", "/orgs")
        while not sandbox.requests:
            time.sleep(0.005)
        assert ask(sandbox, "GET", "/projects").status == 200
        assert sandbox.requests[0].status is None
        assert late.result().status == 200


@pytest.mark.parametrize(
    ("fault", "path", "before", "after"),
    [
        ("GET /projects drop=slug", "/projects?limit=1", ("data", 0, "slug"), None),
        ("GET /projects wrong=current_deployment.status", "/projects", ("data", 0, "current_deployment", "status"), 0),
        ("GET /projects add=region", "/projects", None, ("data", 1, "region")),
        ("GET /projects wrong=pagination.hasMore", "/projects", ("pagination", "hasMore"), "drift"),
        ("GET /orgs/* drop=_count", "/orgs/acme", ("data", "_count"), None),
        ("GET /orgs drop=nothing.there", "/orgs", ("data", 0, "slug"), "acme"),
    ],
)
def test_an_answer_drifts(sandbox: Sandbox, fault: str, path: str, before: tuple[Any, ...] | None, after: Any) -> None:
    """A drift removes, adds or changes a field, and leaves status and other fields alone; others add to it."""

    def at(document: Any, way: tuple[Any, ...]) -> Any:
        for key in way:
            document = document[key] if isinstance(key, int) else document.get(key)
        return document

    unchanged = ask(sandbox, "GET", path)
    sandbox.fault(fault + " x1")
    sandbox.fault("GET /** add=pagination.more x1")
    drifted = ask(sandbox, "GET", path)
    assert drifted.status == 200
    if before is None:
        assert at(unchanged.body, after) is None
        assert at(drifted.body, after) == "drift"
    else:
        assert at(unchanged.body, before) is not None
        assert at(drifted.body, before) == after
    assert ask(sandbox, "GET", path).body == unchanged.body
