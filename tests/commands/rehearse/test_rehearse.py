"""`dpx rehearse`: the real API sees GETs only, the command sees a copy, and its changes are told."""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import Any

import pytest

from dpx_cli.sandbox.server import Sandbox
from tests.conftest import Program

ON = ("-p", "storefront")
RELEASE = """\
set -e
dpx env set A=1 B=2 -p storefront
dpx env rm A -y -p storefront
dpx deploy -p storefront --branch main --no-wait
dpx projects update storefront --description changed
dpx projects create "New shop" --org acme
dpx projects delete api -y
"""
CHANGES = [
    {"action": "set", "project": "storefront", "name": "A"},
    {"action": "set", "project": "storefront", "name": "B"},
    {"action": "remove", "project": "storefront", "name": "A"},
    {"action": "deploy", "project": "storefront", "name": "main"},
    {"action": "update", "project": "storefront", "name": "description"},
    {"action": "create", "project": "new-shop", "name": "New shop"},
    {"action": "delete", "project": "api", "name": "api"},
]
ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


def in_order(changes: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return changes with those at the beginning, which run in parallel, in alphabetical order."""
    return sorted(changes[:2], key=lambda change: change["name"]) + changes[2:]


def assert_part(original: Any, copy: Any, path: str) -> None:
    """Assert that a copy has everything that the original has; lists of the copy may show more fields."""
    if isinstance(original, dict):
        for name, value in original.items():
            assert_part(value, copy[name], f"{path} {name}")
    elif isinstance(original, list):
        assert len(original) == len(copy), path
        for one, other in zip(original, copy, strict=True):
            assert_part(one, other, path)
    else:
        assert original == copy, path


@pytest.mark.posix
def test_every_change_is_told_and_none_is_made(dpx: Program, sandbox: Sandbox) -> None:
    """As a table after the command's own output, and in the report."""
    keys, deployments = sandbox.env_keys("storefront"), sandbox.deployments("storefront")
    result = dpx("rehearse", "--all", "--report", "report.json", "--", "sh", "-c", RELEASE, seconds=60)
    assert result.code == 0, result
    told = [dict(zip(("action", "project", "name"), row, strict=True)) for row in result.rows[-7:]]
    assert in_order(told) == CHANGES
    assert result.out.index("New shop") < result.out.index("set\tstorefront"), "the command's own output comes first"
    assert in_order(json.loads((dpx.cwd / "report.json").read_text(encoding="utf-8"))) == CHANGES
    assert {seen.method for seen in sandbox.requests} == {"GET"}
    assert (sandbox.env_keys("storefront"), sandbox.deployments("storefront")) == (keys, deployments)
    assert "Builds were assumed to succeed." in result.err


@pytest.mark.posix
def test_json_is_one_document(dpx: Program) -> None:
    """The command's own output goes to stderr then; an empty array if nothing would change."""
    result = dpx("rehearse", *ON, "--json", "--", "sh", "-c", "echo mine; dpx env set A=1 -p storefront")
    assert (result.code, result.json) == (0, CHANGES[:1]), result
    assert "mine" in result.err
    result = dpx("rehearse", *ON, "--json", "--", "true")
    assert (result.code, result.out) == (0, "[]\n")
    result = dpx("rehearse", *ON, "--", "true")
    assert (result.code, result.out) == (0, "")
    assert "no changes" in result.err


def test_refused_requests_do_not_count(dpx: Program) -> None:
    """Neither what the API would refuse nor what a fault refuses; a lost answer does."""
    result = dpx("rehearse", *ON, "--json", "--", "dpx", "api", "/projects", "-X", "POST", "-f", "name=")
    assert (result.code, result.json) == (2, []), result
    deploy = ("dpx", "deploy", *ON, "--branch", "main", "--no-wait", "--timeout", "3s")
    result = dpx("rehearse", *ON, "--json", "--fault", "POST /projects/*/deployments 400", "--", *deploy)
    assert (result.code, result.json) == (2, []), result
    result = dpx("rehearse", *ON, "--json", "--fault", "POST /projects/*/deployments lost x1", "--", *deploy)
    assert [change["action"] for change in result.json] == ["deploy"], result


def test_options_of_the_sandbox_work(dpx: Program, sandbox: Sandbox) -> None:
    """Another role, and a full build queue."""
    delete = ("--role", "member", "--json", "--", "dpx", "projects", "delete", "storefront", "-y")
    assert dpx("rehearse", *ON, *delete).code == 5
    deploy = ("--slots", "1", "--build-seconds", "60", "--", "dpx", "deploy", "-p", "storefront,docs", "--no-wait")
    result = dpx("rehearse", "--all", "--json", *deploy, "--branch", "main", "--timeout", "1s")
    assert (result.code, len(result.json)) == (6, 1), result
    assert {seen.method for seen in sandbox.requests} == {"GET"}


@pytest.mark.posix
def test_the_copy_answers_as_the_original(dpx: Program, sandbox: Sandbox) -> None:
    """With the same IDs, slugs, organizations, members, keys, targets, settings and deployments."""
    dpx("env", "set", "OWN=1", "-p", "docs", "--target", "preview")
    dpx("projects", "update", "docs", "--build-command", "make site")
    ids = {slug: sandbox.project_id(slug) for slug in ("storefront", "docs", "api")}
    paths = ["/projects", "/orgs", "/orgs/acme", "/orgs/globex/members", "/projects?org=globex"]
    for project in ids.values():
        paths += [f"/projects/{project}", f"/projects/{project}/env-vars", f"/projects/{project}/deployments"]
    script = "\n".join(f"dpx api '{path}'; echo" for path in paths)
    real = [dpx("api", path).out for path in paths]
    result = dpx("rehearse", "--all", "--", "sh", "-c", script, seconds=60)
    assert result.code == 0, result
    copied = [line for line in result.out.splitlines() if line]
    assert len(copied) == len(real)
    for path, copy, original in zip(paths, copied, real, strict=True):
        assert_part(json.loads(original), json.loads(copy), path)


def test_the_command_never_sees_the_real_token(dpx: Program, sandbox: Sandbox) -> None:
    """Neither in its environment nor through a file or a profile, whose organization is passed on."""
    (dpx.home / "token").write_text(sandbox.token, encoding="utf-8")
    dpx("profile", "set", "work", "--api-url", sandbox.url, "--org", "acme")
    more = {"DPX_TOKEN_FILE": str(dpx.home / "token"), "DPX_PROFILE": "work", "COPY": f"x{sandbox.token}"}
    result = dpx("rehearse", *ON, "--", sys.executable, "-c", ENVIRONMENT, env=more)
    assert result.code == 0, result
    assert sandbox.token not in result.out + result.err
    env = json.loads(result.out)
    assert env["DPX_API_URL"] != sandbox.url
    assert not more.keys() & env.keys()
    assert env["DPX_ORG"] == "acme"


@pytest.mark.posix
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("dpx env rm DATABASE_URL -y -p storefront", 10),
        ("dpx env rm DATABASE_URL -y -p storefront; exit 42", 10),
        ("dpx projects delete storefront -y", 10),
        ("dpx env set A=1 -p storefront", 0),
        ("dpx projects delete nosuch -y; exit 3", 3),
    ],
)
def test_fail_on_delete(dpx: Program, script: str, code: int) -> None:
    """10 if a project or a variable would be deleted, whatever the command said."""
    result = dpx("rehearse", *ON, "--fail-on", "delete", "--", "sh", "-c", script)
    assert result.code == code, result
    assert ("The command would delete storefront/" in result.err) == (code == 10)


def test_only_what_is_in_reach_exists(dpx: Program) -> None:
    """One project, several, those of an organization, all."""
    listed = ("--", "dpx", "projects", "list", "-q")
    assert dpx("rehearse", *ON, *listed).out.split() == ["storefront"]
    assert dpx("rehearse", *ON, "-p", "docs", "-p", "acme/storefront", *listed).out.split() == ["storefront", "docs"]
    assert dpx("rehearse", "--org", "acme", *listed).out.split() == ["storefront", "api"]
    assert dpx("rehearse", "--all", *listed).out.split() == ["storefront", "docs", "api"]
    assert dpx("rehearse", *listed, env={"DPX_PROJECT": "docs"}).out.split() == ["docs"]


def test_pages_and_projects_of_ones_own(dpx: Program, sandbox: Sandbox) -> None:
    """More projects than a page has, and one that belongs to no organization."""
    sandbox.seed_projects(110)
    dpx("projects", "create", "mine")
    listed = dpx("rehearse", "--all", "--", "dpx", "projects", "list", "-q", seconds=90).out.split()
    assert (len(listed), listed[0], set(listed)) == (114, "mine", {*sandbox.projects()})


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--", "true"], 2),
        (["--all"], 2),
        (["--all", "--org", "acme", "--", "true"], 2),
        ([*ON, "--all", "--", "true"], 2),
        (["--fail-on", "create", *ON, "--", "true"], 2),
        (["-p", "nosuch", "--", "true"], 3),
        (["--org", "nosuch", "--", "true"], 3),
        ([*ON, "--fault", "nonsense", "--", "true"], 2),
        ([*ON, "--", "no-such-command"], 3),
        ([*ON, "--", sys.executable, "-c", "exit(42)"], 42),
        pytest.param([*ON, "--", "sh", "-c", "kill -TERM $$"], 143, marks=pytest.mark.posix),
    ],
)
def test_mistakes(dpx: Program, sandbox: Sandbox, argv: list[str], code: int) -> None:
    """Nothing on stdout, and nothing is changed; the command's own exit code otherwise."""
    result = dpx("rehearse", *argv)
    assert (result.code, result.out) == (code, ""), result
    assert {seen.method for seen in sandbox.requests} <= {"GET"}


def test_what_cannot_be_read_is_not_rehearsed(dpx: Program, sandbox: Sandbox) -> None:
    """A copy with holes would mislead: the command isn't run; nor is it without a token."""
    sandbox.fault("GET /projects/*/env-vars 500 x9")
    result = dpx("rehearse", *ON, "--", "touch", "ran")
    assert (result.code, result.out) == (1, ""), result
    assert dpx("rehearse", *ON, "--", "touch", "ran", env={"DPX_TOKEN": ""}).code == 4
    assert not (dpx.cwd / "ran").exists()


@pytest.mark.posix
def test_ctrl_c_reaches_the_command_and_what_it_did_is_told(dpx: Program) -> None:
    """A script that is interrupted half-way has changed something."""
    script = "dpx env set A=1 -p storefront >/dev/null; echo ready; exec sleep 30"
    process = dpx.start("rehearse", *ON, "--", "sh", "-c", script)
    try:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 143
    assert out == b"set\tstorefront\tA\n"
