"""Projects (reference, section Projects)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.api.client import Client, Request, decode, is_name, segment, shape_error
from dpx_cli.api.pages import Pages
from dpx_cli.errors import DpxError, InvalidResponse, NotFound, OutcomeUnknown, ServerError
from dpx_cli.reference import slug_of

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_CONTENT = 204
STATUS = ("current_deployment", "status")  # path of the status of a project's current deployment


def list_projects(
    client: Client, *, org: str | None = None, limit: int | None = None, cursor: str | None = None
) -> Pages:
    """GET /projects: list all projects that the token's user can access, or those of one organization."""
    if org:  # "" is left to the server
        segment(org, "organization")
    return Pages(client, "/projects", {"org": org}, limit=limit, cursor=cursor)


def create_project(client: Client, name: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """POST /projects: create a project, once (see `once.Creation`), and return it with a usable "id"."""
    from dpx_cli.api.once import Candidates, Creation

    org = fields.get("orgSlug") or None
    before = {project["id"] for project in list_usable(client, org)}

    def post() -> dict[str, Any]:
        created = client.request_object("POST", "/projects", {"name": name, **fields})
        if not is_name(created.get("id")) or created["id"] in before:
            raise shape_error("POST /projects", "a new project with an id")
        return created

    def find() -> Candidates:
        new = [project for project in list_usable(client, org) if project["id"] not in before]
        ours = [project for project in new if project.get("name") == name or project.get("slug") == slug_of(name)]
        return Candidates(ours, sure=len(ours) == 1)

    check = client.command("projects", "list")
    note = client.note
    return Creation("project", "POST /projects", check, find, client.deadline(), warn=note, say=note).create(post)


def list_usable(client: Client, org: str | None) -> list[dict[str, Any]]:
    """Return all projects, or those of an organization, that have an ID."""
    return [project for page in list_projects(client, org=org) for project in page if is_name(project.get("id"))]


def get_project(client: Client, project_id: str) -> dict[str, Any]:
    """GET /projects/:id: return one project, with its ID. Raise NotFound if it doesn't exist."""
    return {**client.request_object("GET", f"/projects/{segment(project_id, 'project')}"), "id": project_id}


def update_project(client: Client, project_id: str, changes: Mapping[str, object]) -> dict[str, Any]:
    """PATCH /projects/:id: change a project's settings and return the changed project."""
    return client.request_object("PATCH", f"/projects/{segment(project_id, 'project')}", changes)


def delete_project(client: Client, project_id: str) -> dict[str, Any]:
    """DELETE /projects/:id: delete a project; if the response is lost, another request tells whether it is gone."""
    path = f"/projects/{segment(project_id, 'project')}"
    try:
        return delete(client, path)
    except (OutcomeUnknown, ServerError, InvalidResponse) as lost:
        try:
            get_project(client, project_id)
        except NotFound:
            client.note("The response was lost, but the project was deleted.")
            return {"deleted": True}
        except DpxError:
            cause = lost.cause if isinstance(lost, OutcomeUnknown) else lost.message
            raise client.outcome_unknown(Request("DELETE", path), cause, status=lost.status) from lost
        raise


def delete(client: Client, path: str) -> dict[str, Any]:
    """DELETE a path and return {"deleted": true}. Raise InvalidResponse if the server sends neither that nor 204."""
    request = Request("DELETE", path)
    response = client.request(request)
    try:
        document = {"deleted": True} if response.status == NO_CONTENT else decode(response, request.name)
        if not isinstance(document, dict) or document.get("deleted") is not True:
            raise shape_error(request.name, '"deleted": true')
    except InvalidResponse as problem:
        raise client.unreadable(request, problem) from problem
    return document
