"""`dpx doctor --api`: what differs from the reference is named, by GETs alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest

from dpx_cli.commands.doctor import drift

if TYPE_CHECKING:
    from fault_server import FaultServer

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

PROJECTS = "GET /projects"
DEPLOYED = {"current_deployment": {"status": "READY"}}
ITEM = {"id": "clm1", "name": "shop", "slug": "shop", "framework": "NEXTJS", **DEPLOYED}
PAGINATION = {"hasMore": False, "nextCursor": None}


def check(dpx: Program, server: FaultServer, **pages: Any) -> tuple[int, dict[str, dict[str, Any]]]:
    """Compare an API that returns these documents, by path; return the exit code and the checks by name."""
    for path, page in pages.items():
        for _ in range(4):
            server.on("GET", f"/{path}", faults.reply(200, page))
    done = dpx("doctor", "--api", "--json")
    return done.code, {check["name"]: check for check in done.json["checks"]}


def test_the_sandbox_is_as_in_the_reference(dpx: Program, sandbox: Sandbox) -> None:
    """Every documented GET is asked; fields that it does not document are told and fail nothing."""
    done = dpx("doctor", "--api", "--json")
    assert done.code == 0, done
    checks = {check["name"]: check for check in done.json["checks"]}
    assert set(drift.SHAPES) <= set(checks)
    assert all(checks[name]["ok"] for name in drift.SHAPES)
    assert "created_at" in checks[PROJECTS]["detail"]
    assert {request.method for request in sandbox.requests} == {"GET"}


@pytest.mark.parametrize(
    ("page", "detail"),
    [
        ({"data": [{**ITEM, "slug": None}], "pagination": PAGINATION}, "slug is null"),
        ({"data": [{**ITEM, "name": 5}], "pagination": PAGINATION}, "name is not a string"),
        ({"data": [{"id": "a"}], "pagination": PAGINATION}, "missing: name"),
        (
            {"data": [{**ITEM, "current_deployment": {}}], "pagination": PAGINATION},
            "missing: current_deployment.status",
        ),
        ({"data": [ITEM]}, "missing: pagination"),
        ({"data": [ITEM], "pagination": {"hasMore": True, "nextCursor": None}}, "without a nextCursor"),
        ({"data": [ITEM] * 3, "pagination": PAGINATION}, "limit is ignored"),
        ({"data": {}, "pagination": PAGINATION}, '"data" is not a list'),
    ],
)
def test_a_difference_is_named(dpx_on_faults: Program, server: FaultServer, page: dict[str, Any], detail: str) -> None:
    """And fails the check: exit 10."""
    code, checks = check(dpx_on_faults, server, projects=page)
    assert (code, checks[PROJECTS]["ok"]) == (10, False)
    assert detail in checks[PROJECTS]["detail"]


def test_empty_lists_are_not_checked(dpx_on_faults: Program, server: FaultServer) -> None:
    """What could not be compared passes, and says so."""
    _, checks = check(dpx_on_faults, server, projects={"data": [], "pagination": PAGINATION})
    assert checks[PROJECTS]["detail"] == "not checked (the list is empty)"
    assert checks["GET /projects/:id"]["detail"] == "not checked (the account has no such object)"
    assert "commit" not in checks


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"commitSha": "a" * 40}, "deployments have it as commitSha"),
        ({"git": {"commit_sha": "a" * 40}, "sha": "main"}, "deployments have it as git.commit_sha"),
        ({"commitSha": None}, "not checked (no deployment that was read has one)"),
    ],
)
def test_the_spelling_of_a_commit_is_found(
    dpx_on_faults: Program, server: FaultServer, fields: dict[str, Any], detail: str
) -> None:
    """Whatever the API calls it."""
    row = {"id": "clm2", "status": "READY", "branch": "main", "deployment_domain": "a.example", **fields}
    pages = {
        "projects/clm1project/deployments": {"data": [row], "pagination": PAGINATION},
        "projects": {"data": [{**ITEM, "id": "clm1project"}], "pagination": PAGINATION},
        "deployments/clm2": {"data": row},
    }
    assert check(dpx_on_faults, server, **pages)[1]["commit"]["detail"] == detail
