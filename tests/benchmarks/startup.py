"""What dpx promises of its speed, as ratios measured in one call, under the environment of a user: HOME and PATH.

    python tests/benchmarks/startup.py

P is `python -c pass` of the same virtual environment. Runs are interleaved and medians compared, so that a machine
whose speed drifts moves both sides of a ratio. gh and curl are measured beside dpx if they are installed. Needs curl
and jq for the bulk rows, openssl for TLS, dbus-run-session and gnome-keyring-daemon for the keyring row; a row whose
tools are missing says so.

    --runs N  interleaved runs of the quick rows (default 15)
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).parent
PYTHON = sys.executable
DPX = str(Path(sys.executable).with_name("dpx"))
TOKEN = "dpx_" + "benchmark" * 6
MANY = 20_000
VARIABLES = 200


class Run(NamedTuple):
    """One run: seconds of wall time and kibibytes of peak resident memory."""

    seconds: float
    kibibytes: int


def run(argv: Sequence[str], env: dict[str, str], *, terminal: bool = False, code: int = 0) -> Run:
    """Run a command once, on a terminal that a thread empties, or on /dev/null. Another exit code measures nothing."""
    ours = theirs = subprocess.DEVNULL
    if terminal:
        ours, theirs = pty.openpty()
        env = {**env, "TERM": "xterm-256color"}

    def empty() -> None:
        with contextlib.suppress(OSError):
            while terminal and os.read(ours, 65536):
                pass

    reader = threading.Thread(target=empty, daemon=True)
    reader.start()
    started = time.perf_counter()
    child = subprocess.Popen(argv, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - started
    if terminal:
        os.close(theirs)
        reader.join(5)
        os.close(ours)
    if os.waitstatus_to_exitcode(status) != code:
        sys.exit(f"exit {os.waitstatus_to_exitcode(status)}, not {code}: {' '.join(argv)}")
    return Run(took, usage.ru_maxrss)


@contextlib.contextmanager
def server(items: int, latency: float = 0, tls: tuple[str, str] | None = None) -> Iterator[str]:
    """A canned server in a process of its own; gives its API root."""
    argv = [PYTHON, str(HERE / "canned.py"), str(items), str(latency), *(tls or ())]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield f"{'https' if tls else 'http'}://localhost:{process.stdout.readline().strip()}/api/v1"
        finally:
            process.kill()


class Certificates(NamedTuple):
    """A certificate for localhost and its key; a hashed directory and a bundle file that have it among Debian's."""

    cert: str
    key: str
    directory: str
    bundle: str


def certificates(folder: Path) -> Certificates | None:
    """Make the certificates of the TLS rows; None without openssl."""
    if not shutil.which("openssl"):
        return None
    trusted = folder / "certs"
    trusted.mkdir()
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    shutil.copy(cert, trusted / "ours.pem")
    for number, other in enumerate(Path("/etc/ssl/certs").glob("*.pem")):
        shutil.copy(other, trusted / f"{number}.pem")
    subprocess.run(["openssl", "rehash", str(trusted)], check=False, capture_output=True)
    bundle = folder / "bundle.pem"
    bundle.write_bytes(b"".join(file.read_bytes() for file in sorted(trusted.glob("*.pem"))))
    return Certificates(str(cert), str(key), str(trusted), str(bundle))


class Row(NamedTuple):
    """One line of the table: a command, what it is measured against, and the promise."""

    name: str
    argv: Sequence[str]
    env: dict[str, str]
    terminal: bool
    most: float
    against: str = "P"
    code: int = 0


LIST = [DPX, "projects", "list", "--json"]


def quick_rows(base: dict[str, str], plain: str) -> list[Row]:
    """The rows that start a process and little more."""
    env = {**base, "DPX_API_URL": plain, "DPX_TOKEN": TOKEN}
    rows = [
        Row("P", [PYTHON, "-c", "pass"], base, False, 1),
        Row("dpx --version", [DPX, "--version"], base, False, 1.3),
        Row("dpx --help, pipe", [DPX, "--help"], base, False, 4),
        Row("dpx --help, terminal", [DPX, "--help"], base, True, 4),
        Row("dpx projects --help, pipe", [DPX, "projects", "--help"], base, False, 4),
        Row("dpx deploy --help, terminal", [DPX, "deploy", "--help"], base, True, 4),
        Row("completion, warm cache", [DPX, "__complete", "projects", "get", ""], env, False, 1.5),
        Row("a usage error", [DPX, "projects", "list", "--lmit", "5"], base, False, 2.5, code=2),
        Row("projects list --json", LIST, env, False, 4.2),
        Row("projects list, terminal", [DPX, "projects", "list"], env, True, 9),
    ]
    if shutil.which("curl"):
        curl = ["curl", "-s", "-o", "/dev/null", "-H", f"Authorization: Bearer {TOKEN}", f"{plain}/projects"]
        rows += [Row("curl", curl, base, False, 0), Row("dpx list of curl", LIST, env, False, 0, "curl")]
    return rows


def tls_rows(base: dict[str, str], url: str, made: Certificates) -> list[Row]:
    """The same list over TLS, with hashed certificates and with a bundle file, and gh's."""
    env = {**base, "DPX_API_URL": url, "DPX_TOKEN": TOKEN}
    hashed = {"SSL_CERT_DIR": made.directory}
    bundle = {"SSL_CERT_FILE": made.bundle}
    rows = [
        Row("list --json, TLS, hashed certificates", LIST, {**env, **hashed}, False, 0),
        Row("list --json, TLS, a bundle file", LIST, {**env, **bundle}, False, 0),
    ]
    if shutil.which("gh"):
        host = url.removeprefix("https://").partition("/")[0]
        gh = ["gh", "api", f"{url}/projects"]
        own = {**base, "GH_HOST": host, "GH_ENTERPRISE_TOKEN": "x" * 40, "GH_NO_UPDATE_NOTIFIER": "1"}
        rows += [
            Row("gh --version", ["gh", "--version"], base, False, 0),
            Row("dpx --version of gh's", [DPX, "--version"], base, False, 1, "gh --version"),
            Row("gh api, TLS, a bundle file", gh, {**own, **bundle}, False, 0),
            Row("dpx of gh, hashed", LIST, {**env, **hashed}, False, 1, "gh api, TLS, a bundle file"),
            Row("dpx of gh, bundle", LIST, {**env, **bundle}, False, 0, "gh api, TLS, a bundle file"),
        ]
    return rows


def measure(rows: Sequence[Row], runs: int) -> dict[str, float]:
    """Median seconds of each row, the runs interleaved."""
    taken: dict[str, list[float]] = {row.name: [] for row in rows}
    for number in range(runs + 1):
        for row in rows:
            one = run(row.argv, row.env, terminal=row.terminal, code=row.code)
            if number:  # the first is for the caches
                taken[row.name].append(one.seconds)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def show(rows: Sequence[Row], medians: dict[str, float]) -> None:
    """Print the rows as ratios."""
    for row in rows:
        ratio = medians[row.name] / medians[row.against]
        promised = f"at most {row.most:g} {'P' if row.against == 'P' else 'times'}" if row.most else ""
        verdict = "" if not row.most else ("ok" if ratio <= row.most else "MISSED")
        print(f"{row.name:38} {medians[row.name] * 1000:8.1f} ms {ratio:7.2f} {promised:16} {verdict}")


def line(name: str, ratio: float, most: float, detail: str) -> None:
    """Print one row that is measured in a way of its own."""
    print(f"{name:38} {detail:>11} {ratio:7.2f} at most {most:<8g} {'ok' if ratio <= most else 'MISSED'}")


def bulk(base: dict[str, str], runs: int) -> None:
    """20,000 items against curl and jq."""
    if not shutil.which("curl") or not shutil.which("jq"):
        print("20,000 items: curl or jq is missing")
        return
    with server(MANY) as url, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "urls"
        cursors = ["", *(f"&cursor={start}" for start in range(100, MANY, 100))]
        lines = [f'url = "{url}/projects?limit=100{cursor}"\n' for cursor in cursors]
        config.write_text("".join(lines), encoding="utf-8")
        env = {**base, "DPX_API_URL": url, "DPX_TOKEN": TOKEN}
        peer = ["sh", "-c", f"curl -s -H 'Authorization: Bearer {TOKEN}' -K {config} | jq -c '.data[]' >/dev/null"]
        commands: dict[str, Callable[[], Run]] = {
            "peer": lambda: run(peer, env),
            "jsonl": lambda: run([DPX, "projects", "list", "--jsonl"], env),
            "json": lambda: run([DPX, "projects", "list", "--json"], env),
            "table": lambda: run([DPX, "projects", "list"], env, terminal=True),
        }
        taken: dict[str, list[Run]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                taken[name].append(command())
        seconds = {name: statistics.median(one.seconds for one in many) for name, many in taken.items()}
        memory = {name: max(one.kibibytes for one in many) / 1024 for name, many in taken.items()}
    print(f"{'curl | jq -c .data[]':38} {seconds['peer'] * 1000:8.1f} ms")
    line("20,000 items, JSON Lines", seconds["jsonl"] / seconds["peer"], 1.3, f"{seconds['jsonl'] * 1000:.0f} ms")
    line("… resident MiB, of 32", memory["jsonl"] / 32, 1, f"{memory['jsonl']:.0f} MiB")
    line("20,000 items, JSON, of JSON Lines", seconds["json"] / seconds["jsonl"], 2, f"{memory['json']:.0f} MiB")
    line("20,000 items, table, of JSON Lines", seconds["table"] / seconds["jsonl"], 3, f"{memory['table']:.0f} MiB")


def import_row(base: dict[str, str]) -> None:
    """200 variables at 50 ms a request, against one after the other."""
    with server(1, latency=50) as url, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.write_text("".join(f"KEY_{number}=value\n" for number in range(VARIABLES)), encoding="utf-8")
        env = {**base, "DPX_API_URL": url, "DPX_TOKEN": TOKEN}
        took = run([DPX, "env", "import", str(file), "-p", "clm1" + "0" * 21], env).seconds
    line("200 variables, 8 in flight", took / (VARIABLES * 0.05), 0.2, f"{took:.2f} s")


def keyring_row(base: dict[str, str], url: str, runs: int) -> None:
    """A token in an unlocked keyring: a real Secret Service, on a bus of its own."""
    if not shutil.which("dbus-run-session") or not shutil.which("gnome-keyring-daemon"):
        print("token in a keyring: dbus-run-session or gnome-keyring-daemon is missing")
        return
    script = (
        "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; "
        f"printf %s {TOKEN} | {DPX} auth login --with-token >/dev/null 2>&1 || exit 1; "
        f"exec {PYTHON} {__file__} --inside {runs}"
    )
    with tempfile.TemporaryDirectory() as home:
        env = {**base, "DPX_API_URL": url, "HOME": home, "XDG_DATA_HOME": home, "XDG_RUNTIME_DIR": home}
        done = subprocess.run(
            ["dbus-run-session", "--", "sh", "-c", script], env=env, capture_output=True, text=True, check=False
        )
    found = re.search(r"RATIO ([\d.]+) ([\d.]+)", done.stdout)
    if not found:
        print(f"token in a keyring: not measured: {done.stdout[-200:]}{done.stderr[-300:]}")
        return
    line("projects list --json, keyring", float(found.group(1)), 9, f"{float(found.group(2)):.1f} ms")


def inside(runs: int) -> None:
    """The keyring row's own measurement, inside its bus."""
    env = dict(os.environ)
    rows = [Row("P", [PYTHON, "-c", "pass"], env, False, 1), Row("list", LIST, env, False, 9)]
    medians = measure(rows, runs)
    print(f"RATIO {medians['list'] / medians['P']:.3f} {medians['list'] * 1000:.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        inside(given.inside)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = {"PATH": os.environ["PATH"], "HOME": name}
        made = certificates(folder)
        with contextlib.ExitStack() as stack:
            plain = stack.enter_context(server(20))
            rows = quick_rows(base, plain)
            if made:
                rows += tls_rows(base, stack.enter_context(server(20, tls=(made.cert, made.key))), made)
            warm = {**base, "DPX_API_URL": plain, "DPX_TOKEN": TOKEN}
            names = subprocess.run([DPX, "projects", "list", "-q"], env=warm, capture_output=True, check=True).stdout
            found = subprocess.run(
                [DPX, "__complete", "projects", "get", ""], env=warm, capture_output=True, check=True
            ).stdout
            if not names or not {name.encode() for name in names.decode().split()} & set(found.split()):
                sys.exit("the completion cache is cold")
            show(rows, measure(rows, given.runs))
            keyring_row(base, plain, given.runs)
            bulk(base, max(3, given.runs // 5))
            import_row(base)


if __name__ == "__main__":
    main()
