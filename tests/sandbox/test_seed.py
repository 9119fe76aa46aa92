"""A sandbox with given content: it answers what the given objects say, and records what is changed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sandbox_client import ask

from dpx_cli.errors import Failed
from dpx_cli.sandbox.seed import Seed
from dpx_cli.sandbox.server import Sandbox

MEMBER = {"id": "m1", "role": "ADMIN", "user": {"email": "peter@initech.com"}}
VARIABLES = [
    {"id": "v1", "key": "A", "targets": ["production"], "sensitive": True},
    {"id": "v2", "key": "B", "targets": ["preview", "development"], "sensitive": False},
]
NEWEST = {"id": "d-2", "status": "ERROR", "branch": "next", "created_at": "2026-02-02T00:00:00Z"}
READY = {
    "id": "d-1",
    "status": "READY",
    "branch": "main",
    "commitSha": "a" * 40,
    "buildDurationMs": 7,
    "bundleSizeKb": 9,
    "deployment_domain": "shop.example.com",
    "created_at": "2026-02-01T00:00:00Z",
}
SHOP = {
    "id": "p-shop",
    "name": "The Shop",
    "slug": "shop",
    "framework": "NEXTJS",
    "build_command": "make",
    "created_at": "2026-01-02T03:04:05Z",
    "domains": ["shop.example.com"],
    "region": "eu",
}
SEED: Seed = {
    "orgs": [
        {"id": "org-1", "name": "Initech", "slug": "initech", "role": "member", "members": [MEMBER]},
        {"id": "org-2", "name": "Acme", "slug": "acme", "role": "owner", "members": []},
    ],
    "projects": [
        {
            **SHOP,
            "org": "acme",
            "env_vars": VARIABLES,
            "deployments": [NEWEST, READY],
            "current_deployment": {"id": "d-1", "status": "READY"},
        },
        {"id": "p-mine", "name": "mine", "slug": "mine", "org": None, "env_vars": [], "deployments": []},
        {"id": "p-works", "name": "works", "slug": "works", "org": "initech"},
    ],
}


@pytest.fixture
def given() -> Any:
    """A sandbox with that content, whose builds take no time."""
    with Sandbox(SEED, build_seconds=0) as sandbox:
        yield sandbox


def test_everything_is_as_given(given: Sandbox) -> None:
    """The person isn't among the members; projects keep their order, and unknown fields are returned."""
    assert ask(given, "GET", "/orgs").data == [
        {"id": "org-1", "name": "Initech", "slug": "initech", "role": "member"},
        {"id": "org-2", "name": "Acme", "slug": "acme", "role": "owner"},
    ]
    assert ask(given, "GET", "/orgs/initech").data["_count"] == {"members": 1, "projects": 1}
    assert ask(given, "GET", "/orgs/initech/members").data == [MEMBER]
    assert [project["id"] for project in ask(given, "GET", "/projects").data] == ["p-shop", "p-mine", "p-works"]
    assert [project["id"] for project in ask(given, "GET", "/projects?org=acme").data] == ["p-shop"]
    whole = ask(given, "GET", "/projects/p-shop").data
    assert whole.items() >= SHOP.items()
    assert (whole["current_deployment"]["id"], whole["current_deployment"]["status"]) == ("d-1", "READY")
    newest, ready = ask(given, "GET", "/projects/p-shop/deployments").data
    assert newest.items() >= (NEWEST | {"deployment_domain": "shop.deploxa.com"}).items()
    assert ready.items() >= READY.items()
    assert ask(given, "GET", "/projects/p-shop/env-vars").data == VARIABLES


def test_deployments_that_are_not_listed_or_under_way() -> None:
    """A current deployment that isn't listed is added; one that is under way ends after the sandbox's build time."""
    current = {"id": "d-9", "status": "READY", "branch": "main"}
    building = {"id": "d", "status": "BUILDING", "branch": "main"}
    projects: list[Any] = [
        {"id": "p", "slug": "p", "current_deployment": current},
        {"id": "q", "slug": "q", "deployments": [building]},
    ]
    with Sandbox({"projects": projects}, build_seconds=0.3) as sandbox:
        shown = [project["current_deployment"]["status"] for project in ask(sandbox, "GET", "/projects").data]
        assert shown == ["READY", "BUILDING"]
        assert ask(sandbox, "GET", "/deployments/d-9").data["branch"] == "main"
        while ask(sandbox, "GET", "/deployments/d").data["status"] != "READY":
            time.sleep(0.02)


@pytest.mark.parametrize("project", [{"slug": "x"}, {"id": "2"}, {"id": "1", "slug": "x"}, {"id": "2", "org": "none"}])
def test_a_seed_that_makes_no_sense_is_an_error(project: Any) -> None:
    """An incomplete or contradictory seed is an error before anything is served."""
    with pytest.raises(Failed, match="can't be filled"), Sandbox({"projects": [{"id": "1", "slug": "y"}, project]}):
        pass
