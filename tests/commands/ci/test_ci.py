"""`dpx ci print-workflow`: the workflows lint clean, keep to least privilege, and let no name reach a shell's text."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]
from actionlint import lint
from github import GitHub

from dpx_cli import __version__
from dpx_cli.commands.ci import workflow
from dpx_cli.rollout import report

if TYPE_CHECKING:
    from tests.conftest import Program


def github_of(text: str) -> Any:
    """A GitHub workflow as data; `on` is a boolean to YAML 1.1."""
    found = yaml.safe_load(text)
    found["on"] = found.pop(True)
    return found


FLAGS = [[], ["--project", "acme/storefront"], ["--changed"], ["--drift", "--install", "action"]]


@pytest.mark.parametrize("flags", FLAGS)
def test_github_workflow_is_right_and_secure(dpx_offline: Program, flags: list[str]) -> None:
    """As actionlint and zizmor (in its strictest mode but for taste) see it; both ways to print it are the same."""
    result = dpx_offline("ci", "print-workflow", "github", *flags)
    assert result.code == 0, result
    assert result.out == dpx_offline("ci", "setup", "github", "--print", *flags).out
    path = dpx_offline.cwd / ".github" / "workflows" / "deploy.yml"
    path.parent.mkdir(parents=True)
    path.write_text(result.out, encoding="utf-8")
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    command = [zizmor, "--offline", "--no-progress", "--persona", "pedantic", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert lint(result.out) == []
    bad = result.out.replace('"$GITHUB_REF_NAME"', "${{ github.head_ref }}")
    assert any("github.head_ref" in line for line in lint(bad)), "its silence means something"


def test_plans_are_for_those_who_have_a_deploxa_toml(dpx_offline: Program) -> None:
    """A comment on pull requests of this repository, an issue on a schedule; each job has what it needs."""
    only = github_of(dpx_offline("ci", "setup", "github", "--print", "-p", "shop").out)
    assert (set(only["on"]), set(only["jobs"])) == ({"push", "workflow_dispatch"}, {"deploy"})
    assert "if" not in only["jobs"]["deploy"]
    (dpx_offline.cwd / "deploxa.toml").write_text('[project]\nslug = "shop"\n', encoding="utf-8")
    planned = github_of(dpx_offline("ci", "setup", "github", "--print").out)
    assert set(planned["jobs"]) == {"deploy", "plan"}
    assert planned["jobs"]["plan"]["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert "user.login != 'dependabot[bot]'" in planned["jobs"]["plan"]["if"], "its pull requests get no secrets"
    drifting = github_of(dpx_offline("ci", "setup", "github", "--print", "--drift").out)
    assert drifting["on"]["schedule"]
    assert drifting["jobs"]["drift"]["permissions"] == {"contents": "read", "issues": "write"}
    assert all("${{" not in step.get("run", "") for job in drifting["jobs"].values() for step in job["steps"])
    jobs = yaml.safe_load(dpx_offline("ci", "setup", "gitlab", "--print", "--drift").out)
    assert set(jobs) == {"deploxa", "deploxa-plan", "deploxa-drift"}


def run_job(dpx: Program, github: GitHub, job: str) -> None:
    """Run the scripts of a job as a runner does, with the real gh."""
    steps = github_of(dpx("ci", "setup", "github", "--print", "--drift").out)["jobs"][job]["steps"]
    output = dpx.home / "output"
    output.write_text("", encoding="utf-8")
    env = {**dpx.env, **github.env, "NUMBER": "7", "GITHUB_OUTPUT": str(output)}
    for step in steps[3:]:
        subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], cwd=dpx.cwd, env=env, check=True, timeout=60)
        env["CODE"] = output.read_text(encoding="utf-8").strip().removeprefix("code=")


@pytest.mark.posix
def test_the_plan_is_one_comment_and_drift_one_issue(dpx: Program) -> None:
    """Created the first time, changed afterwards; the issue is closed when nothing differs any more."""
    dpx.git("init", "-q")
    dpx.write('[project]\nslug = "storefront"\ndescription = "new"\n')
    dpx.git("add", ".")
    with GitHub() as github:
        run_job(dpx, github, "plan")
        assert github.comments[3]["body"].startswith("<!-- dpx plan -->\n**Plan for storefront**")
        dpx.write('[project]\nslug = "storefront"\ndescription = "newer"\n')
        github.comments.append({**github.comments[3], "id": 4})  # of two, the first one is changed
        run_job(dpx, github, "plan")
        assert github.changes == ["POST /issues/7/comments", "PATCH /issues/comments/3"]
        assert "newer" in github.comments[3]["body"]
        github.changes.clear()
        for _ in range(2):
            run_job(dpx, github, "drift")
        assert github.issues[3]["title"] == "Deploxa differs from deploxa.toml"
        assert "newer" in github.issues[3]["body"]
        assert dpx("apply", "-y").code == 0
        for _ in range(2):  # the second time there is nothing to close
            run_job(dpx, github, "drift")
        assert github.changes == ["POST /issues", *["PATCH /issues/3"] * 2]
        assert github.issues[3]["state"] == "closed"


def test_github_workflow_is_what_was_promised(dpx_offline: Program) -> None:
    """Hashes, least permissions, one at a time, a timeout, the token from a secret, and no expression in a script."""
    found = github_of(dpx_offline("ci", "print-workflow", "github", "-p", "acme/storefront").out)
    assert found["permissions"] == {"contents": "read"}
    assert found["concurrency"]["cancel-in-progress"] is False
    job = found["jobs"]["deploy"]
    assert job["timeout-minutes"] == 20
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert scripts == [
        f"{workflow.INSTALL} https://github.com/deploxa/dpx/releases/download/v{__version__}/requirements.txt",
        'dpx deploy --project "$DPX_PROJECT" --branch "$GITHUB_REF_NAME" --timeout 15m',
    ]
    assert job["steps"][-1]["env"] == {"DPX_TOKEN": "${{ secrets.DPX_TOKEN }}", "DPX_PROJECT": "acme/storefront"}
    assert job["steps"][-1]["id"] == "deploy"
    assert job["outputs"] == {"url": "${{ steps.deploy.outputs.deployment-url }}"}
    for step in job["steps"]:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step.get("uses", f"a/b@{'0' * 40}"))
    assert job["steps"][0]["with"] == {"persist-credentials": False}


def test_gitlab_job_is_what_was_promised(dpx_offline: Program) -> None:
    """The same for GitLab, with the report of `--ci-output gitlab` under its own name."""
    found = yaml.safe_load(dpx_offline("ci", "print-workflow", "gitlab", "-p", "acme/storefront").out)
    job = found.pop("deploxa")
    assert found == {}
    assert set(job) <= {
        *("stage", "image", "rules", "resource_group", "interruptible", "timeout", "variables", "script", "artifacts"),
    }
    assert job["variables"] == {"DPX_PROJECT": "acme/storefront"}
    assert all(isinstance(line, str) for line in job["script"])
    assert job["script"][1] == (
        'dpx deploy --project "$DPX_PROJECT" --branch "$CI_COMMIT_REF_NAME" --timeout 15m --ci-output gitlab'
    )
    assert job["artifacts"] == {"when": "always", "reports": {"dotenv": report.GITLAB_FILE}}
    assert job["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'}]
    assert "DPX_TOKEN" not in json.dumps(job)


def test_the_setup_action_installs_this_version(dpx_offline: Program) -> None:
    """If that's asked for, and only in GitHub Actions."""
    workflow = github_of(dpx_offline("ci", "setup", "github", "--print", "--install", "action").out)
    action = f"deploxa/dpx/.github/actions/setup@v{__version__}"
    assert workflow["jobs"]["deploy"]["steps"][1] == {"uses": action, "with": {"version": __version__}}
    result = dpx_offline("ci", "setup", "gitlab", "--install", "action")
    assert (result.code, "The setup action is for GitHub Actions." in result.err) == (2, True), result


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_without_a_project_the_repository_names_one(dpx_offline: Program, system: str) -> None:
    """Said on stderr."""
    result = dpx_offline("ci", "print-workflow", system)
    assert result.code == 0, result
    assert result.err.startswith("note: The workflow deploys the project with the name of the repository.")
    assert ("github.event.repository.name" in result.out) == (system == "github")
    assert ("DPX_PROJECT: $CI_PROJECT_NAME\n" in result.out) == (system == "gitlab")
    assert not re.search("@[A-Z]", result.out), "a placeholder is left"


@pytest.mark.parametrize("slug", ["${{secrets.OTHER}}", "$OTHER", 'a"b', "a\nb", "a b", "-x", "../x"])
def test_a_hostile_link_file_gets_nothing_into_a_workflow(dpx: Program, slug: str) -> None:
    """It comes with a checkout; a good one specifies the project by its slug, which people can read."""
    assert dpx("link", "acme/storefront").code == 0
    found = github_of(dpx("ci", "print-workflow", "github").out)
    assert found["jobs"]["deploy"]["steps"][-1]["env"]["DPX_PROJECT"] == "acme/storefront"
    content = json.dumps({"projectId": "x", "projectSlug": slug})
    (dpx.cwd / ".deploxa" / "project.json").write_text(content, encoding="utf-8")
    result = dpx("ci", "print-workflow", "github")
    assert (result.code, result.out) == (2, ""), result


@pytest.mark.posix
@pytest.mark.parametrize(("system", "ref"), [("github", "GITHUB_REF_NAME"), ("gitlab", "CI_COMMIT_REF_NAME")])
def test_the_scripts_deploy_and_run_nothing_that_a_branch_is_called(dpx: Program, system: str, ref: str) -> None:
    """The printed script itself, in a shell, against the sandbox."""
    branch = "feature/$(touch hacked)`touch hacked`;touch${IFS}hacked"
    found = yaml.safe_load(dpx("ci", "print-workflow", system, "-p", "storefront").out)
    script = found["deploxa"]["script"][1] if system == "gitlab" else found["jobs"]["deploy"]["steps"][-1]["run"]
    env = {**dpx.env, ref: branch, "DPX_PROJECT": "storefront"}
    env["PATH"] = f"{Path(shutil.which('python') or '').parent}{os.pathsep}{env['PATH']}"
    done = subprocess.run(["sh", "-ec", script], env=env, cwd=dpx.cwd, capture_output=True, check=False)
    assert done.returncode == 0, done
    assert done.stdout == b"https://storefront.deploxa.com\n"
    assert not (dpx.cwd / "hacked").exists()
    assert (dpx.cwd / report.GITLAB_FILE).exists() == (system == "gitlab")
