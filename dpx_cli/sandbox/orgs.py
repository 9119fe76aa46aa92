"""Organizations: `/orgs`, `/orgs/:slug` and `/orgs/:slug/members` of the reference."""

from __future__ import annotations

from typing import Any

from dpx_cli.sandbox import projects
from dpx_cli.sandbox.request import SandboxRequest


def list_(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to GET /orgs: the person's organizations, with the role in lower case, as in the reference."""
    select = "SELECT o.*, m.role FROM members m JOIN orgs o ON o.seq = m.org"
    rows, pagination = request.page(select, "m.user = ?", (request.user,), key="o.seq")
    data = [{"id": row["id"], "name": row["name"], "slug": row["slug"], "role": row["role"].lower()} for row in rows]
    return 200, {"data": data, "pagination": pagination}


def get(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to GET /orgs/:slug."""
    row = request.state.store.find(
        "SELECT o.*, (SELECT count(*) FROM members m JOIN users u ON u.seq = m.user"
        " WHERE m.org = o.seq AND u.email <> '') AS members,"
        " (SELECT count(*) FROM projects WHERE org = o.seq) AS projects FROM orgs o WHERE o.seq = ?",
        (projects.org_of(request, request.path["slug"]),),
    )
    count = {"members": row["members"], "projects": row["projects"]}
    return 200, {"data": {"id": row["id"], "name": row["name"], "slug": row["slug"], "_count": count}}


def members(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to GET /orgs/:slug/members, with roles in upper case, as in the reference."""
    org = projects.org_of(request, request.path["slug"])
    select = "SELECT m.seq, m.id, m.role, u.email FROM members m JOIN users u ON u.seq = m.user"
    rows, pagination = request.page(select, "m.org = ? AND u.email <> ''", (org,), key="m.seq")  # see seed.ME
    data = [{"id": row["id"], "role": row["role"], "user": {"email": row["email"]}} for row in rows]
    return 200, {"data": data, "pagination": pagination}
