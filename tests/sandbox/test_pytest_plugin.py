"""The pytest plugin, as a user's own tests see it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

USERS_TESTS = """
import os
import pytest

def test_a_script_that_deploys(deploxa):
    assert os.environ["DPX_API_URL"] == deploxa.url
    assert os.environ["DPX_TOKEN"] == deploxa.token
    assert "DPX_PROFILE" not in os.environ
    assert deploxa.client.deployments.create("docs", branch="main")["status"] == "READY"
    assert deploxa.deployments("docs")[0]["branch"] == "main"

def test_another_test_has_another_sandbox(deploxa):
    assert len(deploxa.deployments("docs")) == 3
    assert deploxa.requests == []
    deploxa.fault("GET /orgs 400 x1")
    with pytest.raises(Exception):
        list(deploxa.client.orgs.list())
    assert [org["slug"] for org in deploxa.client.orgs.list()] == ["acme", "globex"]

@pytest.mark.deploxa(role="member", projects=7)
def test_the_marker(deploxa):
    assert list(deploxa.client.orgs.list())[0]["role"] == "member"
    assert len(list(deploxa.client.projects.list())) == 7

def test_afterwards_nothing_is_set():
    assert os.environ["DPX_API_URL"] == "https://real.example"
"""

LIGHT = """
import sys

def test_nothing_heavy_is_imported():
    heavy = {"h11", "httpx", "sqlite3", "typer", "rich", "keyring", "dpx_cli.sandbox.server"}
    assert not heavy & set(sys.modules)
"""


def run_pytest(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run a file of tests in a process of its own, with the installed plugin and without those of our tests."""
    (folder / "test_users.py").write_text(text, encoding="utf-8")
    (folder / "conftest.py").write_text("", encoding="utf-8")
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider"),
            *("-p", "no:schemathesis", "-p", "no:hypothesispytest", "-p", "no:xdist"),
            *("--rootdir", str(folder), "test_users.py"),
        ],
        cwd=folder,
        env={**os.environ, "DPX_API_URL": "https://real.example", "DPX_PROFILE": "mine"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_fixture(tmp_path: Path) -> None:
    """The fixture gives each test a sandbox and its environment, honors the marker, and restores everything."""
    done = run_pytest(tmp_path, USERS_TESTS)
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_a_run_that_does_not_use_it_pays_nothing(tmp_path: Path) -> None:
    """The plugin imports nothing of dpx until the fixture is used."""
    done = run_pytest(tmp_path, LIGHT)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
