"""`/projects`, as the reference describes it."""

from __future__ import annotations

import pytest
from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox


def test_the_usual_projects(sandbox: Sandbox) -> None:
    """A new sandbox has three projects, newest first, with the reference's keys."""
    listed = ask(sandbox, "GET", "/projects").data
    shown = [(project["slug"], project["framework"], project["current_deployment"]["status"]) for project in listed]
    assert shown == [("storefront", "NEXTJS", "READY"), ("docs", "VITE", "READY"), ("api", "NODEJS", "ERROR")]
    project = ask(sandbox, "GET", f"/projects/{sandbox.project_id('storefront')}").data
    assert (project["slug"], project["domains"]) == ("storefront", ["storefront.deploxa.com"])
    assert (project["current_deployment"]["status"], project["current_deployment"]["branch"]) == ("READY", "main")


def test_create(sandbox: Sandbox) -> None:
    """A new project's response has the reference's four keys; unknown fields are ignored."""
    body = {"name": "My App", "orgSlug": "globex", "framework": "VITE", "appType": "STATIC", "build_command": "make"}
    made = ask(sandbox, "POST", "/projects", body)
    assert made.status == 201
    assert set(made.data) == {"id", "name", "slug", "created_at"}
    assert (made.data["name"], made.data["slug"]) == ("My App", "my-app")
    assert [project["slug"] for project in ask(sandbox, "GET", "/projects?org=globex").data] == ["my-app", "docs"]
    whole = ask(sandbox, "GET", f"/projects/{made.data['id']}").data
    assert (whole["current_deployment"], whole["framework"], whole["build_command"]) == (None, "VITE", None)


def test_a_project_without_an_organization() -> None:
    """It is visible only to its owner, who alone can delete it."""
    with Sandbox(tokens=["dpx_max:member", "dpx_olivia:owner"]) as sandbox:
        own = ask(sandbox, "POST", "/projects", {"name": "mine"}).data["id"]
        for method in ("GET", "DELETE"):
            assert ask(sandbox, method, f"/projects/{own}", token="dpx_olivia").status == 404
        for path, token in (("/projects", "dpx_olivia"), ("/projects?org=acme", "")):
            assert "mine" not in [project["slug"] for project in ask(sandbox, "GET", path, token=token).data]
        assert ask(sandbox, "GET", "/projects").data[0]["slug"] == "mine"
        assert ask(sandbox, "DELETE", f"/projects/{own}").body == {"deleted": True}


def test_slugs_are_unique_in_an_organization(sandbox: Sandbox) -> None:
    """The same name twice gives two slugs, and a name without letters gives one too."""
    names = ["Same", "same!", "SAME", "日本語", "🦊", "-", "x" * 500]
    slugs = [ask(sandbox, "POST", "/projects", {"name": name, "orgSlug": "acme"}).data["slug"] for name in names]
    assert slugs == ["same", "same-2", "same-3", "project", "project-2", "project-3", "x" * 60]
    assert ask(sandbox, "POST", "/projects", {"name": "same", "orgSlug": "globex"}).data["slug"] == "same"


def test_hostile_names_are_returned_unchanged(sandbox: Sandbox) -> None:
    """Control characters in names are returned unchanged, for clients to neutralize."""
    name = "\x1b[31m\x00\u202e'; DROP TABLE projects; --\n\u200b🏴"
    made = ask(sandbox, "POST", "/projects", {"name": name, "description": name}).data
    assert made["name"] == name
    assert ask(sandbox, "GET", f"/projects/{made['id']}").data["description"] == name


def test_update(sandbox: Sandbox) -> None:
    """PATCH changes only given fields, an empty string included, and never the slug."""
    path = f"/projects/{sandbox.project_id('docs')}"
    first = {"name": "Manual", "build_command": "make", "description": ""}
    second = {"output_dir": "out", "install_command": "npm ci"}
    assert ask(sandbox, "PATCH", path, first).data.items() >= (first | {"slug": "docs"}).items()
    whole = ask(sandbox, "PATCH", path, second).data
    assert whole.items() >= (first | second).items()
    assert ask(sandbox, "PATCH", path, {}).data == whole == ask(sandbox, "GET", path).data


def test_an_owner_deletes_a_project_with_everything_in_it(sandbox: Sandbox) -> None:
    """Its deployments and variables are deleted, too."""
    path = f"/projects/{sandbox.project_id('storefront')}"
    deployment = ask(sandbox, "GET", f"{path}/deployments").data[0]["id"]
    assert ask(sandbox, "DELETE", path).body == {"deleted": True}
    for gone in (path, f"{path}/deployments", f"{path}/env-vars", f"/deployments/{deployment}"):
        assert ask(sandbox, "GET", gone).status == 404
    assert ask(sandbox, "DELETE", path).status == 404
    assert sandbox.projects() == ["api", "docs"]


@pytest.mark.parametrize("role", ["admin", "member"])
def test_only_the_owner_deletes(role: str) -> None:
    """Admins and members can change a project but not delete it."""
    with Sandbox(role=role) as sandbox:
        path = f"/projects/{sandbox.project_id('storefront')}"
        answer = ask(sandbox, "DELETE", path)
        assert (answer.status, answer.body) == (403, {"error": "Only the project owner can delete it"})
        assert ask(sandbox, "PATCH", path, {"name": "Shop"}).status == 200
        assert ask(sandbox, "POST", f"{path}/deployments", {}).status == 201


@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_number_of_projects(count: int) -> None:
    """--projects sets it, with the known three first."""
    slugs = ["storefront", "docs", "api", "project-00002", "project-00001"]
    with Sandbox(projects=count) as sandbox:
        assert [project["slug"] for project in ask(sandbox, "GET", "/projects").data] == slugs[:count]
