"""`dpx status`: one project, an organization's, all; as a cron job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program


def test_of_one_project(dpx: Program, sandbox: Sandbox) -> None:
    """One object, or one row; the project as of every command."""
    row = dpx("status", "storefront", "--json").json
    assert (row["id"], row["current_deployment"]["status"]) == (sandbox.project_id("storefront"), "READY")
    assert dpx("status", "acme/storefront").rows[0][:2] == ["storefront", "READY"]
    assert dpx("status", "storefront", "-q").out == "storefront\n"
    assert json.loads(dpx("status", "storefront", "--jsonl").out) == row
    assert dpx("status", env={"DPX_PROJECT": "docs"}).rows[0][0] == "docs"
    shown = dpx.tty("status", "storefront", env={"NO_COLOR": "1"}).out
    assert shown.splitlines()[1].split() == ["Status", "READY"]


def test_of_an_organization_and_of_all(dpx: Program, sandbox: Sandbox) -> None:
    """Only one of PROJECT, --org and --all may be given; an ERROR is red, which can be read on white and on black."""
    assert dpx("status", "--org", "globex", "-q").out == "docs\n"
    assert dpx("status", "--org", "none").code == 3
    assert "\x1b[31mERROR" in dpx.tty("status", "--all").out
    sandbox.clear_requests()
    for argv in (["storefront", "--all"], ["--org", "acme", "--all"], ["docs", "--org", "globex"]):
        assert dpx("status", *argv).code == 2
    assert sandbox.requests == []


def test_a_project_is_also_an_option(dpx: Program, sandbox: Sandbox) -> None:
    """`-p` is PROJECT; both are fine if they are the same, else exit 2 and nothing sent."""
    for words in (
        ["status", "-q"],
        ["projects", "get", "--fields", "slug"],
        ["open", "--print"],
        ["projects", "update", "--name", "Docs"],
    ):
        assert dpx(*words, "-p", "docs").out == dpx(*words, "docs").out == dpx(*words, "docs", "--project", "docs").out
    sandbox.clear_requests()
    for command in ("status", "open", "link", "projects get", "projects delete", "projects update --name x"):
        result = dpx(*command.split(), "docs", "-p", "api")
        assert (result.code, result.out) == (2, ""), result
        assert result.err.startswith("error: PROJECT and --project can't be used together: docs, api\n"), result
    assert sandbox.requests == []


def test_fail_on_is_for_a_cron_job(dpx: Program) -> None:
    """10 where a deployment is in ERROR, after the rows; 0 where none is; any case."""
    result = dpx("status", "--org", "acme", "--fail-on", "ERROR")
    assert result.code == 10, result
    assert len(result.rows) == 2
    assert result.err == "error: In ERROR: api\nhint: Run: dpx deploy list --limit 5 --project api\n"
    assert dpx("status", "--org", "globex", "--fail-on", "error").code == 0
    assert dpx("status", "api", "--fail-on", "error", "--json").code == 10
    assert dpx("status", "--all", "--fail-on", "ready").code == 2


def test_a_project_that_was_never_deployed(dpx: Program, sandbox: Sandbox) -> None:
    """It says so in a table and in a pipe, is as the API has it under --json, and is no failure."""
    sandbox.seed_project("bare")
    result = dpx("status", "bare", "--fail-on", "error")
    assert (result.code, result.rows[0][:2]) == (0, ["bare", "never deployed"]), result
    assert ["bare", "never deployed"] in [row[:2] for row in dpx("status", "--all").rows]
    assert "never deployed" in dpx.tty("status", "bare").out
    assert dpx("status", "bare", "--json").json["current_deployment"] is None
    sandbox.seed_project("b" * 50)  # leaves room for its status on a narrow terminal
    assert "never deployed" in dpx.tty("status", "--all", env={"COLUMNS": "40"}).out
