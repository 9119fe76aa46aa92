"""`dpx ci setup github` and `--changed`: the file, what asks before it is replaced, and the secret through gh."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]
from program import git

if TYPE_CHECKING:
    from tests.conftest import Program

WORKFLOW = Path(".github/workflows/deploy.yml")
SETUP = ("ci", "setup", "github", "-p", "acme/storefront")
GH = """\
#!/bin/sh
[ "$1" = repo ] && echo acme/shop && exit 0
echo "$@" > {folder}/gh-arguments
cat > {folder}/gh-input
env > {folder}/gh-environment
pwd > {folder}/gh-directory
{then}
"""


def fake_gh(dpx: Program, then: str = "exit 0") -> Path:
    """Put a gh that records what it's given in front of the path; returns where it records."""
    folder = dpx.home / "bin"
    folder.mkdir()
    (folder / "gh").write_text(GH.format(folder=folder, then=then), encoding="utf-8")
    (folder / "gh").chmod(0o755)
    dpx.env["PATH"] = f"{folder}:{dpx.env['PATH']}"
    return folder


def without_gh(dpx: Program) -> None:
    """Leave no gh on the path."""
    dpx.env["PATH"] = str(dpx.home)


def test_the_file_is_what_print_workflow_prints(dpx_offline: Program) -> None:
    """Written at the top of the repository, from a directory below as well; what sets the secret is said."""
    git(dpx_offline.cwd, "init")
    (dpx_offline.cwd / "below").mkdir()
    printed = dpx_offline("ci", "print-workflow", "github", "-p", "acme/storefront").out
    dpx_offline.cwd /= "below"
    result = dpx_offline(*SETUP)
    assert (result.code, result.out) == (0, ""), result
    assert (dpx_offline.cwd.parent / WORKFLOW).read_text(encoding="utf-8") == printed
    assert "Settings > Secrets and variables > Actions" in result.err
    assert result.err.rstrip().endswith("gh secret set DPX_TOKEN")


@pytest.mark.parametrize(("answer", "code"), [(None, 2), ("y", 0), ("", 2)])
def test_another_file_is_replaced_only_if_the_user_agrees(dpx_offline: Program, answer: str | None, code: int) -> None:
    """On a terminal it asks, and no is the default; elsewhere it needs --yes. The same text again is no change."""
    without_gh(dpx_offline)
    path = dpx_offline.cwd / WORKFLOW
    path.parent.mkdir(parents=True)
    path.write_text("mine", encoding="utf-8")
    result = dpx_offline(*SETUP)
    if answer is not None:
        result = dpx_offline.tty(*SETUP, answers=[("Replace it?", answer + "\n")])
    assert result.code == code, result
    assert (path.read_text(encoding="utf-8") == "mine") == (code == 2)
    assert ("--yes" in result.out + result.err) == (code == 2)
    assert [dpx_offline(*SETUP, "--yes").code, dpx_offline(*SETUP).code] == [0, 0]
    assert path.read_text(encoding="utf-8") != "mine"


@pytest.mark.posix
def test_with_yes_gh_sets_the_secret(dpx: Program) -> None:
    """Through standard input: the token is not in gh's arguments, its environment or our output."""
    folder = fake_gh(dpx)
    token = dpx.env["DPX_TOKEN"]
    assert dpx(*SETUP).code == 0
    assert "was not set: this is a sandbox's token.\n" in dpx(*SETUP, "-y").err
    assert not (folder / "gh-arguments").exists()
    del dpx.env["DPX_API_URL"]
    result = dpx(*SETUP, "-y")
    assert result.code == 0, result
    assert (folder / "gh-arguments").read_text(encoding="utf-8") == "secret set DPX_TOKEN --repo acme/shop\n"
    assert (folder / "gh-input").read_text(encoding="utf-8") == token
    assert token not in (folder / "gh-environment").read_text(encoding="utf-8")
    assert (folder / "gh-directory").read_text(encoding="utf-8").strip() == str(dpx.cwd)
    assert token not in result.out + result.err
    assert "Setting the secret DPX_TOKEN of acme/shop to your token" in result.err


@pytest.mark.posix
def test_a_gh_that_fails_is_a_warning(dpx: Program) -> None:
    """The file is there, and what sets the secret is said; a token in gh's message isn't shown."""
    del dpx.env["DPX_API_URL"]
    fake_gh(dpx, f"echo 'To get started, run: gh auth login {dpx.env['DPX_TOKEN']}' >&2; exit 4")
    result = dpx(*SETUP, "-y")
    assert result.code == 0, result
    assert "warning: The secret DPX_TOKEN was not set: gh: To get started, run: gh auth login ***" in result.err
    assert result.err.rstrip().endswith("gh secret set DPX_TOKEN")
    assert dpx.env["DPX_TOKEN"] not in result.err


def test_without_gh_or_a_token_the_way_is_said(dpx_offline: Program) -> None:
    """The workflow needs neither."""
    fake_gh(dpx_offline)
    for words in ("was not set", "gh isn't installed"):
        result = dpx_offline(*SETUP, "-y")
        assert (result.code, words in result.err) == (0, True), result
        without_gh(dpx_offline)


@pytest.mark.posix
def test_nothing_of_a_checkout_is_run_or_followed(dpx: Program) -> None:
    """Only absolute directories of PATH count, and a link out of the repository is not written through."""
    (dpx.cwd / "gh").write_text("#!/bin/sh\ntouch ran\n", encoding="utf-8")
    (dpx.cwd / "gh").chmod(0o755)
    dpx.env["PATH"] = f".:{dpx.home}"
    assert dpx(*SETUP, "-y").code == 0
    assert not (dpx.cwd / "ran").exists()
    outside = dpx.home / "outside.yml"
    outside.write_text("mine", encoding="utf-8")
    (dpx.cwd / WORKFLOW).unlink()
    (dpx.cwd / WORKFLOW).symlink_to(outside)
    result = dpx(*SETUP, "-y")
    assert (result.code, outside.read_text(encoding="utf-8")) == (1, "mine"), result


def script_of(dpx: Program, system: str) -> tuple[str, Any]:
    """Return the script of the workflow for a monorepo, and the job that it is in."""
    text = dpx("ci", "print-workflow", system, "--changed").out
    found = yaml.safe_load(text)
    if system == "gitlab":
        return found["deploxa"]["script"][1], found["deploxa"]
    return found["jobs"]["deploy"]["steps"][-1]["run"], found["jobs"]["deploy"]


def test_changed_needs_the_history(dpx_offline: Program) -> None:
    """Both check out all of it, with an image that has git; the outputs are those of several projects."""
    for verb in ("print-workflow", "setup"):
        assert dpx_offline("ci", verb, "github", "--changed", "-p", "shop").code == 2
    assert not (dpx_offline.cwd / WORKFLOW).exists()
    _, job = script_of(dpx_offline, "github")
    assert job["steps"][0]["with"] == {"persist-credentials": False, "fetch-depth": 0}
    assert job["outputs"] == {"deployments": "${{ steps.deploy.outputs.deployments }}"}
    assert job["steps"][-1]["env"]["BASE"] == "${{ inputs.base || github.event.before }}"
    _, job = script_of(dpx_offline, "gitlab")
    assert job["variables"] == {"GIT_DEPTH": "0"}
    assert job["image"] == "python:3.13"


@pytest.mark.posix
@pytest.mark.parametrize(("system", "variable"), [("github", "BASE"), ("gitlab", "CI_COMMIT_BEFORE_SHA")])
def test_changed_compares_with_the_push_or_the_commit_before(dpx_offline: Program, system: str, variable: str) -> None:
    """A new branch has no commit before the push: forty zeros; a forced push names one that is gone."""
    script, _ = script_of(dpx_offline, system)
    folder = dpx_offline.home / "bin"
    folder.mkdir()
    (folder / "dpx").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/arguments\n', encoding="utf-8")
    (folder / "dpx").chmod(0o755)
    git(dpx_offline.cwd, "init")
    for number in range(3):
        git(dpx_offline.cwd, "commit", "--allow-empty", "-m", str(number))
    first = git(dpx_offline.cwd, "rev-parse", "HEAD~2")
    for given, base in ((first, first), ("0" * 40, "HEAD^"), ("f" * 40, "HEAD^"), ("", "HEAD^"), ("--all", "HEAD^")):
        env = {"PATH": f"{folder}:/usr/bin:/bin", variable: given}
        env |= {"GITHUB_REF_NAME": "main $(touch hacked)", "CI_COMMIT_REF_NAME": "main $(touch hacked)"}
        subprocess.run(["sh", "-ec", script], cwd=dpx_offline.cwd, env=env, check=True, timeout=30)
        told = (folder / "arguments").read_text(encoding="utf-8").splitlines()
        assert told[:5] == ["deploy", "--changed", base, "--branch", "main $(touch hacked)"]
    assert not (dpx_offline.cwd / "hacked").exists()
