"""Organizations: `/orgs`, `/orgs/:slug` and `/orgs/:slug/members` of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.sandbox import projects

if TYPE_CHECKING:
    from dpx_cli.sandbox.call import Call


def list_(call: Call) -> tuple[int, dict[str, Any]]:
    """GET /orgs: those the person belongs to, with their role in lower case, as the reference has it here."""
    rows, pagination = call.page(
        "SELECT o.*, m.role FROM members m JOIN orgs o ON o.seq = m.org",
        "m.user = ?",
        (call.user,),
        key="o.seq",
        scope="orgs",
    )
    data = [{"id": row["id"], "name": row["name"], "slug": row["slug"], "role": row["role"].lower()} for row in rows]
    return 200, {"data": data, "pagination": pagination}


def get(call: Call) -> tuple[int, dict[str, Any]]:
    """GET /orgs/:slug."""
    row = call.state.store.one(
        "SELECT o.*, (SELECT count(*) FROM members WHERE org = o.seq) AS members,"
        " (SELECT count(*) FROM projects WHERE org = o.seq) AS projects FROM orgs o WHERE o.seq = ?",
        (projects.org_of(call, call.path["slug"]),),
    )
    count = {"members": row["members"], "projects": row["projects"]}
    return 200, {"data": {"id": row["id"], "name": row["name"], "slug": row["slug"], "_count": count}}


def members(call: Call) -> tuple[int, dict[str, Any]]:
    """GET /orgs/:slug/members, with their roles in upper case, as the reference has it here."""
    org = projects.org_of(call, call.path["slug"])
    rows, pagination = call.page(
        "SELECT m.seq, m.id, m.role, u.email FROM members m JOIN users u ON u.seq = m.user",
        "m.org = ?",
        (org,),
        key="m.seq",
        scope=f"members {org}",
    )
    data = [{"id": row["id"], "role": row["role"], "user": {"email": row["email"]}} for row in rows]
    return 200, {"data": data, "pagination": pagination}
