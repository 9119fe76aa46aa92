"""`dpx deploy` of several projects, of those that have changed, and `deploy wait` of several deployments."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from fault_server import wait_until

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from fault_server import FaultServer

    from tests.conftest import Program


def posts(sandbox: Sandbox) -> int:
    """Count the deployments that were created."""
    return sum(seen.method == "POST" and seen.status == 201 for seen in sandbox.requests)


def test_each_gets_a_line_in_the_order_given(dpx: Program, sandbox: Sandbox) -> None:
    """Slug, tab, URL; the lines on stderr have the slug in front."""
    done = dpx("deploy", "-p", "storefront", "-p", "docs", "--branch", "main")
    assert done.code == 0, done
    assert done.rows == [["storefront", "https://storefront.deploxa.com"], ["docs", "https://docs.deploxa.com"]]
    assert {line.split(":")[0] for line in done.err.splitlines()} == {"storefront", "docs"}
    assert "docs: Deploying branch main (--branch). Project from --project.\n" in done.err
    assert posts(sandbox) == 2


def test_one_that_fails_stops_no_other(dpx: Program, sandbox: Sandbox) -> None:
    """The exit code is that of the first in the order given; only those READY are on stdout."""
    done = dpx("deploy", "-p", "nope", "-p", "docs", "-p", "storefront")
    assert done.code == 3, done
    assert [row[0] for row in done.rows] == ["docs", "storefront"]
    assert "nope: error: No such project" in done.err
    assert "error: 1 of 3 failed: nope." in done.err
    sandbox.clear_requests()
    done = dpx("deploy", "-p", "docs", "-p", "storefront", "--branch", "fail/x")
    assert (done.code, done.out) == (9, ""), done
    assert done.err.count("The API has no build log") == 2, "once for each"
    assert posts(sandbox) == 2


def test_json_is_an_array(dpx: Program) -> None:
    """With exit code, URL, deployment and error of each."""
    done = dpx("deploy", "-p", "docs", "-p", "nope", "--json")
    assert done.code == 3, done
    good, bad = done.json
    assert set(good) == {"project", "exitCode", "url", "deployment", "error"}
    assert (good["project"], good["exitCode"], good["error"]) == ("docs", 0, None)
    assert good["url"] == "https://docs.deploxa.com"
    assert good["deployment"]["status"] == "READY"
    assert (bad["project"], bad["exitCode"], bad["url"], bad["deployment"]) == ("nope", 3, None, None)
    assert set(bad["error"]) == {"code", "message", "hint", "status", "request"}
    assert done.error["code"] == "not_found"


def test_fail_fast_begins_no_further_one(dpx: Program, sandbox: Sandbox) -> None:
    """What it left has the exit code null."""
    words = ["deploy", "-p", "nope", "-p", "docs", "-p", "acme/api", "--parallel", "1", "--fail-fast", "--json"]
    done = dpx(*words)
    assert done.code == 3, done
    assert [(item["project"], item["exitCode"]) for item in done.json] == [("nope", 3), ("docs", None), ("api", None)]
    assert posts(sandbox) == 0


def test_a_dry_run_of_several(dpx: Program, sandbox: Sandbox) -> None:
    """Shows each, and changes nothing."""
    done = dpx("deploy", "-p", "docs", "-p", "storefront", "--dry-run", "--json")
    assert [item["project"]["name"] for item in done.json] == ["docs", "storefront"], done
    assert {seen.method for seen in sandbox.requests} == {"GET"}


def test_slots_are_waited_for_in_turn(dpx_offline: Program) -> None:
    """Each project is deployed once, with few requests more than that needs."""
    count = 6
    with Sandbox(build_seconds=0.3, slots=2, projects=0) as sandbox:
        names = [sandbox.seed_project(f"site-{number}") and f"site-{number}" for number in range(count)]
        dpx_offline.env.update({"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token})
        words = [word for name in names for word in ("-p", name)]
        done = dpx_offline("deploy", *words, "--branch", "main", "--timeout", "60s")
        assert done.code == 0, done
        assert [row[0] for row in done.rows] == names
        assert posts(sandbox) == count
        refused = sum(seen.method == "POST" and seen.status == 429 for seen in sandbox.requests)
        assert refused <= count
        lists = sum(seen.path == "/projects" for seen in sandbox.requests)
        assert lists == 1


@pytest.fixture
def shops(dpx_on_faults: Program, server: FaultServer) -> Program:
    """The program, on a server with three projects whose deployments never end."""
    server.course = ("BUILDING",)
    for number in range(2):
        server.projects.append({"id": f"clm1otherotherotherother{number}", "slug": f"other-{number}"})
    return dpx_on_faults


def test_a_signal_prints_a_line_for_each(shops: Program, server: FaultServer) -> None:
    """What is still running and how to follow it."""
    running = shops.start("deploy", "-p", "shop", "-p", "other-0", "-p", "other-1", "--parallel", "2")
    wait_until(lambda: server.count("GET", "/deployments/.*") >= 4)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (143, b""), err
    told = err.decode().splitlines()[-3:]
    assert [line.split(":")[0] for line in told] == ["shop", "other-0", "other-1"]
    assert all("run: dpx deploy wait clm1deployment" in line for line in told[:2])
    assert told[2] == "other-1: Nothing was deployed."
    assert b"Traceback" not in err
    assert server.made == 2


def test_on_a_terminal_there_is_a_row_for_each(dpx: Program) -> None:
    """Drawn in place with colored statuses, and erased at the end."""
    done = dpx.tty("deploy", "-p", "docs", "-p", "storefront", "--branch", "main", env={"CI": ""}, columns=60)
    assert done.code == 0, done
    assert "\x1b[2A" in done.out
    assert "storefront  \x1b[33mBUILDING\x1b[0m" in done.out or "storefront  \x1b[33mQUEUED\x1b[0m" in done.out
    assert done.out.rstrip().splitlines()[-1] == "storefront\thttps://storefront.deploxa.com"


def test_the_events_of_several(dpx: Program) -> None:
    """One object a line as it happens, with the slug."""
    done = dpx("deploy", "-p", "docs", "-p", "storefront", "--branch", "main", "--jsonl")
    events = [json.loads(line) for line in done.out.splitlines()]
    for slug in ("docs", "storefront"):
        names = [event["event"] for event in events if event["project"] == slug]
        assert (names[0], names[-1]) == ("created", "ready"), done
    assert {key for event in events for key in event} == {"event", "project", "deployment", "elapsedSeconds"}


def test_github_is_told_of_all(dpx: Program, tmp_path: Path) -> None:
    """Outputs with an array, one table."""
    env = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(tmp_path / "out"), "GITHUB_STEP_SUMMARY": str(tmp_path / "s")}
    done = dpx("deploy", "-p", "docs", "-p", "nope", env=env)
    assert done.code == 3, done
    outputs = dict(line.split("=", 1) for line in (tmp_path / "out").read_text(encoding="utf-8").splitlines())
    assert [item["project"] for item in json.loads(outputs["deployments"])] == ["docs", "nope"]
    assert (tmp_path / "s").read_text(encoding="utf-8").count("\n| ") == 4
    assert "\n::error::nope: No such project" in done.err


# Waiting


def test_wait_of_several(dpx: Program) -> None:
    """An array in the order given; the first code that isn't 0."""
    ids = dpx("deploy", "-p", "docs", "-p", "storefront", "--branch", "main", "--no-wait", "-q").out.split()
    ids.append(dpx("deploy", "-p", "docs", "--branch", "fail/x", "--no-wait", "-q").out.strip())
    done = dpx("deploy", "wait", *ids, "--json")
    assert done.code == 9, done
    assert [(item["id"], item["status"]) for item in done.json] == list(
        zip(ids, ("READY", "READY", "ERROR"), strict=True)
    )
    done = dpx("deploy", "wait", *ids)
    assert done.rows == [[ids[0], "https://docs.deploxa.com"], [ids[1], "https://storefront.deploxa.com"]], done


def test_wait_writes_events(dpx: Program) -> None:
    """Never one of a creation."""
    made = dpx("deploy", "-p", "docs", "--branch", "main", "--no-wait", "-q").out.strip()
    done = dpx("deploy", "wait", made, "-p", "docs", "--jsonl")
    events = [json.loads(line) for line in done.out.splitlines()]
    assert events[-1]["event"] == "ready"
    assert events[-1]["project"] == "docs"
    assert "created" not in {event["event"] for event in events}


# What has changed


@pytest.fixture
def monorepo(dpx: Program) -> Program:
    """The program in a repository with two sites, a shared package and a base that is tagged."""
    for name, paths in (("docs", ""), ("storefront", 'paths = ["../ui"]\n')):
        dpx.write(f'[project]\nslug = "{name}"\n{paths}', f"{name}/deploxa.toml")
        dpx.write(name, f"{name}/page")
    dpx.write("1", "ui/button")
    dpx.git("init", "-q")
    save(dpx)
    dpx.git("tag", "base")
    return dpx


def save(dpx: Program) -> None:
    """Commit everything."""
    dpx.git("add", "-A")
    dpx.git("commit", "-q", "--allow-empty", "-m", "x")


@pytest.mark.parametrize(
    ("change", "deployed"),
    [
        ("docs/page", ["docs"]),
        ("ui/button", ["storefront"]),
        ("README", []),
        ("docs-more", []),
        ("", ["docs"]),
    ],
)
def test_changed(monorepo: Program, sandbox: Sandbox, change: str, deployed: list[str]) -> None:
    """The projects in whose directories or paths something changed or was moved away; the others are mentioned."""
    if change:
        monorepo.write("2", change)
    else:
        monorepo.git("mv", "docs/page", "page")
    save(monorepo)
    done = monorepo("deploy", "--changed", "base", "--branch", "main")
    assert done.code == 0, done
    assert [row[0] for row in done.rows] == deployed
    assert posts(sandbox) == len(deployed)
    for left in {"docs", "storefront"} - set(deployed):
        assert left in done.err
    array = monorepo("deploy", "--changed", "base", "--branch", "main", "--json").json
    assert [item["project"] for item in array] == deployed


def test_a_deploxa_toml_at_the_root_counts_every_change(monorepo: Program) -> None:
    """Its directory is the whole repository."""
    monorepo.write('[project]\nslug = "docs"\n', "deploxa.toml")
    (monorepo.cwd / "docs" / "deploxa.toml").unlink()
    save(monorepo)
    monorepo.git("tag", "-f", "base")
    monorepo.write("1", "anything")
    save(monorepo)
    assert [row[0] for row in monorepo("deploy", "--changed", "base", "--no-wait").rows] == ["docs"]


def test_changed_is_about_the_whole_repository(monorepo: Program) -> None:
    """Wherever the command runs."""
    monorepo.write("2", "docs/page")
    save(monorepo)
    monorepo.cwd = monorepo.cwd / "storefront"
    done = monorepo("deploy", "--changed", "base", "--no-wait")
    assert [row[0] for row in done.rows] == ["docs"], done
    assert "Project from ../docs/deploxa.toml." in done.err


@pytest.mark.parametrize(
    "root",
    [
        {"package.json": '{"workspaces": ["packages/*"]}'},
        {"package.json": '{"workspaces": {"packages": ["packages/**"]}}'},
        {"pnpm-workspace.yaml": "packages:\n  - 'packages/*'  # all\n  - '!packages/none'\n"},
    ],
)
def test_workspace_packages_count_as_paths(monorepo: Program, root: dict[str, str]) -> None:
    """Those that the project's package.json depends on, directly or through others, for development too."""
    packages = {
        "docs/package.json": '{"devDependencies": {"@shop/ui": "*"}}',
        "storefront/package.json": '{"dependencies": {"left-pad": "1"}}',
        "packages/ui/package.json": '{"name": "@shop/ui", "dependencies": {"@shop/base": "workspace:*"}}',
        "packages/base/package.json": '{"name": "@shop/base", "dependencies": {"@shop/ui": "*"}}',
        "packages/broken/package.json": "{",
    }
    for name, text in {**root, **packages}.items():
        monorepo.write(text, name)
    save(monorepo)
    monorepo.git("tag", "-f", "base")
    (monorepo.cwd / "packages" / "base" / "x.js").write_text("1", encoding="utf-8")
    save(monorepo)
    done = monorepo("deploy", "--changed", "base", "--no-wait")
    assert [row[0] for row in done.rows] == ["docs"], done


@pytest.mark.parametrize("base", ["0" * 40, "HEAD^"])
def test_on_a_first_push_every_project_has_changed(monorepo: Program, base: str) -> None:
    """With a note."""
    done = monorepo("deploy", "--changed", base, "--no-wait")
    assert [row[0] for row in done.rows] == ["docs", "storefront"], done
    assert "note: There is no commit to compare with" in done.err


@pytest.mark.parametrize("other", ["acme/storefront", "STOREFRONT", "ID"])
def test_one_project_specified_twice_is_deployed_once(dpx: Program, sandbox: Sandbox, other: str) -> None:
    """Though nothing about it is remembered; alone, it shows as one."""
    if other == "ID":
        projects = dpx("projects", "list", "--json", env={"DPX_CACHE_DIR": str(dpx.cwd)}).json
        other = next(project["id"] for project in projects if project["slug"] == "storefront")
    done = dpx("deploy", "-p", "storefront", "-p", other, "--branch", "main", "--no-wait", "-q")
    assert (done.code, done.out.count("\n"), posts(sandbox)) == (0, 1, 1), done
    done = dpx("deploy", "-p", "storefront", "-p", "docs", "-p", other, "--branch", "main", "--no-wait")
    assert ([row[0] for row in done.rows], posts(sandbox)) == (["storefront", "docs"], 3), done


# Order


@pytest.fixture
def ordered(monorepo: Program) -> Program:
    """The repository, in which storefront needs docs."""
    monorepo.write('[project]\nslug = "storefront"\nneeds = ["../docs"]\n', "storefront/deploxa.toml")
    monorepo.write("2", "docs/page")
    save(monorepo)
    return monorepo


@pytest.mark.parametrize("words", [("--changed", "base"), ("-p", "storefront", "-p", "docs")])
def test_a_project_follows_those_that_it_needs(ordered: Program, sandbox: Sandbox, words: tuple[str, ...]) -> None:
    """It begins when these are READY."""
    done = ordered("deploy", *words, "--branch", "main", "--jsonl")
    assert done.code == 0, done
    events = [json.loads(line) for line in done.out.splitlines()]
    order = [(event["project"], event["event"]) for event in events if event["event"] in ("created", "ready")]
    assert order == [("docs", "created"), ("docs", "ready"), ("storefront", "created"), ("storefront", "ready")]
    assert posts(sandbox) == 2


def test_what_needs_a_failure_is_not_begun(ordered: Program, sandbox: Sandbox) -> None:
    """Its exit code is null; a gate that doesn't hold is a failure, too."""
    done = ordered("deploy", "--changed", "base", "--branch", "main", "--max-build", "1ms", "--json")
    assert done.code == 10, done
    assert [(item["project"], item["exitCode"]) for item in done.json] == [("docs", 10), ("storefront", None)]
    assert "storefront: Not begun, because docs failed." in done.err
    assert posts(sandbox) == 1


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        ("", ("--changed=nope",), 2),
        ("", ("--changed=--output=x",), 2),
        ("", ("--changed=HEAD:docs",), 2),
        ("", ("--changed=base", "-p", "docs"), 2),
        ("[project]\nslug = 5\n", ("--changed=base",), 2),
        ('[project]\nslug = "gone"\n', ("--changed=base",), 3),
        ('[project]\nslug = "acme/storefront"\n', ("--changed=base",), 2),
        ('[project]\nslug = "docs"\nneeds = ["../storefront"]\n', ("--changed=base",), 2),
        ('[project]\nslug = "docs"\nneeds = ["../storefront"]\n', ("-p", "docs", "-p", "acme/storefront"), 2),
        ('[project]\nslug = "docs"\nneeds = ["../none"]\n', ("-p", "docs", "-p", "storefront"), 2),
    ],
)
def test_what_deploys_nothing(ordered: Program, sandbox: Sandbox, text: str, words: tuple[str, ...], code: int) -> None:
    """No commit; a wrong file; a slug that nothing has, or two files; needs in a circle, or of nothing."""
    if text:
        ordered.write(text, "docs/deploxa.toml")
        save(ordered)
    done = ordered("deploy", *words)
    assert (done.code, done.out) == (code, ""), done
    assert posts(sandbox) == 0
    assert bool(sandbox.requests) == ("gone" in text or "acme/" in text)
    if code == 3:
        assert "docs/deploxa.toml" in done.err
    if "none" in text:
        assert "error: docs/deploxa.toml:3:1: needs:" in done.err, "the path from here"


def test_changed_needs_a_repository(dpx: Program, sandbox: Sandbox) -> None:
    """Outside of one there is nothing to compare."""
    assert dpx("deploy", "--changed", "base").code == 2
    assert not sandbox.requests


def test_an_interrupted_slot_wait_deploys_nothing_later(shops: Program, server: FaultServer) -> None:
    """After the signal no worker sends anything."""
    server.on("POST", ".*/deployments", faults.refused(429, "busy"))
    running = shops.start("deploy", "-p", "shop", "-p", "other-0")
    wait_until(lambda: server.count("POST") >= 2)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=20)
    sent = server.count("POST")
    time.sleep(0.3)
    assert server.count("POST") == sent
    assert (running.returncode, server.made) == (130, 0)
