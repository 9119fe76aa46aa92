"""Environment variables: the reference's section of that name. Floor 1; served by `sandbox/env_vars.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dpx_cli.api.client import data_of, segment
from dpx_cli.api.pages import Pages
from dpx_cli.api.projects import deleted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpx_cli.api.client import Client


def list_env_vars(client: Client, project_id: str, *, limit: int | None = None, cursor: str | None = None) -> Pages:
    """GET /projects/:id/env-vars: the keys of a project's variables; the API returns no values."""
    path = f"/projects/{segment(project_id, 'project')}/env-vars"
    return Pages(client, path, limit=limit, cursor=cursor, without="value")


def set_env_var(
    client: Client,
    project_id: str,
    key: str,
    value: str,
    *,
    targets: Sequence[str] = (),
    sensitive: bool | None = None,
) -> dict[str, Any]:
    """POST /projects/:id/env-vars: create or update a variable; gives it without its value.

    Doing it twice leaves what doing it once leaves, so it is sent again where its answer was lost. The value is in no
    error, not even where the server sends it back.
    """
    path = f"/projects/{segment(project_id, 'project')}/env-vars"
    body: dict[str, Any] = {"key": key, "value": value}
    if targets:
        body["targets"] = list(targets)
    if sensitive is not None:
        body["sensitive"] = sensitive
    document = client.document("POST", path, body=body, repeatable=True, secret=True)
    variable = dict(data_of(document, f"POST {path}", dict))
    variable.pop("value", None)
    return variable


def delete_env_var(client: Client, project_id: str, key: str) -> dict[str, Any]:
    """DELETE /projects/:id/env-vars/:key: delete a variable by key. Raises NotFound."""
    return deleted(client, f"/projects/{segment(project_id, 'project')}/env-vars/{segment(key, 'variable')}")
