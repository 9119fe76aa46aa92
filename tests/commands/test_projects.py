"""`dpx projects` against the sandbox, in every format, on a terminal and off it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import fault_server as faults
import pytest

if TYPE_CHECKING:
    from fault_server import FaultServer

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

SLUGS = ["storefront", "docs", "api"]


def test_list_in_a_pipe_is_one_row_a_line_without_a_header(dpx: Program) -> None:
    """Tab-separated, no header, no escape sequence, nothing on stderr."""
    result = dpx("projects", "list")
    assert result.code == 0, result
    assert [row[0] for row in result.rows] == SLUGS, result
    assert {len(row) for row in result.rows} == {5}, result
    assert "\x1b" not in result.out
    assert result.err == ""


def test_list_on_a_terminal_is_a_table(dpx: Program) -> None:
    """With a header."""
    result = dpx.tty("projects", "list")
    assert result.code == 0, result
    assert "Slug" in result.out
    assert all(slug in result.out for slug in SLUGS)


def test_list_json_is_one_array_with_the_api_own_keys(dpx: Program, sandbox: Sandbox) -> None:
    """On one line in a pipe, indented on a terminal."""
    result = dpx("projects", "list", "--json")
    assert [project["slug"] for project in result.json] == SLUGS
    assert result.json[0]["current_deployment"] == {"status": "READY"}
    assert result.json[0]["id"] == sandbox.project_id("storefront")
    assert result.out.count("\n") == 1
    assert json.loads(dpx.tty("projects", "list", "--json").out) == result.json
    assert "\n  " in dpx.tty("projects", "list", "--json").out


def test_list_jsonl_and_quiet(dpx: Program) -> None:
    """One object a line; one slug a line."""
    lines = dpx("projects", "list", "--jsonl").out.splitlines()
    assert [json.loads(line)["slug"] for line in lines] == SLUGS
    assert dpx("projects", "list", "-q").out.split() == SLUGS
    assert dpx("projects", "list", "--quiet").out.split() == SLUGS


@pytest.mark.parametrize("flags", [("--json", "--jsonl"), ("--json", "-q"), ("--jsonl", "--quiet")])
def test_formats_exclude_each_other(dpx: Program, sandbox: Sandbox, flags: tuple[str, str]) -> None:
    """Before anything is sent."""
    result = dpx("projects", "list", *flags)
    assert (result.code, result.out) == (2, ""), result
    assert not sandbox.requests


def test_list_is_complete_and_says_what_a_limit_cut(dpx: Program, sandbox: Sandbox) -> None:
    """Three pages come as one list; --limit gives a cursor to go on from."""
    sandbox.seed_projects(247)
    sandbox.clear_requests()
    every = dpx("projects", "list", "-q").out.split()
    assert len(every) == 250 == len(set(every))
    assert [request.query["limit"] for request in sandbox.requests] == ["100", "100", "100"]
    assert dpx("projects", "list", "-q", "--limit", "120").err == "", "under -q no note about further pages"
    first = dpx("projects", "list", "--limit", "120")
    assert [row[0] for row in first.rows] == every[:120]
    cursor = first.err.rsplit("--cursor ", 1)[1].strip()
    rest = dpx("projects", "list", "-q", "--cursor", cursor)
    assert rest.out.split() == every[120:]
    assert rest.err == ""


def test_list_of_an_organization(dpx: Program, sandbox: Sandbox) -> None:
    """By the flag, else by DPX_ORG."""
    by_flag = dpx("projects", "list", "-q", "--org", "globex")
    by_variable = dpx("projects", "list", "-q", env={"DPX_ORG": "globex"})
    assert by_flag.out == by_variable.out != dpx("projects", "list", "-q", "--org", "acme").out
    assert sandbox.requests[0].query["org"] == "globex"


def test_a_list_of_an_organization_takes_no_name_from_completion(dpx: Program) -> None:
    """Only a list of all projects says what there is."""
    dpx("projects", "list")
    dpx("projects", "list", env={"DPX_ORG": "globex"})
    offered = dpx("__complete", "projects", "get", "").out.splitlines()
    assert sorted(line.partition("\t")[0] for line in offered) == sorted(SLUGS)


def test_search_finds_part_of_a_slug_or_name_in_any_case(dpx: Program, sandbox: Sandbox) -> None:
    """On every page; --limit counts what is found; completion keeps the names that it has."""
    sandbox.seed_projects(120)
    dpx("projects", "update", "docs", "--name", "The Manual")
    assert dpx("projects", "list", "--search", "STORE", "-q").out == "storefront\n"
    assert dpx("projects", "list", "--search", "manual", "-q").out == "docs\n"
    assert dpx("projects", "list", "--search", "nope", "--json").json == []
    assert "No projects." in dpx.tty("projects", "list", "--search", "nope").out
    few = dpx("projects", "list", "--search", "o", "--limit", "1")
    assert (few.code, len(few.rows)) == (0, 1), few
    assert few.err == "note: There are more projects; pass a higher --limit.\n"
    assert dpx("projects", "list", "--search", "o", "--limit", "1", "-q").err == ""
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
    assert dpx("projects", "list", "--status", "ready", "--search", "doc", "--json").json[0]["slug"] == "docs"
    sandbox.clear_requests()
    result = dpx("projects", "list", "--status", "redy")
    assert (result.code, result.out) == (2, "")
    assert "QUEUED, BUILDING, READY, ERROR" in result.err
    assert sandbox.requests == []


def test_create_says_which_slug_the_server_gave(dpx: Program) -> None:
    """If it isn't the one that the name leads to; -q prints the slug alone."""
    first = dpx("projects", "create", "My Shop", "-q")
    assert (first.code, first.out, first.err) == (0, "my-shop\n", "")
    second = dpx("projects", "create", "My Shop", "-q")
    assert (second.code, second.err) == (0, "note: The project's slug is my-shop-2, not my-shop.\n")
    assert second.out == "my-shop-2\n"


@pytest.mark.parametrize("identity", [None, "../../x", 7])
def test_create_links_to_no_hostile_id(dpx_on_faults: Program, server: FaultServer, identity: Any) -> None:
    """A response without a usable ID is none; no link file is written."""
    made = {"id": identity, "name": "shop", "slug": "shop"}
    server.on("POST", "/projects", faults.reply(201, {"data": {k: v for k, v in made.items() if v is not None}}))
    result = dpx_on_faults("projects", "create", "shop", "--link", "--json")
    assert (result.code, result.out, result.error["code"]) == (11, "", "outcome_unknown"), result
    assert not (dpx_on_faults.cwd / ".deploxa").exists()


def test_delete_takes_no_project_from_the_environment(dpx: Program, sandbox: Sandbox) -> None:
    """It must be named on the command line."""
    result = dpx("projects", "delete", "--yes", env={"DPX_PROJECT": "docs"})
    assert (result.code, result.err) == (2, "error: No project specified.\nhint: Run: dpx projects delete PROJECT\n")
    assert sandbox.requests == []


def test_an_empty_list(dpx: Program) -> None:
    """Nothing in a pipe, an empty array as JSON, a word on a terminal."""
    dpx("projects", "delete", "docs", "--yes")
    assert dpx("projects", "list", "--org", "globex").out == ""
    assert dpx("projects", "list", "--org", "globex", "--json").out == "[]\n"
    assert dpx("projects", "list", "--org", "globex", "--jsonl").out == ""
    assert "No projects." in dpx.tty("projects", "list", "--org", "globex").out


def test_get_by_slug_id_and_org_slug(dpx: Program, sandbox: Sandbox) -> None:
    """All three name the same project; DPX_PROJECT is the default."""
    wanted = sandbox.project_id("docs")
    for reference in ("docs", wanted, "globex/docs"):
        assert dpx("projects", "get", reference, "--json").json["id"] == wanted
    assert dpx("projects", "get", "--json", env={"DPX_PROJECT": "docs"}).json["id"] == wanted


def test_get_without_a_project_names_link(dpx: Program, sandbox: Sandbox) -> None:
    """Exit 2, a hint, and nothing sent."""
    result = dpx("projects", "get")
    assert (result.code, result.out) == (2, "")
    assert "dpx link" in result.err
    assert not sandbox.requests


def test_get_of_an_unknown_project_names_the_nearest(dpx: Program) -> None:
    """Exit 3; as JSON an object with all five keys."""
    result = dpx("projects", "get", "storefrnt")
    assert (result.code, result.out) == (3, "")
    assert "storefront" in result.err
    error = dpx("projects", "get", "storefrnt", "--json").error
    assert set(error) == {"code", "message", "hint", "status", "request"}
    assert (error["code"], error["status"]) == ("not_found", None)


def test_create_sends_what_was_given_and_nothing_else(dpx: Program, sandbox: Sandbox) -> None:
    """No null, no default; an empty text is a value; choices in any case."""
    result = dpx("projects", "create", "my app", "--framework", "nextjs", "--description", "", "--json")
    assert result.code == 0, result
    assert result.json["name"] == "my app"
    assert sandbox.requests[-1].body == {"name": "my app", "framework": "NEXTJS", "description": ""}
    dpx("projects", "create", "other", "--org", "acme", "--app-type", "Static")
    assert sandbox.requests[-1].body == {"name": "other", "orgSlug": "acme", "appType": "STATIC"}


def test_create_with_link_links_the_folder(dpx: Program) -> None:
    """So that the next command needs no --project."""
    created = dpx("projects", "create", "linked", "--link", "--json").json
    link = json.loads((dpx.cwd / ".deploxa" / "project.json").read_text(encoding="utf-8"))
    assert link == {"projectId": created["id"], "projectSlug": created["slug"]}
    assert dpx("projects", "get", "--json").json["id"] == created["id"]


def test_create_is_sent_once_though_the_answer_is_lost(dpx: Program, sandbox: Sandbox) -> None:
    """A POST that is not an upsert is never repeated; exit 11."""
    sandbox.fault("POST /projects reset x3")
    result = dpx("projects", "create", "once")
    assert (result.code, result.out) == (11, ""), result
    assert sum(request.method == "POST" for request in sandbox.requests) == 1


@pytest.mark.parametrize("flags", [("--framework", "nextjs2"), ("--app-type", "x")])
def test_a_value_that_the_api_does_not_take(dpx: Program, sandbox: Sandbox, flags: tuple[str, str]) -> None:
    """Exit 2 with the values it takes, and nothing sent."""
    result = dpx("projects", "create", "x", *flags)
    assert result.code == 2
    assert "NODEJS" in result.err
    assert not sandbox.requests


def test_update_sends_the_changes(dpx: Program, sandbox: Sandbox) -> None:
    """With the API's own names."""
    result = dpx("projects", "update", "docs", "--build-command", "make", "--output-dir", "", "--json")
    assert result.code == 0, result
    assert sandbox.requests[-1].method == "PATCH"
    assert sandbox.requests[-1].body == {"build_command": "make", "output_dir": ""}


def test_update_of_nothing(dpx: Program, sandbox: Sandbox) -> None:
    """Exit 2, and nothing sent."""
    result = dpx("projects", "update", "docs")
    assert (result.code, result.out) == (2, "")
    assert not sandbox.requests


def test_delete_wants_the_slug_typed(dpx: Program, sandbox: Sandbox) -> None:
    """On a terminal; anything else deletes nothing."""
    refused = dpx.tty("projects", "delete", "docs", answers=[("Type docs", "storefront\r")])
    assert refused.code == 2, refused
    assert "docs" in sandbox.projects()
    done = dpx.tty("projects", "delete", "docs", answers=[("Type docs", "docs\r")])
    assert done.code == 0, done
    assert "docs" not in sandbox.projects()


def test_delete_where_nobody_can_be_asked(dpx: Program, sandbox: Sandbox) -> None:
    """Exit 2 without --yes, and nothing sent; with it, the API's answer as JSON."""
    result = dpx("projects", "delete", "docs")
    assert (result.code, result.out) == (2, ""), result
    assert "--yes" in result.err
    assert not sandbox.requests
    assert dpx("projects", "delete", "docs", "-y", "--json").json == {"deleted": True}
    assert "docs" not in sandbox.projects()


def test_delete_whose_answer_was_lost_is_done(dpx: Program, sandbox: Sandbox) -> None:
    """The second try finds nothing, which is what was wanted."""
    sandbox.fault("DELETE /projects/* lost x1")
    result = dpx("projects", "delete", "docs", "-y")
    assert result.code == 0, result
    assert "docs" not in sandbox.projects()


@pytest.mark.parametrize("reference", ["..", "a/b/c", "a?b", "a#b", "../orgs", "%2e%2e", "a\nb", ""])
def test_a_reference_that_could_change_the_path_stays_here(dpx: Program, sandbox: Sandbox, reference: str) -> None:
    """Exit 2, and nothing sent."""
    result = dpx("projects", "get", reference)
    assert (result.code, result.out) == (2, ""), result
    assert not sandbox.requests
