"""Deployments: the reference's section Deployments."""

from __future__ import annotations

from typing import Any, TypedDict

from dpx_cli.api.client import Client, is_name, segment, shape_error
from dpx_cli.api.pages import Pages
from dpx_cli.reference import MAX_PAGE


class DeploymentFields(TypedDict, total=False):
    """What `create_deployment` may send."""

    branch: str
    commitMessage: str
    commitSha: str


def path_of(project_id: str) -> str:
    """Return the path of a project's deployments."""
    return f"/projects/{segment(project_id, 'project')}/deployments"


def list_deployments(
    client: Client,
    project_id: str,
    *,
    status: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    size: int = MAX_PAGE,
) -> Pages:
    """GET /projects/:id/deployments: a project's deployments, newest first."""
    return Pages(client, path_of(project_id), {"status": status}, limit=limit, cursor=cursor, size=size)


def list_newest(client: Client, project_id: str) -> list[dict[str, Any]]:
    """Return a project's newest deployments, by one request."""
    return [row for page in list_deployments(client, project_id, limit=MAX_PAGE) for row in page]


def create_deployment(client: Client, project_id: str, fields: DeploymentFields) -> dict[str, Any]:
    """POST /projects/:id/deployments: trigger a deployment. Sent once; `api/deploy/create.py` handles its loss."""
    created = client.request_object("POST", path_of(project_id), fields)
    if not is_name(created.get("id")):
        raise shape_error(f"POST {path_of(project_id)}", "a deployment with an id")
    return created


def get_deployment(client: Client, deployment_id: str) -> dict[str, Any]:
    """GET /deployments/:id: return one deployment. Raise NotFound if it doesn't exist."""
    path = f"/deployments/{segment(deployment_id, 'deployment')}"
    deployment = client.request_object("GET", path)
    if deployment.get("id") != deployment_id:
        raise shape_error(f"GET {path}", "the requested deployment")
    return deployment
