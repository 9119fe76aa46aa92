"""What an installed package holds, seen in a wheel that is built from this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from dpx_cli import completion

PROJECT = Path(__file__).parents[1]
SHARED = {
    "bash": "share/bash-completion/completions/dpx",
    "zsh": "share/zsh/site-functions/_dpx",
    "fish": "share/fish/vendor_completions.d/dpx.fish",
}


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout."""
    pytest.importorskip("hatchling", reason="NOT BUILT: hatchling is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=PROJECT, env={**os.environ, "SOURCE_DATE_EPOCH": "0"}, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> dict[str, bytes]:
    """The files of a wheel, by their paths."""
    with ZipFile(wheel_file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def shared(wheel: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files that are installed outside of the package, by their paths below the prefix."""
    return {name.partition(".data/data/")[2]: data for name, data in wheel.items() if ".data/data/" in name}


def test_the_wheel_holds_completion_scripts(wheel: dict[str, bytes]) -> None:
    """Where shells look for them, and nothing else outside of the package."""
    wanted = {path: completion.script(shell) for shell, path in SHARED.items()}
    assert shared(wheel) == wanted


def test_the_wheel_holds_the_whole_package_and_no_tests(wheel: dict[str, bytes]) -> None:
    """Files that are no Python modules included: the scripts, and the mark that says that there are types."""
    sources = {
        path.relative_to(PROJECT).as_posix() for path in (PROJECT / "dpx_cli").rglob("*") if path.suffix != ".pyc"
    }
    inside = {name for name in wheel if name.startswith("dpx_cli/")}
    assert inside == {name for name in sources if (PROJECT / name).is_file()}
    assert {name.partition("/")[0].partition("-")[0] for name in wheel} == {"dpx_cli"}
    [entry_points] = [data.decode() for name, data in wheel.items() if name.endswith("entry_points.txt")]
    assert "dpx = dpx_cli.__main__:main" in entry_points


def test_a_zipped_package_does_its_main_job(wheel_file: Path, tmp_path: Path) -> None:
    """Nothing is read from beside a module's file: dpx.pyz has no such folder."""
    dpx = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(wheel_file)!r}); import dpx_cli.__main__ as m; m.main()",
    ]
    command = [*dpx, "sandbox", "run", "--build-seconds", "0.2", "--", *dpx, "deploy", "-p", "storefront", "-b", "main"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "https://storefront.deploxa.com\n"), done.stderr
