"""Pages of every list; and that a page costs the same however long the list."""

from __future__ import annotations

from typing import Any

from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox


def walk(sandbox: Sandbox, path: str, limit: int) -> list[list[str]]:
    """Return the IDs of a list, page by page."""
    pages: list[list[str]] = []
    cursor = ""
    while True:
        answer = ask(sandbox, "GET", f"{path}limit={limit}{cursor}")
        pagination: dict[str, Any] = answer.body["pagination"]
        pages.append([item["id"] for item in answer.data])
        assert pagination["limit"] == limit
        assert pagination["hasMore"] is (pagination["nextCursor"] is not None)
        if not pagination["hasMore"]:
            return pages
        cursor = f"&cursor={pagination['nextCursor']}"


def test_every_list_in_pages(sandbox: Sandbox) -> None:
    """A list has the same items in the same order for every page size."""
    project = f"/projects/{sandbox.project_id('storefront')}"
    own = (f"{project}/deployments?", f"{project}/env-vars?")
    for path in ("/projects?", "/projects?org=acme&", *own, "/orgs?", "/orgs/acme/members?"):
        [whole] = walk(sandbox, path, 100)
        for limit in (1, 2):
            assert walk(sandbox, path, limit) == [whole[at : at + limit] for at in range(0, len(whole), limit)], path


def test_a_page_has_twenty_by_default_and_a_hundred_at_most(sandbox: Sandbox) -> None:
    """As the reference says."""
    sandbox.seed_projects(150)
    assert [len(ask(sandbox, "GET", f"/projects{query}").data) for query in ("", "?limit=100")] == [20, 100]


def test_a_list_that_changes_between_two_pages(sandbox: Sandbox) -> None:
    """Items that are added or deleted between two pages neither repeat nor hide others."""
    slugs = sandbox.seed_projects(6)
    first = ask(sandbox, "GET", "/projects?limit=3")
    assert [project["slug"] for project in first.data] == slugs[:2:-1]
    sandbox.seed_projects(2)
    assert ask(sandbox, "DELETE", f"/projects/{first.data[2]['id']}").status == 200  # the one that the cursor is at
    second = ask(sandbox, "GET", f"/projects?limit=3&cursor={first.body['pagination']['nextCursor']}")
    assert [project["slug"] for project in second.data] == slugs[2::-1]


def steps(sandbox: Sandbox, path: str) -> int:
    """Return SQLite's work for a response, in hundreds of its steps: its cost without a clock."""
    strides: list[None] = []
    database = sandbox.store._db
    database.set_progress_handler(lambda: strides.append(None), 100)
    assert ask(sandbox, "GET", path).status == 200
    database.set_progress_handler(None, 0)
    return len(strides)


def test_a_page_costs_the_same_however_many_projects_there_are(sandbox: Sandbox) -> None:
    """The cost of a page, in SQLite's steps, doesn't depend on the number of projects."""
    deployments = f"/projects/{sandbox.project_id('storefront')}/deployments"
    paths = ["/projects?limit=50", "/projects?org=acme&limit=50", deployments]
    sandbox.seed_projects(200)
    few = [steps(sandbox, path) for path in paths]
    sandbox.seed_projects(3000)
    many = [steps(sandbox, path) for path in paths]
    cursor = ""
    for _ in range(25):
        cursor = "&cursor=" + ask(sandbox, "GET", f"/projects?limit=100{cursor}").body["pagination"]["nextCursor"]
    many.append(steps(sandbox, f"/projects?limit=50{cursor}"))
    assert all(few)
    for before, after in zip([*few, few[0]], many, strict=True):
        assert after <= before + 2, (few, many)
