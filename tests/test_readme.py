"""The README tells the truth: its blocks run, and its outputs are what the program prints."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import readme
import yaml  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.once

TEXT = readme.README.read_text(encoding="utf-8")
INSTALL = re.compile(r"^python3 -m venv \.venv && \. \.venv/bin/activate && python -m pip install -q \S+ && ")


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[dict[str, str], Path]]:
    """One sandbox for the whole page, as for its reader."""
    with readme.world() as made:
        yield made


def test_console_blocks_show_what_comes(world: tuple[dict[str, str], Path]) -> None:
    """In order, for later ones build on earlier ones."""
    env, cwd = world
    for block in readme.blocks(TEXT, "console"):
        assert readme.normal(readme.console(block, env, cwd)) == readme.normal(block)


@pytest.mark.posix
def test_shell_blocks_run(world: tuple[dict[str, str], Path], tmp_path: Path) -> None:
    """Each ends with 0."""
    env, _ = world
    found = readme.blocks(TEXT, "sh")
    assert len(found) > 10
    for block in found:
        run_block(block, env, tmp_path)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def run_block(block: str, env: dict[str, str], cwd: Path) -> None:
    """Run one. The two install commands run without the installation, which this very test run stands on."""
    script = INSTALL.sub("", block)
    for port in ("3000", "4400", "8787"):
        # Those of the page may be taken, by other tests for one.
        script = script.replace(port, str(free_port()))
    if "pytest" in script:
        assert script == "python -m pytest -q -n 4\n"
        return
    done = subprocess.run(["sh", "-ec", script], env=env, cwd=cwd, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done


@pytest.mark.parametrize("block", readme.blocks(TEXT, "yaml"))
def test_yaml_blocks_are_yaml_and_call_dpx(block: str) -> None:
    """With the token from the CI's secrets and nowhere else."""
    document = yaml.safe_load(block)
    assert document
    assert "dpx deploy --project storefront" in block
    assert "dpx_" not in block


@pytest.mark.posix  # they run a shell script
def test_python_blocks_are_tests_that_pass(world: tuple[dict[str, str], Path], tmp_path: Path) -> None:
    """With the fixture that comes with the package, and beside a script that deploys."""
    env, _ = world
    found = readme.blocks(TEXT, "python")
    assert found
    (tmp_path / "release.sh").write_text("dpx deploy --project storefront --branch main\n", encoding="utf-8")
    for number, block in enumerate(found):
        (tmp_path / f"test_block_{number}.py").write_text(block, encoding="utf-8")
    ours = ("no:cacheprovider", "no:schemathesis", "no:hypothesispytest", "no:xdist")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(f"-p{name}" for name in ours), "--rootdir", str(tmp_path), "."],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done
