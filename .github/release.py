"""Build what a release consists of: `python .github/release.py COMMAND FOLDER`, run from the project's root.

- `wheel`: sdist and wheel. The same commit gives the same bytes.
- `zipapp`: dpx.pyz, for machines with Python and without pip. Compiled packages stay out, so `env scan` reads only
  Python there.
- `folder`: a one-folder program for this system, in an archive. One file instead of a folder would unpack itself at
  every start.
- `requirements`: the wheel and everything it needs, with hashes, for the action and for `pip install --require-hashes`.
- `sbom`: a CycloneDX bill of materials of an installed wheel, and `report.md` with the packages and their sizes.
- `manifests`: a Homebrew formula and a Scoop manifest for the archives in the folder.
- `checksums`: SHA256SUMS of all files in the folder.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASES = "https://github.com/deploxa/dpx/releases/download"
DESCRIPTION = "Command line of Deploxa"
# Modules that no import statement names: commands by the table, keyring's stores by their entry points.
HIDDEN_IMPORTS = (ROOT / ".github" / "hidden_imports.txt").read_text(encoding="utf-8").split()
# What dpx itself never imports when it runs a command: it only declares the command line with them.
DECLARING_ONLY = ("typer", "pydantic", "pydantic_core", "click", "shellingham")
SYSTEM = {"linux": "linux", "darwin": "macos", "win32": "windows"}[sys.platform]
ENTRY = "from dpx_cli.__main__ import main\nmain()\n"


def version() -> str:
    """Return the version of the checkout."""
    [found] = re.findall(r'__version__ = "([^"]+)"', (ROOT / "dpx_cli" / "__init__.py").read_text(encoding="utf-8"))
    return str(found)


def commit_time() -> int:
    """Return SOURCE_DATE_EPOCH, or when the commit was made: the only time that gets into what is built."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return int(epoch or run("git", "log", "-1", "--format=%ct"))


def run(*command: str | Path, **env: str) -> str:
    """Run a program in the project's root and return what it prints."""
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, check=False, stdout=subprocess.PIPE)
    if done.returncode:
        sys.stdout.buffer.write(done.stdout)  # some programs say there what went wrong
        done.check_returncode()
    return done.stdout.decode()


def python_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def new_environment(folder: Path, *packages: str | Path) -> Path:
    """Create a virtual environment with packages in it and return its interpreter."""
    venv.create(folder, with_pip=True)
    python = python_of(folder)
    if packages:
        run(*pip_install(python), *packages)
    return python


def pip_install(python: Path) -> tuple[str | Path, ...]:
    """Return the beginning of an installation command."""
    return python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"


def wheel_in(folder: Path) -> Path:
    """Return the wheel that was built before."""
    [wheel] = folder.glob("*.whl")
    return wheel


def build_wheel(folder: Path) -> None:
    """Build sdist and wheel."""
    with tempfile.TemporaryDirectory() as temporary:
        python = new_environment(Path(temporary), "hatchling>=1.25")
        run(python, "-m", "hatchling", "build", "-d", folder, SOURCE_DATE_EPOCH=str(commit_time()))


def build_zipapp(folder: Path) -> None:
    """Pack the wheel and the pure-Python packages that it needs at run time into dpx.pyz."""
    with tempfile.TemporaryDirectory() as temporary:
        staging, python = Path(temporary, "app"), new_environment(Path(temporary, "venv"))
        run(*pip_install(python), "--no-compile", "--target", staging, wheel_in(folder))
        for compiled in {path.relative_to(staging).parts[0] for path in staging.rglob("*") if is_compiled(path)}:
            remove(staging / compiled)
        for name in (*DECLARING_ONLY, "bin", "share"):
            remove(staging / name)
        (staging / "__main__.py").write_text(ENTRY, encoding="utf-8")
        files = [path for path in sorted(staging.rglob("*")) if path.is_file()]
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                # RECORD and direct_url.json speak of this installation.
                if path.name not in ("RECORD", "direct_url.json", "INSTALLER", "REQUESTED"):
                    archive.writestr(
                        zipfile.ZipInfo(path.relative_to(staging).as_posix()), path.read_bytes(), zipfile.ZIP_DEFLATED
                    )
    target = folder / "dpx.pyz"
    target.write_bytes(b"#!/usr/bin/env python3\n" + data.getvalue())
    target.chmod(0o755)


def is_compiled(path: Path) -> bool:
    """Return whether a file is machine code, which can't be imported from a zip archive."""
    return path.suffix in (".so", ".pyd", ".dylib", ".dll")


def remove(path: Path) -> None:
    """Remove a file or a folder, or nothing."""
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True) if not path.is_dir() else None


def build_folder(folder: Path) -> None:
    """Build the one-folder program with PyInstaller and pack it."""
    epoch = str(commit_time())
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        python = new_environment(work / "venv", f"{wheel_in(folder)}[jq]", "pyinstaller>=6")
        (work / "dpx.py").write_text(ENTRY, encoding="utf-8")
        options = [word for module in HIDDEN_IMPORTS for word in ("--hidden-import", module)]
        options += ["--collect-submodules", "dpx_cli", "--collect-data", "dpx_cli", "--copy-metadata", "keyring"]
        run(
            python,
            "-m",
            "PyInstaller",
            "--onedir",
            "--noconfirm",
            "--log-level",
            "ERROR",
            *options,
            "--name",
            "dpx",
            "--distpath",
            work / "dist",
            "--workpath",
            work / "work",
            "--specpath",
            work,
            work / "dpx.py",
            SOURCE_DATE_EPOCH=epoch,
            PYTHONHASHSEED="0",
        )
        name = f"dpx-{version()}-{SYSTEM}-{machine()}"
        pack(work / "dist" / "dpx", folder / name, int(epoch))


def machine() -> str:
    """Return what releases call this processor."""
    return {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())


def pack(program: Path, target: Path, epoch: int) -> None:
    """Pack a folder: as .zip on Windows, else as .tar.gz."""
    files = [path for path in sorted(program.rglob("*")) if path.is_file() or path.is_symlink()]
    if sys.platform == "win32":
        with zipfile.ZipFile(f"{target}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                archive.write(path, f"dpx/{path.relative_to(program).as_posix()}")
        return

    def anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = epoch
        return info

    with (
        open(f"{target}.tar.gz", "wb") as raw,
        gzip.GzipFile("", "wb", mtime=epoch, fileobj=raw) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for path in files:
            archive.add(path, f"dpx/{path.relative_to(program).as_posix()}", filter=anonymous)


def write_requirements(folder: Path) -> None:
    """Write requirements.txt: this version and all that it needs on any system, each with its hashes."""
    with tempfile.TemporaryDirectory() as temporary:
        python = new_environment(Path(temporary), "uv")
        options = (
            "--quiet",
            "--universal",
            "--generate-hashes",
            "--no-annotate",
            "--no-header",
            "--python-version",
            "3.11",
        )
        needs = run(python, "-m", "uv", "pip", "compile", *options, ROOT / "pyproject.toml")
    hashes = [
        f"--hash=sha256:{digest(path)}" for path in sorted(folder.glob("dpx_cli-*")) if path.suffix in (".whl", ".gz")
    ]
    own = " \\\n    ".join([f"dpx-cli=={version()}", *hashes])
    (folder / "requirements.txt").write_text(f"{own}\n{needs}", encoding="utf-8", newline="\n")


def write_sbom(folder: Path) -> None:
    """Write the bill of materials and the report of an environment that has nothing but the wheel in it."""
    with tempfile.TemporaryDirectory() as temporary:
        python = new_environment(Path(temporary) / "dpx", wheel_in(folder))
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "pip", "setuptools")
        tools = new_environment(Path(temporary) / "tools", "cyclonedx-bom>=5")
        run(
            tools,
            "-m",
            "cyclonedx_py",
            "environment",
            "--output-reproducible",
            "--output-format",
            "JSON",
            "--output-file",
            folder / "dpx.cdx.json",
            python,
        )
        sizes = package_sizes(Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()))
    total = sum(sizes.values())
    lines = [f"An installation has {len(sizes)} packages, {total / 1e6:.0f} MB.", "", "| package | MB |", "|---|---|"]
    lines += [f"| {name} | {size / 1e6:.1f} |" for name, size in sorted(sizes.items(), key=lambda item: -item[1])]
    (folder / "report.md").write_text("\n".join([*lines, ""]), encoding="utf-8", newline="\n")


def package_sizes(packages: Path) -> dict[str, int]:
    """Return the bytes of each installed distribution, as its RECORD lists them."""
    sizes = {}
    for record in packages.glob("*.dist-info/RECORD"):
        paths = [packages / line.split(",")[0] for line in record.read_text(encoding="utf-8").splitlines()]
        name = record.parent.name.removesuffix(".dist-info")
        sizes[name] = sum(path.stat().st_size for path in paths if path.is_file())
    return sizes


def write_manifests(folder: Path) -> None:
    """Write dpx.rb and dpx.json for the archives in the folder."""
    archives = {path.name.removeprefix(f"dpx-{version()}-").split(".")[0]: path for path in folder.glob("dpx-*-*-*.*")}
    blocks = []
    for system, name in (("macos", "macos"), ("linux", "linux")):
        for processor, condition in (("arm64", "arm"), ("x86_64", "intel")):
            if archive := archives.get(f"{system}-{processor}"):
                blocks.append(
                    f'  on_{name} do\n    on_{condition} do\n      url "{RELEASES}/v{version()}/{archive.name}"\n'
                    f'      sha256 "{digest(archive)}"\n    end\n  end\n'
                )
    formula = (
        f'class Dpx < Formula\n  desc "{DESCRIPTION}"\n  homepage "https://deploxa.com"\n  version "{version()}"\n'
        f'  license "MIT"\n\n{"".join(blocks)}\n  def install\n    libexec.install Dir["*"]\n'
        '    bin.install_symlink libexec/"dpx"\n  end\n\n'
        '  test do\n    assert_match version.to_s, shell_output("#{bin}/dpx --version")\n  end\nend\n'
    )
    (folder / "dpx.rb").write_text(formula, encoding="utf-8", newline="\n")
    if archive := archives.get("windows-x86_64"):
        manifest = {
            "version": version(),
            "description": DESCRIPTION,
            "homepage": "https://deploxa.com",
            "license": "MIT",
            "architecture": {
                "64bit": {
                    "url": f"{RELEASES}/v{version()}/{archive.name}",
                    "hash": digest(archive),
                    "extract_dir": "dpx",
                }
            },
            "bin": "dpx.exe",
        }
        (folder / "dpx.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8", newline="\n")


def write_checksums(folder: Path) -> None:
    """Write SHA256SUMS in the form that `sha256sum --check` reads."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    text = "".join(f"{digest(path)}  {path.name}\n" for path in files)
    (folder / "SHA256SUMS").write_text(text, encoding="utf-8", newline="\n")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


COMMANDS = {
    "wheel": build_wheel,
    "zipapp": build_zipapp,
    "folder": build_folder,
    "requirements": write_requirements,
    "sbom": write_sbom,
    "manifests": write_manifests,
    "checksums": write_checksums,
}


def main() -> None:
    """Run one command."""
    if len(sys.argv) != 3 or sys.argv[1] not in COMMANDS:  # noqa: PLR2004 - a command and a folder
        sys.exit(__doc__)
    folder = Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    COMMANDS[sys.argv[1]](folder)


if __name__ == "__main__":
    main()
