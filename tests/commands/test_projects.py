"""`dpx projects` against the sandbox, in every format, on a terminal and off it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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
    assert sorted(dpx("__complete", "project").out.split()) == sorted(SLUGS)


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
    link = json.loads((dpx.cwd / ".deploxa" / "project.json").read_text())
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
