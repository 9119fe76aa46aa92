"""`dpx env scan`: what the code reads and the project lacks, and which files count as code."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

ON = ("-p", "storefront")
EVERY = ["production", "preview", "development"]
# The sandbox's storefront has DATABASE_URL for production, NEXT_PUBLIC_API_URL for all.
CODE = """\
export const url = process.env.DATABASE_URL;
export const api = process.env.NEXT_PUBLIC_API_URL;
export const level = process.env.LOG_LEVEL ?? "info";
export const mode = process.env.NODE_ENV;
export const name = process.env[key];

export const queue = process.env.QUEUE_URL;
"""
ROWS = [
    {"key": "DATABASE_URL", "file": "src/a.ts", "line": 1, "missing": ["preview", "development"], "optional": False},
    {"key": "LOG_LEVEL", "file": "src/a.ts", "line": 3, "missing": EVERY, "optional": True},
    {"key": "QUEUE_URL", "file": "src/a.ts", "line": 7, "missing": EVERY, "optional": False},
]
DYNAMIC = "note: 1 dynamic access, which can't be checked: src/a.ts:5"


def write(folder: Path, **files: str) -> None:
    """Write source files; "__" in a name is a folder, "_" before the end a dot."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_what_is_missing(dpx: Program, sandbox: Sandbox) -> None:
    """Rows, what can't be checked on stderr, exit 10 with the command that sets the first; --target narrows it."""
    write(dpx.cwd, src__a_ts=CODE)
    result = dpx("env", "scan", *ON, "--json")
    assert (result.code, result.json) == (10, ROWS), result
    assert DYNAMIC in result.err
    assert result.error["code"] == "check_failed"
    assert result.error["message"] == "Missing in the project: DATABASE_URL, QUEUE_URL"
    # The target that has it stays.
    every = "production,preview,development"
    assert result.error["hint"] == f"Run: dpx env set DATABASE_URL --project storefront --target {every}"
    assert dpx("env", "scan", *ON).rows == [
        ["DATABASE_URL", "src/a.ts:1", "preview,development", "false"],
        ["LOG_LEVEL", "src/a.ts:3", every, "true"],
        ["QUEUE_URL", "src/a.ts:7", every, "false"],
    ]
    write(dpx.cwd, src__a_ts="process.env.DATABASE_URL; process.env.NEXT_PUBLIC_API_URL")
    result = dpx("env", "scan", *ON, "--target", "production", "--json")
    assert (result.code, result.json, result.err) == (0, [], ""), result
    result = dpx("env", "scan", *ON, "-t", "production,preview", "--json")
    assert result.code == 10
    assert [row["missing"] for row in result.json] == [["preview"]]
    assert "--target production,preview" in result.err
    sandbox.clear_requests()
    assert (dpx("env", "scan").code, sandbox.requests) == (2, [])
    assert dpx("env", "scan", "-p", "nosuch").code == 3
    for words in (("scan", ""), ("check", ""), ("import", ""), ("diff", "")):
        empty = dpx("env", *words, *ON)
        assert (empty.code, " is empty.\n" in empty.err) == (2, True), empty
    assert dpx("link", "storefront").code == 0
    hint = "hint: Run: dpx env set DATABASE_URL --target production,preview\n"
    assert dpx("env", "scan", "-t", "production,preview").err.endswith(hint), "--project is the link's"


def test_what_is_optional_is_listed_and_no_failure(dpx: Program) -> None:
    """Only if every reading has a default; the place shown is one that has none."""
    write(
        dpx.cwd,
        a_js="process.env.A || 1;\nprocess.env.B ?? 2;\n",
        b_js="\nprocess.env.B;\n",
        c_py="import os\nos.getenv('C', '')\n",
    )
    result = dpx("env", "scan", *ON, "--json")
    assert result.code == 10
    assert [(row["key"], row["file"], row["line"], row["optional"]) for row in result.json] == [
        ("A", "a.js", 1, True),
        ("B", "b.js", 2, False),
        ("C", "c.py", 2, True),
    ]
    (dpx.cwd / "b.js").write_text("", encoding="utf-8")
    result = dpx("env", "scan", *ON, "--json")
    assert (result.code, len(result.json), result.err) == (0, 3, ""), result


def test_built_ins_are_not_wanted(dpx: Program) -> None:
    """The platform sets them; those of other platforms it doesn't."""
    names = ("NODE_ENV", "PORT", "CI", "MODE", "DEV", "PROD", "SSR", "BASE_URL", "npm_package_name")
    write(dpx.cwd, a_js="".join(f"process.env.{name}; import.meta.env.{name};" for name in (*names, "VERCEL_URL")))
    assert dpx("env", "scan", *ON, "-q").out == "VERCEL_URL\n"


def test_path_is_a_directory_or_a_file(dpx: Program) -> None:
    """Files are named as a user finds them from the working directory."""
    write(dpx.cwd, apps__web__a_js="process.env.A", apps__api__b_py="import os\nos.environ['B']\n")
    assert [row["file"] for row in dpx("env", "scan", "apps", *ON, "--json").json] == ["apps/api/b.py", "apps/web/a.js"]
    assert dpx("env", "scan", "apps/web/", *ON, "--json").json[0]["file"] == "apps/web/a.js"
    assert dpx("env", "scan", "./apps/api/b.py", *ON, "--json").json[0]["file"] == "./apps/api/b.py"
    whole = dpx("env", "scan", str(dpx.cwd), *ON, "--json").json
    assert whole[0]["file"] == f"{dpx.cwd}/apps/api/b.py"
    assert dpx("env", "scan", "nowhere", *ON).code == 3


def test_in_a_repository_only_tracked_files_count(dpx: Program) -> None:
    """Build folders too if they are tracked; a file that git doesn't track never."""
    write(dpx.cwd, a_js="process.env.TRACKED", dist__b_js="process.env.BUILT", c_js="process.env.UNTRACKED")
    dpx.git("init")
    dpx.git("add", "a.js", "dist")
    assert dpx("env", "scan", *ON, "-q").out.split() == ["TRACKED", "BUILT"]
    # A subdirectory is a scan of its own.
    assert dpx("env", "scan", "dist", *ON, "--json").json[0]["file"] == "dist/b.js"
    (dpx.cwd / "a.js").unlink()
    assert dpx("env", "scan", *ON, "-q").out.split() == ["BUILT"]


def test_tracked_files_that_are_not_there_are_said(dpx: Program) -> None:
    """As in a sparse checkout: what they read isn't known, so nothing is called complete."""
    write(dpx.cwd, a_js="process.env.NEXT_PUBLIC_API_URL", sub__b_js="process.env.B", sub__c_js="process.env.C")
    dpx.git("init")
    dpx.git("add", ".")
    dpx.git("sparse-checkout", "set", "--no-cone", "/a.js")
    result = dpx("env", "scan", *ON)
    assert (result.code, result.out) == (0, ""), result
    assert "warning: Not in the working tree (sparse checkout?), so not checked: 2 tracked source files" in result.err
    assert "files: sub/b.js, sub/c.js\n" in result.err
    assert "every variable" not in result.err


def test_a_git_that_does_not_answer_is_said(dpx: Program) -> None:
    """The folder is read instead, ignored files and all; nothing is called complete."""
    write(dpx.cwd, a_js="process.env.NEXT_PUBLIC_API_URL", gen__b_js="process.env.IGNORED ?? 1")
    dpx.git("init")
    (dpx.cwd / ".git" / "HEAD").write_text("broken", encoding="utf-8")
    result = dpx("env", "scan", *ON)
    assert (result.code, [row[0] for row in result.rows]) == (0, ["IGNORED"]), result
    assert "warning: Git didn't list the files of this repository" in result.err
    (dpx.cwd / "gen" / "b.js").unlink()
    assert "every variable" not in dpx("env", "scan", *ON).err


def test_unused_lists_what_no_code_reads(dpx: Program) -> None:
    """With targets; places that may read them are said, and a directory without code."""
    unread = dpx("env", "scan", "--unused", *ON)
    assert (len(unread.rows), "No JavaScript, TypeScript or Python files found." in unread.err) == (3, True)
    write(dpx.cwd, a_js="process.env.DATABASE_URL ?? 1; process.env[name];")
    result = dpx("env", "scan", "--unused", *ON)
    assert (result.code, result.rows) == (
        0,
        [["NEXT_PUBLIC_API_URL", "production,preview,development"], ["STRIPE_SECRET_KEY", "production,preview"]],
    )
    assert "note: 1 dynamic access, which can't be checked: a.js:1" in result.err
    assert "These places may read variables that are listed here." in result.err
    assert dpx("env", "scan", "--unused", *ON, "-t", "development", "-q").out == "NEXT_PUBLIC_API_URL\n"


def test_outside_a_repository_build_folders_do_not_count(dpx: Program) -> None:
    """Nor do hidden folders and virtual environments, whatever they are called."""
    write(
        dpx.cwd,
        a_js="process.env.A",
        dist__b_js="process.env.C",
        own__lib__d_py="import os\nos.environ['D']",
        env__e_js="process.env.E",
    )
    for name in (".next", "node_modules/x", "sub/node_modules", "build", "coverage"):
        (dpx.cwd / name).mkdir(parents=True)
        (dpx.cwd / name / "x.js").write_text("process.env.F", encoding="utf-8")
    (dpx.cwd / "own" / "pyvenv.cfg").write_text("", encoding="utf-8")
    assert dpx("env", "scan", *ON, "-q").out.split() == ["A", "E"]


@pytest.mark.posix
def test_links_and_pipes_are_not_read(dpx: Program) -> None:
    """A link may lead anywhere, and a named pipe would block."""
    outside = dpx.home / "outside.js"
    outside.write_text("process.env.OUTSIDE", encoding="utf-8")
    (dpx.cwd / "link.js").symlink_to(outside)
    (dpx.cwd / "loop").symlink_to(dpx.cwd)
    os.mkfifo(dpx.cwd / "pipe.js")
    write(dpx.cwd, a_js="process.env.A")
    result = dpx("env", "scan", *ON, "-q", seconds=20)
    assert (result.code, result.out) == (10, "A\n"), result


def test_what_cannot_be_read_is_said(dpx: Program) -> None:
    """Invalid Python and generated files of several megabytes; the rest is scanned."""
    write(
        dpx.cwd, bad_py="import os\nprint os.environ['X']\n", big_js="process.env.BIG;" * 100_000, a_js="process.env.A"
    )
    (dpx.cwd / "odd.js").write_bytes(b"\xff\xfe process.env.ODD \x00")
    result = dpx("env", "scan", *ON, "-q")
    assert result.out.split() == ["A", "ODD"], result
    assert "warning: Can't read 2 files: bad.py, big.js" in result.err


def test_the_whole_environment_passed_on_is_said(dpx: Program) -> None:
    """Nothing is guessed of what a schema reads; the first places are named and all are counted."""
    write(dpx.cwd, a_ts="schema.parse(process.env);\n" * 7, b_py="import os\nSettings(**os.environ)\n")
    result = dpx("env", "scan", *ON)
    assert (result.code, result.out) == (0, ""), result
    assert "The whole environment is passed on in 8 places, which can't be checked" in result.err
    assert "a.ts:1, a.ts:2, a.ts:3, a.ts:4, a.ts:5 and 3 more" in result.err
