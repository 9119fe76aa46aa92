"""Limits and cursors of every list; and that a page costs the same however long the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sandbox_client import ask

if TYPE_CHECKING:
    import sqlite3

    from dpx_cli.sandbox.server import Sandbox


def lists(sandbox: Sandbox) -> list[str]:
    """The path of each list."""
    project = f"/projects/{sandbox.project_id('storefront')}"
    return [
        "/projects?",
        "/projects?org=acme&",
        f"{project}/deployments?",
        f"{project}/env-vars?",
        "/orgs?",
        "/orgs/acme/members?",
    ]


def walk(sandbox: Sandbox, path: str, limit: int) -> tuple[list[str], int]:
    """Every id of a list, and in how many pages it came."""
    ids: list[str] = []
    cursor, pages = "", 0
    while True:
        answer = ask(sandbox, "GET", f"{path}limit={limit}{cursor}")
        pagination: dict[str, Any] = answer.body["pagination"]
        ids += [item["id"] for item in answer.data]
        pages += 1
        assert len(answer.data) <= limit
        assert pagination["limit"] == limit
        assert pagination["hasMore"] is (pagination["nextCursor"] is not None)
        if not pagination["hasMore"]:
            return ids, pages
        cursor = f"&cursor={pagination['nextCursor']}"


def test_every_list_comes_whole_in_pages(sandbox: Sandbox) -> None:
    """A list has the same items in the same order for every page size; the usual one is 20."""
    assert ask(sandbox, "GET", "/projects").body["pagination"]["limit"] == 20
    for path in lists(sandbox):
        whole, pages = walk(sandbox, path, 100)
        assert pages == 1
        for limit in (1, 2):
            in_pages, pages = walk(sandbox, path, limit)
            assert in_pages == whole, path
            assert pages == -(-len(whole) // limit), path


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.0", "1_0", "ten", "", "\uff11\uff12", "9" * 5000])
def test_a_limit_that_is_none_is_400(sandbox: Sandbox, limit: str) -> None:
    """An invalid limit is 400 in every list."""
    from urllib.parse import quote

    for path in lists(sandbox):
        answer = ask(sandbox, "GET", f"{path}limit={quote(limit, safe='%+')}")
        assert (answer.status, answer.body) == (400, {"error": "limit must be a number from 1 to 100"}), path


def test_a_cursor_that_is_none_is_400(sandbox: Sandbox) -> None:
    """A cursor that was invented, changed, or belongs to another list is 400."""
    valid = ask(sandbox, "GET", "/projects?limit=1").body["pagination"]["nextCursor"]
    assert ask(sandbox, "GET", f"/projects?cursor={valid}").status == 200
    changed = [valid[:at] + ("0" if valid[at] != "0" else "1") + valid[at + 1 :] for at in range(len(valid))]
    for cursor in (
        *changed,
        valid[:-1],
        valid + "0",
        valid.upper(),
        "",
        "%00",
        "c" + "z" * 24,
        sandbox.project_id("api"),
    ):
        answer = ask(sandbox, "GET", f"/projects?cursor={cursor}")
        assert (answer.status, answer.body) == (400, {"error": "cursor is not valid for this list"}), cursor
    for path in lists(sandbox)[1:]:
        assert ask(sandbox, "GET", f"{path}cursor={valid}").status == 400, path


def test_a_list_that_changes_between_two_pages(sandbox: Sandbox) -> None:
    """Items that are added or deleted between two pages neither repeat nor hide others."""
    slugs = sandbox.seed_projects(6)
    first = ask(sandbox, "GET", "/projects?limit=3")
    assert [project["slug"] for project in first.data] == slugs[:2:-1]
    sandbox.seed_projects(2)
    assert ask(sandbox, "DELETE", f"/projects/{first.data[2]['id']}").status == 200  # the one the cursor stands on
    second = ask(sandbox, "GET", f"/projects?limit=3&cursor={first.body['pagination']['nextCursor']}")
    assert [project["slug"] for project in second.data] == slugs[2::-1]


def steps(sandbox: Sandbox, path: str) -> int:
    """How many thousand-step strides SQLite takes for an answer: its work, without a clock."""
    count = 0

    def stride() -> int:
        nonlocal count
        count += 1
        return 0

    database: sqlite3.Connection = sandbox.store._db
    database.set_progress_handler(stride, 100)
    assert ask(sandbox, "GET", path).status == 200
    database.set_progress_handler(None, 0)
    return count


def test_a_page_costs_the_same_however_many_projects_there_are(sandbox: Sandbox) -> None:
    """The cost of a page, in SQLite's steps, doesn't depend on the number of projects."""
    paths = [
        "/projects?limit=50",
        "/projects?org=acme&limit=50",
        f"/projects/{sandbox.project_id('storefront')}/deployments",
    ]
    sandbox.seed_projects(200)
    few = [steps(sandbox, path) for path in paths]
    sandbox.seed_projects(3000)
    many = [steps(sandbox, path) for path in paths]
    cursor = ""
    for _ in range(25):
        cursor = "&cursor=" + ask(sandbox, "GET", f"/projects?limit=100{cursor}").body["pagination"]["nextCursor"]
    deep = steps(sandbox, f"/projects?limit=50{cursor}")
    assert all(before > 0 for before in few)
    for before, after in zip([*few, few[0]], [*many, deep], strict=True):
        assert after <= before + 2, (few, many, deep)
