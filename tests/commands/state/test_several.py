"""plan and apply for several files: which ones, in which order, and what is reported after a failure."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from fault_server import FaultServer, reply

if TYPE_CHECKING:
    from tests.conftest import Program


def write(dpx: Program, files: dict[str, str]) -> None:
    """Write a deploxa.toml into each directory."""
    for folder, text in files.items():
        dpx.write(text, f"{folder}/deploxa.toml")


def project(slug: str, *keys: str, needs: str = "") -> str:
    """A file."""
    needs = f"needs = [{needs}]\n" if needs else ""
    return f'[project]\nslug = "{slug}"\n{needs}[env]\n' + "".join(f'{key} = "1"\n' for key in keys)


@pytest.fixture
def repository(dpx: Program) -> Program:
    """A repository with three projects, and one that isn't tracked."""
    write(dpx, {"apps/web": project("storefront", "W", needs='"../api"'), "apps/api": project("api", "A")})
    write(dpx, {"docs": project("docs", "D1", "D2")})
    dpx.git("init", "-q")
    dpx.git("add", "-A")
    dpx.git("commit", "-q", "-m", "Add projects")
    write(dpx, {"untracked": project("brand-new")})
    return dpx


API, WEB = ["api", "set", "A", "new"], ["storefront", "set", "W", "new"]
DOCS = [["docs", "set", "D1", "new"], ["docs", "set", "D2", "new"]]


def test_which_files(repository: Program) -> None:
    """Files, directories and all below, each once, in the order given, in one table with the project first."""
    planned = repository("plan", "-r")
    assert (planned.code, planned.rows) == (0, [API, WEB, *DOCS]), planned
    assert planned.err == "3 projects: 4 to set, 0 unchanged.\n"
    assert repository("plan", "docs", "apps/api/deploxa.toml", "./docs").rows == [*DOCS, API]
    assert repository("plan", "-r", "apps").rows == [API, WEB]
    assert repository("plan", "docs").rows == [row[1:] for row in DOCS]
    rows = repository("plan", "--recursive", "--json").json
    assert [(row["project"], row["name"]) for row in rows] == [(row[0], row[2]) for row in [API, WEB, *DOCS]]
    assert repository("plan", "-r", "--exit-code").err.endswith(
        "error: Different from the file: api, storefront, docs\nhint: Run: dpx apply --recursive\n"
    )
    repository.cwd /= "apps"
    assert repository("plan", "-r").rows == [API, WEB]


def test_those_that_have_changed(repository: Program) -> None:
    """Since a base; none is an empty plan."""
    repository.write("x", "docs/page.md")
    repository.git("add", "docs")
    repository.git("commit", "-q", "-m", "Change docs")
    assert repository("plan", "--changed", "HEAD~1").rows == [row[1:] for row in DOCS]
    none = repository("plan", "--changed", "HEAD", "--exit-code", "--json")
    assert (none.code, none.out) == (0, "[]\n"), none
    assert repository("apply", "--changed", "HEAD", "-y").code == 0


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (("--changed", "HEAD", "docs"), 2, "--changed and FILE can't be used together"),
        (("--changed", "HEAD", "-r"), 2, "--changed and --recursive can't be used together"),
        (("-r", "docs/deploxa.toml"), 2, "--recursive needs a directory in a git repository"),
        (("-r", "untracked"), 3, "No deploxa.toml is tracked in untracked or below"),
        (("pipe",), 2, "error: pipe is not a regular file.\nhint: Replace it with a file."),
        (("docs", "nothing"), 3, "No such file: nothing"),
        ((".",), 3, "No such file: ./deploxa.toml"),
    ],
)
def test_files_that_are_none(repository: Program, argv: tuple[str, ...], code: int, message: str) -> None:
    """One line, before any request."""
    os.mkfifo(repository.cwd / "pipe")
    for command in (("plan",), ("apply", "-y")):
        result = repository(*command, *argv, "--debug")
        assert (result.code, result.out) == (code, ""), result
        assert message in result.err
        assert "GET" not in result.err


def test_mistakes_of_all_files_are_reported_at_once(dpx: Program) -> None:
    """Each on its own line, before any request; so are sources that must not be read."""
    write(dpx, {"a": '[project]\nslug = "a"\nnmae = ""\n', "b": "[env]\nB = 1\n"})
    result = dpx("plan", "a", "b", "--debug")
    assert (result.code, result.out) == (2, ""), result
    assert result.err == (
        "error: a/deploxa.toml:3:1: Unknown key nmae in [project] (did you mean name?).\n"
        'b/deploxa.toml:1:1: slug is missing: add slug = "SLUG" or slug = "ORG/SLUG" to [project].\n'
        "b/deploxa.toml:2:1: B must be a string or a table.\n"
        "hint: Fix these lines. Nothing was changed.\n"
    )
    write(dpx, {"a": project("docs") + 'A = {from = "file:.git"}\n', "b": project("api") + 'A = {from = "env:NONE"}\n'})
    assert "a/deploxa.toml:4:6: file:.git is a file that belongs to git" in dpx("plan", "a", "b").err
    write(dpx, {"a": project("docs") + 'A = {from = "env:NONE"}\n'})
    assert dpx("apply", "a", "b", "-y", "--debug").err == (
        "error: a/deploxa.toml:4:6: env:NONE is not set.\nb/deploxa.toml:4:6: env:NONE is not set.\n"
        "hint: Fix these lines. Nothing was changed.\n"
    )


def test_two_files_for_one_project(dpx: Program) -> None:
    """However it is specified: exit 2, and nothing is changed."""
    for first, second in (("docs", "Docs"), ("brand-new", "brand-new"), ("storefront", "acme/storefront")):
        write(dpx, {"a": project(first, "A"), "b": project(second, "A")})
        result = dpx("apply", "a", "b", "-y")
        assert (result.code, result.out) == (2, ""), result
        assert "error: Two files are for one project: a/deploxa.toml, b/deploxa.toml\n" in result.err


def test_needs(repository: Program) -> None:
    """Come first; what is not part of this apply counts as done."""
    applied = repository("apply", "apps/web", "apps/api", "-y")
    assert applied.code == 0, applied
    assert applied.err.index("api: Applied apps/api") < applied.err.index("storefront: Applied apps/web")
    assert applied.rows == [WEB, API]
    assert "Run: dpx deploy --project storefront --project api\n" in applied.err
    assert repository("apply", "apps/web", "-y").code == 0
    write(repository, {"apps/api": project("api", "A", needs='"../../docs"')})
    write(repository, {"docs": project("docs", needs='"../apps/web"')})
    cycle = repository("plan", "-r", "--debug")
    assert (cycle.code, "Projects need each other: " in cycle.err, "GET" in cycle.err) == (2, True, False), cycle
    write(repository, {"docs": project("docs", needs='"../nothing"')})
    missing = repository("plan", "docs")
    assert missing.err.startswith('error: docs/deploxa.toml:3:1: needs: "../nothing" has no deploxa.toml.\n')


def test_apply_asks_once(repository: Program) -> None:
    """For all projects; a refusal changes nothing."""
    refused = repository.tty("apply", "-r", answers=[("Apply this to 3 projects? [y/N]", "\r")])
    assert refused.code == 2
    assert "docs: set D1: new" in refused.out
    assert repository("plan", "-r").rows == [API, WEB, *DOCS]
    agreed = repository.tty("apply", "-r", answers=[("[y/N]", "y\r")])
    assert agreed.code == 0, agreed
    assert repository("plan", "-r", "--exit-code").code == 0


def test_it_stops_at_the_first_failure(dpx_on_faults: Program, server: FaultServer) -> None:
    """And says what is done, what failed and what was not begun; doing it again finishes."""
    dpx = dpx_on_faults
    write(dpx, {"a": project("new-a", "A"), "b": project("new-b", "B"), "c": project("new-c", "C")})
    server.on("POST", "/projects", reply(403, {"error": "No more projects"}), times=1, skip=1)
    failed = dpx("apply", "a", "b", "c", "-y")
    assert (failed.code, failed.out) == (5, ""), failed
    assert "new-b: error: No more projects" in failed.err
    assert failed.err.endswith(
        "error: new-b failed. Applied: new-a. Not begun: new-c.\n"
        "hint: To finish, run: dpx apply b/deploxa.toml c/deploxa.toml\n"
    )
    assert [each["slug"] for each in server.projects] == ["shop", "new-a"]
    assert dpx("apply", "a", "b", "c", "-y").code == 0
    assert [each["slug"] for each in server.projects] == ["shop", "new-a", "new-b", "new-c"]


def test_an_interrupted_apply_says_what_is_done(dpx_on_faults: Program, server: FaultServer) -> None:
    """Of each project; doing it again finishes."""
    dpx = dpx_on_faults
    write(dpx, {"a": project("new-a"), "b": project("new-b", "B"), "c": project("new-c", "C")})
    children: list[Any] = []

    def interrupt(_exchange: Any) -> None:
        children[0].send_signal(signal.SIGINT)
        children[0].wait()

    server.on("POST", "/env-vars", interrupt, times=1)
    children.append(dpx.start("apply", "a", "b", "c", "-y"))
    out, err = children[0].communicate(timeout=60)
    assert (children[0].returncode, out) == (130, b""), err
    assert err.decode().endswith(
        "new-a: Applied.\nnew-b: Interrupted; done: new-b; not done: B.\nnew-c: Nothing was changed.\n"
    )
    assert dpx("apply", "a", "b", "c", "-y").code == 0
    assert [each["slug"] for each in server.projects] == ["shop", "new-a", "new-b", "new-c"]


def test_a_project_that_can_not_be_read(dpx_on_faults: Program, server: FaultServer) -> None:
    """Plan shows the others and exits with its code; apply changes nothing."""
    dpx = dpx_on_faults
    server.projects.append({"id": "clm1docsdocsdocsdocsdocsdo", "name": "docs", "slug": "docs"})
    write(dpx, {"a": project("docs", "A"), "b": project("new-b", "B")})
    server.on("GET", "/projects/clm1docsdocsdocsdocsdocsdo", reply(403, {"error": "Not yours"}))
    result = dpx("plan", "a", "b")
    assert (result.code, [row[0] for row in result.rows]) == (5, ["create", "set"]), result
    assert "error: docs: Not yours" in result.err
    refused = dpx("apply", "a", "b", "-y")
    assert (refused.code, refused.out) == (5, ""), refused
    assert [each["slug"] for each in server.projects] == ["shop", "docs"]


def test_a_summary_for_a_pull_request(repository: Program) -> None:
    """A Markdown table in which nothing is markup, at most 60,000 bytes."""
    assert repository("plan", "-r", "--summary", "plan.md").code == 0
    text = (repository.cwd / "plan.md").read_text(encoding="utf-8")
    assert text.startswith("**Plan for 3 projects**\n")
    assert "| Project | Action | Name | Change |\n" in text
    assert "| docs | set | D1 | new |\n" in text
    write(repository, {"docs": '[project]\nslug = "docs"\ndescription = "' + "<b>|" * 30_000 + '"\n'})
    assert repository("plan", "docs", "--summary", "plan.md").code == 0
    text = (repository.cwd / "plan.md").read_text(encoding="utf-8")
    assert len(text) <= 60_000
    assert "<b>" not in text
    bad = repository("plan", "docs", "--summary", "no/such/place.md")
    assert (bad.code, "Can't write the summary to no/such/place.md" in bad.err) == (1, True), bad
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(repository.cwd / "step.md"), "CI": "true"}
    assert repository("apply", "apps/api", "-y", env=env).code == 0
    assert "| set | A | new |" in (repository.cwd / "step.md").read_text(encoding="utf-8")
    bad = repository("plan", "docs", env={**env, "GITHUB_STEP_SUMMARY": str(repository.cwd)})
    assert (bad.code, "Can't write to GITHUB_STEP_SUMMARY" in bad.err) == (0, True), bad
