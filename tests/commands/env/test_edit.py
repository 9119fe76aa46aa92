"""`env set`, `rm` and `import`: no target is lost silently, in one project or several, and failures tell the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from fault_server import PROJECT, FaultServer

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

CANARY = "c4n4ry-value-77"
ON = ("-p", "storefront")
POST = ("POST", ".*/env-vars")
LOSS = "DATABASE_URL: production -> preview"


def changes(sandbox: Sandbox) -> int:
    """Return how many requests changed something."""
    return sum(seen.method != "GET" for seen in sandbox.requests)


def targets(dpx: Program, project: str = "storefront") -> dict[str, list[str]]:
    """Return the targets of each variable."""
    return {item["key"]: item["targets"] for item in dpx("env", "list", "-p", project, "--json").json}


# No target is lost silently


@pytest.mark.parametrize("words", [("set", "DATABASE_URL=x", "STRIPE_SECRET_KEY=x", "NEW=x"), ("import", ".env")])
def test_no_target_is_lost_silently(dpx: Program, sandbox: Sandbox, words: tuple[str, ...]) -> None:
    """Off a terminal exit 2 before anything is sent; on one each loss is shown, and no is the default."""
    dpx.write("DATABASE_URL=x\nSTRIPE_SECRET_KEY=x\nNEW=x\n", ".env")
    argv = ("env", *words, *ON, "--target", "preview")
    losses = f"{LOSS}; STRIPE_SECRET_KEY: production, preview -> preview"
    result = dpx(*argv)
    assert (result.code, result.out) == (2, ""), result
    assert f"This would remove targets from {losses}.\n" in result.err
    assert "one value per key, for all its targets" in result.err
    refused = dpx(*argv, "--json")
    assert (refused.code, refused.error["code"], LOSS in refused.error["message"]) == (2, "usage", True)
    result = dpx.tty(*argv, answers=[("[y/N]", "\r")])
    assert result.code == 2, result
    assert all(loss in result.out for loss in losses.split("; "))
    assert changes(sandbox) == 0
    assert dpx.tty(*argv, answers=[("[y/N]", "y\r")]).code == 0
    assert targets(dpx)["STRIPE_SECRET_KEY"] == ["preview"]
    several = dpx("env", "set", "NEXT_PUBLIC_API_URL=x", "-p", "docs", *ON, "--target", "preview")
    assert (several.code, "storefront NEXT_PUBLIC_API_URL: production, " in several.err) == (2, True), several
    assert dpx("env", "set", "NEXT_PUBLIC_API_URL=x", *ON, "--target", "preview", "--yes").code == 0
    assert targets(dpx)["NEXT_PUBLIC_API_URL"] == ["preview"]


def test_more_targets_or_none_need_no_question(dpx: Program, sandbox: Sandbox) -> None:
    """Only a loss is asked about; without --target nothing is looked up."""
    assert dpx("env", "set", "DATABASE_URL=x", *ON, "--target", "production,preview").code == 0
    sandbox.clear_requests()
    assert dpx("env", "set", "DATABASE_URL=x", *ON).code == 0
    assert [seen.method for seen in sandbox.requests if "env-vars" in seen.path] == ["POST"]
    assert targets(dpx)["DATABASE_URL"] == ["production", "preview"]


def test_a_race_between_look_and_change_is_told_afterwards(dpx_on_faults: Program, server: FaultServer) -> None:
    """The answer says other targets than were asked for."""
    server.on(*POST, faults.reply(200, {"data": {"id": [], "targets": ["production", "preview"]}}))
    result = dpx_on_faults("env", "set", "A=1", "-p", PROJECT, "--target", "preview")
    assert result.code == 0, result
    assert "warning: A in " in result.err
    assert "is now set for production, preview, not for preview" in result.err


# What is said about a change


def test_a_change_names_the_project_and_the_command_that_deploys_it(dpx: Program) -> None:
    """On stderr, for set, rm and import; a project from a file needs no --project here."""
    note = "note: The change takes effect with the next deployment. Run: dpx deploy"
    assert dpx("env", "set", "A=1", *ON).err == f"Set 1 variable in storefront.\n{note} --project storefront\n"
    assert dpx("link", "storefront").code == 0
    assert dpx("env", "rm", "A", "-y").err == f"Removed 1 variable in storefront.\n{note}\n"
    (dpx.cwd / ".deploxa" / "project.json").unlink()
    dpx.write('[project]\nslug = "docs"\n')
    assert dpx("env", "import", "-", stdin=b"A=1\nB=2\n").err == f"Set 2 variables in docs.\n{note}\n"


def test_dpx_ledger_is_answered_with_what_replaces_it(dpx: Program) -> None:
    """The variable is set nevertheless."""
    dpx.write('[project]\nslug = "storefront"\n')
    for words in (("env", "set", "A=1"), ("env", "import", "-", "--dry-run"), ("plan",), ("apply",)):
        result = dpx(*words, env={"DPX_LEDGER": "1"}, stdin=b"A=1\n")
        assert result.code == 0, result
        assert "warning: DPX_LEDGER has no effect: deploxa.lock replaces it. Run: dpx help plan\n" in result.err


# Several projects


def test_set_and_rm_in_several_projects(dpx: Program, sandbox: Sandbox) -> None:
    """Each once; rows name the project, stderr says what was done where."""
    argv = ("-p", "storefront", "-p", "docs", "-p", "acme/storefront")
    result = dpx("env", "set", "A=1", "B=2", *argv)
    assert result.code == 0, result
    assert [row[:2] for row in result.rows] == [[where, key] for where in ("storefront", "docs") for key in "AB"]
    assert "Set 2 variables in storefront, docs.\n" in result.err
    assert "dpx deploy --project storefront --project docs\n" in result.err
    assert changes(sandbox) == 4
    rows = dpx("env", "set", "A=1", *argv, "--json").json
    assert [(row["project"], row["key"]) for row in rows] == [("storefront", "A"), ("docs", "A")]
    assert dpx("env", "rm", "A", *argv).code == 2
    result = dpx("env", "rm", "A", "B", *argv, "-y", "--json")
    assert [(row["project"], row["key"], row["deleted"]) for row in result.json] == [
        (where, key, True) for where in ("storefront", "docs") for key in "AB"
    ]
    assert dpx("env", "list", "-p", "docs", "-q").out.split() == ["SEARCH_KEY"]


def test_the_first_project_counts_however_long_it_takes(dpx: Program, sandbox: Sandbox) -> None:
    """Rows and failures come in the order given, not in that of the responses."""
    first = sandbox.project_id("storefront")
    sandbox.fault(f"GET /projects/{first}/env-vars slow 300ms")
    result = dpx("env", "rm", "DATABASE_URL", "-p", "storefront,api", "--dry-run")
    assert [row[0] for row in result.rows] == ["storefront", "api"]
    sandbox.fault(f"GET /projects/{first}/env-vars 403")
    sandbox.fault(f"GET /projects/{sandbox.project_id('docs')}/env-vars 404")
    result = dpx("env", "rm", "A", "-p", "storefront,docs", "-y")
    assert (result.code, result.out) == (5, ""), result


def test_a_project_that_fails_stops_no_other(dpx: Program, sandbox: Sandbox) -> None:
    """What was done is shown; the exit code is that of the first project that failed."""
    broken = sandbox.project_id("docs")
    sandbox.fault(f"POST /projects/{broken}/env-vars 403")
    for order in (("docs", "storefront"), ("storefront", "docs")):
        result = dpx("env", "set", "A=1", "-p", order[0], "-p", order[1])
        assert result.code == 5, result
        assert [row[0] for row in result.rows] == ["storefront"]
        assert "error: docs: " in result.err
    assert "warning: Not changed in every project; done: storefront; not done: docs\n" in result.err
    assert "note: To finish, run the same command again.\n" in result.err
    assert dpx("env", "set", "A=1", "-p", "storefront", "-p", "nowhere").code == 3


# Values are shown nowhere


@pytest.mark.parametrize(
    "words",
    [
        *("{0}", "c4n4rycGFzcw==", "c4n4rycGFzc3M=", "{0} --json", "{0} --no-such-option", "A {0} {0}", "A={0} {0}"),
        *("A --{0}", "A -{0}", "A --stdin={0}", "A {0} --stdin", "A=1 {0}", "A=1 {0}-=2", "A={0} A={0}", "A-B {0}"),
        *("A-B={0}", "A={0} --no-such-option", "--A={0}", "A {0} --target x", "A {0} --json --jsonl", "A=1 {0}="),
        "--project .. A {0}",
    ],
)
def test_a_word_that_may_be_a_value_is_not_shown(dpx: Program, sandbox: Sandbox, words: str) -> None:
    """In `dpx env set $KEY $VALUE` with an empty KEY, the only word is the value; no parser's error shows it either."""
    result = dpx("env", "set", *words.format(CANARY).split(), *(() if "--project" in words else ON))
    assert (result.code, result.out) == (2, ""), result
    assert "c4n4ry" not in result.err
    assert sandbox.requests == []


def test_no_format_shows_a_value(dpx: Program, sandbox: Sandbox) -> None:
    """Neither with success nor with failure, with --debug, on a terminal or off it; nor does any file."""
    dpx.write(f"A={CANARY}\nB={CANARY}\n", ".env")
    dpx.write(CANARY, "value")
    lines = (
        ("set", f"A={CANARY}", f"B={CANARY}", "--json"),
        ("set", "A", CANARY, "-p", "docs", "--jq", "."),
        ("set", "A", "--from-file", "value", "--fields", "key,targets"),
        ("import", ".env"),
        ("import", ".env", "--prune", "--yes", "-q"),
        ("import", ".env", "--dry-run"),
    )
    for effect in ("403", "503 x1", "lost x1", "slow 1ms"):
        sandbox.fault(f"POST /projects/*/env-vars {effect}")
        for words in lines:
            result = dpx("env", *words, *ON, "--debug")
            assert CANARY not in result.out + result.err, result
        assert CANARY not in dpx.tty("env", "import", ".env", *ON).out
        sandbox.clear_faults()
    for path in (path for folder in (dpx.home, dpx.cwd) for path in folder.rglob("*") if path.is_file()):
        if path.name not in {".env", "value"}:
            assert CANARY.encode() not in path.read_bytes(), path
