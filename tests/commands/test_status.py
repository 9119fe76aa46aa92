"""`dpx status`: one project, an organization's, all; in every format; as a cron job."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program


def test_of_one_project(dpx: Program, sandbox: Sandbox) -> None:
    """One object, or one row; the project as of every command."""
    found = dpx("status", "storefront", "--json").json
    assert found["id"] == sandbox.project_id("storefront")
    assert found["current_deployment"]["status"] == "READY"
    assert dpx("status", "acme/storefront").rows[0][:2] == ["storefront", "READY"]
    assert dpx("status", "storefront", "-q").out == "storefront\n"
    assert json.loads(dpx("status", "storefront", "--jsonl").out) == found
    assert dpx("status", env={"DPX_PROJECT": "docs"}).rows[0][0] == "docs"
    shown = dpx.tty("status", "storefront", env={"NO_COLOR": "1"}).out
    assert shown.splitlines()[1].split() == ["Status", "READY"]


def test_of_all_in_every_format(dpx: Program) -> None:
    """One row a project."""
    rows = dpx("status", "--all").rows
    assert [row[:2] for row in rows] == [["storefront", "READY"], ["docs", "READY"], ["api", "ERROR"]]
    found = dpx("status", "--all", "--json").json
    assert [item["slug"] for item in found] == ["storefront", "docs", "api"]
    assert [json.loads(line) for line in dpx("status", "--all", "--jsonl").out.splitlines()] == found
    assert dpx("status", "--all", "-q").out.split() == ["storefront", "docs", "api"]
    shown = dpx.tty("status", "--all").out
    assert "Project" in shown
    # Red, which can be read on white and on black.
    assert "\x1b[31mERROR" in shown


def test_two_pages(dpx: Program, sandbox: Sandbox) -> None:
    """All of them, in pages of 100."""
    sandbox.seed_projects(120)
    sandbox.clear_requests()
    assert len(dpx("status", "--all").rows) == 123
    assert [seen.query.get("limit") for seen in sandbox.requests] == ["100", "100"]


def test_of_an_organization(dpx: Program) -> None:
    """Its projects alone; one that is not there is exit 3."""
    assert dpx("status", "--org", "globex", "-q").out == "docs\n"
    assert dpx("status", "--org", "none").code == 3


@pytest.mark.parametrize("argv", [["storefront", "--all"], ["--org", "acme", "--all"], ["docs", "--org", "globex"]])
def test_only_one_of_project_org_and_all(dpx: Program, sandbox: Sandbox, argv: list[str]) -> None:
    """Exit 2, nothing sent."""
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
    for command in ("status", "open", "link", "projects get", "projects delete", "projects update"):
        result = dpx(*command.split(), "docs", "-p", "api")
        assert (result.code, result.out) == (2, ""), result
        assert (
            result.err
            == "error: PROJECT and --project can't be used together: docs, api\nhint: Pass the project once.\n"
            or (command == "projects update" and "Nothing to change." in result.err)
        )
    assert sandbox.requests == []


def test_no_project_is_named(dpx: Program) -> None:
    """The hint names dpx link."""
    result = dpx("status")
    assert result.code == 2, result
    assert "dpx link" in result.err


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
    assert "never deployed" in dpx.tty("status", "--all").out
    assert dpx("status", "bare", "--json").json["current_deployment"] is None


def test_nothing_to_show(dpx: Program, sandbox: Sandbox) -> None:
    """A word on a terminal, an empty array as JSON."""
    for slug in sandbox.projects():
        dpx("projects", "delete", slug, "--yes")
    assert dpx("status", "--all").out == ""
    assert dpx("status", "--all", "--json").out == "[]\n"
    assert "No projects." in dpx.tty("status", "--all").out


def test_relative_times_on_a_terminal_only(dpx: Program) -> None:
    """A pipe gets the API's own."""
    assert "3 h ago" in dpx.tty("deploy", "list", "-p", "storefront").out
    result = dpx("deploy", "list", "-p", "storefront")
    assert " ago" not in result.out
    assert result.rows[0][3].endswith("Z")


def test_sites_are_clickable_where_the_terminal_can(dpx: Program) -> None:
    """OSC 8; a dumb terminal, one where color is not wanted, and a pipe have none."""
    opened = "\x1b]8;;https://docs.deploxa.com\x1b\\"
    assert opened in re.sub(r";id=[0-9-]+;", ";;", dpx.tty("deploy", "list", "-p", "docs").out)
    for env in ({"TERM": "dumb"}, {"NO_COLOR": "1"}):
        plain = dpx.tty("deploy", "list", "-p", "docs", env=env).out
        assert "docs.deploxa.com" in plain
        assert "\x1b" not in plain
    assert dpx("deploy", "list", "-p", "docs").rows[0][2] == "docs.deploxa.com"
