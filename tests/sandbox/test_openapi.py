"""The sandbox against the description of the API: no 5xx, no answer that is not described."""

from __future__ import annotations

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


def schemathesis(sandbox: Sandbox, folder: Path, *options: str) -> str:
    """Run schemathesis with every check; gives its report, and fails where it found something."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", str(DESCRIPTION)),
            *("--url", sandbox.url, "--header", f"Authorization: Bearer {sandbox.token}"),
            *("--checks", "all", "--no-color", "--seed", "1", "--continue-on-failure", *options),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_route_is_described() -> None:
    """The OpenAPI description has exactly the sandbox's routes."""
    described = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
    methods = {
        path: {name.upper() for name in item} & {"GET", "POST", "PATCH", "DELETE"} for path, item in described.items()
    }
    assert methods == {path: set(handlers) for path, handlers in ROUTES.items()}


def test_each_operation_by_itself(tmp_path: Path) -> None:
    """Schemathesis finds no fault in any operation, with examples, boundary values and generated requests."""
    with Sandbox(build_seconds=0.05) as sandbox:
        report = schemathesis(sandbox, tmp_path, "--phases", "examples,coverage,fuzzing", "--max-examples", "50")
        asked = {(record.method, record.status) for record in sandbox.requests}
    assert all(phase in report for phase in ("Examples", "Coverage", "Fuzzing"))
    assert {("POST", 201), ("POST", 400), ("GET", 200), ("GET", 404), ("DELETE", 404)} <= asked


def test_operations_one_after_the_other(tmp_path: Path) -> None:
    """Schemathesis finds no fault in sequences of operations that use each other's answers."""
    with Sandbox(build_seconds=0.05) as sandbox:
        report = schemathesis(sandbox, tmp_path, "--phases", "stateful", "--max-examples", "300")
        done = {(record.method, record.path.split("/")[-1], record.status) for record in sandbox.requests}
    assert "Stateful" in report
    assert {("POST", "deployments", 201), ("POST", "env-vars", 201)} <= done
    assert any(method == "DELETE" and status == 200 for method, _, status in done)
