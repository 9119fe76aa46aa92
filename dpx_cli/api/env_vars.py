"""Environment variables: the reference's section of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.api.client import Client, segment
from dpx_cli.api.pages import Pages
from dpx_cli.api.projects import delete

if TYPE_CHECKING:
    from collections.abc import Sequence


def path_of(project_id: str) -> str:
    """Return the path of a project's variables."""
    return f"/projects/{segment(project_id, 'project')}/env-vars"


def list_env_vars(client: Client, project_id: str, *, limit: int | None = None, cursor: str | None = None) -> Pages:
    """GET /projects/:id/env-vars: list the variables of a project, without values."""
    return Pages(client, path_of(project_id), limit=limit, cursor=cursor, without="value")


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
    """POST /projects/:id/env-vars: create or update a variable. Neither what is returned nor an error has its value."""
    body: dict[str, Any] = {"key": key, "value": value}
    if targets:
        body["targets"] = list(targets)
    if sensitive is not None:
        body["sensitive"] = sensitive
    variable = client.request_object("POST", path_of(project_id), body, repeatable=True, secret=True)
    variable.pop("value", None)
    return {**variable, "key": key}


def delete_env_var(client: Client, project_id: str, key: str) -> dict[str, Any]:
    """DELETE /projects/:id/env-vars/:key: delete a variable. Raise NotFound if there is none."""
    return delete(client, f"{path_of(project_id)}/{segment(key, 'variable')}")
