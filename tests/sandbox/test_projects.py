"""`/projects`, as the reference describes it."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox


def test_the_world_has_three_projects(box: Sandbox) -> None:
    """Newest first, with the keys of the reference."""
    listed = ask(box, "GET", "/projects").data
    assert [project["slug"] for project in listed] == ["storefront", "docs", "api"]
    assert listed[0]["framework"] == "NEXTJS"
    assert [project["current_deployment"] for project in listed] == [
        {"status": "READY"},
        {"status": "READY"},
        {"status": "ERROR"},
    ]


def test_a_project_by_its_id_and_not_by_its_slug(box: Sandbox) -> None:
    """The reference knows `:id` alone."""
    project = ask(box, "GET", f"/projects/{box.project_id('storefront')}").data
    assert project["slug"] == "storefront"
    assert project["domains"] == ["storefront.deploxa.com"]
    assert project["current_deployment"]["status"] == "READY"
    assert project["current_deployment"]["branch"] == "main"
    assert ask(box, "GET", "/projects/storefront").body == {"error": "Project not found"}


def test_what_one_has_no_access_to_is_not_there(box: Sandbox) -> None:
    """The project of initech answers as one that does not exist, on every path."""
    hidden = box.project_id("payroll")
    assert "payroll" not in box.projects()
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
        answer = ask(box, method, path, body)
        assert (answer.status, answer.body) == (404, {"error": "Project not found"}), path
    for path in ("/projects?org=initech", "/orgs/initech", "/orgs/initech/members", "/projects?org="):
        assert (ask(box, "GET", path).status, ask(box, "GET", path).body) == (404, {"error": "Organization not found"})


def test_create(box: Sandbox) -> None:
    """The answer has the four keys of the reference, and the project is in its organization's list."""
    made = ask(
        box, "POST", "/projects", {"name": "My App", "orgSlug": "globex", "framework": "VITE", "appType": "STATIC"}
    )
    assert made.status == 201
    assert set(made.data) == {"id", "name", "slug", "created_at"}
    assert (made.data["name"], made.data["slug"]) == ("My App", "my-app")
    assert [project["slug"] for project in ask(box, "GET", "/projects?org=globex").data] == ["my-app", "docs"]
    assert ask(box, "GET", f"/projects/{made.data['id']}").data["current_deployment"] is None


def test_without_an_organization_it_is_ones_own() -> None:
    """Others do not see it, and only its owner can delete it, whatever their role elsewhere."""
    with Sandbox(tokens=["dpx_max:member", "dpx_olivia:owner"]) as box:
        own = ask(box, "POST", "/projects", {"name": "mine"}).data["id"]
        assert ask(box, "GET", f"/projects/{own}", token="dpx_olivia").status == 404
        assert "mine" not in [project["slug"] for project in ask(box, "GET", "/projects", token="dpx_olivia").data]
        assert "mine" not in [project["slug"] for project in ask(box, "GET", "/projects?org=acme").data]
        assert ask(box, "GET", "/projects").data[0]["slug"] == "mine"
        assert ask(box, "DELETE", f"/projects/{own}", token="dpx_olivia").status == 404
        assert ask(box, "DELETE", f"/projects/{own}").body == {"deleted": True}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "name is required"),
        ({"name": ""}, "name must not be empty"),
        ({"name": " \t\n"}, "name must not be empty"),
        ({"name": 1}, "name must be a string"),
        ({"name": None}, "name must be a string"),
        ({"name": "x", "framework": "DJANGO"}, "framework must be one of NEXTJS, REACTJS, VITE, NODEJS"),
        ({"name": "x", "framework": "nextjs"}, "framework must be one of NEXTJS, REACTJS, VITE, NODEJS"),
        ({"name": "x", "appType": "PHP"}, "appType must be one of STATIC, NODEJS"),
        ({"name": "x", "description": None}, "description must be a string"),
        ({"name": "x", "orgSlug": ["acme"]}, "orgSlug must be a string"),
    ],
)
def test_create_refuses(box: Sandbox, body: dict[str, Any], says: str) -> None:
    """400 names the field."""
    answer = ask(box, "POST", "/projects", body)
    assert (answer.status, answer.body) == (400, {"error": says})


def test_create_in_an_unknown_organization(box: Sandbox) -> None:
    """404, and nothing is made."""
    assert ask(box, "POST", "/projects", {"name": "x", "orgSlug": "nope"}).body == {"error": "Organization not found"}
    assert "x" not in box.projects()


def test_a_field_that_the_reference_does_not_know_is_ignored(box: Sandbox) -> None:
    """It neither fails nor comes back."""
    made = ask(box, "POST", "/projects", {"name": "x", "colour": "red", "build_command": "make"}).data
    whole = ask(box, "GET", f"/projects/{made['id']}").data
    assert "colour" not in whole
    assert whole["build_command"] is None


def test_slugs_are_their_own(box: Sandbox) -> None:
    """The same name twice gives two slugs; a name without letters gives one too."""
    names = ["Same", "same!", "SAME", "日本語", "🦊", "-", "x" * 500]
    slugs = [ask(box, "POST", "/projects", {"name": name, "orgSlug": "acme"}).data["slug"] for name in names]
    assert slugs[:6] == ["same", "same-2", "same-3", "project", "project-2", "project-3"]
    assert slugs[6] == "x" * 60
    # Another organization has slugs of its own.
    assert ask(box, "POST", "/projects", {"name": "same", "orgSlug": "globex"}).data["slug"] == "same"


def test_hostile_names_come_back_as_they_were(box: Sandbox) -> None:
    """What a terminal must be guarded from, clients can test with."""
    name = "\x1b[31m\x00\u202e'; DROP TABLE projects; --\n\u200b🏴"
    made = ask(box, "POST", "/projects", {"name": name, "description": name}).data
    assert made["name"] == name
    assert ask(box, "GET", f"/projects/{made['id']}").data["description"] == name


def test_update(box: Sandbox) -> None:
    """What is given changes, an empty string included; the rest stays, and so does the slug."""
    path = f"/projects/{box.project_id('docs')}"
    changed = ask(box, "PATCH", path, {"name": "Manual", "build_command": "make", "description": ""}).data
    assert (changed["name"], changed["slug"], changed["build_command"]) == ("Manual", "docs", "make")
    assert changed["description"] == ""
    again = ask(box, "PATCH", path, {"output_dir": "out", "install_command": "npm ci"}).data
    assert again == ask(box, "GET", path).data
    assert (again["name"], again["build_command"], again["output_dir"]) == ("Manual", "make", "out")
    assert ask(box, "PATCH", path, {}).status == 200
    assert ask(box, "PATCH", path, {"name": ""}).status == 400
    assert ask(box, "PATCH", path, {"output_dir": 7}).status == 400
    assert ask(box, "GET", path).data["name"] == "Manual"


def test_an_owner_deletes_with_everything_in_it(box: Sandbox) -> None:
    """The project, its deployments and its variables are gone, and stay gone."""
    path = f"/projects/{box.project_id('storefront')}"
    deployment = ask(box, "GET", f"{path}/deployments").data[0]["id"]
    assert ask(box, "DELETE", path).body == {"deleted": True}
    for gone in (path, f"{path}/deployments", f"{path}/env-vars", f"/deployments/{deployment}"):
        assert ask(box, "GET", gone).status == 404
    assert ask(box, "DELETE", path).status == 404
    assert box.projects() == ["payroll", "api", "docs"][1:]


@pytest.mark.parametrize("role", ["admin", "member"])
def test_only_the_owner_deletes(role: str) -> None:
    """Everybody else may do all but that."""
    with Sandbox(role=role) as box:
        path = f"/projects/{box.project_id('storefront')}"
        answer = ask(box, "DELETE", path)
        assert (answer.status, answer.body) == (403, {"error": "Only the project owner can delete it"})
        assert ask(box, "GET", path).status == 200
        assert ask(box, "PATCH", path, {"name": "Shop"}).status == 200
        assert ask(box, "POST", f"{path}/deployments", {}).status == 201


def test_how_many_projects_a_world_has() -> None:
    """None, one, or the known three on top of made-up ones."""
    for count, first in (
        (0, []),
        (1, ["storefront"]),
        (5, ["storefront", "docs", "api", "project-00002", "project-00001"]),
    ):
        with Sandbox(projects=count) as box:
            assert [project["slug"] for project in ask(box, "GET", "/projects").data] == first
