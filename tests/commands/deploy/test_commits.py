"""Commits of deployments: what isn't live yet, what a deployment contains, and waiting for a commit. With real git."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from fault_server import PROJECT, FaultServer, wait_until
from program import git

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

DEPLOY = ("deploy", "-p", "storefront", "--branch", "main")
DIFF = ("deploy", "diff", "-p", "storefront")


def commit(folder: Path, subject: str, *names: str) -> str:
    """Commit a change of some files and return its hash."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(subject, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def shop(dpx: Program) -> Program:
    """The program in a repository whose first commit is live."""
    git(dpx.cwd, "init", "-q")
    commit(dpx.cwd, "First", "package.json")
    assert dpx(*DEPLOY).code == 0
    return dpx


def gets(sandbox: Sandbox) -> list[str]:
    """Return the paths that were read; nothing else was requested."""
    assert {seen.method for seen in sandbox.requests} <= {"GET"}
    return [seen.path for seen in sandbox.requests]


# deploy diff


def test_what_is_not_live_yet(shop: Program, sandbox: Sandbox) -> None:
    """Newest first, then the files, lock files and manifests first; one request if the ID is known. None is said."""
    done = shop(*DIFF)
    assert (done.code, done.out) == (0, ""), done
    assert "No commits between" in done.err
    commit(shop.cwd, "Second", "src/a.js")
    third = commit(shop.cwd, "Third", "a.js", "package.json", "package-lock.json")
    sandbox.clear_requests()
    done = shop(*DIFF)
    assert done.code == 0, done
    assert [row[2:] for row in done.rows[:2]] == [["A", "Third"], ["A", "Second"]]
    assert done.rows[0][0] == third
    assert done.rows[2:] == [["package-lock.json"], ["package.json"], ["a.js"], ["src/a.js"]]
    assert len(gets(sandbox)) == 1
    found = shop(*DIFF, "--json").json
    assert set(found) == {"from", "to", "commits", "files", "rewritten"}
    assert (found["to"], found["rewritten"], len(found["commits"])) == (third, False, 2)
    assert set(found["commits"][0]) == {"sha", "date", "author", "subject"}
    assert shop(*DIFF, "--fields", "subject,author").rows == [["Third", "A"], ["Second", "A"]]
    shown = shop.tty(*DIFF).out
    assert f"{third[:7]} " in shown
    assert third not in shown


def test_a_summary_counts_the_commits_of_a_deployment(shop: Program, sandbox: Sandbox, tmp_path: Path) -> None:
    """Since the branch's READY one before it, at no extra request."""
    commit(shop.cwd, "Second", "x")
    sha = commit(shop.cwd, "Third", "x")
    sandbox.clear_requests()
    assert shop(*DEPLOY, "--summary", str(tmp_path / "summary.md")).code == 0
    assert f"| `{sha[:7]}` (2 commits) |" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert sum(seen.path.startswith("/projects") for seen in sandbox.requests) == 2, "the list and the POST"


def test_the_commits_of_a_deployment(shop: Program) -> None:
    """Since the READY one of its branch before it, or since another one."""
    first = shop("deploy", "get", "--latest", "-p", "storefront", "--json").json["id"]
    commit(shop.cwd, "Bad", "x")
    shop("deploy", "-p", "storefront", "--branch", "fail/x", "--sha", "HEAD")
    commit(shop.cwd, "Good", "x")
    identity = shop(*DEPLOY, "-q").out.strip()
    commit(shop.cwd, "Later", "x")
    for words in ((identity,), (identity, "--from", first)):
        found = shop(*DIFF, *words, "--json").json
        assert [each["subject"] for each in found["commits"]] == ["Good", "Bad"], words
    found = shop(*DIFF, "--from", identity, "--json").json
    assert [each["subject"] for each in found["commits"]] == ["Later"]


def test_a_project_below_the_top_has_its_own_commits(shop: Program) -> None:
    """Those that touch its directory or its paths; the number of the others is said."""
    shop.write('[project]\nslug = "storefront"\npaths = ["../../ui"]\n', "apps/web/deploxa.toml")
    for subject, name in (("Page", "apps/web/page"), ("Button", "ui/button"), ("Docs", "docs/x"), ("More", "docs/y")):
        commit(shop.cwd, subject, name)
    done = shop(*DIFF)
    assert [row[3] for row in done.rows[:2]] == ["Button", "Page"], done
    assert done.rows[2:] == [["apps/web/deploxa.toml"], ["apps/web/page"], ["ui/button"]]
    assert "note: 2 other commits don't touch apps/web, ui." in done.err


def test_rewritten_history_is_said(shop: Program) -> None:
    """And what differs is shown all the same."""
    git(shop.cwd, "commit", "-q", "--amend", "-m", "Amended")
    done = shop(*DIFF, "--json")
    assert done.json["rewritten"] is True
    assert [each["subject"] for each in done.json["commits"]] == ["Amended"]
    assert "warning: " in done.err


@pytest.mark.parametrize("depth", [True, False])
def test_a_commit_that_the_clone_lacks(shop: Program, tmp_path: Path, *, depth: bool) -> None:
    """Exit 3 with the command that fetches it."""
    live = git(shop.cwd, "rev-parse", "HEAD")
    commit(shop.cwd, "Second", "x")
    if depth:
        git(tmp_path, "clone", "-q", "--depth", "1", f"file://{shop.cwd}", "clone")
    else:
        git(tmp_path, "init", "-q", "clone")
        commit(tmp_path / "clone", "Other", "x")
    shop.cwd = tmp_path / "clone"
    done = shop(*DIFF)
    assert (done.code, done.out) == (3, ""), done
    assert f"Commit {live[:7]} of deployment" in done.err
    assert ("Run: git fetch --unshallow" if depth else f"Run: git fetch origin {live}") in done.err
    if depth:
        git(shop.cwd, "fetch", "-q", "--depth", "1", "origin", live)
        assert "this shallow clone lacks what is between, or it was rewritten. Run: git fetch" in shop(*DIFF).err


def test_a_commit_that_the_api_does_not_return(shop: Program, sandbox: Sandbox) -> None:
    """What this machine deployed is remembered; else it is said, exit 3."""
    sandbox.fault("* /** drop=commitSha")
    commit(shop.cwd, "Second", "x")
    shop(*DEPLOY)
    commit(shop.cwd, "Third", "x")
    assert [each["subject"] for each in shop(*DIFF, "--json").json["commits"]] == ["Third"]
    done = shop(*DIFF, env={"DPX_CACHE_DIR": str(shop.home / "other")})
    assert (done.code, done.out) == (3, ""), done
    assert "isn't known" in done.err


def test_diff_needs_a_repository_and_something_live(dpx: Program, sandbox: Sandbox) -> None:
    """Exit 2 before any request, and exit 3."""
    assert dpx(*DIFF).code == 2
    assert not sandbox.requests
    git(dpx.cwd, "init", "-q")
    commit(dpx.cwd, "First")
    sandbox.seed_project("bare")
    done = dpx("deploy", "diff", "-p", "bare")
    assert (done.code, done.out) == (3, ""), done
    assert "bare has no live deployment yet" in done.err


def test_status_says_how_far_the_branch_is_ahead(shop: Program, sandbox: Sandbox) -> None:
    """At no extra request; not where the commit isn't known, nor in the data formats."""
    commit(shop.cwd, "Second", "x")
    sandbox.clear_requests()
    assert "note: main is 1 commit ahead of what is live." in shop("status", "storefront").err
    assert len(gets(sandbox)) == 1
    assert shop("status", "storefront", "--json").err == ""
    assert shop("status", "docs").err == ""


# By commit


def test_a_commit_in_get_list_and_wait(shop: Program) -> None:
    """In full, abbreviated, or as git names it: the newest deployment of it, no matter who started it."""
    sha = git(shop.cwd, "rev-parse", "HEAD")
    newest = shop(*DEPLOY, "-q").out.strip()
    for name in (sha, sha[:7].upper(), "HEAD"):
        assert shop("deploy", "get", "--sha", name, "-p", "storefront", "--json").json["id"] == newest
    assert shop("deploy", "list", "--sha", sha, "-p", "storefront", "-q").out.split()[0] == newest
    assert len(shop("deploy", "list", "--sha", sha, "-p", "storefront", "-q").out.split()) == 2
    done = shop("deploy", "wait", "--sha", sha, "-p", "storefront")
    assert (done.code, done.out) == (0, "https://storefront.deploxa.com\n"), done


def test_wait_until_a_commit_is_deployed(shop: Program, sandbox: Sandbox) -> None:
    """By someone else, a little later."""
    sha = commit(shop.cwd, "Second")
    sandbox.clear_requests()
    running = shop.start("deploy", "wait", "--sha", sha, "-p", "storefront", "--appear", "30s")
    wait_until(lambda: sum(seen.path.endswith("/deployments") for seen in sandbox.requests) >= 2)
    assert shop(*DEPLOY, "--no-wait").code == 0
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (0, b"https://storefront.deploxa.com\n"), err
    assert f"Waiting for a deployment of commit {sha[:7]}".encode() in err


def test_a_commit_that_is_not_deployed(shop: Program, sandbox: Sandbox) -> None:
    """Exit 3 with the newest deployments and their commits; at once if no deployment has a commit."""
    live = git(shop.cwd, "rev-parse", "--short=7", "HEAD")
    for words in (("get",), ("wait", "--appear", "1s")):
        done = shop("deploy", *words, "--sha", "0123456", "-p", "storefront")
        assert (done.code, done.out) == (3, ""), done
        assert f"({live})" in done.err
    sandbox.fault("* /** drop=commitSha")
    for project in ("docs", "storefront"):  # this machine deployed the second one
        done = shop("deploy", "wait", "--sha", "0123456", "-p", project, "--appear", "20s")
        assert (done.code, done.out) == (3, ""), done
        assert "The API returns no commits" in done.err
    assert shop("deploy", "wait", "--sha", live, "-p", "storefront").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("get", "--sha", "zz"),
        ("list", "--sha", "012345"),
        ("wait", "--sha", "0123456", "--latest"),
        ("wait", "x", "--sha", "0123456"),
        ("wait", "--latest", "--appear", "1s"),
    ],
)
def test_what_is_no_commit_is_refused(dpx: Program, sandbox: Sandbox, words: tuple[str, ...]) -> None:
    """Before any request."""
    assert dpx("deploy", *words, "-p", "storefront").code == 2
    assert not sandbox.requests


# A failed deployment


def test_a_failed_deployment_names_missing_variables(shop: Program, tmp_path: Path) -> None:
    """Those that the code here reads and production lacks; no READY deployment of another branch."""
    shop.write('[project]\nslug = "storefront"\n')
    shop.write("process.env.NO_SUCH_KEY", "app.js")
    shop.git("checkout", "-q", "-b", "fail/x")
    commit(shop.cwd, "Last")
    done = shop("deploy", "--branch", "fail/x", "--summary", str(tmp_path / "summary.md"))
    assert (done.code, done.out) == (9, ""), done
    assert "The API has no build log. The project's page: http" in done.err
    assert "NO_SUCH_KEY is read at app.js:1, but isn't set for production." in done.err
    assert "dpx deploy again " in done.err
    assert "last READY" not in done.err
    assert "Error: Deployment" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_suspects_are_the_commits_since_the_last_ready_one(
    dpx_on_faults: Program, server: FaultServer, tmp_path: Path
) -> None:
    """At most five lines, with the command for the rest."""
    git(dpx_on_faults.cwd, "init", "-q")
    server.deployments[0].update(commitSha=commit(dpx_on_faults.cwd, "First"))
    for number in range(5):
        commit(dpx_on_faults.cwd, f"Change {number}", f"src/{number}.js", "package-lock.json")
    server.course = ("ERROR",)
    summary = tmp_path / "summary.md"
    done = dpx_on_faults("deploy", "-p", PROJECT, "--branch", "main", "--summary", str(summary))
    assert done.code == 9, done
    text = summary.read_text(encoding="utf-8")
    assert "Since then 5 commits changed package-lock.json" in text
    assert len([line for line in text.splitlines() if line.startswith("- ") and "Change " in line]) == 3
    lines = done.err.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("Since then 5 commits changed"))
    assert lines[at] == "Since then 5 commits changed package-lock.json, src/0.js, src/1.js, src/2.js and 2 more:"
    assert [line.split(" ", 3)[3] for line in lines[at + 1 : at + 4]] == [f"Change {n} (A)" for n in (4, 3, 2)]
    assert f"dpx deploy diff {server.deployments[0]['id']} --project {PROJECT}" in lines[at + 4]
    error = json.loads(dpx_on_faults("deploy", "-p", PROJECT, "--branch", "main", "--json").err.splitlines()[-1])
    assert "package-lock.json" in error["error"]["message"]
