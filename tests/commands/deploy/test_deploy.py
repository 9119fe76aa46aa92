"""`dpx deploy` as it is installed: streams, exit codes, signals, and the deployments counted at the server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import fault_server as faults
import program
import pytest
from fault_server import PROJECT, FaultServer, wait_until

from dpx_cli.api import once

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Program

POST = ("POST", ".*/deployments")


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for what was lost soon, where dpx runs in this process."""
    monkeypatch.setattr(once, "RECHECK_DELAYS", (0.0, 0.05, 0.1))


@pytest.fixture
def dpx_on_faults(dpx_on_faults: Program, server: FaultServer) -> Program:
    """The program in a folder that is no repository, on a server whose deployments are READY at the second look."""
    server.course = ("BUILDING", "READY")
    dpx_on_faults.env.update({"DPX_PROJECT": PROJECT, "CI": "1"})
    return dpx_on_faults


@pytest.fixture
def checkout(dpx_on_faults: Program) -> Program:
    """The program in a repository with one commit on main."""
    dpx_on_faults.git("init", "-q")
    dpx_on_faults.git("commit", "-q", "--allow-empty", "-m", "Fix the cart\n\nAt length.")
    return dpx_on_faults


# What goes where


def test_the_url_alone_is_on_stdout(dpx: Program) -> None:
    """And what happens is on stderr."""
    done = dpx("deploy", "--project", "storefront", "--branch", "main")
    assert done.code == 0, done
    assert done.out.startswith("https://")
    assert done.out.count("\n") == 1
    assert "QUEUED" in done.err or "BUILDING" in done.err
    assert "\x1b" not in done.out + done.err


def test_the_final_object_is_on_stdout_with_json(dpx_on_faults: Program, server: FaultServer) -> None:
    """As the API tells it, unknown fields included; it waits all the same."""
    done = dpx_on_faults("deploy", "-q")
    assert (done.code, done.out) == (0, f"{server.deployments[0]['id']}\n"), done
    done = dpx_on_faults("deploy", "--json")
    assert done.code == 0, done
    assert done.json == {**server.deployments[0], "url": f"https://{server.deployments[0]['deployment_domain']}"}
    assert done.json["status"] == "READY"
    assert server.made == 2


def test_an_error_with_json_gives_the_object_and_the_error(dpx_on_faults: Program, server: FaultServer) -> None:
    """One on each stream."""
    server.course = ("ERROR",)
    done = dpx_on_faults("deploy", "--json")
    assert done.code == 9, done
    assert done.json["status"] == "ERROR"
    assert done.error["code"] == "deployment_failed"
    assert done.error["hint"].startswith("See dpx deploy get ")
    assert set(done.error) == {"code", "message", "hint", "status", "request"}


def test_no_wait_prints_the_id(dpx_on_faults: Program, server: FaultServer) -> None:
    """And looks no further."""
    done = dpx_on_faults("deploy", "--no-wait")
    assert (done.code, done.out) == (0, f"{server.deployments[0]['id']}\n"), done
    assert server.count("GET", "/deployments/.*") == 0
    done = dpx_on_faults("deploy", "--no-wait", "--json")
    assert done.json == {"id": server.deployments[0]["id"], "status": "QUEUED", "url": None}
    assert server.made == 2


def test_on_a_terminal_there_is_a_live_line_and_then_the_url(dpx: Program) -> None:
    """The line is erased when it is over."""
    done = dpx.tty("deploy", "--project", "storefront", "--branch", "main", env={"CI": ""})
    assert done.code == 0, done
    assert "\r\x1b[K" in done.out
    assert done.out.rstrip().splitlines()[-1].startswith("https://")


@pytest.mark.parametrize("status", ["READY", "ERROR"])
def test_wait_ends_as_deploy_does(dpx_on_faults: Program, server: FaultServer, status: str) -> None:
    """With the URL, or 9."""
    server.course = ("BUILDING", status)
    made = server.make("main")
    done = dpx_on_faults("deploy", "wait", made["id"])
    if status == "READY":
        assert (done.code, done.out) == (0, f"https://{made['deployment_domain']}\n"), done
    else:
        assert (done.code, done.out) == (9, ""), done
        assert done.err.endswith(f"dpx deploy again {made['id']} --project shop\n")
        done = dpx_on_faults("deploy", "wait", made["id"], env={"DPX_PROJECT": ""})
        assert "The API has no build log.\nhint: " in done.err
        assert done.err.endswith(f"dpx deploy again {made['id']} --project PROJECT\n")
    done = dpx_on_faults("deploy", "wait", made["id"], "--json")
    assert done.json["status"] == status


def test_wait_never_prints_another_projects_url(dpx_on_faults: Program, server: FaultServer) -> None:
    """The folder's project need not be the deployment's."""
    server.on("GET", "/deployments/.*", faults.reply(200, {"data": {"id": "clm1elsewhere", "status": "READY"}}))
    done = dpx_on_faults("deploy", "wait", "clm1elsewhere")
    assert (done.code, done.out) == (0, ""), done
    assert "warning:" in done.err


@pytest.mark.parametrize("command", [("deploy", "get"), ("deploy", "wait")])
@pytest.mark.parametrize("name", ["..", "a/b", "a?b", "%2e%2e", "\udcff"])
def test_no_id_changes_the_path(
    dpx_on_faults: Program, server: FaultServer, command: tuple[str, str], name: str
) -> None:
    """It never leaves the machine."""
    done = dpx_on_faults(*command, os.fsencode(name).decode("utf-8", "surrogateescape"))
    assert (done.code, done.out) == (2, ""), done
    assert server.connections == 0


# What is sent


def test_what_is_given_is_sent_and_nothing_else(dpx_on_faults: Program, server: FaultServer) -> None:
    """Neither null nor a default; an empty text is a value."""
    dpx_on_faults("deploy", "--no-wait")
    assert server.requests[-1].body == b"{}"
    dpx_on_faults("deploy", "--no-wait", "--branch", "feature/ä", "--message", "", "--sha", "b" * 40)
    assert server.requests[-1].json == {"branch": "feature/ä", "commitMessage": "", "commitSha": "b" * 40}


@pytest.mark.parametrize("flag", ["--branch", "--message", "--sha"])
def test_text_that_is_not_utf8_is_refused(dpx_on_faults: Program, server: FaultServer, flag: str) -> None:
    """Before the POST."""
    done = dpx_on_faults("deploy", "--no-wait", flag, "a\udcffb")
    assert (done.code, done.out) == (2, ""), done
    assert server.count("POST") == 0


def test_git_tells_the_commit_where_head_is_the_branch(checkout: Program, server: FaultServer) -> None:
    """Of the branch given, and without one of the last deployed; with --no-git and on another branch nothing."""
    sha = checkout.git("rev-parse", "HEAD")
    commit = {"commitMessage": "Fix the cart", "commitSha": sha}
    for words, sent in (
        (("--branch", "main"), {"branch": "main", **commit}),
        ((), commit),
        (("--branch", "main", "--no-git"), {"branch": "main"}),
        (("--message", "mine"), {"commitMessage": "mine", "commitSha": sha}),
        (("--sha", sha[:7]), commit),
        (("--sha", "HEAD", "--message", "mine"), {"commitMessage": "mine", "commitSha": sha}),
        (("--sha", "b" * 40), {"commitSha": "b" * 40}),
        (("--branch", "other"), {"branch": "other"}),
        ((), {}),
    ):
        done = checkout("deploy", "--no-wait", *words)
        assert done.code == 0, done
        assert server.requests[-1].json == sent, words
    posts = server.count("POST")
    assert checkout("deploy", "--sha", "HEAD", "--no-git").code == 2, "git isn't asked"
    assert server.count("POST") == posts


def test_unpushed_commits_are_warned_of_and_deployed(checkout: Program, server: FaultServer, tmp_path: Path) -> None:
    """Also those of a branch that isn't checked out; `--no-git` silences it."""
    words = ("deploy", "--no-wait", "--branch", "main")
    checkout.git("init", "-q", "--bare", str(tmp_path / "remote"))
    checkout.git("remote", "add", "origin", str(tmp_path / "remote"))
    checkout.git("push", "-q", "-u", "origin", "main")
    assert "warning" not in checkout(*words).err
    checkout.git("commit", "-q", "--allow-empty", "-m", "two")
    assert "warning: main has 1 unpushed commit" in checkout(*words).err
    assert "warning" not in checkout(*words, "--no-git").err
    checkout.git("checkout", "-q", "-b", "other")
    assert "warning: main has 1 unpushed commit" in checkout(*words).err
    checkout.git("branch", "-q", "--no-track", "local")
    assert "warning: local has no upstream" in checkout(*words[:-1], "local").err
    assert "warning" not in checkout(*words[:-1], "remote-only").err
    assert server.made == 6


def test_ci_variables_tell_the_commit(dpx_on_faults: Program, server: FaultServer) -> None:
    """Of the branch that the CI built."""
    ci = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SHA": "a" * 40,
        "GITHUB_EVENT_NAME": "push",
    }
    dpx_on_faults("deploy", "--no-wait", "--branch", "main", "--ci-output", "never", env=ci)
    assert server.requests[-1].json["commitSha"] == "a" * 40
    dpx_on_faults("deploy", "--no-wait", "--branch", "other", "--ci-output", "never", env=ci)
    assert server.requests[-1].json == {"branch": "other"}


@pytest.mark.parametrize("status", ["READY", "ERROR"])
def test_github_actions_is_told(dpx_on_faults: Program, server: FaultServer, tmp_path: Path, status: str) -> None:
    """Outputs, a summary, an annotation on failure; stdout stays the URL, also if --summary can't be written."""
    server.course = (status,)
    files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    done = dpx_on_faults("deploy", "--summary", str(tmp_path), env={"GITHUB_ACTIONS": "true", **files})
    assert "warning: Can't write the summary to " in done.err
    outputs = dict(line.split("=", 1) for line in (tmp_path / "GITHUB_OUTPUT").read_text(encoding="utf-8").splitlines())
    assert outputs["deployment-id"] == server.deployments[0]["id"]
    assert outputs["deployment-status"] == status
    assert outputs["duration-seconds"].isdigit()
    assert "|" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
    if status == "READY":
        assert (done.code, done.out) == (0, f"{outputs['deployment-url']}\n")
        assert "::error::" not in done.err
    else:
        assert (done.code, done.out) == (9, "")
        assert "\n::error::" in done.err


def test_github_actions_is_told_of_what_kept_a_deployment_from_starting(
    dpx_on_faults: Program, server: FaultServer
) -> None:
    """An annotation, and no outputs: there is nothing to say of a deployment."""
    server.on(*POST, faults.refused(403, "Not yours"))
    done = dpx_on_faults("deploy", env={"GITHUB_ACTIONS": "true"})
    assert (done.code, done.out) == (5, "")
    assert "::error::Not yours" in done.err
    assert "::error::" not in dpx_on_faults("deploy", "--ci-output", "never", env={"GITHUB_ACTIONS": "true"}).err


@pytest.mark.parametrize("sha", ["abc1234", "HEAD", "", "b" * 39, "b" * 41, "g" * 40])
def test_a_sha_that_is_none_is_refused(dpx_on_faults: Program, server: FaultServer, sha: str) -> None:
    """Outside a checkout only 40 digits are one; nothing is sent."""
    done = dpx_on_faults("deploy", "--sha", sha)
    assert (done.code, done.out) == (2, ""), done
    assert server.requests == []


# The branch is never a surprise


def test_the_first_line_names_project_and_branch(dpx_on_faults: Program, server: FaultServer) -> None:
    """And where each comes from."""
    del dpx_on_faults.env["DPX_PROJECT"]
    first = dpx_on_faults("deploy", "--no-wait", "-p", PROJECT).err.splitlines()[0]
    assert first == f"Deploying {PROJECT} (--project), branch main (last deployed)."
    done = dpx_on_faults("deploy", "--no-wait", "--branch", "x", env={"DPX_PROJECT": PROJECT})
    assert done.err.splitlines()[0] == f"Deploying {PROJECT} (DPX_PROJECT), branch x (--branch)."
    dpx_on_faults.write(json.dumps({"projectId": PROJECT, "projectSlug": "shop"}), ".deploxa/project.json")
    first = dpx_on_faults("deploy", "--no-wait", "--json").err.splitlines()[0]
    assert first == "Deploying shop (link), branch x (last deployed)."
    server.deployments.clear()
    first = dpx_on_faults("deploy", "--no-wait").err.splitlines()[0]
    assert first == "Deploying shop (link), Deploxa's default branch (first deployment)."


def test_a_first_deployment_is_of_the_branch_you_are_on(checkout: Program, server: FaultServer) -> None:
    """Of HEAD's, in a CI of the CI's; it is sent, and a branch without a remote is warned of."""
    server.deployments.clear()
    checkout.git("checkout", "-q", "-b", "feature/x")
    done = checkout("deploy", "--no-wait")
    assert done.err.startswith(f"Deploying {PROJECT} (DPX_PROJECT), branch feature/x (HEAD, first deployment).\n")
    assert "warning: feature/x has no upstream" in done.err
    assert server.requests[-1].json["branch"] == "feature/x"
    server.deployments.clear()
    done = checkout("deploy", "--no-wait", env={"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "next"})
    assert "branch next (CI, first deployment)." in done.err
    assert server.requests[-1].json["branch"] == "next"


@pytest.mark.parametrize(("branch", "sent"), [("refs/heads/main", "main"), ("refs/tags/v1", None), ("", None)])
def test_a_branch_is_a_branch(dpx_on_faults: Program, server: FaultServer, branch: str, sent: str | None) -> None:
    """Without what git puts in front of it; a tag is refused before any request."""
    done = dpx_on_faults("deploy", "--no-wait", "-b", branch)
    assert done.code == (0 if sent else 2), done
    assert [request.json.get("branch") for request in server.requests if request.method == "POST"] == [sent] * bool(
        sent
    )


def test_a_dry_run_is_a_sentence_on_a_terminal(dpx: Program) -> None:
    """A table only for several; it keeps project and branch at 40 columns."""
    done = dpx.tty("deploy", "-p", "docs", "--branch", "main", "--dry-run", columns=40)
    assert done.out.replace("\r", "").split("\n")[0].startswith("Would deploy docs (--project), branch main")
    table = dpx.tty("deploy", "-p", "docs", "-p", "storefront", "--branch", "main", "--dry-run", columns=40).out
    assert "Project" in table
    assert "Branch" in table


def test_why_git_refuses_is_said(checkout: Program, server: FaultServer) -> None:
    """A plain deployment goes on with a warning; what asked for git ends with git's reason."""
    folder = checkout.home / "bin"
    folder.mkdir()
    refusal = "fatal: detected dubious ownership in repository at '/x'\n\tgit config --global --add safe.directory /x"
    (folder / "git").write_text(f'#!/bin/sh\necho "{refusal}" >&2\nexit 128\n', encoding="utf-8")
    (folder / "git").chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = checkout("deploy", "--no-wait", env=env)
    assert done.code == 0, done
    assert "unknown: git says: detected dubious ownership" in done.err
    sent = server.count("POST")
    for option in ("--changed", "--sha"):
        done = checkout("deploy", option, "HEAD", env=env)
        assert (done.code, "detected dubious ownership" in done.err) == (2, True), done
        assert "run: git config --global --add safe.directory /x" in done.err
    assert server.count("POST") == sent


def test_head_on_another_branch_is_warned_of(checkout: Program) -> None:
    """With the command for it; a given branch is no surprise."""
    assert "HEAD is on" not in checkout("deploy", "--no-wait").err
    checkout.git("checkout", "-q", "-b", "feature/x")
    done = checkout("deploy", "--no-wait")
    assert "warning: HEAD is on feature/x, but main will be deployed" in done.err
    assert f"run: dpx deploy --branch feature/x --project {PROJECT}\n" in done.err
    for words in (("--branch", "main"), ("--no-git",)):
        assert "HEAD is on" not in checkout("deploy", "--no-wait", *words).err


def test_a_dry_run_only_reads(checkout: Program, server: FaultServer) -> None:
    """And shows API, project, branch, what would be sent, and what is under way."""
    sha = checkout.git("rev-parse", "HEAD")
    server.deployments[0]["status"] = "BUILDING"
    done = checkout("deploy", "--dry-run", "--json")
    assert done.code == 0, done
    assert done.json == {
        "api": server.url,
        "profile": "default",
        "project": {"id": PROJECT, "name": PROJECT, "source": "DPX_PROJECT"},
        "branch": {"name": "main", "source": "last deployed"},
        "request": {"commitMessage": "Fix the cart", "commitSha": sha},
        "underWay": [server.deployments[0]],
    }
    done = checkout("deploy", "--dry-run")
    assert done.code == 0, done
    for shown in (server.url, PROJECT, "main", "Fix the cart", sha, server.deployments[0]["id"]):
        assert shown in done.out
    assert {request.method for request in server.requests} == {"GET"}


def test_a_failed_deployment_names_the_last_good_one(dpx_on_faults: Program, server: FaultServer) -> None:
    """Of its branch, with its age, the project's page, and the command that tries again."""
    server.deployments[0].update(status="ERROR")
    server.deployments[1].update(branch="other")
    server.deployments[2].update(created_at="2020-01-02T03:04:05Z")
    server.course = ("ERROR",)
    good = server.deployments[2]["id"]
    done = dpx_on_faults("deploy", "--branch", "main")
    assert (done.code, done.out) == (9, ""), done
    lines = done.err.splitlines()
    at = lines.index(f"error: Deployment {server.deployments[0]['id']} (branch main) failed.")
    page = f"http://127.0.0.1:{server.port}/projects/shop"
    assert lines[at + 1] == f"The API has no build log. The project's page: {page}"
    assert lines[at + 2] == f"The branch's last READY deployment is {good}, created 2020-01-02."
    assert done.err.rstrip().endswith(f"dpx deploy again {server.deployments[0]['id']} --project {PROJECT}")
    assert server.count("GET", ".*/deployments") == 1


@pytest.mark.parametrize("words", [("deploy",), ("deploy", "wait")])
def test_a_timeout_is_8_and_shows_the_last_object_seen(
    dpx_on_faults: Program, server: FaultServer, words: tuple[str, ...]
) -> None:
    """And says how to continue."""
    server.course = ("BUILDING",)
    made = [server.make("main")["id"]] if len(words) > 1 else []
    done = dpx_on_faults(*words, *made, "--json", "--timeout", "300ms")
    assert done.code == 8, done
    assert done.json == {**server.deployments[0], "url": None}
    assert done.error["code"] == "wait_timeout"
    assert done.error["hint"] == f"Run: dpx deploy wait {server.deployments[0]['id']}"
    done = dpx_on_faults(*words, *made, "--timeout", "300ms")
    assert (done.code, done.out) == (8, ""), done


def test_the_look_up_of_the_url_is_within_the_timeout(dpx_on_faults: Program, server: FaultServer) -> None:
    """Though the server doesn't respond to it."""
    server.course = ("READY",)
    bare = {"id": "clm1bare", "status": "READY", "branch": "main"}
    server.on(*POST, faults.reply(201, {"data": bare}))
    server.on("GET", "/deployments/clm1bare", faults.reply(200, {"data": bare}))
    server.on("GET", ".*", faults.stall, skip=1)
    began = time.monotonic()
    done = dpx_on_faults("deploy", "--timeout", "300ms", env={"DPX_TIMEOUT": "60"})
    assert time.monotonic() - began < faults.SOON
    assert (done.code, done.out) == (0, ""), done
    assert "no URL" in done.err


# Never two deployments, from outside


def test_a_lost_response_is_found_and_followed(dpx_on_faults: Program, server: FaultServer) -> None:
    """And there is one deployment. Every kind of loss: tests/api/deploy/test_create.py."""
    server.on(*POST, faults.html_502, effect=True)
    done = dpx_on_faults("deploy", "--branch", "main")
    assert done.code == 0, done
    assert done.out == f"https://{server.deployments[0]['deployment_domain']}\n"
    assert (server.count(*POST), server.made) == (1, 1)


@pytest.mark.parametrize("others", [0, 2])
def test_a_lost_response_is_11_if_nothing_or_too_much_is_new(
    dpx_on_faults: Program, server: FaultServer, others: int
) -> None:
    """The candidates and the way to find out are on stderr, nothing on stdout."""

    def lose(exchange: faults.Exchange) -> None:
        for _ in range(others):
            server.make("main")
        faults.reset(exchange)

    server.on(*POST, lose)
    done = dpx_on_faults("deploy", "--branch", "main", "--json")
    assert (done.code, done.out) == (11, ""), done
    assert done.error["code"] == "outcome_unknown"
    assert "dpx deploy list" in done.error["hint"]
    assert done.error["request"] == f"POST /projects/{PROJECT}/deployments"
    assert PROJECT not in done.error["message"]
    assert all(deployment["id"] in done.error["message"] for deployment in server.deployments[:others])
    assert server.count(*POST) == 1


def test_a_busy_server_is_waited_for_and_then_6(dpx_on_faults: Program, server: FaultServer) -> None:
    """Until --timeout; what is waited for is said."""
    server.on(*POST, faults.refused(429, "no free build slot", "1"))
    done = dpx_on_faults("deploy", "--timeout", "1.2s", "--json")
    assert (done.code, done.out) == (6, ""), done
    assert "no free build slot" in done.err
    assert done.error["code"] == "rate_limited"
    assert server.made == 0
    assert server.count(*POST) == 2


def test_one_timeout_holds_for_the_slot_and_the_build(dpx_on_faults: Program, server: FaultServer) -> None:
    """It is how long somebody waits."""
    server.course = ("BUILDING",)
    server.on(*POST, faults.refused(429, "busy", "1"), times=1)
    began = time.monotonic()
    assert dpx_on_faults("deploy", "--timeout", "1.3s").code == 8
    assert time.monotonic() - began < faults.SOON


# Signals


@pytest.mark.parametrize(
    ("during", "number", "code"),
    [("post", signal.SIGINT, 130), ("wait", signal.SIGTERM, 143), ("summary", signal.SIGTERM, 143)],
)
def test_a_signal_tells_how_to_go_on(
    dpx_on_faults: Program, server: FaultServer, during: str, number: signal.Signals, code: int
) -> None:
    """During the POST the deployment may have started; later its ID is known. It is never sent again."""
    server.course = ("READY" if during == "summary" else "BUILDING",)
    if during == "post":
        server.on(*POST, faults.stall, effect=True)
    if during == "summary" and hasattr(os, "mkfifo"):
        os.mkfifo(dpx_on_faults.cwd / "read-by-nobody")
    running = dpx_on_faults.start("deploy", "--summary", "read-by-nobody", env={"DPX_TIMEOUT": "20"})
    wait_until(lambda: server.count(*(POST if during == "post" else ("GET", "/deployments/.*"))))
    time.sleep(0.5)
    running.send_signal(number)
    out, err = (stream.decode() for stream in running.communicate(timeout=20))
    assert (running.returncode, out) == (code, ""), err
    wanted = ["dpx deploy wait", server.deployments[0]["id"]]
    if during == "post":
        wanted = ["may have started", "dpx deploy list"]
    assert all(text in err for text in wanted), err
    assert "Traceback" not in err
    assert server.made == 1


def test_a_signal_while_waiting_for_a_slot_claims_nothing(dpx_on_faults: Program, server: FaultServer) -> None:
    """Nothing was started then."""
    server.on(*POST, faults.refused(429, "busy", "30"))
    running = dpx_on_faults.start("deploy")
    wait_until(lambda: server.count(*POST))
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (130, b""), err
    assert b"may have started" not in err


def test_a_reader_that_went_away_is_silent(dpx_on_faults: Program, server: FaultServer) -> None:
    """141, after one deployment."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as broken:
        env, cwd = dpx_on_faults.env, dpx_on_faults.cwd
        done = subprocess.run(
            [*program.PROGRAM, "deploy"], env=env, cwd=cwd, stdout=broken, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 141
    assert b"error" not in done.stderr
    assert server.made == 1


@pytest.mark.posix
@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_stream_never_makes_a_second_deployment(
    dpx_on_faults: Program, server: FaultServer, closed: int
) -> None:
    """Whichever it is; only a closed stdout is a failure, because the URL goes nowhere."""
    redirect = {0: "<&-", 1: ">&-", 2: "2>&-"}[closed]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirect}', "sh", *program.PROGRAM, "deploy"],
        env=dpx_on_faults.env,
        cwd=dpx_on_faults.cwd,
        capture_output=True,
        check=False,
    )
    assert done.returncode == (1 if closed == 1 else 0), done
    assert b"Traceback" not in done.stderr
    assert server.made == 1


# Lists


@pytest.mark.parametrize(("limit", "sizes"), [("1", ["1"]), ("100", ["100"]), ("250", ["100", "100", "50"])])
def test_limit_requests_no_more_than_it_needs(
    dpx_on_faults: Program, server: FaultServer, limit: str, sizes: list[str]
) -> None:
    """And says on stderr how to go on; --cursor does."""
    for _ in range(297):
        server.make("main")
    done = dpx_on_faults("deploy", "list", "--limit", limit, "--fields", "id")
    assert [request.query["limit"] for request in server.requests] == sizes
    cursor = done.err.split("--cursor ")[1].split()[0]
    others = dpx_on_faults("deploy", "list", "--cursor", cursor, "-q").out.split()
    assert (len(done.out.split()), len(others)) == (int(limit), 300 - int(limit))
    assert len({*done.out.split(), *others}) == 300


def test_get_passes_unknown_fields_through(dpx_on_faults: Program, server: FaultServer) -> None:
    """And neutralizes what a terminal must not see."""
    hostile = {"id": "x", "status": "READY", "branch": "a\x1b[31m\tb\n\u202e[bold]", "more": {"deep": [1]}}
    server.on("GET", "/deployments/.*", faults.reply(200, {"data": hostile}))
    assert dpx_on_faults("deploy", "get", "x", "--json").json == hostile
    done = dpx_on_faults("deploy", "get", "x")
    assert done.out.count("\n") == 1
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_server_text_is_no_command_of_github_actions(
    dpx_on_faults: Program, server: FaultServer, form: tuple[str, ...]
) -> None:
    """Neither on stdout nor on stderr; the annotation is one."""
    server.course = ("##[command]curl",)
    server.on(*POST, faults.refused(409, "##[command]curl ::x::"), skip=1)
    hostile = {"id": "x", "status": "READY", "branch": "##[command]curl", "deployment_domain": "::error::x"}
    server.on("GET", ".*/deployments", faults.reply(200, {"data": [hostile]}), skip=1)
    env = {"GITHUB_ACTIONS": "true"}
    done = dpx_on_faults("deploy", "--timeout", "400ms", *form, env=env)
    assert done.code == 8, done
    listed = dpx_on_faults("deploy", "list", *form, env=env)
    refused = dpx_on_faults("deploy", *form, env=env)
    for result in (done, listed, refused):
        assert "##[" not in result.out + result.err
        commands = [line for line in (result.out + result.err).splitlines() if line.lstrip().startswith("::")]
        assert all(line.startswith("::error::") for line in commands)
        assert len(commands) == (0 if result is listed else 1)


def test_scan_warns_of_what_the_code_reads_and_the_project_lacks(dpx: Program) -> None:
    """Before the deployment, which goes on."""
    dpx.write("const a = process.env.NO_SUCH_KEY\nconst b = process.env.B ?? 'x'\n", "app.js")
    done = dpx("deploy", "-p", "docs", "--branch", "main", "--scan", "--no-wait")
    assert done.code == 0, done
    assert "warning: NO_SUCH_KEY is read at app.js:1, but isn't set for production." in done.err
    assert "warning: B " not in done.err
    assert done.err.index("NO_SUCH_KEY") < done.err.index("started")
    assert dpx("deploy", "-p", "docs", "-p", "storefront", "--scan").code == 2


def test_hints_carry_the_profile(dpx_on_faults: Program, server: FaultServer) -> None:
    """That was given on the command line."""
    dpx_on_faults("profile", "set", "work")
    server.course = ("BUILDING",)
    done = dpx_on_faults("deploy", "--profile", "work", "--timeout", "300ms", "--json")
    assert done.error["hint"] == f"Run: dpx deploy wait {server.deployments[0]['id']} --profile work"
    server.on(*POST, faults.reset)
    done = dpx_on_faults("deploy", "--profile", "work", "--json")
    assert done.code == 11, done
    assert done.error["hint"].endswith(f"Run: dpx deploy list --project {PROJECT} --profile work")


@pytest.mark.parametrize("words", ["wait ID", "wait --latest", "again"])
def test_a_project_is_looked_up_within_the_timeout(dpx_on_faults: Program, server: FaultServer, words: str) -> None:
    """Though the list of projects is never answered; no second look is without any time left."""
    server.on("GET", "/projects", faults.stall)
    server.course = ("READY",)
    words = words.replace("ID", server.make("main")["id"])
    began = time.monotonic()
    done = dpx_on_faults("deploy", *words.split(), "-p", "slug", "--timeout", "300ms", env={"DPX_TIMEOUT": "60"})
    assert time.monotonic() - began < faults.SOON
    assert (done.code in (0, 8)) if "clm1" in words else (done.code == 7 and "within 0 s" not in done.err), done
