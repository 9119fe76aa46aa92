"""dpx.exe on Windows' own Python under wine: what differs there from Linux.

`.ci/run` builds it in a folder (tests/support/windows.py) and sets WINE_PYTHON to it; elsewhere these are skipped.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import program
import pytest
import windows
from certificates import Authority
from fault_server import TOKEN, FaultServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpx_cli.sandbox.server import Sandbox

FOLDER = os.environ.get("WINE_PYTHON", "")
pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not FOLDER, reason="no Windows: run .ci/run, or set WINE_PYTHON, see tests/README.md"),
]

PYTHON = r"C:\Python312\python.exe"
DPX = r"C:\Python312\Scripts\dpx.exe"
# Starts a command on a console of its own, waits for its first line, presses Ctrl-C, and prints what became of it.
CTRL_C = """
import ctypes, subprocess, sys, threading
kernel = ctypes.windll.kernel32
kernel.FreeConsole()
kernel.AllocConsole()
process = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
lines = []
for line in process.stdout:
    lines.append(line)
    if sys.argv[1] in line:
        break
kernel.SetConsoleCtrlHandler(None, True)
kernel.GenerateConsoleCtrlEvent(0, 0)
lines += process.communicate(timeout=15)[0]
print("".join(lines), end="")
sys.exit(process.returncode)
"""
TRUST = """
import ctypes, ssl, sys
data = ssl.PEM_cert_to_DER_cert(open(sys.argv[1], encoding="ascii").read())
crypt = ctypes.windll.crypt32
crypt.CertOpenSystemStoreW.restype = ctypes.c_void_p
store = ctypes.c_void_p(crypt.CertOpenSystemStoreW(None, "ROOT"))
is_added = crypt.CertAddEncodedCertificateToStore(store, 1, data, len(data), 3, None)
sys.exit(not (is_added and crypt.CertCloseStore(store, 0)))
"""


def done_of(code: int, out: bytes, err: bytes) -> program.Result:
    """What a command left, with the ends of lines of this machine."""
    texts = [stream.decode("utf-8", "replace").replace("\r\n", "\n") for stream in (out, err)]
    return program.Result([], code, *texts)


class Machine:
    """The Windows machine of one test, with folders of its own."""

    def __init__(self, folder: Path) -> None:
        self.cwd = folder
        self.env: dict[str, str] = {
            **windows.environment(Path(FOLDER)),
            "DPX_CONFIG_DIR": path_of(folder / "config"),
            "DPX_CACHE_DIR": path_of(folder / "cache"),
        }

    def start(self, *argv: str, exe: str = DPX, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a program on pipes: wine 8 can't use a plain file as a stream."""
        pipe = subprocess.PIPE
        command = ["wine", exe, *argv]
        return subprocess.Popen(
            command, env=self.env | dict(env or {}), cwd=self.cwd, stdin=pipe, stdout=pipe, stderr=pipe
        )

    def run(self, *argv: str, stdin: bytes = b"", **options: Any) -> program.Result:
        """Run a program to its end."""
        with self.start(*argv, **options) as process:
            out, err = process.communicate(stdin, timeout=90)
        return done_of(process.returncode, out, err)

    def press_ctrl_c(self, after: str, *argv: str) -> program.Result:
        """Run dpx on a console, and press Ctrl-C when it has printed a text."""
        return self.run("-c", CTRL_C, after, DPX, *argv, exe=PYTHON)


def path_of(path: Path) -> str:
    """Return how Windows calls a path of this machine."""
    return "Z:" + str(path).replace("/", "\\")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A Windows machine without a token."""
    return Machine(tmp_path)


@pytest.fixture
def logged_in(machine: Machine, sandbox: Sandbox) -> Machine:
    """A Windows machine whose environment points at a sandbox on this one."""
    machine.env |= {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token}
    return machine


def test_version(machine: Machine) -> None:
    """`dpx --version` prints one line."""
    done = machine.run("--version")
    assert (done.code, done.err) == (0, ""), done
    assert done.out.startswith("dpx ")


def test_a_deployment_in_a_sandbox(machine: Machine) -> None:
    """`sandbox run` finds dpx.exe on PATH, and the deployment becomes READY."""
    command = ("dpx", "deploy", "-p", "storefront", "--branch", "main", "--no-git")
    done = machine.run("sandbox", "run", "--build-seconds", "0.2", "--", *command)
    assert (done.code, done.out) == (0, "https://storefront.deploxa.com\n"), done


def test_the_exit_code_of_a_child_may_be_any(machine: Machine) -> None:
    """Windows' exit codes reach 2**32 - 1; `exit -1` is one of them."""
    done = machine.run("sandbox", "run", "--", "cmd", "/c", "exit -1")
    assert (done.code, done.out, done.err) == (255, "", ""), done


def test_serve_prints_lines_for_powershell(machine: Machine) -> None:
    """Without a POSIX shell the two lines are PowerShell's; Ctrl-C ends `serve` with 130."""
    done = machine.press_ctrl_c("DPX_TOKEN", "sandbox", "serve", "--port", "0")
    assert done.code == 130, done
    assert "$env:DPX_API_URL = 'http://127.0.0.1:" in done.out


def test_https(machine: Machine, tmp_path: Path) -> None:
    """A certificate that Windows' store doesn't have is refused; one that is in it is trusted."""
    authority = Authority(tmp_path, f"dpx test {tmp_path}")  # the store keeps those of earlier runs
    argv = ("projects", "list", "-q")
    context = authority.server("localhost")
    # The server sends the authority's certificate too: wine 8 takes a chain without its end for a trusted one.
    chain = tmp_path / "chain.pem"
    chain.write_bytes((tmp_path / "localhost-False.pem").read_bytes() + authority.bundle.read_bytes())
    context.load_cert_chain(chain)
    with FaultServer(tls=context) as server:
        # wine 8 compares no IP addresses with those of a certificate.
        machine.env |= {"DPX_API_URL": server.url.replace("127.0.0.1", "localhost"), "DPX_TOKEN": TOKEN}
        refused = machine.run(*argv)
        assert (refused.code, refused.out) == (7, ""), refused
        assert "certificate" in refused.err
        assert machine.run("-c", TRUST, path_of(authority.bundle), exe=PYTHON).code == 0
        trusted = machine.run(*argv)
    assert (trusted.code, trusted.out) == (0, "shop\n"), trusted


def test_a_reader_that_goes_away(logged_in: Machine, sandbox: Sandbox) -> None:
    """A closed pipe ends dpx silently."""
    sandbox.seed_projects(2000)
    with logged_in.start("projects", "list", "--jsonl") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_import_reads_what_windows_editors_write(logged_in: Machine, sandbox: Sandbox) -> None:
    """CRLF and a BOM are fine; UTF-16 is called by its name."""
    (logged_in.cwd / ".env").write_bytes(b"\xef\xbb\xbfA=1\r\nB='x y'\r\n")
    done = logged_in.run("env", "import", ".env", "-p", "docs", "-y")
    assert done.code == 0, done
    assert sandbox.env_is("docs", "A", "1")
    assert sandbox.env_is("docs", "B", "x y")
    (logged_in.cwd / "16.env").write_bytes("A=1\r\n".encode("utf-16"))
    done = logged_in.run("env", "import", "16.env", "-p", "docs", "-y")
    assert (done.code, done.out) == (2, ""), done
    assert "UTF-16" in done.err


def test_login_and_logout_with_the_credential_manager(machine: Machine, sandbox: Sandbox) -> None:
    """The token is in Windows' store and in no file; after logout it is gone."""
    machine.env["DPX_API_URL"] = sandbox.url
    done = machine.run("auth", "login", "--with-token", stdin=sandbox.token.encode() + b"\r\n")
    assert done.code == 0, done
    assert machine.run("projects", "list", "-q").out.split() == ["storefront", "docs", "api"]
    files = [file for file in machine.cwd.rglob("*") if file.is_file()]
    assert not [file for file in files if sandbox.token.encode() in file.read_bytes()]
    assert machine.run("auth", "logout").code == 0
    assert machine.run("projects", "list", "-q").code == 4


def test_writers_at_the_same_moment(machine: Machine) -> None:
    """Windows denies replacing a file that another process has open; nothing is lost, and nothing fails."""
    names = [f"p{number}" for number in range(4)]
    processes = [machine.start("profile", "set", name, "--org", "acme") for name in names]
    for process in processes:
        out, err = process.communicate(timeout=90)
        assert process.returncode == 0, done_of(process.returncode, out, err)
    listed = machine.run("profile", "list").out
    assert all(name in listed for name in names), listed


def test_ctrl_c_ends_a_deployment_of_two(logged_in: Machine, sandbox: Sandbox) -> None:
    """Ctrl-C ends a deploy of several projects, and the deployments go on."""
    sandbox.fault("GET /deployments/* slow 1s")
    done = logged_in.press_ctrl_c(
        "Deploying", *("deploy", "-p", "storefront", "-p", "docs", "--branch", "main", "--no-git")
    )
    assert done.code == 130, done
    assert "Traceback" not in done.out


def test_a_missing_drive(machine: Machine) -> None:
    """A folder on a drive that isn't there is an error of one line."""
    done = machine.run("profile", "set", "work", "--org", "acme", env={"DPX_CONFIG_DIR": r"Q:\x"})
    assert (done.code, done.out) == (1, ""), done
    assert done.err.startswith("error: "), done
    assert "Traceback" not in done.err
