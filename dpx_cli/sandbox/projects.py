"""Projects: `/projects` and `/projects/:id` of the reference. Beside `deployments.py`, `env_vars.py` and `orgs.py`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dpx_cli.reference import APP_TYPES, FRAMEWORKS
from dpx_cli.sandbox import course
from dpx_cli.sandbox.call import Call, Refused
from dpx_cli.sandbox.store import new_id, timestamp

if TYPE_CHECKING:
    import sqlite3

SLUG_LENGTH = 60

# The organizations of a person, and (first) the projects of their own. The plus keeps SQLite from collecting and
# sorting each organization's projects: walking along `seq` costs a page and no more.
VISIBLE = "(p.org IS NULL AND p.owner = ? OR +p.org IN (SELECT org FROM members WHERE user = ?))"
_SELECT = (
    "SELECT p.*, d.id AS d_id, d.branch, d.outcome, d.building_at, d.ended_at, d.created_at AS d_created_at"
    " FROM projects p LEFT JOIN deployments d ON d.seq = p.newest"
)


def visible(call: Call, project: str) -> sqlite3.Row:
    """The project with this id. A slug is no id: the reference knows `:id` alone.

    Raises:
        Refused: 404, where there is none or it is none of this person's business.
    """
    row = call.state.store.find(f"{_SELECT} WHERE p.id = ? AND {VISIBLE}", (project, call.user, call.user))
    if row is None:
        raise Refused(404, "Project not found")
    return row


def list_(call: Call) -> tuple[int, dict[str, Any]]:
    """GET /projects: newest first."""
    if "org" in call.query:
        org = org_of(call, call.query["org"])
        rows, pagination = call.page(
            _SELECT, "p.org = ?", (org,), key="p.seq", scope=f"projects {org}", newest_first=True
        )
    else:
        rows, pagination = call.page(
            _SELECT, VISIBLE, (call.user, call.user), key="p.seq", scope="projects", newest_first=True
        )
    data = [
        {
            "id": row["id"],
            "name": row["name"],
            "slug": row["slug"],
            "framework": row["framework"],
            "created_at": timestamp(row["created_at"]),
            "current_deployment": None if row["d_id"] is None else {"status": course.status(row, call.now)},
        }
        for row in rows
    ]
    return 200, {"data": data, "pagination": pagination}


def get(call: Call) -> tuple[int, dict[str, Any]]:
    """GET /projects/:id."""
    return 200, {"data": _whole(visible(call, call.path["id"]), call.now)}


def create(call: Call) -> tuple[int, dict[str, Any]]:
    """POST /projects. Without `orgSlug` it is the person's own."""
    name = call.required_text("name", empty=False)
    framework = call.choice("framework", FRAMEWORKS)
    app_type = call.choice("appType", APP_TYPES)
    description = call.text("description")
    org_slug = call.text("orgSlug")
    org = None if org_slug is None else org_of(call, org_slug)
    with call.state.store.change() as db:
        slug = _free_slug(db, slug_of(name), org, call.user)
        project = new_id()
        db.execute(
            "INSERT INTO projects (id, org, owner, name, slug, framework, app_type, description, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (project, org, call.user, name, slug, framework, app_type, description, call.now),
        )
    return 201, {"data": {"id": project, "name": name, "slug": slug, "created_at": timestamp(call.now)}}


def update(call: Call) -> tuple[int, dict[str, Any]]:
    """PATCH /projects/:id. The slug stays, so that the site's address does."""
    project = visible(call, call.path["id"])
    changes = {
        "name": call.text("name", empty=False),
        "description": call.text("description"),
        "build_command": call.text("build_command"),
        "install_command": call.text("install_command"),
        "output_dir": call.text("output_dir"),
    }
    with call.state.store.change() as db:
        for column, value in changes.items():
            if value is not None:
                db.execute(f"UPDATE projects SET {column} = ? WHERE seq = ?", (value, project["seq"]))  # noqa: S608 - the columns stand above
    return get(call)


def delete(call: Call) -> tuple[int, dict[str, Any]]:
    """DELETE /projects/:id. Of an organization's projects its owner is the owner; of one's own, oneself."""
    project = visible(call, call.path["id"])
    if project["org"] is not None:
        member = call.state.store.one(
            "SELECT role FROM members WHERE org = ? AND user = ?", (project["org"], call.user)
        )
        if member["role"] != "OWNER":
            raise Refused(403, "Only the project owner can delete it")
    with call.state.store.change() as db:
        db.execute("DELETE FROM projects WHERE seq = ?", (project["seq"],))
    return 200, {"deleted": True}


def org_of(call: Call, slug: str) -> int:
    """`seq` of the organization with this slug; 404 where the person is no member of it."""
    row = call.state.store.find(
        "SELECT o.seq FROM orgs o JOIN members m ON m.org = o.seq WHERE o.slug = ? AND m.user = ?", (slug, call.user)
    )
    if row is None:
        raise Refused(404, "Organization not found")
    seq: int = row["seq"]
    return seq


def slug_of(name: str) -> str:
    """The slug that a name asks for."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:SLUG_LENGTH].strip("-") or "project"


def domain(slug: str) -> str:
    """Where a project's site is, without the scheme."""
    return f"{slug}.deploxa.com"


def _free_slug(db: sqlite3.Connection, wanted: str, org: int | None, owner: int) -> str:
    slug, number = wanted, 1
    while db.execute(
        "SELECT 1 FROM projects WHERE coalesce(org, -owner) = ? AND slug = ?", (-owner if org is None else org, slug)
    ).fetchone():
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def _whole(row: sqlite3.Row, now: float) -> dict[str, Any]:
    current = None
    if row["d_id"] is not None:
        current = {
            "id": row["d_id"],
            "status": course.status(row, now),
            "branch": row["branch"],
            "deployment_domain": domain(row["slug"]),
            "created_at": timestamp(row["d_created_at"]),
        }
    return {
        "id": row["id"],
        "name": row["name"],
        "slug": row["slug"],
        "framework": row["framework"],
        "description": row["description"],
        "build_command": row["build_command"],
        "install_command": row["install_command"],
        "output_dir": row["output_dir"],
        "created_at": timestamp(row["created_at"]),
        "domains": [domain(row["slug"])],
        "current_deployment": current,
    }
