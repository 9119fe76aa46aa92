"""`dpx projects` against the sandbox; its list in every format is in test_listing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest

from dpx_cli.api import once

if TYPE_CHECKING:
    from fault_server import FaultServer

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

SLUGS = ["storefront", "docs", "api"]


def test_list_of_an_organization(dpx: Program, sandbox: Sandbox) -> None:
    """By the flag, else by DPX_ORG. It hides no name from completion, which only a list of all projects knows."""
    dpx("projects", "list")
    sandbox.clear_requests()
    assert dpx("projects", "list", "-q", "--org", "globex").out == "docs\n"
    assert dpx("projects", "list", "-q", env={"DPX_ORG": "globex"}).out == "docs\n"
    assert [request.query["org"] for request in sandbox.requests] == ["globex", "globex"]
    offered = dpx("__complete", "projects", "get", "").out.splitlines()
    assert sorted(line.partition("\t")[0] for line in offered) == sorted(SLUGS)


def test_search_finds_part_of_a_slug_or_name_in_any_case(dpx: Program, sandbox: Sandbox) -> None:
    """On every page; --limit counts what fits; completion keeps the names that it has."""
    sandbox.seed_projects(120)
    dpx("projects", "update", "docs", "--name", "The Manual")
    assert dpx("projects", "list", "--search", "STORE", "-q").out == "storefront\n"
    assert dpx("projects", "list", "--search", "manual", "-q").out == "docs\n"
    assert dpx("projects", "list", "--search", "nope", "--json").json == []
    few = dpx("projects", "list", "--search", "o", "--limit", "1")
    assert (few.code, len(few.rows)) == (0, 1), few
    assert few.err == "note: There are more projects; pass a higher --limit.\n"
    assert dpx("projects", "list", "--search", "storefront", "--limit", "1").err == ""
    dpx("projects", "list")
    dpx("projects", "list", "--search", "storefront")
    assert "docs" in dpx("__complete", "projects", "get", "").out


def test_lists_by_status(dpx: Program, sandbox: Sandbox) -> None:
    """Several, separated by commas or repeated, in any case; a project that was never deployed has none."""
    sandbox.seed_project("bare")
    assert dpx("projects", "list", "--status", "error", "-q").out == "api\n"
    assert dpx("projects", "list", "--status", "ERROR,ready", "-q").out.split() == SLUGS
    assert dpx("projects", "list", "--status", "error", "--status", "ready", "-q").out.split() == SLUGS
    assert dpx("projects", "list", "--status", "ready", "--search", "doc", "-q").out == "docs\n"
    sandbox.clear_requests()
    result = dpx("projects", "list", "--status", "redy")
    assert (result.code, result.out, sandbox.requests) == (2, "", [])
    assert "QUEUED, BUILDING, READY, ERROR" in result.err


def test_get_by_slug_id_and_org_slug(dpx: Program, sandbox: Sandbox) -> None:
    """All three are the same project; DPX_PROJECT is the default."""
    wanted = sandbox.project_id("docs")
    for reference in ("docs", wanted, "globex/docs"):
        assert dpx("projects", "get", reference, "--json").json["id"] == wanted
    assert dpx("projects", "get", "--json", env={"DPX_PROJECT": "docs"}).json["id"] == wanted
    error = dpx("projects", "get", "storefrnt", "--json").error
    assert set(error) == {"code", "message", "hint", "status", "request"}
    assert (error["code"], error["status"], "storefront" in error["hint"]) == ("not_found", None, True)


def test_create_sends_what_was_given_and_nothing_else(dpx: Program, sandbox: Sandbox) -> None:
    """No null, no default; an empty text is a value; choices in any case, others are exit 2 with the values."""
    result = dpx("projects", "create", "my app", "--framework", "nextjs", "--description", "", "--json")
    assert (result.code, result.json["name"]) == (0, "my app"), result
    assert sandbox.requests[-1].body == {"name": "my app", "framework": "NEXTJS", "description": ""}
    dpx("projects", "create", "other", "--org", "acme", "--app-type", "Static")
    assert sandbox.requests[-1].body == {"name": "other", "orgSlug": "acme", "appType": "STATIC"}
    sandbox.clear_requests()
    for flags in (("--framework", "nextjs2"), ("--app-type", "x")):
        refused = dpx("projects", "create", "x", *flags)
        assert (refused.code, "NODEJS" in refused.err, sandbox.requests) == (2, True, [])


def test_create_says_which_slug_the_server_gave(dpx: Program) -> None:
    """If it isn't the one that the name leads to; -q prints the slug alone."""
    first = dpx("projects", "create", "My Shop", "-q")
    assert (first.code, first.out, first.err) == (0, "my-shop\n", "")
    second = dpx("projects", "create", "My Shop", "-q")
    assert (second.code, second.out) == (0, "my-shop-2\n")
    assert second.err == "note: The project's slug is my-shop-2, not my-shop.\n"


def test_create_with_link_links_the_folder(dpx: Program) -> None:
    """So that the next command needs no --project."""
    created = dpx("projects", "create", "linked", "--link", "--json").json
    link = json.loads((dpx.cwd / ".deploxa" / "project.json").read_text(encoding="utf-8"))
    assert link == {"projectId": created["id"], "projectSlug": created["slug"]}
    assert dpx("projects", "get", "--json").json["id"] == created["id"]


@pytest.mark.parametrize("data", [None, {"id": "../../x", "name": "shop"}, {"id": 7, "name": "shop"}])
def test_create_is_sent_once_though_the_response_is_lost(
    dpx_on_faults: Program, server: FaultServer, monkeypatch: pytest.MonkeyPatch, data: Any
) -> None:
    """One without a usable ID counts as lost: exit 11, no link file."""
    monkeypatch.setattr(once, "RECHECK_DELAYS", (0.0, 0.01))
    server.on("POST", "/projects", faults.reply(201, {"data": data}) if data else faults.reset)
    result = dpx_on_faults("projects", "create", "new", "--link", "--json")
    assert (result.code, result.out, result.error["code"]) == (11, "", "outcome_unknown"), result
    assert server.count("POST") == 1
    assert not (dpx_on_faults.cwd / ".deploxa").exists()


def test_update_sends_the_changes(dpx: Program, sandbox: Sandbox) -> None:
    """With the API's own names; without any it is exit 2, and nothing is sent."""
    assert dpx("projects", "update", "docs").code == 2
    assert sandbox.requests == []
    result = dpx("projects", "update", "docs", "--build-command", "make", "--output-dir", "", "--json")
    assert result.code == 0, result
    assert sandbox.requests[-1].method == "PATCH"
    assert sandbox.requests[-1].body == {"build_command": "make", "output_dir": ""}


@pytest.mark.terminal
def test_delete_wants_the_slug_typed(dpx: Program, sandbox: Sandbox) -> None:
    """On a terminal; anything else deletes nothing."""
    refused = dpx.tty("projects", "delete", "docs", answers=[("Type docs", "storefront\r")])
    assert (refused.code, "docs" in sandbox.projects()) == (2, True), refused
    done = dpx.tty("projects", "delete", "docs", answers=[("Type docs", "docs\r")])
    assert (done.code, "docs" in sandbox.projects()) == (0, False), done


def test_delete_needs_yes_and_a_project(dpx: Program, sandbox: Sandbox) -> None:
    """Off a terminal; DPX_PROJECT doesn't count. Otherwise exit 2, and nothing is sent."""
    result = dpx("projects", "delete", "docs")
    assert (result.code, result.out, "--yes" in result.err) == (2, "", True), result
    result = dpx("projects", "delete", "--yes", env={"DPX_PROJECT": "docs"})
    assert (result.code, result.err) == (2, "error: No project specified.\nhint: Run: dpx projects delete PROJECT\n")
    assert sandbox.requests == []
    sandbox.fault("DELETE /projects/* lost x1")  # the second try finds nothing, which is what was wanted
    assert dpx("projects", "delete", "docs", "-y", "--json").json == {"deleted": True}
    assert "docs" not in sandbox.projects()
