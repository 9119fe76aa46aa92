"""Organizations (reference, section Organizations)."""

from __future__ import annotations

from typing import Any

from dpx_cli.api.client import Client, segment
from dpx_cli.api.pages import Pages


def list_orgs(client: Client, *, limit: int | None = None, cursor: str | None = None) -> Pages:
    """GET /orgs: list all organizations that the token's user belongs to."""
    return Pages(client, "/orgs", limit=limit, cursor=cursor)


def get_org(client: Client, slug: str) -> dict[str, Any]:
    """GET /orgs/:slug: return one organization, with its numbers of members and projects. Raise NotFound if missing."""
    return client.request_object("GET", f"/orgs/{segment(slug, 'organization')}")


def list_members(client: Client, slug: str, *, limit: int | None = None, cursor: str | None = None) -> Pages:
    """GET /orgs/:slug/members: list all members of an organization."""
    return Pages(client, f"/orgs/{segment(slug, 'organization')}/members", limit=limit, cursor=cursor)
