"""`/orgs`, `/orgs/:slug` and `/orgs/:slug/members`, as the reference describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_the_organizations_one_belongs_to(sandbox: Sandbox) -> None:
    """GET /orgs lists only the person's organizations."""
    listed = ask(sandbox, "GET", "/orgs").data
    assert [(org["slug"], org["name"], org["role"]) for org in listed] == [
        ("acme", "Acme Corp", "owner"),
        ("globex", "Globex", "owner"),
    ]
    assert [set(org) for org in listed] == [{"id", "name", "slug", "role"}] * 2


@pytest.mark.parametrize("role", ["owner", "admin", "member"])
def test_the_role_is_who_the_token_speaks_for(role: str) -> None:
    """The role in each organization is the token's."""
    with Sandbox(role=role) as sandbox:
        assert [org["role"] for org in ask(sandbox, "GET", "/orgs").data] == [role, role]


def test_one_organization(sandbox: Sandbox) -> None:
    """GET /orgs/:slug has counts that follow changes."""
    assert ask(sandbox, "GET", "/orgs/acme").data["_count"] == {"members": 5, "projects": 2}
    sandbox.seed_projects(3)
    assert ask(sandbox, "GET", "/orgs/acme").data["_count"] == {"members": 5, "projects": 5}
    assert ask(sandbox, "GET", "/orgs/nope").body == {"error": "Organization not found"}


def test_members(sandbox: Sandbox) -> None:
    """Members' roles are in upper case, as in the reference."""
    listed = ask(sandbox, "GET", "/orgs/acme/members").data
    shown: Sequence[tuple[str, str]] = [(member["user"]["email"], member["role"]) for member in listed]
    assert shown[:3] == [("olivia@acme.com", "OWNER"), ("alice@acme.com", "ADMIN"), ("max@acme.com", "MEMBER")]
    assert len(shown) == 5
    assert ask(sandbox, "GET", "/orgs/nope/members").status == 404
