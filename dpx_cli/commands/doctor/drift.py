"""`dpx doctor --api`: send every documented GET and report how the responses differ from the API reference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dpx_cli.api.client import segment
from dpx_cli.commands.doctor.checks import Check
from dpx_cli.errors import DpxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dpx_cli.api.client import Client

    Shape = Mapping[str, Any]

# The fields that the reference shows in each response, with their types. A nested object is a nested table.
DEPLOYMENT: Shape = {"id": str, "status": str, "branch": str}
PROJECT: Shape = {"id": str, "name": str, "slug": str}
SHAPES: dict[str, Shape] = {
    "GET /projects": {**PROJECT, "framework": str, "current_deployment": {"status": str}},
    "GET /projects/:id": {**PROJECT, "domains": list, "current_deployment": {}},
    "GET /projects/:id/deployments": {**DEPLOYMENT, "deployment_domain": str},
    "GET /deployments/:id": {**DEPLOYMENT, "buildDurationMs": int, "bundleSizeKb": int},
    "GET /projects/:id/env-vars": {"id": str, "key": str, "targets": list, "sensitive": bool},
    "GET /orgs": {"id": str, "name": str, "slug": str, "role": str},
    "GET /orgs/:slug": {"id": str, "name": str, "slug": str, "_count": {"members": int, "projects": int}},
    "GET /orgs/:slug/members": {"id": str, "role": str, "user": {"email": str}},
}
NO_COMMIT = "not checked (no deployment that was read has one)"
# Fields that identify something: only these may not be null.
IDENTIFIERS = ("id", "slug", "key", "status")


def compare(client: Client) -> Iterator[Check]:
    """Yield one check for each documented GET, and one for where deployments have their commit."""
    project, deployment, org = _first(client, "/projects", "id"), None, _first(client, "/orgs", "slug")
    if project:
        deployment = _first(client, f"/projects/{project}/deployments", "id")
    spellings: dict[str, None] = {}
    for endpoint, shape in SHAPES.items():
        path = endpoint.removeprefix("GET ")
        known = {":slug": org, ":id": deployment if path.startswith("/deployments") else project}
        if any(name in path and value is None for name, value in known.items()):
            yield Check(endpoint, "not checked (the account has no such object)")
            continue
        for name, value in known.items():
            path = path.replace(name, value or "")
        check, items = _check(client, endpoint, path, shape)
        if "/deployments" in endpoint:
            spellings |= dict.fromkeys(spelling for item in items for spelling in _find_commits(item))
        yield check
    if deployment:
        yield Check("commit", f"deployments have it as {', '.join(spellings)}" if spellings else NO_COMMIT)


def _find_commits(item: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the names of fields that look like a commit's hash."""
    for name, value in item.items():
        if isinstance(value, dict) and not prefix:
            yield from _find_commits(value, f"{name}.")
        elif re.fullmatch("[0-9a-f]{40}", str(value)):
            yield f"{prefix}{name}"


def _first(client: Client, path: str, key: str) -> str | None:
    """Return the identifier of the first item of a list, quoted for a path; None without one."""
    try:
        return segment(client.get(path, {"limit": 1})["data"][0][key], key)
    except (DpxError, LookupError, TypeError):
        return None


def _check(client: Client, endpoint: str, path: str, shape: Shape) -> tuple[Check, list[dict[str, Any]]]:
    """Return the check of one GET, and the items of its response."""
    is_list = endpoint.rpartition("/")[2] not in (":id", ":slug")
    try:
        document = client.get(path, {"limit": 2} if is_list else None)
    except DpxError as problem:
        return Check(endpoint, problem.message, ok=False, hint=problem.hint), []
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list if is_list else dict):
        return Check(endpoint, f'"data" is not {"a list" if is_list else "an object"}', ok=False), []
    items = data if isinstance(data, list) else [data]
    objects = [item for item in items if isinstance(item, dict)]
    wrong = dict.fromkeys(difference for item in items for difference in _differences(item, shape))
    unknown = dict.fromkeys(name for item in objects for name in item if name not in shape)
    if is_list:
        wrong |= dict.fromkeys(_pagination(document, len(data)))
    details = [*wrong, *([f"not in the reference: {', '.join(unknown)}"] if unknown else [])]
    fine = "as in the reference" if items else "not checked (the list is empty)"
    return Check(endpoint, "; ".join(details) or fine, ok=not wrong), objects


def _differences(item: Any, shape: Shape, prefix: str = "") -> Iterator[str]:
    if not isinstance(item, dict):
        yield f"{prefix.rstrip('.') or 'an item'} is not an object"
        return
    for name, kind in shape.items():
        if name not in item:
            yield f"missing: {prefix}{name}"
        elif item[name] is None:
            if name in IDENTIFIERS:
                yield f"{prefix}{name} is null"
        elif isinstance(kind, dict):
            yield from _differences(item[name], kind, f"{prefix}{name}.")
        elif not isinstance(item[name], kind) or (kind is int and isinstance(item[name], bool)):
            yield f"{prefix}{name} is not {_NAMES[kind]}"


_NAMES = {str: "a string", int: "an integer", bool: "a boolean", list: "a list"}


def _pagination(document: Mapping[str, Any], items: int) -> Iterator[str]:
    pagination = document.get("pagination")
    if not isinstance(pagination, dict):
        yield "missing: pagination"
        return
    # The reference's own samples leave out its cursor or its limit.
    yield from _differences(pagination, {"hasMore": bool}, "pagination.")
    if pagination.get("hasMore") is True and not pagination.get("nextCursor"):
        yield "pagination.hasMore is true without a nextCursor"
    if items > 2:  # noqa: PLR2004 - the limit that was asked for
        yield "limit is ignored"
