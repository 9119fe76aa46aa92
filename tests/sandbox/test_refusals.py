"""What every resource refuses, with the field's name, and without a change."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox

KEY = "key must match [A-Za-z_][A-Za-z0-9_]*"
TARGETS = "targets must be a list of production, preview, development"
FRAMEWORK = "framework must be one of NEXTJS, REACTJS, VITE, NODEJS"
NEW, ONE, ENV, DEPLOY = (
    "POST /projects",
    "PATCH /projects/{}",
    "POST /projects/{}/env-vars",
    "POST /projects/{}/deployments",
)


@pytest.mark.parametrize(
    ("request_line", "body", "error"),
    [
        (NEW, {}, "name is required"),
        (NEW, {"name": ""}, "name must not be empty"),
        (NEW, {"name": " \t\n"}, "name must not be empty"),
        (NEW, {"name": 1}, "name must be a string"),
        (NEW, {"name": None}, "name must be a string"),
        (NEW, {"name": "x", "framework": "DJANGO"}, FRAMEWORK),
        (NEW, {"name": "x", "framework": "nextjs"}, FRAMEWORK),
        (NEW, {"name": "x", "appType": "PHP"}, "appType must be one of STATIC, NODEJS"),
        (NEW, {"name": "x", "description": None}, "description must be a string"),
        (NEW, {"name": "x", "orgSlug": ["acme"]}, "orgSlug must be a string"),
        (NEW, {"name": "x", "orgSlug": "nope"}, "Organization not found"),
        (ONE, {"name": ""}, "name must not be empty"),
        (ONE, {"output_dir": 7}, "output_dir must be a string"),
        (ENV, {"value": "x"}, "key is required"),
        (ENV, {"key": "A"}, "value is required"),
        (ENV, {"key": "A", "value": None}, "value must be a string"),
        (ENV, {"key": "A", "value": 1}, "value must be a string"),
        (ENV, {"key": "1A", "value": "x"}, KEY),
        (ENV, {"key": "A\n", "value": "x"}, KEY),
        (ENV, {"key": "Ä", "value": "x"}, KEY),
        (ENV, {"key": "", "value": "x"}, KEY),
        (ENV, {"key": "A", "value": "x", "targets": []}, TARGETS),
        (ENV, {"key": "A", "value": "x", "targets": "preview"}, TARGETS),
        (ENV, {"key": "A", "value": "x", "targets": ["test"]}, TARGETS),
        (ENV, {"key": "A", "value": "x", "targets": [["preview"]]}, TARGETS),
        (ENV, {"key": "A", "value": "x", "sensitive": "yes"}, "sensitive must be true or false"),
        (ENV, {"key": "A", "value": "x", "sensitive": None}, "sensitive must be true or false"),
        (DEPLOY, {"branch": " "}, "branch must not be empty"),
        (DEPLOY, {"branch": None}, "branch must be a string"),
        (DEPLOY, {"commitMessage": []}, "commitMessage must be a string"),
        (DEPLOY, {"commitSha": 1}, "commitSha must be a string"),
    ],
)
def test_an_invalid_body(sandbox: Sandbox, request_line: str, body: dict[str, Any], error: str) -> None:
    """It is 400 (404 for an unknown organization), and nothing changes."""
    method, path = request_line.split()
    answer = ask(sandbox, method, path.format(sandbox.project_id("storefront")), body)
    assert (answer.status, answer.body) == (404 if "not found" in error else 400, {"error": error})
    assert sandbox.changes == []


def test_other_organizations_projects_do_not_exist(sandbox: Sandbox) -> None:
    """A project of an organization that the person isn't in is 404 on every path, and so are its deployments."""
    hidden = f"/projects/{sandbox.project_id('payroll')}"
    sandbox.seed_deployments("payroll", 1)
    assert "payroll" not in sandbox.projects()
    for method, path, body in (
        ("GET", hidden, None),
        ("PATCH", hidden, {"name": "x"}),
        ("DELETE", hidden, None),
        ("GET", f"{hidden}/deployments", None),
        ("POST", f"{hidden}/deployments", {}),
        ("GET", f"{hidden}/env-vars", None),
        ("POST", f"{hidden}/env-vars", {"key": "A", "value": "b"}),
        ("DELETE", f"{hidden}/env-vars/A", None),
        ("GET", "/projects/storefront", None),  # a slug isn't an ID
    ):
        answer = ask(sandbox, method, path, body)
        assert (answer.status, answer.body) == (404, {"error": "Project not found"}), path
    for path in ("/projects?org=initech", "/orgs/initech", "/orgs/nope/members", "/projects?org="):
        assert ask(sandbox, "GET", path).body == {"error": "Organization not found"}, path
    for identity in ("nope", sandbox.deployments("payroll")[0]["id"], "%00"):
        assert ask(sandbox, "GET", f"/deployments/{identity}").body == {"error": "Deployment not found"}, identity


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "+1", "1.0", "1_0", "ten", "", "%20", "\uff11\uff12", "%D9%A1", "1e1", "9" * 5000]
)
def test_an_invalid_limit(sandbox: Sandbox, limit: str) -> None:
    """It is 400."""
    answer = ask(sandbox, "GET", f"/orgs?limit={quote(limit, safe='%+')}")
    assert (answer.status, answer.body) == (400, {"error": "limit must be a number from 1 to 100"})


@pytest.mark.parametrize("cursor", ["", "x", "%00", "1", "c" + "z" * 24, "C" + "0" * 24, "c" + "0" * 25])
def test_an_invalid_cursor(sandbox: Sandbox, cursor: str) -> None:
    """It is 400."""
    answer = ask(sandbox, "GET", f"/projects?cursor={cursor}")
    assert (answer.status, answer.body) == (400, {"error": "cursor is not valid"})
