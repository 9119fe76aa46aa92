"""`dpx orgs`: list, get and members, in every format, on a terminal and off it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from tests.conftest import Program

PEOPLE = ["olivia@acme.com", "alice@acme.com", "max@acme.com", "bob@acme.com", "carol@acme.com"]


def add_orgs(sandbox: Sandbox, count: int) -> None:
    """Make the token's person a member of more organizations, and each of them of acme's people."""
    with sandbox.store.change() as db:
        for number in range(count):
            org = 100 + number
            db.execute("INSERT INTO orgs VALUES (?, ?, ?, ?)", (org, f"o{number}", f"Org {number}", f"o{number}"))
            for identity, where in ((f"m{number}", org), (f"n{number}", 1)):
                user = 1 if where == org else 100 + number
                if where == 1:
                    db.execute("INSERT INTO users VALUES (?, ?, ?)", (user, f"u{number}", f"u{number}@x.com"))
                db.execute(
                    "INSERT INTO members (id, org, user, role) VALUES (?, ?, ?, ?)",
                    (identity, where, user, "MEMBER"),
                )


def test_list_in_every_format(dpx: Program) -> None:
    """The slug first; the role as the API spells it."""
    assert [row[:3] for row in dpx("orgs", "list").rows] == [
        ["acme", "Acme Corp", "owner"],
        ["globex", "Globex", "owner"],
    ]
    found = dpx("orgs", "list", "--json").json
    assert [set(item) for item in found] == [{"id", "name", "slug", "role"}] * 2
    assert [json.loads(line) for line in dpx("orgs", "list", "--jsonl").out.splitlines()] == found
    assert dpx("orgs", "list", "-q").out == "acme\nglobex\n"
    shown = dpx.tty("orgs", "list").out
    assert "Role" in shown
    assert "Acme Corp" in shown


def test_limit_says_how_to_go_on(dpx: Program) -> None:
    """On stderr, with the cursor."""
    first = dpx("orgs", "list", "--limit", "1")
    assert first.out.startswith("acme\t")
    assert first.err.startswith("note: More organizations: --cursor")
    cursor = first.err.split("--cursor ")[1].strip()
    assert dpx("orgs", "list", "-q", "--cursor", cursor).out == "globex\n"


def test_two_pages_of_orgs_and_of_members(dpx: Program, sandbox: Sandbox) -> None:
    """All of them, in pages of 100."""
    add_orgs(sandbox, 120)
    for argv, count in ((("orgs", "list"), 122), (("orgs", "members", "acme"), 125)):
        sandbox.clear_requests()
        assert len(dpx(*argv, "-q").out.split()) == count
        assert [seen.query.get("limit") for seen in sandbox.requests] == ["100", "100"]
        assert len(dpx(*argv, "--json").json) == count
        assert len(dpx(*argv, "--jsonl").out.splitlines()) == count
        assert len(dpx(*argv).rows) == count


def test_nothing_to_list(dpx_offline: Program) -> None:
    """A word on a terminal."""
    with Sandbox() as sandbox:
        with sandbox.store.change() as db:
            db.execute("DELETE FROM members")
        dpx_offline.env |= {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token}
        for flags, out in (((), ""), (("--json",), "[]\n"), (("--jsonl",), ""), (("-q",), "")):
            result = dpx_offline("orgs", "list", *flags)
            assert (result.code, result.out, result.err) == (0, out, ""), result
        assert "No organizations." in dpx_offline.tty("orgs", "list").out


def test_get(dpx: Program) -> None:
    """With its counts; the API's keys as JSON."""
    found = dpx("orgs", "get", "acme", "--json").json
    assert (found["slug"], found["_count"]) == ("acme", {"members": 5, "projects": 2})
    assert dpx("orgs", "get", "acme").rows[0][:4] == ["acme", "Acme Corp", "5", "2"]
    assert "Members" in dpx.tty("orgs", "get", "acme").out


def test_members_in_every_format(dpx: Program) -> None:
    """An e-mail a line under -q; the role in upper case, as the API has it here."""
    assert [row[:2] for row in dpx("orgs", "members", "acme").rows][:2] == [[PEOPLE[0], "OWNER"], [PEOPLE[1], "ADMIN"]]
    found = dpx("orgs", "members", "acme", "--json").json
    assert [item["user"]["email"] for item in found] == PEOPLE
    assert [json.loads(line) for line in dpx("orgs", "members", "acme", "--jsonl").out.splitlines()] == found
    assert dpx("orgs", "members", "acme", "-q").out.split() == PEOPLE
    assert dpx("orgs", "members", "acme", "-q", "--limit", "2").out.split() == PEOPLE[:2]
    assert "Email" in dpx.tty("orgs", "members", "acme").out


@pytest.mark.parametrize("command", ["get", "members"])
@pytest.mark.parametrize("slug", ["..", "a/b", "a?b", "a#b", "a%2fb", "a\nb", ""])
def test_a_slug_that_could_change_the_path_stays_here(dpx: Program, sandbox: Sandbox, command: str, slug: str) -> None:
    """Exit 2, nothing sent."""
    result = dpx("orgs", command, slug)
    assert (result.code, result.out) == (2, ""), result
    assert sandbox.requests == []


@pytest.mark.parametrize("command", ["get", "members"])
def test_one_that_is_not_there(dpx: Program, command: str) -> None:
    """Exit 3; so is one that the token's person is no member of."""
    for slug in ("none", "initech"):
        result = dpx("orgs", command, slug, "--json")
        assert (result.code, result.out) == (3, ""), result
        assert result.error["code"] == "not_found"


def test_a_hostile_name_stays_text(dpx: Program, sandbox: Sandbox) -> None:
    """On a terminal and in a pipe."""
    with sandbox.store.change() as db:
        db.execute("UPDATE orgs SET name = ? WHERE slug = 'acme'", ("[red]\x1b]0;x\x07\tA\u202e",))
    for result in (dpx("orgs", "list"), dpx.tty("orgs", "list")):
        assert r"[red]\x1b]0;x\x07" in result.out
        assert "\x1b]0" not in result.out
        assert "\u202e" not in result.out
    assert len(dpx("orgs", "list").rows[0]) == 4
    assert dpx("orgs", "list", "--json").out.isascii()


@pytest.mark.parametrize(("command", "shown"), [("get", "Acme Corp"), ("members", "alice@acme.com")])
def test_the_default_organization(dpx: Program, sandbox: Sandbox, command: str, shown: str) -> None:
    """DPX_ORG stands for SLUG; without either it is exit 2 and nothing is sent."""
    assert shown in dpx("orgs", command, env={"DPX_ORG": "acme"}).out
    assert shown in dpx("orgs", command, "acme", env={"DPX_ORG": "globex"}).out
    sandbox.clear_requests()
    result = dpx("orgs", command)
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"error: No organization specified.\nhint: Pass its slug, or set DPX_ORG. Run: dpx orgs {command} SLUG\n"
    )
    assert sandbox.requests == []
