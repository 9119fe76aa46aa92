"""`dpx plan`, `dpx apply` and `dpx export` against a sandbox: what they print, change and refuse."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.commands.state import document

if TYPE_CHECKING:
    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

CANARY = "s3cret-canary"
FILE = f"""\
# mine
[project]
slug = "storefront"
description = "Shop window"   # shown
build_command = "npm run build"

[env]
LOG_LEVEL = "{CANARY}-1"   # loud
DATABASE_URL = {{value = "{CANARY}-2", targets = ["preview", "production"]}}
STRIPE_SECRET_KEY = {{absent = true}}
NEXT_PUBLIC_API_URL = {{}}
"""
PLANNED = [
    ["update", "description", "The shop -> Shop window"],
    ["update", "build_command", '"" -> npm run build'],
    ["set", "LOG_LEVEL", "new"],
    ["set", "DATABASE_URL", "targets: production -> production, preview"],
    ["remove", "STRIPE_SECRET_KEY", ""],
]


def keys(dpx: Program, project: str) -> dict[str, Any]:
    """The variables of a project: key to targets."""
    return {row["key"]: row["targets"] for row in dpx("env", "list", "-p", project, "--json").json}


def test_plan_apply_and_a_plan_that_is_empty(dpx: Program) -> None:
    """The plan tells what apply does; after it only values, which can't be read, are unknown."""
    dpx.write(FILE)
    planned = dpx("plan")
    assert (planned.code, planned.rows) == (0, PLANNED), planned
    assert planned.err == "storefront: 2 to update, 2 to set, 1 to remove, 1 unchanged.\n"
    assert dpx("plan", "--exit-code").code == 10
    before = dpx("env", "list", "-p", "storefront").out
    applied = dpx("apply", "--yes")
    assert (applied.code, applied.rows) == (0, PLANNED), applied
    assert applied.err.startswith("storefront: 2 to update, 2 to set, 1 to remove, 1 unchanged.\nApplied")
    assert "Run: dpx deploy --project storefront" in applied.err
    assert before != dpx("env", "list", "-p", "storefront").out
    again = dpx("plan", "--exit-code")
    assert again.code == 0, again
    assert [row[:2] for row in again.rows] == [["unknown", "LOG_LEVEL"], ["unknown", "DATABASE_URL"]]
    assert again.err == "storefront: 2 unknown, 4 unchanged.\n"
    assert keys(dpx, "storefront") == {
        "DATABASE_URL": ["production", "preview"],
        "NEXT_PUBLIC_API_URL": ["production", "preview", "development"],
        "LOG_LEVEL": ["production", "preview", "development"],
    }
    found = dpx("projects", "get", "storefront", "--json").json
    assert (found["description"], found["build_command"]) == ("Shop window", "npm run build")
    for result in (planned, applied, again):
        assert CANARY not in result.out + result.err


def test_the_json_of_a_plan(dpx: Program) -> None:
    """Its keys are documented in the help; no value of a variable is among them."""
    dpx.write(FILE)
    rows = dpx("plan", "--json").json
    assert [sorted(row) for row in rows] == [
        ["action", "after", "before", "change", "from", "kind", "name", "project"] for _ in PLANNED
    ]
    assert rows[0] == {
        "action": "update",
        "project": "storefront",
        "kind": "field",
        "name": "description",
        "before": "The shop",
        "after": "Shop window",
        "from": None,
        "change": "The shop -> Shop window",
    }
    assert rows[3]["before"] == {"targets": ["production"], "sensitive": False}
    assert rows[3]["after"] == {"targets": ["production", "preview"], "sensitive": False}
    assert rows[4]["after"] is None
    help_text = dpx("plan", "--help").out
    assert all(key in help_text for key in rows[0])


def test_apply_asks_or_needs_yes(dpx: Program, sandbox: Sandbox) -> None:
    """No is the default, and changes nothing; off a terminal it is exit 2 without --yes."""
    dpx.write(FILE)
    result = dpx("apply")
    assert (result.code, result.out, "hint: Pass --yes." in result.err) == (2, "", True), result
    refused = dpx.tty("apply", answers=[("[y/N]", "\r")])
    assert (refused.code, "nothing was changed" in refused.out) == (2, True), refused
    assert {seen.method for seen in sandbox.requests} == {"GET"}
    agreed = dpx.tty("apply", answers=[("[y/N]", "y\r")])
    assert (agreed.code, "Applied deploxa.toml." in agreed.out) == (0, True), agreed
    assert "STRIPE_SECRET_KEY" not in keys(dpx, "storefront")
    assert CANARY not in refused.out + agreed.out
    dpx.write('[project]\nslug = "docs"\n')
    nothing = dpx("apply", "--json")
    assert (nothing.code, nothing.out) == (0, "[]\n"), nothing


def test_a_missing_variable_stops_apply_before_any_change(dpx: Program) -> None:
    """Exit 10; the plan has a row for it, which counts as a change."""
    dpx.write('[project]\nslug = "docs"\nname = "New"\n[env]\nNEEDED = {}\nSEARCH_KEY = {}\n')
    planned = dpx("plan", "--exit-code")
    assert (planned.code, planned.rows[0]) == (10, ["missing", "NEEDED", "must exist"]), planned
    assert dpx("plan").code == 0
    result = dpx("apply", "--yes")
    assert (result.code, result.out) == (10, ""), result
    assert "Not set in docs: NEEDED" in result.err
    assert "Run: dpx env set NEEDED --project docs" in result.err
    assert dpx("projects", "get", "docs", "--fields", "name").out == "docs\n"
    dpx("env", "set", "NEEDED", "x", "-p", "docs")
    assert dpx("apply", "--yes").code == 0
    assert dpx("projects", "get", "docs", "--fields", "name").out == "New\n"


def test_where_values_come_from(dpx: Program) -> None:
    """In the rows, the question and the JSON; a plan does without a source that isn't here."""
    dpx.write('[project]\nslug = "docs"\n[env]\nA = {from = "env:AWS_SECRET"}\nSEARCH_KEY = {from = "file:key"}\n')
    dpx.write(CANARY, "key")
    planned = dpx("plan")
    assert planned.rows == [
        ["set", "A", "new, from env:AWS_SECRET (not set here)"],
        ["unknown", "SEARCH_KEY", "the value can't be compared, from file:key"],
    ], planned
    assert [row["from"] for row in dpx("plan", "--json").json] == ["env:AWS_SECRET", "file:key"]
    (dpx.cwd / "key").unlink()
    assert dpx("plan").rows[1] == ["unknown", "SEARCH_KEY", "from file:key (not set here)"]
    refused = dpx("apply", "-y")
    assert refused.err == (
        "error: deploxa.toml:4:6: env:AWS_SECRET is not set.\ndeploxa.toml:5:15: file:key doesn't exist.\n"
        "hint: Fix these lines. Nothing was changed.\n"
    )
    dpx.write(CANARY, "key")
    asked = dpx.tty("apply", env={"AWS_SECRET": "x"}, answers=[("[y/N]", "\r")])
    assert "Apply this to docs with values from env:AWS_SECRET, file:key? [y/N]" in asked.out
    leak = dpx("plan", env={"AWS_SECRET": f"x{dpx.env['DPX_TOKEN']}x"})
    assert leak.err.startswith("error: deploxa.toml:4:6: The value of A contains the token in use.\n")
    assert dpx.env["DPX_TOKEN"] not in leak.err


def test_framework_and_app_type_of_an_existing_project_are_a_warning(dpx: Program) -> None:
    """Never a change."""
    dpx.write('[project]\nslug = "docs"\nframework = "nodejs"\napp_type = "STATIC"\n')
    result = dpx("plan", "--exit-code")
    assert (result.code, result.out) == (0, ""), result
    assert "warning: framework is VITE, not NODEJS, and can't be changed after creation." in result.err


NEW = """\
[project]
slug = "acme/brand-new"
name = "Brand new"
description = "Text"
build_command = "make"
framework = "nextjs"
app_type = "nodejs"
[env]
A = "1"
B = {value = "2", targets = ["Preview"]}
C = {absent = true}
"""


def test_a_project_that_does_not_exist_is_created(dpx: Program) -> None:
    """In the organization of its slug; then a plan is empty."""
    dpx.write(NEW)
    planned = dpx("plan", "--exit-code")
    assert planned.code == 10
    assert planned.rows == [
        ["create", "acme/brand-new", "Brand new, NEXTJS, NODEJS"],
        ["update", "build_command", '"" -> make'],
        ["set", "A", "new"],
        ["set", "B", "new (preview)"],
    ]
    assert dpx("apply", "-y").code == 0
    found = dpx("projects", "get", "acme/brand-new", "--json").json
    assert (found["name"], found["description"], found["framework"]) == ("Brand new", "Text", "NEXTJS")
    assert found["build_command"] == "make"
    assert keys(dpx, "acme/brand-new")["B"] == ["preview"]
    assert dpx("plan", "--exit-code").code == 0
    assert [row[0] for row in dpx("plan").rows] == ["unknown", "unknown"]


@pytest.mark.parametrize("name", ["Other", "Brand New!!2", "!"])
def test_a_slug_that_the_name_does_not_lead_to_is_refused(dpx: Program, sandbox: Sandbox, name: str) -> None:
    """Exit 2: the project would be created under another slug, each time again; no such organization: exit 3."""
    dpx.write(f'[project]\nslug = "brand-new"\nname = "{name}"\n')
    for argv in (("plan",), ("apply", "-y")):
        result = dpx(*argv)
        assert (result.code, result.out) == (2, ""), result
        assert "gives the slug" in result.err
    dpx.write('[project]\nslug = "nobody/docs"\n')
    assert [dpx(*argv).code for argv in (("plan",), ("apply", "-y"))] == [3, 3]
    assert {seen.method for seen in sandbox.requests} == {"GET"}


def test_the_nearest_file_upward_or_the_one_that_is_named(dpx: Program) -> None:
    """`file:` sources are relative to it; the project is its own, not DPX_PROJECT's or a link file's. None: exit 3."""
    missing = dpx("plan")
    assert (missing.code, missing.out, "Run: dpx init" in missing.err) == (3, "", True), missing
    outer = dpx.write('[project]\nslug = "docs"\n[env]\nFROM_FILE = {from = "file:value.txt", sensitive = true}\n')
    dpx.write("text\n", "value.txt")
    dpx("link", "api")
    dpx.cwd /= "deep"
    dpx.write('[project]\nslug = "api"\n', "other.toml")
    assert dpx("plan", "other.toml").out == ""
    assert dpx("plan", str(outer)).rows[0][1] == "FROM_FILE"
    assert dpx("plan").rows == [["set", "FROM_FILE", "new (sensitive), from file:value.txt"]]
    assert dpx("apply", "-y", env={"DPX_PROJECT": "storefront"}).code == 0
    where = dpx("env", "where", "FROM_FILE", "--json").json
    assert [(row["project"], row["sensitive"]) for row in where] == [("docs", True)]


def test_what_the_file_does_not_say_stays(dpx: Program) -> None:
    """Other keys, and the targets and sensitivity of those it names."""
    dpx.write('[project]\nslug = "storefront"\n[env]\nSTRIPE_SECRET_KEY = "new"\n')
    before = dpx("env", "list", "-p", "storefront", "--json").json
    assert dpx("apply", "-y").code == 0
    assert dpx("env", "list", "-p", "storefront", "--json").json == before
    dpx.write('[project]\nslug = "storefront"\n[env]\nSTRIPE_SECRET_KEY = {value = "new", sensitive = false}\n')
    assert dpx("plan").rows == [["set", "STRIPE_SECRET_KEY", "sensitive: yes -> no"]]
    assert dpx("apply", "-y").code == 0
    (row,) = [row for row in dpx("env", "list", "-p", "storefront", "--json").json if row["key"] == "STRIPE_SECRET_KEY"]
    assert (row["sensitive"], row["targets"]) == (False, ["production", "preview"])


def test_export_prints_what_is_there(dpx: Program) -> None:
    """A valid file of which the plan is empty; it needs no file in the directory."""
    dpx("projects", "update", "storefront", "--build-command", 'say "hi" \\ \u00e9')
    result = dpx("export", "-p", "storefront")
    assert (result.code, result.err) == (0, ""), result
    found = tomllib.loads(result.out)
    build = 'say "hi" \\ \u00e9'
    fields = {"slug": "storefront", "name": "storefront", "description": "The shop", "framework": "NEXTJS"}
    assert found["project"] == {**fields, "build_command": build}
    assert found["env"] == {"DATABASE_URL": {}, "NEXT_PUBLIC_API_URL": {}, "STRIPE_SECRET_KEY": {}}
    assert "STRIPE_SECRET_KEY = {} # production, preview, sensitive" in result.out
    dpx.write(result.out)
    planned = dpx("plan", "--exit-code")
    assert (planned.code, planned.out) == (0, ""), planned
    assert 'slug = "acme/storefront"' in dpx("export", "-p", "acme/storefront").out
    assert dpx("export", "-p", "none").code == 3


def test_export_escapes_what_could_mislead(dpx: Program) -> None:
    """As a TOML string with the same text; what is harmless stays whole."""
    text = '\u00e9\u202eb\x1b[31m\n"\\'
    dpx("projects", "update", "docs", "--description", text, "--build-command", "\u00e9 \U0001f469\u200d\U0001f4bb")
    result = dpx("export", "-p", "docs")
    assert result.out.isascii() is False
    assert 'description = "\u00e9\\u202eb\\u001b[31m\\n\\"\\\\"\n' in result.out
    assert 'build_command = "\u00e9 \U0001f469\u200d\U0001f4bb"' in result.out
    assert tomllib.loads(result.out)["project"]["description"] == text


def files_of(dpx: Program, folder: str) -> dict[str, str]:
    """The files below a directory."""
    top = dpx.cwd / folder
    return {
        path.relative_to(top).as_posix(): path.read_text(encoding="utf-8") for path in top.rglob("*") if path.is_file()
    }


def test_export_writes_every_project(dpx: Program) -> None:
    """Into files whose plan is empty; the second time nothing, the third time what has changed."""
    result = dpx("export", "--all", "--dir", "all")
    assert (result.code, result.out) == (0, ""), result
    before = files_of(dpx, "all")
    assert set(before) == {f"{slug}/deploxa.toml" for slug in ("storefront", "docs", "api")}
    assert dpx("plan", *(f"all/{path}" for path in before), "--exit-code").code == 0
    assert dpx("export", "--all", "--dir", "all").err == "Files written: 0 of 3.\n"
    dpx("env", "set", "NEW=1", "-p", "docs")
    assert dpx("export", "--all", "--dir", "all").err == "Wrote all/docs/deploxa.toml.\nFiles written: 1 of 3.\n"
    assert {path for path, text in files_of(dpx, "all").items() if before[path] != text} == {"docs/deploxa.toml"}
    assert dpx("export", "--org", "acme", "--dir", "acme").code == 0
    assert 'slug = "acme/storefront"' in files_of(dpx, "acme")["storefront/deploxa.toml"]
    assert dpx("export", "-p", "api", "--dir", "one").err == "Wrote one/api/deploxa.toml.\nFiles written: 1 of 1.\n"
    (dpx.cwd / "file").touch()
    assert dpx("export", "--all", "--dir", "file").err == "error: --dir: not a directory: file\n"


def test_export_keeps_an_edited_file(dpx: Program) -> None:
    """Exit 2, naming it, after the others were written; --yes overwrites it. Line ends of Windows are no edit."""
    dpx("export", "--all", "--dir", "all")
    (dpx.cwd / "all/docs/deploxa.toml").write_text(
        "# mine\n" + (dpx.cwd / "all/docs/deploxa.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (dpx.cwd / "all/api/deploxa.toml").write_text(
        (dpx.cwd / "all/api/deploxa.toml").read_text(encoding="utf-8"), newline="\r\n", encoding="utf-8"
    )
    for slug in ("docs", "api"):
        dpx("env", "set", "NEW=1", "-p", slug)
    result = dpx("export", "--all", "--dir", "all")
    assert (result.code, result.out) == (2, ""), result
    assert "Wrote all/api/deploxa.toml." in result.err
    assert "error: Edited and not overwritten: all/docs/deploxa.toml\n" in result.err
    assert "# mine" in files_of(dpx, "all")["docs/deploxa.toml"]
    assert dpx("export", "--all", "--dir", "all", "-y").code == 0
    assert "# mine" not in files_of(dpx, "all")["docs/deploxa.toml"]


def test_export_of_slugs_that_collide(dpx: Program, sandbox: Sandbox) -> None:
    """Those have their organization's directory, and specify it."""
    sandbox.seed_project("storefront", "globex")
    assert dpx("export", "--all", "--dir", "all").code == 0
    files = files_of(dpx, "all")
    assert {"acme/storefront/deploxa.toml", "globex/storefront/deploxa.toml", "api/deploxa.toml"} <= set(files)
    assert 'slug = "globex/storefront"' in files["globex/storefront/deploxa.toml"]


@pytest.mark.posix
def test_export_to_where_it_can_not_write(dpx: Program) -> None:
    """One line; nothing is written through a symbolic link."""
    (dpx.cwd / "all").mkdir()
    (dpx.cwd / "all" / "docs").symlink_to(dpx.cwd)
    assert dpx("export", "-p", "docs", "--dir", "all").code == 1
    assert not (dpx.cwd / "deploxa.toml").exists()
    for argv, message in ((("--all",), "are written to a directory"), (("--all", "-p", "x"), "can't be used together")):
        result = dpx("export", *argv)
        assert (result.code, result.out, message in result.err) == (2, "", True), result


def test_the_file_in_the_help_is_valid(dpx_offline: Program) -> None:
    """What `dpx plan --help` shows can be copied."""
    text = dpx_offline("plan", "--help").out
    example = text[text.index("[project]") : text.index("A row of --json")]
    found = document.parse("\n".join(line.strip() for line in example.splitlines()).encode(), "deploxa.toml")
    assert len(found.variables) == 6
