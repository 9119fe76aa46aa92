"""The lists of projects, organizations, members and states: every format, two pages, limits, nothing, hostile names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from tests.conftest import Program

PEOPLE = ["olivia@acme.com", "alice@acme.com", "max@acme.com", "bob@acme.com", "carol@acme.com"]
# Arguments, identifiers, the first row, a heading.
LISTS = [
    ("projects list", ["storefront", "docs", "api"], ["storefront", "storefront", "NEXTJS"], "Framework"),
    ("status --all", ["storefront", "docs", "api"], ["storefront", "READY"], "Project"),
    ("orgs list", ["acme", "globex"], ["acme", "Acme Corp", "owner"], "Role"),
    ("orgs members acme", PEOPLE, [PEOPLE[0], "OWNER"], "Email"),
]


@pytest.mark.parametrize(("words", "names", "row", "heading"), LISTS)
def test_every_format(dpx: Program, words: str, names: list[str], row: list[str], heading: str) -> None:
    """A table, lines with tabs, an array, an object a line, and identifiers."""
    argv = words.split()
    piped = dpx(*argv)
    assert (piped.code, piped.err, "\x1b" in piped.out) == (0, "", False), piped
    assert [cells[0] for cells in piped.rows] == names
    assert piped.rows[0][: len(row)] == row
    document = dpx(*argv, "--json")
    assert (len(document.json), document.out.count("\n")) == (len(names), 1)
    assert [json.loads(line) for line in dpx(*argv, "--jsonl").out.splitlines()] == document.json
    assert dpx(*argv, "-q").out.split() == dpx(*argv, "--quiet").out.split() == names
    assert heading in dpx.tty(*argv).out
    assert "\n  " in dpx.tty(*argv, "--json").out


def add_orgs(sandbox: Sandbox, count: int) -> None:
    """Make the token's person a member of more organizations, and each of them of acme's people."""
    with sandbox.store.change() as db:
        for number in range(count):
            org = user = 100 + number
            db.execute("INSERT INTO orgs VALUES (?, ?, ?, ?)", (org, f"o{number}", f"Org {number}", f"o{number}"))
            db.execute("INSERT INTO users VALUES (?, ?, ?)", (user, f"u{number}", f"u{number}@x.com"))
            for identity, where, who in ((f"m{number}", org, 1), (f"n{number}", 1, user)):
                insert = "INSERT INTO members (id, org, user, role) VALUES (?, ?, ?, ?)"
                db.execute(insert, (identity, where, who, "MEMBER"))


@pytest.mark.parametrize(("words", "count"), [(words, len(names)) for words, names, *_ in LISTS])
def test_two_pages(dpx: Program, sandbox: Sandbox, words: str, count: int) -> None:
    """All of them, in pages of 100; a limit says on stderr how to go on, except under -q."""
    sandbox.seed_projects(120)
    add_orgs(sandbox, 120)
    sandbox.clear_requests()
    argv = words.split()
    every = dpx(*argv, "-q").out.split()
    assert len(every) == len(set(every)) == count + 120
    assert [seen.query.get("limit") for seen in sandbox.requests] == ["100", "100"]
    assert len(dpx(*argv, "--jsonl").out.splitlines()) == len(dpx(*argv).rows) == len(every)
    if argv[0] != "status":
        first = dpx(*argv, "--limit", "101")
        assert [cells[0] for cells in first.rows] == every[:101]
        cursor = first.err.split(": --cursor ")[1].strip()
        more = dpx(*argv, "-q", "--cursor", cursor)
        assert (more.out.split(), more.err) == (every[101:], "")
        assert dpx(*argv, "-q", "--limit", "101").err == ""


@pytest.mark.parametrize(("words", "what"), [("projects list", "projects"), ("orgs list", "organizations")])
def test_nothing_to_list(dpx_offline: Program, words: str, what: str) -> None:
    """Nothing in a pipe, an empty array as JSON, a word on a terminal."""
    with Sandbox() as sandbox:
        with sandbox.store.change() as db:
            db.execute("DELETE FROM members")
        dpx_offline.env |= {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token}
        for flags, out in (((), ""), (("--json",), "[]\n"), (("--jsonl",), ""), (("-q",), "")):
            result = dpx_offline(*words.split(), *flags)
            assert (result.code, result.out, result.err) == (0, out, ""), result
        assert f"No {what}." in dpx_offline.tty(*words.split()).out


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


# Organizations


def test_an_organization(dpx: Program, sandbox: Sandbox) -> None:
    """With its counts; DPX_ORG stands for SLUG, and without either it is exit 2 and nothing is sent."""
    row = dpx("orgs", "get", "acme", "--json").json
    assert (row["slug"], row["_count"]) == ("acme", {"members": 5, "projects": 2})
    assert dpx("orgs", "get", "acme").rows[0][:4] == ["acme", "Acme Corp", "5", "2"]
    assert "Members" in dpx.tty("orgs", "get", "acme").out
    for command, shown in (("get", "Acme Corp"), ("members", "alice@acme.com")):
        assert shown in dpx("orgs", command, env={"DPX_ORG": "acme"}).out
        assert shown in dpx("orgs", command, "acme", env={"DPX_ORG": "globex"}).out
        sandbox.clear_requests()
        hint = f"Pass its slug, or set DPX_ORG. Run: dpx orgs {command} SLUG"
        result = dpx("orgs", command)
        assert (result.code, result.err) == (2, f"error: No organization specified.\nhint: {hint}\n")
        assert sandbox.requests == []


@pytest.mark.parametrize("command", ["get", "members"])
def test_no_such_organization(dpx: Program, sandbox: Sandbox, command: str) -> None:
    """Exit 3; one that could change the path is exit 2, and nothing is sent."""
    for slug in ("none", "initech"):
        result = dpx("orgs", command, slug, "--json")
        assert (result.code, result.out, result.error["code"]) == (3, "", "not_found"), result
    sandbox.clear_requests()
    for slug in ("..", "a/b", "a%2fb", ""):
        assert dpx("orgs", command, slug).code == 2
    assert sandbox.requests == []
