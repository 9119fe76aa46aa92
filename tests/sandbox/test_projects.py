"""`/projects`, as the reference describes it."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_how_many_projects_a_world_has(count: int) -> None:
    """The known three are first, newest first; --projects sets their number. One is found by ID, not by slug."""
    with Sandbox(projects=count) as sandbox:
        listed = ask(sandbox, "GET", "/projects").data
        known = ["storefront", "docs", "api", "project-00002", "project-00001"]
        assert [project["slug"] for project in listed] == known[:count]
        assert [it["current_deployment"]["status"] for it in listed[:3]] == ["READY", "READY", "ERROR"][:count]
        if count:
            project = ask(sandbox, "GET", f"/projects/{sandbox.project_id('storefront')}").data
            assert (project["slug"], project["domains"]) == ("storefront", ["storefront.deploxa.com"])
            assert project["current_deployment"]["branch"] == "main"
        assert ask(sandbox, "GET", "/projects/storefront").body == {"error": "Project not found"}


def test_what_one_has_no_access_to_is_not_there(sandbox: Sandbox) -> None:
    """A project of an organization that the person isn't in is 404 on every path."""
    hidden = sandbox.project_id("payroll")
    assert "payroll" not in sandbox.projects()
    for method, path, body in (
        ("GET", f"/projects/{hidden}", None),
        ("PATCH", f"/projects/{hidden}", {"name": "x"}),
        ("DELETE", f"/projects/{hidden}", None),
        ("GET", f"/projects/{hidden}/deployments", None),
        ("POST", f"/projects/{hidden}/deployments", {}),
        ("GET", f"/projects/{hidden}/env-vars", None),
        ("POST", f"/projects/{hidden}/env-vars", {"key": "A", "value": "b"}),
        ("DELETE", f"/projects/{hidden}/env-vars/A", None),
    ):
        answer = ask(sandbox, method, path, body)
        assert (answer.status, answer.body) == (404, {"error": "Project not found"}), path
    for path in ("/projects?org=initech", "/orgs/initech", "/orgs/initech/members", "/projects?org="):
        assert (ask(sandbox, "GET", path).status, ask(sandbox, "GET", path).body) == (
            404,
            {"error": "Organization not found"},
        )


def test_create(sandbox: Sandbox) -> None:
    """The response has the reference's four keys; names come back unchanged, and unknown fields are ignored."""
    made = ask(
        sandbox, "POST", "/projects", {"name": "My App", "orgSlug": "globex", "framework": "VITE", "appType": "STATIC"}
    )
    assert made.status == 201
    refused = ask(sandbox, "POST", "/projects", {"name": "x", "orgSlug": "nope"})
    assert refused.body == {"error": "Organization not found"}
    hostile = "\x1b[31m\x00\u202e'; DROP TABLE projects; --\n\u200b🏴"
    odd = ask(sandbox, "POST", "/projects", {"name": hostile, "color": "red", "build_command": "make"}).data
    whole = ask(sandbox, "GET", f"/projects/{odd['id']}").data
    assert (whole["name"], "color" in whole, whole["build_command"]) == (hostile, False, None)
    assert set(made.data) == {"id", "name", "slug", "created_at"}
    assert (made.data["name"], made.data["slug"]) == ("My App", "my-app")
    assert [project["slug"] for project in ask(sandbox, "GET", "/projects?org=globex").data] == ["my-app", "docs"]
    assert ask(sandbox, "GET", f"/projects/{made.data['id']}").data["current_deployment"] is None


def test_without_an_organization_it_is_ones_own() -> None:
    """A project without an organization is visible only to its owner, who alone can delete it."""
    with Sandbox(tokens=["dpx_max:member", "dpx_olivia:owner"]) as sandbox:
        own = ask(sandbox, "POST", "/projects", {"name": "mine"}).data["id"]
        assert ask(sandbox, "GET", f"/projects/{own}", token="dpx_olivia").status == 404
        assert "mine" not in [project["slug"] for project in ask(sandbox, "GET", "/projects", token="dpx_olivia").data]
        assert "mine" not in [project["slug"] for project in ask(sandbox, "GET", "/projects?org=acme").data]
        assert ask(sandbox, "GET", "/projects").data[0]["slug"] == "mine"
        assert ask(sandbox, "DELETE", f"/projects/{own}", token="dpx_olivia").status == 404
        assert ask(sandbox, "DELETE", f"/projects/{own}").body == {"deleted": True}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "name is required"),
        *[({"name": name}, "name must not be empty") for name in ("", " \t\n")],
        *[({"name": name}, "name must be a string") for name in (1, None)],
        ({"name": "x", "framework": "nextjs"}, "framework must be one of NEXTJS, REACTJS, VITE, NODEJS"),
        ({"name": "x", "appType": "PHP"}, "appType must be one of STATIC, NODEJS"),
        ({"name": "x", "description": None}, "description must be a string"),
        ({"name": "x", "orgSlug": ["acme"]}, "orgSlug must be a string"),
    ],
)
def test_create_refuses(sandbox: Sandbox, body: dict[str, Any], says: str) -> None:
    """An invalid project is 400 with the field's name."""
    answer = ask(sandbox, "POST", "/projects", body)
    assert (answer.status, answer.body) == (400, {"error": says})


def test_slugs_are_their_own(sandbox: Sandbox) -> None:
    """The same name twice gives two slugs, and a name without letters gives one too."""
    names = ["Same", "same!", "SAME", "日本語", "🦊", "-", "x" * 500]
    slugs = [ask(sandbox, "POST", "/projects", {"name": name, "orgSlug": "acme"}).data["slug"] for name in names]
    assert slugs[:6] == ["same", "same-2", "same-3", "project", "project-2", "project-3"]
    assert slugs[6] == "x" * 60
    # Another organization has slugs of its own.
    assert ask(sandbox, "POST", "/projects", {"name": "same", "orgSlug": "globex"}).data["slug"] == "same"


def test_update(sandbox: Sandbox) -> None:
    """PATCH changes only given fields, an empty string included, and never the slug."""
    path = f"/projects/{sandbox.project_id('docs')}"
    changed = ask(sandbox, "PATCH", path, {"name": "Manual", "build_command": "make", "description": ""}).data
    assert (changed["name"], changed["slug"], changed["build_command"]) == ("Manual", "docs", "make")
    assert changed["description"] == ""
    again = ask(sandbox, "PATCH", path, {"output_dir": "out", "install_command": "npm ci"}).data
    assert again == ask(sandbox, "GET", path).data
    assert (again["name"], again["build_command"], again["output_dir"]) == ("Manual", "make", "out")
    assert ask(sandbox, "PATCH", path, {}).status == 200
    assert ask(sandbox, "PATCH", path, {"name": ""}).status == 400
    assert ask(sandbox, "PATCH", path, {"output_dir": 7}).status == 400
    assert ask(sandbox, "GET", path).data["name"] == "Manual"


def test_an_owner_deletes_with_everything_in_it(sandbox: Sandbox) -> None:
    """Deleting a project also deletes its deployments and variables."""
    path = f"/projects/{sandbox.project_id('storefront')}"
    deployment = ask(sandbox, "GET", f"{path}/deployments").data[0]["id"]
    assert ask(sandbox, "DELETE", path).body == {"deleted": True}
    for gone in (path, f"{path}/deployments", f"{path}/env-vars", f"/deployments/{deployment}"):
        assert ask(sandbox, "GET", gone).status == 404
    assert ask(sandbox, "DELETE", path).status == 404
    assert sandbox.projects() == ["payroll", "api", "docs"][1:]


@pytest.mark.parametrize("role", ["admin", "member"])
def test_only_the_owner_deletes(role: str) -> None:
    """Admins and members can change a project but not delete it."""
    with Sandbox(role=role) as sandbox:
        path = f"/projects/{sandbox.project_id('storefront')}"
        answer = ask(sandbox, "DELETE", path)
        assert (answer.status, answer.body) == (403, {"error": "Only the project owner can delete it"})
        assert ask(sandbox, "GET", path).status == 200
        assert ask(sandbox, "PATCH", path, {"name": "Shop"}).status == 200
        assert ask(sandbox, "POST", f"{path}/deployments", {}).status == 201
