"""Projects: `/projects` and `/projects/:id` of the reference."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from dpx_cli.reference import APP_TYPES, FRAMEWORKS, slug_of
from dpx_cli.sandbox import seed, timeline
from dpx_cli.sandbox.request import Refused, SandboxRequest
from dpx_cli.sandbox.store import new_id, timestamp

# A person sees their own projects and those of their organizations. The plus keeps SQLite from collecting and sorting
# each organization's projects: walking along `seq` costs only one page.
VISIBLE = "(p.org IS NULL AND p.owner = ? OR +p.org IN (SELECT org FROM members WHERE user = ?))"
_ONE = f"SELECT p.* FROM projects p WHERE p.id = ? AND {VISIBLE}"  # noqa: S608 - no value is in it
_SELECT = "SELECT p.*, d.outcome, d.building_at, d.ended_at FROM projects p LEFT JOIN deployments d ON d.seq = p.newest"
SETTINGS = ("description", "build_command", "install_command", "output_dir")


def visible(request: SandboxRequest, project: str) -> sqlite3.Row:
    """Return the project with this ID, not slug; refuse with 404 if the person may not see it."""
    row: sqlite3.Row | None = request.state.store.find(_ONE, (project, request.user, request.user))
    if row is None:
        raise Refused(404, "Project not found")
    return row


def list_(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to GET /projects, newest first."""
    where, values = VISIBLE, [request.user, request.user]
    if "org" in request.query:
        where, values = "p.org = ?", [org_of(request, request.query["org"])]
    rows, pagination = request.page(_SELECT, where, values, key="p.seq", newest_first=True)
    data = []
    for row in rows:
        current = None if row["newest"] is None else {"status": timeline.status(row, request.now)}
        shown = {name: value for name, value in json.loads(row["document"]).items() if name not in SETTINGS}
        shown.pop("domains", None)
        data.append({"id": row["id"], "slug": row["slug"], **shown, "current_deployment": current})
    return 200, {"data": data, "pagination": pagination}


def get(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to GET /projects/:id."""
    row = visible(request, request.path["id"])
    newest = request.state.store.find("SELECT * FROM deployments WHERE seq = ?", (row["newest"],))
    current = None if newest is None else timeline.show(newest, request.now, hidden=timeline.BUILD_FIELDS)
    shown = {"id": row["id"], "slug": row["slug"], **json.loads(row["document"]), "current_deployment": current}
    return 200, {"data": shown}


def create(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to POST /projects. Without `orgSlug` it is the person's own project."""
    name = request.required_text("name", empty=False)
    settings = {"framework": request.choice("framework", FRAMEWORKS), "description": request.text("description")}
    request.choice("appType", APP_TYPES)
    org_slug = request.text("orgSlug")
    org = None if org_slug is None else org_of(request, org_slug)
    with request.state.store.change() as db:
        slug = _free_slug(db, slug_of(name) or "project", org, request.user)
        project = {"id": new_id(), "name": name, "slug": slug, "created_at": timestamp(request.now)}
        seed.insert_project(db, project | settings, org=org, owner=request.user, now=request.now)
    request.record("create", slug, name)
    return 201, {"data": project}


def update(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to PATCH /projects/:id. The slug doesn't change, so the site's address doesn't either."""
    project = visible(request, request.path["id"])
    texts = {"name": request.text("name", empty=False), **{name: request.text(name) for name in SETTINGS}}
    changes = {name: value for name, value in texts.items() if value is not None}
    with request.state.store.change() as db:
        row = db.execute("SELECT document FROM projects WHERE seq = ?", (project["seq"],)).fetchone()
        document = json.dumps(json.loads(row["document"]) | changes)
        db.execute("UPDATE projects SET document = ? WHERE seq = ?", (document, project["seq"]))
    for name in changes:
        request.record("update", project["slug"], name)
    return get(request)


def delete(request: SandboxRequest) -> tuple[int, dict[str, Any]]:
    """Respond to DELETE /projects/:id. Only an organization's owners may delete its projects."""
    project = visible(request, request.path["id"])
    if project["org"] is not None:
        member = request.state.store.find(
            "SELECT role FROM members WHERE org = ? AND user = ?", (project["org"], request.user)
        )
        if member["role"] != "OWNER":
            raise Refused(403, "Only the project owner can delete it")
    with request.state.store.change() as db:
        db.execute("DELETE FROM projects WHERE seq = ?", (project["seq"],))
    request.record("delete", project["slug"], project["slug"])
    return 200, {"deleted": True}


def org_of(request: SandboxRequest, slug: str) -> int:
    """Return `seq` of the organization with this slug; refuse with 404 if the person isn't a member."""
    row = request.state.store.find(
        "SELECT o.seq FROM orgs o JOIN members m ON m.org = o.seq WHERE o.slug = ? AND m.user = ?", (slug, request.user)
    )
    if row is None:
        raise Refused(404, "Organization not found")
    return int(row["seq"])


def _free_slug(db: sqlite3.Connection, wanted: str, org: int | None, owner: int) -> str:
    slug, number = wanted, 1
    while db.execute(
        "SELECT 1 FROM projects WHERE coalesce(org, -owner) = ? AND slug = ?", (-owner if org is None else org, slug)
    ).fetchone():
        number += 1
        slug = f"{wanted}-{number}"
    return slug
