"""`/projects/:id/deployments` and `/deployments/:id`, and how deployments move with time."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from sandbox_client import ask

from dpx_cli.sandbox import timeline
from dpx_cli.sandbox.server import Sandbox


def deploy(sandbox: Sandbox, project: str = "storefront", **body: Any) -> str:
    """Deploy, and give the deployment's id."""
    identity: str = ask(sandbox, "POST", f"/projects/{sandbox.project_id(project)}/deployments", body).data["id"]
    return identity


def row_of(sandbox: Sandbox, deployment: str) -> sqlite3.Row:
    """The deployment as the store has it."""
    return sandbox.store.one("SELECT * FROM deployments WHERE id = ?", (deployment,))


def test_a_deployment_goes_from_queued_over_building_to_ready() -> None:
    """A deployment's status is a function of time; build time and size appear at the end."""
    with Sandbox(build_seconds=10) as sandbox:
        row = row_of(sandbox, deploy(sandbox, branch="main"))
    moments = (0, 1.9, 2.1, 9.9, 10.1, 1e6)
    assert [timeline.status(row, row["created_at"] + after) for after in moments] == [
        "QUEUED",
        "QUEUED",
        "BUILDING",
        "BUILDING",
        "READY",
        "READY",
    ]
    assert json.loads(row["document"])["buildDurationMs"] == 10_000


def test_a_deployment_over_the_wire(sandbox: Sandbox) -> None:
    """A new deployment is QUEUED even if builds take no time; the next request shows READY."""
    path = f"/projects/{sandbox.project_id('storefront')}/deployments"
    answer = ask(sandbox, "POST", path, {"branch": "main", "commitMessage": "Hello", "commitSha": "abc123"})
    assert answer.status == 201
    assert answer.body == {"data": {"id": answer.data["id"], "status": "QUEUED"}}
    whole = ask(sandbox, "GET", f"/deployments/{answer.data['id']}").data
    assert (whole["status"], whole["branch"]) == ("READY", "main")
    assert isinstance(whole["buildDurationMs"], int)
    assert isinstance(whole["bundleSizeKb"], int)
    assert whole["deployment_domain"] == "storefront.deploxa.com"
    listed = ask(sandbox, "GET", path).data[0]
    assert listed == whole
    assert (listed["commitMessage"], listed["commitSha"]) == ("Hello", "abc123")


def test_commits_are_in_every_response_unless_dropped(sandbox: Sandbox) -> None:
    """CommitSha and commitMessage come back as they were sent; `drop=commitSha` is an API that returns no commit."""
    project = f"/projects/{sandbox.project_id('storefront')}"
    sandbox.seed_deployments("storefront", 1, sha="a" * 40, message="Hello")
    paths = (f"{project}/deployments?limit=1", f"/deployments/{sandbox.deployments('storefront')[0]['id']}", project)

    def commits() -> list[Any]:
        whole = [ask(sandbox, "GET", path).data for path in paths]
        shown = (whole[0][0], whole[1], whole[2]["current_deployment"])
        return [(deployment.get("commitSha"), deployment["commitMessage"]) for deployment in shown]

    assert commits() == [("a" * 40, "Hello")] * 3
    sandbox.fault("* /** drop=commitSha")
    assert commits() == [(None, "Hello")] * 3
    assert "commitSha" not in ask(sandbox, "GET", paths[1]).data


def test_under_way_it_has_neither_build_time_nor_size() -> None:
    """A deployment has build time and size only once it is READY."""
    with Sandbox(build_seconds=600) as sandbox:
        whole = ask(sandbox, "GET", f"/deployments/{deploy(sandbox)}").data
        assert whole["status"] == "QUEUED"
        assert not {"buildDurationMs", "bundleSizeKb"} & set(whole)
        assert ask(sandbox, "GET", "/projects?limit=1").data[0]["current_deployment"] == {"status": "QUEUED"}


@pytest.mark.parametrize(
    ("branch", "status"),
    [("fail/x", "ERROR"), ("fail/", "ERROR"), ("fail/a\nc", "ERROR"), ("failure", "READY"), ("Fail/x", "READY")],
)
def test_a_branch_named_fail_ends_in_error(sandbox: Sandbox, branch: str, status: str) -> None:
    """A branch named fail/… ends in ERROR, and so does the current deployment."""
    whole = ask(sandbox, "GET", f"/deployments/{deploy(sandbox, branch=branch)}").data
    assert (whole["status"], "buildDurationMs" in whole) == (status, status == "READY")
    project = ask(sandbox, "GET", f"/projects/{sandbox.project_id('storefront')}").data
    assert project["current_deployment"]["status"] == status


def test_without_a_branch_it_is_the_last_deployed_one(sandbox: Sandbox) -> None:
    """Without a branch the last deployed one is used, or main."""
    fresh = sandbox.seed_project("fresh")
    made = ask(sandbox, "POST", f"/projects/{fresh}/deployments", {}).data["id"]
    assert ask(sandbox, "GET", f"/deployments/{made}").data["branch"] == "main"
    deploy(sandbox, branch="next")
    assert ask(sandbox, "GET", f"/deployments/{deploy(sandbox)}").data["branch"] == "next"


def test_the_status_filter() -> None:
    """The status filter matches the current status; any other value is 400."""
    with Sandbox(build_seconds=600) as sandbox:
        path = f"/projects/{sandbox.project_id('storefront')}/deployments"
        queued, building = deploy(sandbox), deploy(sandbox)
        with sandbox.store.change() as db:
            db.execute("UPDATE deployments SET building_at = 0 WHERE id = ?", (building,))
        assert [row["id"] for row in ask(sandbox, "GET", f"{path}?status=QUEUED").data] == [queued]
        assert [row["id"] for row in ask(sandbox, "GET", f"{path}?status=BUILDING").data] == [building]
        assert {row["status"] for row in ask(sandbox, "GET", f"{path}?status=ERROR").data} == {"ERROR"}
        assert {row["status"] for row in ask(sandbox, "GET", f"{path}?status=READY").data} == {"READY"}
        for status in ("DONE", "ready", ""):
            assert ask(sandbox, "GET", f"{path}?status={status}").status == 400


def test_build_slots() -> None:
    """With all build slots in use a deployment is 429 until a build ends."""
    with Sandbox(build_seconds=600, slots=2) as sandbox:
        path = f"/projects/{sandbox.project_id('storefront')}/deployments"
        first = deploy(sandbox)
        deploy(sandbox, "docs")
        answer = ask(sandbox, "POST", path, {})
        assert (answer.status, answer.body) == (429, {"error": "No build slot free: 2 of 2 in use"})
        assert "retry-after" not in answer.headers
        assert sandbox.deployments("storefront")[0]["id"] == first
        with sandbox.store.change() as db:
            db.execute("UPDATE deployments SET ended_at = 0 WHERE id = ?", (first,))
        assert ask(sandbox, "POST", path, {}).status == 201
