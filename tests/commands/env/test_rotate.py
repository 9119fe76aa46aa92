"""`env where` and `env rotate`: one variable in many projects, whatever goes wrong in between."""

from __future__ import annotations

import functools
import http.server
import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from fault_server import wait_until

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Program

KEY = "DATABASE_URL"  # of storefront and api, not of docs
VALUE = "c4n4ry-value-8d2e"
POSTS = "POST /projects/*/env-vars"
DRY = ("env", "rotate", KEY, "--all", "--dry-run")


def posts(sandbox: Sandbox, what: str = "env-vars") -> Counter[str]:
    """Return how often each project was POSTed to with success, by the project's ID."""
    return Counter(
        seen.path.split("/")[-2]
        for seen in sandbox.requests
        if seen.method == "POST" and seen.path.endswith(what) and (seen.status or 500) < 300
    )


def rotate(dpx: Program, *words: str, value: str = VALUE) -> list[str]:
    """Return the arguments of a rotation whose value is in a file."""
    dpx.write(value, "value")
    return ["env", "rotate", KEY, "--from-file", "value", *words]


# where


def test_where(dpx: Program, sandbox: Sandbox) -> None:
    """Every project that has the key, or those of an organization; exit 3 with nothing on stdout for none."""
    assert dpx("env", "where", KEY).rows == [
        ["storefront", "production", "false"],
        ["api", "production,preview", "false"],
    ]
    assert dpx("env", "where", KEY, "--json").json[1] == {
        "project": "api",
        "projectId": sandbox.project_id("api"),
        "key": KEY,
        "targets": ["production", "preview"],
        "sensitive": False,
    }
    sandbox.seed_project("other", "globex")
    dpx("env", "set", f"{KEY}=1", "-p", "other")
    assert dpx("env", "where", KEY, "--org", "globex", "-q").out == "other\n"
    assert dpx("env", "where", KEY, "--org", "nope").code == 3
    for format_ in ((), ("--json",), ("--jsonl",), ("-q",)):
        result = dpx("env", "where", "NOBODY_HAS_IT", *format_)
        assert (result.code, result.out) == (3, ""), result
    assert dpx("env", "where", "1X").code == 2


def test_where_shows_what_it_can_read_and_fails_for_the_rest(dpx: Program, sandbox: Sandbox) -> None:
    """The exit code is the first failure's; a project that was deleted meanwhile is no failure."""
    sandbox.fault(f"GET /projects/{sandbox.project_id('api')}/env-vars 403")
    sandbox.fault(f"GET /projects/{sandbox.project_id('docs')}/env-vars 404")
    result = dpx("env", "where", KEY)
    assert result.code == 5, result
    assert [row[0] for row in result.rows] == ["storefront"]
    assert "api: " in result.err
    sandbox.clear_faults()
    sandbox.fault("GET /projects/*/env-vars 401")
    result = dpx("env", "where", KEY)
    assert (result.code, result.out) == (4, ""), result


# rotate


def test_rotate_keeps_targets_and_sensitive(dpx: Program, sandbox: Sandbox) -> None:
    """Each project has its own; those without the key are left alone."""
    dpx("env", "set", f"{KEY}=1", "-p", "api", "--sensitive")
    before = dpx("env", "where", KEY, "--json").json
    sandbox.clear_requests()
    result = dpx(*rotate(dpx, "--all", "--yes", "--json"))
    assert (result.code, result.json) == (0, before), result
    assert dpx("env", "where", KEY, "--json").json == before
    assert all(sandbox.env_is(project, KEY, VALUE) for project in ("storefront", "api"))
    assert posts(sandbox) == {row["projectId"]: 1 for row in before}
    assert VALUE not in result.out + result.err


def test_rotate_reads_stdin_and_takes_projects_or_an_organization(dpx: Program, sandbox: Sandbox) -> None:
    """Without any of them, the default project."""
    argv = ("env", "rotate", KEY, "--stdin", "-y")
    for number, (words, env) in enumerate(
        ((("-p", "api", "-p", "storefront"), {}), (("--org", "acme"), {}), ((), {"DPX_PROJECT": "api"}))
    ):
        value = f"value-{number}"
        result = dpx(*argv, *words, stdin=f"{value}\n".encode(), env=env)
        assert result.code == 0, result
        assert sandbox.env_is("api", KEY, value)
    assert sandbox.env_is("storefront", KEY, "value-1")


def test_rotate_asks_and_needs_yes_off_a_terminal(dpx: Program, sandbox: Sandbox) -> None:
    """No is the default; the question names the projects. --dry-run needs neither a value nor a yes."""
    result = dpx(*rotate(dpx, "--all"))
    assert (result.code, result.out, "--yes" in result.err) == (2, "", True), result
    assert sandbox.requests == []
    question = f"Change {KEY} in 2 projects (storefront, api)? [y/N]"
    assert dpx.tty(*rotate(dpx, "--all"), answers=[(question, "\r")]).code == 2
    assert [row["project"] for row in dpx(*DRY, "--json").json] == ["storefront", "api"]
    assert not posts(sandbox)
    assert dpx.tty(*rotate(dpx, "--all"), answers=[(question, "y\r")]).code == 0
    assert sandbox.env_is("api", KEY, VALUE)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        *((words, 2) for words in [("--all", "--org", "acme"), ("-p", "api", "--all"), (), ("--all", "--stdin")]),
        *((words, 3) for words in [("-p", "docs"), ("-p", "nowhere")]),
    ],
)
def test_rotate_refuses_what_it_cannot_do(dpx: Program, sandbox: Sandbox, words: tuple[str, ...], code: int) -> None:
    """Several reaches, none, two sources of the value; a key that no project in reach has."""
    result = dpx(*rotate(dpx, "-y", *words))
    assert (result.code, result.out) == (code, ""), result
    assert not posts(sandbox)
    assert dpx("env", "rotate", KEY, VALUE, "--all", "-y").code == 2
    assert VALUE not in dpx("env", "rotate", KEY, VALUE, "--all", "-y").err
    assert dpx("env", "rotate", KEY, "--all", "-y").err.endswith("hint: Pass --stdin or --from-file FILE.\n")


def test_rotate_that_fails_half_way_says_what_is_done(dpx: Program, sandbox: Sandbox) -> None:
    """The next run sets the variable everywhere again: nothing is remembered that could be wrong by then."""
    sandbox.fault(f"POST /projects/{sandbox.project_id('storefront')}/env-vars 403 x1")
    result = dpx(*rotate(dpx, "--all", "-y"))
    assert result.code == 5, result
    assert [row[0] for row in result.rows] == ["api"]
    assert "; done: api; not done: storefront" in result.err
    assert "run the same command again" in result.err
    assert dpx("env", "set", f"{KEY}=other", "-p", "api").code == 0
    again = dpx(*rotate(dpx, "--all", "-y"))
    assert again.code == 0, again
    assert [row[0] for row in again.rows] == ["storefront", "api"]
    assert all(sandbox.env_is(project, KEY, VALUE) for project in ("storefront", "api"))


def test_rotate_and_deploy(dpx: Program, sandbox: Sandbox) -> None:
    """Each project once, after all are set; a failed deployment is exit 9 and its project's."""
    ids = [sandbox.project_id(project) for project in ("storefront", "api")]
    result = dpx(*rotate(dpx, "--all", "-y", "--deploy", "--json"))
    assert result.code == 0, result
    assert [row["deployment"]["status"] for row in result.json] == ["READY", "READY"]
    assert [seen.path.rpartition("/")[2] for seen in sandbox.requests if seen.method == "POST"] == [
        *("env-vars", "env-vars", "deployments", "deployments")
    ]
    assert posts(sandbox, "deployments") == dict.fromkeys(ids, 1)
    assert "storefront: Deploying branch main (last deployed). Project from --all." in result.err
    sandbox.fault(f"POST /projects/{ids[1]}/deployments ERROR")
    result = dpx(*rotate(dpx, "--all", "-y", "--deploy"))
    assert result.code == 9, result
    assert "api: " in result.err


@pytest.mark.parametrize("words", [("--check", "/"), ("--fail-fast",), ("--deploy", "--check", "ftp://x")])
def test_what_only_a_deployment_has_needs_deploy(dpx: Program, sandbox: Sandbox, words: tuple[str, ...]) -> None:
    """Exit 2 before any request; so is a check that can't be requested."""
    result = dpx(*rotate(dpx, "--all", "-y", *words))
    assert (result.code, result.out, sandbox.requests) == (2, "", []), result


# Staged: one project after the other


STAGED = ("--deploy", "--fail-fast", "-y")


@pytest.fixture
def site(dpx: Program) -> Iterator[str]:
    """The URL of a server of the working directory: the path /value is there once a rotation's value is written."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(dpx.cwd))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_staged_rotation_goes_project_by_project(dpx: Program, sandbox: Sandbox, site: str) -> None:
    """Each is live and checked before the next one is changed; if the check fails, the others keep the old value."""
    result = dpx(*rotate(dpx, "--all", *STAGED, "--check", f"{site}/healthz", "--check-timeout", "1s"))
    assert (result.code, [row[0] for row in result.rows]) == (10, ["storefront"]), result
    assert f"--check {site}/healthz --check-timeout 1s --fail-fast --yes --project storefront" in result.err
    assert not sandbox.env_is("api", KEY, VALUE)
    sandbox.clear_requests()
    result = dpx(*rotate(dpx, "--all", *STAGED, "--check", f"{site}/value", "--json"))
    assert result.code == 0, result
    assert [row["deployment"]["status"] for row in result.json] == ["READY", "READY"]
    posted = [tuple(seen.path.split("/")[-2:]) for seen in sandbox.requests if seen.method == "POST"]
    ids = [sandbox.project_id(project) for project in ("storefront", "api")]
    assert posted == [(project, what) for project in ids for what in ("env-vars", "deployments")]
    assert "takes effect" not in result.err


def test_a_staged_rotation_stops_at_a_failure_and_lists_what_is_left(dpx: Program, sandbox: Sandbox) -> None:
    """With the command that continues; the projects behind it keep the old value."""
    failing = sandbox.project_id("storefront")
    sandbox.fault(f"POST /projects/{failing}/deployments ERROR x1")
    result = dpx(*rotate(dpx, "--all", *STAGED))
    assert result.code == 9, result
    assert [row[0] for row in result.rows] == ["storefront"]
    assert "warning: Not live in every project; done: none; not done: storefront, api\n" in result.err
    command = f"dpx env rotate {KEY} --from-file value --deploy --fail-fast --yes --project storefront --project api\n"
    assert f"note: To continue with the rest, run: {command}" in result.err
    assert posts(sandbox) == {failing: 1}
    assert not sandbox.env_is("api", KEY, VALUE)
    sandbox.fault(f"POST /projects/{failing}/env-vars 403 x1")
    sandbox.clear_requests()
    result = dpx(*command.split()[1:])
    assert (result.code, result.out, posts(sandbox, "deployments")) == (5, "", {}), result
    assert dpx(*command.split()[1:]).code == 0
    assert sandbox.env_is("api", KEY, VALUE)


# Many projects and faults


def seed(dpx: Program, sandbox: Sandbox, count: int) -> list[str]:
    """Give the sandbox projects that have the key, with different targets."""
    slugs = sandbox.seed_projects(count)
    for number, targets in enumerate(("production", "preview,development", "production,preview")):
        projects = [word for slug in slugs[number::3] for word in ("-p", slug)]
        sensitive = ["--sensitive"] * (number == 1)
        assert dpx("env", "set", "SHARED=old", *projects, "--target", targets, *sensitive).code == 0
    sandbox.clear_requests()
    return slugs


def test_many_projects_with_429_503_and_lost_answers(dpx: Program) -> None:
    """Each is set and deployed once, with its targets; the value is in no output and no file."""
    with Sandbox(build_seconds=0.02) as many:
        dpx.env.update({"DPX_API_URL": many.url, "DPX_TOKEN": many.token})
        slugs = seed(dpx, many, 60)
        before = dpx("env", "where", "SHARED", "--json").json
        for fault in ("429 after 10 x8", "503 after 20 x3", "lost after 30 x3", "429 retry-after=1 after 40 x4"):
            many.fault(f"{POSTS} {fault}")
        many.fault("POST /projects/*/deployments lost after 10 x2")
        many.fault("POST /projects/*/deployments 429 retry-after=1 after 20 x3")
        many.clear_requests()
        argv = ("env", "rotate", "SHARED", "--stdin", "--all", "-y", "--deploy", "--debug")
        result = dpx(*argv, stdin=VALUE.encode())
        assert (result.code, len(result.rows)) == (0, 60), result.err[-2000:]
        assert dpx("env", "where", "SHARED", "--json").json == before
        assert all(many.env_is(slug, "SHARED", VALUE) for slug in slugs)
        # A lost answer was sent again: the API has no other way to be sure.
        sent = [seen for seen in many.requests if seen.method == "POST" and "env-vars" in seen.path]
        assert len(sent) <= 60 + 8 + 3 + 3 + 4
        # One each, besides the one that it was seeded with.
        assert {len(many.deployments(slug)) for slug in slugs} == {2}
    assert VALUE not in result.out + result.err
    assert all(VALUE.encode() not in path.read_bytes() for path in dpx.home.rglob("*") if path.is_file())


@pytest.mark.posix
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_an_interrupted_rotation_can_be_done_again(dpx: Program, sandbox: Sandbox, name: str) -> None:
    """After kill -9 in the middle, too; but for that, deployments under way are named with the command to follow."""
    slugs = seed(dpx, sandbox, 12)
    dpx.write(VALUE, "value")
    argv = ("env", "rotate", "SHARED", "--from-file", "value", "--all", "-y", "--deploy")
    sandbox.fault("POST /projects/*/deployments slow 100ms")
    running = dpx.start(*argv)
    wait_until(lambda: sum(posts(sandbox, "deployments").values()) >= 5)
    running.send_signal(signal.Signals[name])
    _, err = running.communicate(timeout=30)
    assert running.returncode in {-signal.SIGKILL, 130}
    if name != "SIGKILL":
        assert b"To follow it, run: dpx deploy wait " in err, err.decode()
    result = dpx(*argv)
    assert result.code == 0, result
    assert len(result.rows) == 12
    assert all(sandbox.env_is(slug, "SHARED", VALUE) for slug in slugs)


def test_an_interrupted_change_says_what_is_done(dpx: Program, sandbox: Sandbox) -> None:
    """Which projects have the new value, and how many of the others may."""
    seed(dpx, sandbox, 60)
    dpx.write(VALUE, "value")
    sandbox.fault(f"{POSTS} slow 50ms")
    running = dpx.start("env", "rotate", "SHARED", "--from-file", "value", "--all", "-y")
    wait_until(lambda: sum(posts(sandbox).values()) >= 20)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"Interrupted. SHARED; done: " in err
    assert b"(up to 8 of those may be done)" in err
