"""`dpx doctor --api`: send every documented GET and report how the responses differ from the API reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
# Fields that identify something: only these may not be null.
IDENTIFIERS = ("id", "slug", "key", "status")
PAGINATION: Shape = {"hasMore": bool, "nextCursor": str, "limit": int}
OPTIONAL = ("nextCursor", "limit")  # of the pagination: the reference's own samples leave one or the other out


def checks(client: Client) -> Iterator[Check]:
    """Yield one check for each documented GET."""
    project, deployment, org = _first(client, "/projects", "id"), None, _first(client, "/orgs", "slug")
    if project:
        deployment = _first(client, f"/projects/{project}/deployments", "id")
    ids = {":id": project, ":slug": org}
    for endpoint, shape in SHAPES.items():
        path = endpoint.removeprefix("GET ")
        known = {**ids, ":id": deployment} if path.startswith("/deployments") else ids
        missing = [name for name, value in known.items() if name in path and value is None]
        if missing:
            yield Check(endpoint, "not checked (the account has no such object)")
            continue
        for name, value in known.items():
            path = path.replace(name, value or "")
        yield _check(client, endpoint, path, shape)


def _first(client: Client, path: str, key: str) -> str | None:
    """Return the identifier of the first item of a list, quoted for a path; None if there is none."""
    from dpx_cli.api.client import segment

    try:
        items = client.get(path, {"limit": 1})["data"]
        return segment(items[0][key], key)
    except (DpxError, LookupError, TypeError):
        return None


def _check(client: Client, endpoint: str, path: str, shape: Shape) -> Check:
    is_list = endpoint.rpartition("/")[2] not in (":id", ":slug")
    try:
        document = client.get(path, {"limit": 2} if is_list else None)
    except DpxError as problem:
        return Check(endpoint, problem.message, ok=False, hint=problem.hint)
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list if is_list else dict):
        return Check(endpoint, f'"data" is not {"a list" if is_list else "an object"}', ok=False)
    wrong: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for item in data if isinstance(data, list) else [data]:
        wrong |= dict.fromkeys(_differences(item, shape))
        unknown |= dict.fromkeys(name for name in item if name not in shape) if isinstance(item, dict) else {}
    if is_list:
        wrong |= dict.fromkeys(_pagination(document, len(data)))
    found = [*wrong, *([f"not in the reference: {', '.join(unknown)}"] if unknown else [])]
    return Check(endpoint, "; ".join(found) or "as in the reference", ok=not wrong)


def _differences(item: Any, shape: Shape, prefix: str = "") -> Iterator[str]:
    """Yield the differences between an item and a shape, in words."""
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
    """Yield the differences between a page's pagination and the reference's section Pagination."""
    found = document.get("pagination")
    if not isinstance(found, dict):
        yield "missing: pagination"
        return
    required = {name: kind for name, kind in PAGINATION.items() if name not in OPTIONAL or name in found}
    yield from _differences(found, required, "pagination.")
    if found.get("hasMore") is True and not found.get("nextCursor"):
        yield "pagination.hasMore is true without a nextCursor"
    if items > 2:  # noqa: PLR2004 - the limit that was asked for
        yield "limit is ignored"
