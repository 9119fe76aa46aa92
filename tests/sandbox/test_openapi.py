"""The sandbox against the description of the API: no 5xx, no answer that is not described."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from dpx_cli.sandbox.app import ROUTES
from dpx_cli.sandbox.server import Sandbox

pytestmark = pytest.mark.once

DESCRIPTION = Path(__file__).parents[1] / "openapi.yaml"
CONFIG = Path(__file__).with_name("schemathesis.toml")


def test_every_route_is_described() -> None:
    """The OpenAPI description has exactly the sandbox's routes."""
    described = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
    methods = {
        path: {name.upper() for name in item} & {"GET", "POST", "PATCH", "DELETE"} for path, item in described.items()
    }
    assert methods == {path: set(handlers) for path, handlers in ROUTES.items()}


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """In no operation by itself, with examples and generated requests, and in no sequence of them."""
    with Sandbox(build_seconds=0.05) as sandbox:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", str(DESCRIPTION)),
                *("--url", sandbox.url, "--header", f"Authorization: Bearer {sandbox.token}"),
                *("--checks", "all", "--no-color", "--seed", "1", "--continue-on-failure", "--max-examples", "6"),
                *("--phases", "examples,fuzzing,stateful"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        asked = {(record.method, record.path.split("/")[-1], record.status) for record in sandbox.requests}
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(phase in done.stdout for phase in ("Examples", "Fuzzing", "Stateful"))
    assert {("POST", "projects", 201), ("POST", "projects", 400), ("POST", "deployments", 201)} <= asked
    assert {("GET", 404), ("DELETE", 404), ("DELETE", 200)} <= {(method, status) for method, _, status in asked}
