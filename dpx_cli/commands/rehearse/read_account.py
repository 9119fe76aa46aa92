"""Read what a rehearsal may touch, with GET requests only, as the seed of a sandbox."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dpx_cli.api import deployments, env_vars, orgs, parallel, projects
from dpx_cli.api.client import is_name
from dpx_cli.errors import NotFound
from dpx_cli.output.display import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dpx_cli.api.client import Client
    from dpx_cli.sandbox.seed import Seed
    from dpx_cli.session import Session

    Item = dict[str, Any]

MAX_DEPLOYMENTS = 100  # of a project


def read(session: Session, references: Sequence[str], *, org: str | None, every: bool, role: str | None) -> Seed:
    """Return the projects in reach and the organizations of the token's user, as `Sandbox(seed=...)` wants them.

    In reach are `references` of `--project`, those of `org`, `every` one, or without any the default project. `role` is
    rehearsed instead of the user's own in each organization.
    """
    client = session.client
    if every or org is not None:
        listed = _unique(project for page in projects.list_projects(client, org=org) for project in page)
    else:
        get = partial(projects.get_project, client)
        listed = _unique(session.projects.on(reference, get) for reference in references or (None,))
    mine = [item for page in orgs.list_orgs(client) for item in page if is_name(item.get("slug"))]
    if org is not None and org not in [item["slug"] for item in mine]:
        raise NotFound(f"No such organization: {org}", hint="Run: dpx orgs list")
    ids = [item["id"] for item in listed]
    owners = _owners(client, mine if org is None else [{"slug": org}], set(ids))
    with Progress(session.screen, len(ids), "projects") as bar:
        work: parallel.Work[str, Item] = parallel.Work(session.client_for, done=lambda _: bar.advance())
        work.run(ids, _project)
    if failure := work.first_failure():
        raise failure
    return {
        "orgs": [_org(client, item, role, is_reached=item["slug"] in owners.values()) for item in mine],
        "projects": [{**work.results[project_id], "org": owners.get(project_id)} for project_id in ids],
    }


def _unique(items: Iterable[Item], key: str = "id") -> list[Item]:
    """Return items that have an ID, each of them once. A list may repeat what moves while it's read."""
    return list({item[key]: item for item in items if is_name(item.get(key))}.values())


def _owners(client: Client, mine: Sequence[Item], ids: set[str]) -> dict[str, str]:
    """Return the organization of each project that has one. A project itself doesn't tell."""
    owners: dict[str, str] = {}
    for org in mine:
        for page in projects.list_projects(client, org=org["slug"]):
            owners.update((item["id"], org["slug"]) for item in page if item.get("id") in ids)
            if len(owners) == len(ids):
                return owners
    return owners


def _project(client: Client, project_id: str) -> Item:
    listed = deployments.list_deployments(client, project_id, limit=MAX_DEPLOYMENTS)
    variables = env_vars.list_env_vars(client, project_id)
    return {
        **projects.get_project(client, project_id),
        "env_vars": _unique((item for page in variables for item in page), "key"),
        "deployments": _unique(item for page in listed for item in page),
    }


def _org(client: Client, org: Item, role: str | None, *, is_reached: bool) -> Item:
    """Return an organization, with its members if a project of it is in reach."""
    members = _unique(item for page in orgs.list_members(client, org["slug"]) for item in page) if is_reached else []
    return {**org, "members": members, **({} if role is None else {"role": role})}
