"""Projects: `/projects` and `/projects/:id` of the reference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dpx_cli.reference import APP_TYPES, FRAMEWORKS
from dpx_cli.sandbox import course
from dpx_cli.sandbox.request import Refused, SandboxRequest
from dpx_cli.sandbox.sites import domain
from dpx_cli.sandbox.store import more, new_id, timestamp

if TYPE_CHECKING:
    import sqlite3

SLUG_LENGTH = 60

# A person sees their own projects and those of their organizations. The plus keeps SQLite from collecting and sorting
# each organization's projects: walking along `seq` costs only one page.
VISIBLE = "(p.org IS NULL AND p.owner = ? OR +p.org IN (SELECT org FROM members WHERE user = ?))"
_SELECT = (
    "SELECT p.*, d.id AS d_id, d.branch, d.outcome, d.building_at, d.ended_at, d.created_at AS d_created_at,"
    " d.commit_message, d.commit_sha"
    " FROM projects p LEFT JOIN deployments d ON d.seq = p.newest"
)


def visible(request: SandboxRequest, project: str) -> sqlite3.Row:
    """Return the project with this id. A slug isn't accepted: the reference only knows `:id`.

    Raises:
        Refused: 404, if there is none or this person may not see it.
    """
    row = request.state.store.find(f"{_SELECT} WHERE p.id = ? AND {VISIBLE}", (project, request.user, request.user))
    if row is None:
        raise Refused(404, "Project not found")
    return row


def list_(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer GET /projects, newest first."""
    if "org" in request.query:
        org = org_of(request, request.query["org"])
        rows, pagination = request.page(
            _SELECT, "p.org = ?", (org,), key="p.seq", scope=f"projects {org}", newest_first=True
        )
    else:
        rows, pagination = request.page(
            _SELECT, VISIBLE, (request.user, request.user), key="p.seq", scope="projects", newest_first=True
        )
    data = [
        {
            "id": row["id"],
            "name": row["name"],
            "slug": row["slug"],
            "framework": row["framework"],
            "created_at": timestamp(row["created_at"]),
            "current_deployment": None if row["d_id"] is None else {"status": course.status(row, request.now)},
            **more(row),
        }
        for row in rows
    ]
    return 200, {"data": data, "pagination": pagination}


def get(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer GET /projects/:id."""
    return 200, {"data": _whole(visible(request, request.path["id"]), request.now)}


def create(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer POST /projects. Without `orgSlug` it is the person's own project."""
    name = request.required_text("name", empty=False)
    framework = request.choice("framework", FRAMEWORKS)
    app_type = request.choice("appType", APP_TYPES)
    description = request.text("description")
    org_slug = request.text("orgSlug")
    org = None if org_slug is None else org_of(request, org_slug)
    with request.state.store.change() as db:
        slug = _free_slug(db, slug_of(name), org, request.user)
        project = new_id()
        db.execute(
            "INSERT INTO projects (id, org, owner, name, slug, framework, app_type, description, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (project, org, request.user, name, slug, framework, app_type, description, request.now),
        )
    request.state.journal.change("create", slug, name)
    return 201, {"data": {"id": project, "name": name, "slug": slug, "created_at": timestamp(request.now)}}


def update(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer PATCH /projects/:id. The slug doesn't change, so the site's address doesn't either."""
    project = visible(request, request.path["id"])
    changes = {
        "name": request.text("name", empty=False),
        "description": request.text("description"),
        "build_command": request.text("build_command"),
        "install_command": request.text("install_command"),
        "output_dir": request.text("output_dir"),
    }
    with request.state.store.change() as db:
        for column, value in changes.items():
            if value is not None:
                db.execute(f"UPDATE projects SET {column} = ? WHERE seq = ?", (value, project["seq"]))  # noqa: S608 - the columns are named above
    for column, value in changes.items():
        if value is not None:
            request.state.journal.change("update", project["slug"], column)
    return get(request)


def delete(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Answer DELETE /projects/:id. Only an organization's owners may delete its projects."""
    project = visible(request, request.path["id"])
    if project["org"] is not None:
        member = request.state.store.one(
            "SELECT role FROM members WHERE org = ? AND user = ?", (project["org"], request.user)
        )
        if member["role"] != "OWNER":
            raise Refused(403, "Only the project owner can delete it")
    with request.state.store.change() as db:
        db.execute("DELETE FROM projects WHERE seq = ?", (project["seq"],))
    request.state.journal.change("delete", project["slug"], project["slug"])
    return 200, {"deleted": True}


def org_of(request: SandboxRequest, slug: str) -> int:
    """Return `seq` of the organization with this slug; refuse with 404 if the person isn't a member."""
    row = request.state.store.find(
        "SELECT o.seq FROM orgs o JOIN members m ON m.org = o.seq WHERE o.slug = ? AND m.user = ?", (slug, request.user)
    )
    if row is None:
        raise Refused(404, "Organization not found")
    seq: int = row["seq"]
    return seq


def slug_of(name: str) -> str:
    """Return the slug for a name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:SLUG_LENGTH].strip("-") or "project"


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
            "commitMessage": row["commit_message"],
            "commitSha": row["commit_sha"],
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
        **more(row),
    }
