"""The project's own CI workflow."""

from __future__ import annotations

import re
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from actionlint import lint

from dpx_cli.commands.ci import workflows

PROJECT = Path(__file__).parents[1]
TEXT = (PROJECT / ".github" / "workflows" / "ci.yml").read_text()
JOBS = yaml.safe_load(TEXT)["jobs"]


def test_it_lints_clean() -> None:
    """By actionlint."""
    assert lint(TEXT) == []


def test_it_runs_the_command_of_the_readme_everywhere() -> None:
    """On three systems and four versions of Python; Windows spells a virtual environment otherwise."""
    [command] = re.findall(r"^python3 .*pytest.*$", (PROJECT / "README.md").read_text(), re.MULTILINE)
    matrix = JOBS["test"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    runs = [step["run"] for step in JOBS["test"]["steps"] if "pytest" in step.get("run", "")]
    assert runs == [command, command.replace("python3", "python").replace("/bin/", "/Scripts/")]


def test_actions_are_pinned_by_commit() -> None:
    """A tag can be moved. The printed workflow uses the same commits."""
    pins = re.findall(r"uses: (\S+)", TEXT)
    assert pins
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", pin) for pin in pins)
    assert set(re.findall(r"uses: (\S+)", workflows.github("1", "a"))) <= set(pins)


def test_it_may_do_nothing_but_read() -> None:
    """A pull request's code runs in it."""
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}
    for job in JOBS.values():
        assert "permissions" not in job
        assert job["timeout-minutes"] <= 60
        assert job["steps"][0]["with"] == {"persist-credentials": False}
