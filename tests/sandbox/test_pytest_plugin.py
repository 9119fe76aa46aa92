"""The pytest plugin, as a user's own tests see it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

USERS_TESTS = """
import json, os, urllib.request
import pytest

def ask(method, path, body=None):
    request = urllib.request.Request(
        os.environ["DPX_API_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + os.environ["DPX_TOKEN"]},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]

def test_a_script_that_deploys(deploxa):
    assert os.environ["DPX_API_URL"] == deploxa.url
    assert os.environ["DPX_TOKEN"] == deploxa.token
    assert "DPX_PROFILE" not in os.environ
    ask("POST", f"/projects/{deploxa.project_id('storefront')}/deployments", {"branch": "next"})
    assert deploxa.deployments("storefront")[0]["branch"] == "next"
    assert deploxa.requests[-1].body == {"branch": "next"}

def test_the_python_client(deploxa):
    assert deploxa.client.deployments.create("docs", branch="main")["status"] == "READY"

def test_a_world_of_its_own(deploxa):
    assert len(deploxa.deployments("storefront")) == 8
    assert deploxa.requests == []

def test_faults(deploxa):
    deploxa.fault("GET /orgs 500 x1")
    with pytest.raises(urllib.error.HTTPError):
        ask("GET", "/orgs")
    assert [org["slug"] for org in ask("GET", "/orgs")] == ["acme", "globex"]

@pytest.mark.deploxa(role="member", projects=7)
def test_the_marker(deploxa):
    assert ask("GET", "/orgs")[0]["role"] == "member"
    assert len(ask("GET", "/projects")) == 7

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
    assert "6 passed" in done.stdout, done.stdout + done.stderr


def test_a_run_that_does_not_use_it_pays_nothing(tmp_path: Path) -> None:
    """The plugin imports nothing of dpx until the fixture is used."""
    done = run_pytest(tmp_path, LIGHT)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
