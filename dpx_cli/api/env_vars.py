"""Environment variables: the reference's section of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.api.client import Client, segment
from dpx_cli.api.pages import Pages
from dpx_cli.api.projects import delete

if TYPE_CHECKING:
    from collections.abc import Sequence


def list_env_vars(client: Client, project_id: str, *, limit: int | None = None, cursor: str | None = None) -> Pages:
    """Return the variables of a project, page by page, without values: GET /projects/:id/env-vars."""
    path = f"/projects/{segment(project_id, 'project')}/env-vars"
    return Pages(client, path, limit=limit, cursor=cursor, without="value")


def by_key(client: Client, project_id: str) -> dict[str, dict[str, Any]]:
    """Return all variables of a project by key, without values. A row without a key is left out."""
    rows = (row for page in list_env_vars(client, project_id) for row in page)
    return {row["key"]: row for row in rows if isinstance(row.get("key"), str)}


def set_env_var(
    client: Client,
    project_id: str,
    key: str,
    value: str,
    *,
    targets: Sequence[str] = (),
    sensitive: bool | None = None,
) -> dict[str, Any]:
    """Create or update a variable and return it, without its value: POST /projects/:id/env-vars.

    The request is idempotent, so it is sent again if its response was lost. No error has the value, even if the server
    echoes it. Without targets, or with `sensitive` None, the API decides.
    """
    body: dict[str, Any] = {"key": key, "value": value}
    if targets:
        body["targets"] = list(targets)
    if sensitive is not None:
        body["sensitive"] = sensitive
    path = f"/projects/{segment(project_id, 'project')}/env-vars"
    variable = client.request_object("POST", path, body, secret=True)
    variable.pop("value", None)
    return {**variable, "key": key}


def delete_env_var(client: Client, project_id: str, key: str) -> dict[str, Any]:
    """Delete a variable: DELETE /projects/:id/env-vars/:key. Raises NotFound if there is none."""
    return delete(client, f"/projects/{segment(project_id, 'project')}/env-vars/{segment(key, 'variable')}")
