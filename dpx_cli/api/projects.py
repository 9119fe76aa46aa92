"""Projects (reference, section Projects)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from dpx_cli.api.client import Request, data_of, decode, outcome_unknown, segment, shape_error
from dpx_cli.api.pages import Pages
from dpx_cli.errors import InvalidResponse

if TYPE_CHECKING:
    from dpx_cli.api.client import Client

NO_CONTENT = 204


class ProjectFields(TypedDict, total=False):
    """Optional fields of a new project."""

    orgSlug: str
    framework: str
    appType: str
    description: str


class ProjectChanges(TypedDict, total=False):
    """Fields that can be changed."""

    name: str
    description: str
    build_command: str
    install_command: str
    output_dir: str


def list_projects(
    client: Client, *, org: str | None = None, limit: int | None = None, cursor: str | None = None
) -> Pages:
    """GET /projects: list all projects that the token's user can access, or those of one organization."""
    _check_org(org)
    return Pages(client, "/projects", {"org": org}, limit=limit, cursor=cursor)


def create_project(client: Client, name: str, fields: ProjectFields) -> dict[str, Any]:
    """POST /projects: create a project, and return it as created. Sent once.

    Raises:
        OutcomeUnknown: the response was lost, or says that it was created but not what.
    """
    _check_org(fields.get("orgSlug"))
    document = client.document("POST", "/projects", body={"name": name, **fields})
    try:
        return dict(data_of(document, "POST /projects", dict))
    except InvalidResponse as problem:
        raise outcome_unknown("POST /projects", problem.message) from problem


def _check_org(slug: str | None) -> None:
    """Raise UsageError if a slug can't be an organization's; "" is left to the server."""
    if slug:
        segment(slug, "organization")


def get_project(client: Client, project_id: str) -> dict[str, Any]:
    """GET /projects/:id: return one project. Raise NotFound if it doesn't exist."""
    path = f"/projects/{segment(project_id, 'project')}"
    return dict(data_of(client.get(path), f"GET {path}", dict))


def update_project(client: Client, project_id: str, changes: ProjectChanges) -> dict[str, Any]:
    """PATCH /projects/:id: change a project's settings and return the changed project."""
    path = f"/projects/{segment(project_id, 'project')}"
    return dict(data_of(client.document("PATCH", path, body=changes), f"PATCH {path}", dict))


def delete_project(client: Client, project_id: str) -> dict[str, Any]:
    """DELETE /projects/:id: delete a project (owners only) and return {"deleted": true}."""
    return deleted(client, f"/projects/{segment(project_id, 'project')}")


def deleted(client: Client, path: str) -> dict[str, Any]:
    """DELETE a path and return {"deleted": true}. Raise InvalidResponse if the server sends neither that nor 204."""
    response = client.send(Request("DELETE", path))
    if response.status == NO_CONTENT:
        return {"deleted": True}
    document = decode(response, f"DELETE {path}")
    if not isinstance(document, dict) or document.get("deleted") is not True:
        raise shape_error(f"DELETE {path}", '"deleted": true')
    return document
