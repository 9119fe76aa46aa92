"""`dpx link` and `dpx unlink`: the file they leave, the picker, and whose project a folder is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program


LIST = "Type to filter"


def file_of(dpx: Program) -> Path:
    """Where the link file is."""
    return dpx.cwd / ".deploxa" / "project.json"


def linked(dpx: Program) -> dict[str, str]:
    """What the link file says."""
    content: dict[str, str] = json.loads(file_of(dpx).read_text(encoding="utf-8"))
    return content


def test_commands_below_need_no_project(dpx: Program) -> None:
    """From the folder and from any in it; a flag and the environment go first. CI is no terminal."""
    assert dpx.tty("link", env={"CI": "1"}).code == 2
    assert dpx("link", "docs").err == "Linked this directory to docs (.deploxa/project.json).\n"
    (dpx.cwd / "deep" / "er").mkdir(parents=True)
    dpx.cwd = dpx.cwd / "deep" / "er"
    assert dpx("env", "list", "-q").out == "SEARCH_KEY\n"
    assert "DATABASE_URL" in dpx("env", "list", "-q", "-p", "api").out
    assert "DATABASE_URL" in dpx("env", "list", "-q", env={"DPX_PROJECT": "api"}).out


def test_a_list_on_a_terminal(dpx: Program, sandbox: Sandbox) -> None:
    """Typed text filters it, and Enter chooses; projects with the same slug have their IDs."""
    assert dpx.tty("link", answers=[(LIST, "doc\r")]).code == 0
    assert linked(dpx)["projectSlug"] == "docs"
    assert dpx.tty("link", answers=[(LIST, "\x1b[B\x1b[B\r")], columns=40).code == 0
    assert linked(dpx)["projectId"] == sandbox.project_id("api")
    other = sandbox.seed_project("storefront", "globex")
    assert dpx.tty("link", answers=[(LIST, f"storefront ({other})\r")]).code == 0
    assert linked(dpx)["projectId"] == other
    sandbox.seed_projects(249)
    assert dpx.tty("link", answers=[("253 of 253", "docs\r")], columns=40).code == 0, "from every page"
    assert linked(dpx)["projectSlug"] == "docs"


def test_a_new_project_is_a_choice(dpx: Program, sandbox: Sandbox) -> None:
    """It does what init does: the name of package.json, a question, and deploxa.toml; or nothing."""
    (dpx.cwd / "package.json").write_text('{"name": "my-shop", "dependencies": {"next": "15"}}', encoding="utf-8")
    before = sandbox.projects()
    other = (LIST, "\x1b[B" * 3 + "\r")
    assert dpx.tty("link", answers=[other, ("Create this project?", "n\r")]).code == 2
    assert sandbox.projects() == before
    result = dpx.tty("link", answers=[other, ("Create this project?", "y\r")])
    assert result.code == 0, result
    assert "my-shop" in sandbox.projects()
    assert 'slug = "my-shop"' in (dpx.cwd / "deploxa.toml").read_text(encoding="utf-8")
    assert dpx("projects", "get", "--json").json["framework"] == "NEXTJS"


def test_ctrl_c_in_the_list_links_nothing(dpx: Program) -> None:
    """Exit 130, and the terminal is as before."""
    result = dpx.tty("link", answers=[(LIST, "\x03")])
    assert result.code == 130
    assert result.out.count("\x1b[?25l") == result.out.count("\x1b[?25h")
    assert not file_of(dpx).exists()


def test_a_folder_that_cannot_be_written(dpx: Program, sandbox: Sandbox) -> None:
    """Exit 1; the error names the file, and nothing is created."""
    (dpx.cwd / ".deploxa").write_text("a file, not a folder", encoding="utf-8")
    for argv in (("projects", "create", "new", "--link"), ("link", "docs")):
        result = dpx(*argv)
        assert (result.code, result.out, ".deploxa" in result.err) == (1, "", True), result
    assert {request.method for request in sandbox.requests} == {"GET"}


def test_deploy_offers_the_same_list(dpx: Program) -> None:
    """Without any project and on a terminal."""
    result = dpx.tty("deploy", "--no-git", answers=[(LIST, "docs\r"), ("Link this directory to docs?", "n\r")])
    assert result.code == 0, result
    assert "https://docs.deploxa.com" in result.out
    assert not file_of(dpx).exists()
    assert LIST not in dpx.tty("deploy", "--no-git", "--no-wait", env={"DPX_PROJECT": "docs"}).out


@pytest.mark.parametrize("argv", [("projects", "get"), ("env", "list")])
def test_commands_that_read_offer_a_list_too(dpx: Program, argv: tuple[str, ...]) -> None:
    """Once: the directory is linked if the user wants; a command that changes something must be told."""
    picked = dpx.tty(*argv, answers=[(LIST, "storef\r"), ("Link this directory to storefront?", "y\r")])
    assert picked.code == 0, picked
    assert linked(dpx)["projectSlug"] == "storefront"
    assert dpx.tty(*argv).code == 0
    dpx("unlink")
    for change in (("env", "set", "A=1"), ("projects", "update", "--name", "x")):
        refused = dpx.tty(*change)
        assert (refused.code, "No project specified." in refused.out) == (2, True), refused


def test_an_empty_project_is_a_usage_error(dpx: Program, sandbox: Sandbox) -> None:
    """It may be an unset variable of a script."""
    for argv in (("projects", "get", ""), ("deploy", "--project", ""), ("status", " ")):
        result = dpx(*argv)
        assert (result.code, result.out) == (2, ""), result
    assert sandbox.requests == []


def test_a_linked_project_that_is_gone(dpx: Program) -> None:
    """Every command says which file names it and what to do about it, and doctor fails."""
    dpx("link", "docs")
    dpx("projects", "delete", "docs", "--yes")
    file = ".deploxa/project.json"
    for argv in (("projects", "get"), ("deploy", "--branch", "main"), ("env", "list"), ("status",)):
        gone = dpx(*argv, "--json")
        assert (gone.code, gone.out, gone.error["code"], gone.error["status"]) == (3, "", "not_found", 404), gone
        assert gone.error["message"] == f"No such project: docs, from the link file {file}"
        assert gone.error["hint"].endswith("run: dpx link PROJECT")
    doctor = dpx("doctor", "--json")
    assert doctor.code == 10
    assert [check["name"] for check in doctor.json["checks"] if not check["ok"]] == ["link"]


def test_a_missing_variable_of_a_linked_project_is_no_missing_project(dpx: Program) -> None:
    """The project is there, so the error is about the variable."""
    dpx("link", "docs")
    gone = dpx("env", "rm", "NOPE", "--yes")
    assert gone.code == 3
    assert "link file" not in gone.err
