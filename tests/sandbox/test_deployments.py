"""`/projects/:id/deployments` and `/deployments/:id`, and how deployments move with time."""

from __future__ import annotations

import pytest
from sandbox_client import ask, deploy

from dpx_cli.sandbox import timeline
from dpx_cli.sandbox.server import Sandbox


def test_the_status_is_a_function_of_time() -> None:
    """QUEUED for a fifth of the build, then BUILDING, then READY, with build time and size only at the end."""
    with Sandbox(build_seconds=10) as sandbox:
        deployment = deploy(sandbox)
        row = sandbox.store.find("SELECT * FROM deployments WHERE id = ?", (deployment,))
    shown = [timeline.show(row, row["created_at"] + after) for after in (0, 1.9, 2.1, 9.9, 10.1, 1e6)]
    assert [one["status"] for one in shown] == ["QUEUED"] * 2 + ["BUILDING"] * 2 + ["READY"] * 2
    assert [one.get("buildDurationMs") for one in shown] == [None] * 4 + [10_000] * 2
    assert ["bundleSizeKb" in one for one in shown] == [False] * 4 + [True] * 2


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
    [deployment] = sandbox.seed_deployments("storefront", 1, commitSha="a" * 40, commitMessage="Hello")
    paths = (f"{project}/deployments?limit=1", f"/deployments/{deployment}", project)
    for fault, sha in (("GET /none 500", "a" * 40), ("* /** drop=commitSha", "dropped")):
        sandbox.fault(fault)
        listed, whole, shown = [ask(sandbox, "GET", path).data for path in paths]
        for one in (listed[0], whole, shown["current_deployment"]):
            assert (one.get("commitSha", "dropped"), one["commitMessage"]) == (sha, "Hello")


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
