"""Windows' own CPython under wine with dpx in it, from packages of Debian and PyPI only: windows.py FOLDER.

Where each part comes from:

- wine, and gcc for Windows: Debian's wine, wine64 and gcc-mingw-w64-x86-64.
- python312.dll, the .pyd modules, OpenSSL: `deploy_libs/` of PyPI's panda3d wheel, which are python.org's binaries.
- Lib/*.py: a CPython of exactly that version on this machine (pyenv); the pure Python part is the same everywhere.
- python.exe, python3.dll: built here, a call of Py_Main and a forwarder for abi3 wheels.
- dpx and what it needs: a wheel built here, and wheels for win_amd64. dpx.exe is pip's own launcher.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

VERSION, PANDA3D = "3.12.1", "1.10.14"
PACKAGES = ("wine", "x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-objdump")
CHECKOUT = Path(__file__).parents[2]
# pip evaluates markers for the machine it runs on, so what only Windows needs is listed here.
ONLY_ON_WINDOWS = ("colorama", "pywin32-ctypes", "truststore")
PYTHON_C = """
#include <windows.h>
typedef int (*py_main)(int, wchar_t **);
int wmain(int argc, wchar_t **argv) {
  HMODULE dll = LoadLibraryW(L"python312.dll");
  py_main run = dll ? (py_main)(void *)GetProcAddress(dll, "Py_Main") : 0;
  return run ? run(argc, argv) : 103;
}
"""
# wine 8 lacks what Rust's modules ask for random bytes.
RANDOM_C = """
#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) { return RtlGenRandom(data, length); }
"""
# wine 8 leaves errno as it was when msvcrt.locking fails; Windows sets EACCES.
SITECUSTOMIZE = """
import errno, msvcrt
_locking = msvcrt.locking
def locking(fd, mode, nbytes):
    try:
        _locking(fd, mode, nbytes)
    except OSError:
        raise PermissionError(errno.EACCES, "Permission denied") from None
msvcrt.locking = locking
"""
MAIN = "import sys\nfrom dpx_cli.__main__ import main\nsys.exit(main())\n"


def missing() -> str:
    """Return what this machine lacks for it; "" if it has everything."""
    lacking = [program for program in PACKAGES if shutil.which(program) is None]
    if not (stdlib() / "os.py").exists():
        lacking.append(f"pyenv's CPython {VERSION}")
    return ", ".join(lacking)


def stdlib() -> Path:
    """Return the standard library of the same version on this machine."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return root / "versions" / VERSION / "lib" / "python3.12"


def environment(root: Path) -> dict[str, str]:
    """Return the environment in which wine runs; no variable of the developer's own reaches Windows."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR") if name in os.environ}
    quiet = {"WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**own, "WINEPREFIX": str(root / "prefix"), **quiet}


def build(root: Path) -> None:
    """Build everything in a folder: the wine prefix, Python in C:/Python312, dpx."""
    root.mkdir(parents=True, exist_ok=True)
    _call(root, "wine", "wineboot", "--init")
    _call(root, "wine", "winecfg", "-v", "win10")  # a new prefix says Windows 7
    home = root / "prefix" / "drive_c" / "Python312"
    site = home / "Lib" / "site-packages"
    site.mkdir(parents=True, exist_ok=True)
    _copy_python(root, home)
    _compile(root, PYTHON_C, home / "python.exe", "-municode", "-Os", "-s")
    _forward(root, home)
    library = root / "prefix" / "drive_c" / "windows" / "system32" / "bcryptprimitives.dll"
    _compile(root, RANDOM_C, library, "-shared", "-Os", "-s", after=["-ladvapi32"])
    (site / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")
    _install(root, home, site)


def _copy_python(root: Path, home: Path) -> None:
    _pip("download", "--no-deps", *_target(), f"panda3d=={PANDA3D}", "-d", str(root))
    libraries = home / "DLLs"
    libraries.mkdir(exist_ok=True)
    [wheel] = root.glob("panda3d-*.whl")
    # Without _wmi: wine 8 aborts in it, and platform.uname() does without.
    unwanted = re.compile(r"api-ms-win|_wmi\.pyd|t86t\.dll|t-win_amd64")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith("deploy_libs/") and not unwanted.search(name):
                is_core = re.search(r"python312\.dll|VCRUNTIME140", name, re.IGNORECASE)
                target = (home if is_core else libraries) / name.rpartition("/")[2]
                target.write_bytes(archive.read(name))
    without = shutil.ignore_patterns(
        *("site-packages", "lib-dynload", "config-*", "_sysconfigdata*", "__pycache__", "test", "idlelib", "tkinter")
    )
    shutil.copytree(stdlib(), home / "Lib", ignore=without, dirs_exist_ok=True)


def _forward(root: Path, home: Path) -> None:
    """Build python3.dll: every export of python312.dll, forwarded."""
    dump = _call(root, "x86_64-w64-mingw32-objdump", "-p", str(home / "python312.dll"))
    table = dump.partition("[Ordinal/Name Pointer]")[2].partition("\n\n")[0]
    names = re.findall(r"\b(_?Py[A-Za-z0-9_]*)$", table, re.MULTILINE)
    lines = ["LIBRARY python3.dll", "EXPORTS", *(f"  {name} = python312.{name}" for name in names)]
    definition = root / "python3.def"
    definition.write_text("\n".join(lines), encoding="utf-8")
    linked = ["-shared", "-nostdlib", "-Wl,--entry,0", "-o", str(home / "python3.dll"), str(definition)]
    _call(root, "x86_64-w64-mingw32-gcc", *linked)


def _compile(root: Path, source: str, target: Path, *options: str, after: list[str] | None = None) -> None:
    file = root / f"{target.stem}.c"
    file.write_text(source, encoding="utf-8")
    _call(root, "x86_64-w64-mingw32-gcc", *options, str(file), "-o", str(target), *(after or []))


def _install(root: Path, home: Path, site: Path) -> None:
    wheels = root / "wheels"
    _pip("wheel", "--no-deps", str(CHECKOUT), "-w", str(wheels))
    [wheel] = wheels.glob("dpx_cli-*.whl")
    _pip("install", *_target(), "--target", str(site), "--upgrade", str(wheel), *ONLY_ON_WINDOWS)
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("__main__.py", MAIN)
    where = "import pip._vendor.distlib as it; print(it.__path__[0])"
    folder = subprocess.run([sys.executable, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    launcher = (Path(folder) / "t64.exe").read_bytes()
    scripts = home / "Scripts"
    scripts.mkdir(exist_ok=True)
    for name in ("dpx.exe", "dpx-cli.exe"):
        (scripts / name).write_bytes(launcher + b"#!C:\\Python312\\python.exe\r\n" + body.getvalue())


def _target() -> tuple[str, ...]:
    return ("--only-binary=:all:", "--platform", "win_amd64", "--python-version", "3.12")


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *arguments, "-q", "--disable-pip-version-check"], check=True)


def _call(root: Path, *command: str) -> str:
    done = subprocess.run(command, env=environment(root), capture_output=True, text=True, timeout=300, check=True)
    return done.stdout


if __name__ == "__main__":
    if lacking := missing():
        sys.exit(f"SKIPPED: Windows can't be tried without {lacking}")
    build(Path(sys.argv[1]).resolve())
