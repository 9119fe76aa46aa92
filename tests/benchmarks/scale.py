"""What commands over all projects cost: `python tests/benchmarks/scale.py [PROJECTS]`, 20,000 unless told.

Runs `env where` and `status --all` against a sandbox with a tenth of the projects and with all of them, whose answers
about variables take 20 ms, as over a network. Prints a row a run: seconds, requests, the most requests in flight, and
the most memory of the process in MiB.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = {
    "env where": ("env", "where", "NOT_SET_ANYWHERE", "--jsonl"),
    "status --all": ("status", "--all", "--jsonl"),
}
SLOW = "GET /projects/*/env-vars slow 20ms"
FAILED = 3  # the exit code of `env where`: no project has the variable


# Run by an interpreter of its own: a child's peak memory counts what its parent has before it becomes another program.
MEASURE = """
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, 1, 0)])
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


@contextlib.contextmanager
def serve(projects: int, *options: str) -> Iterator[tuple[str, str]]:
    """Run `dpx sandbox serve` in a process of its own; gives URL and token."""
    words = ("-m", "dpx_cli", "sandbox", "serve", "--port", "0", "--projects", str(projects), *options)
    command = [sys.executable, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        url, token = (process.stdout.readline().strip().partition("=")[2] for _ in range(2))
        yield url, token
        process.terminate()


def run(url: str, token: str, words: tuple[str, ...]) -> tuple[float, float]:
    """Run a command, and return its seconds and its most memory in MiB."""
    env = {**os.environ, "DPX_API_URL": url, "DPX_TOKEN": token}
    command = [sys.executable, "-c", MEASURE, sys.executable, "-m", "dpx_cli", *words]
    started = time.monotonic()
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    seconds = time.monotonic() - started
    code, memory = map(int, done.stdout.split())
    if code not in {0, FAILED}:
        raise SystemExit(f"{' '.join(words)}: exit code {code}")
    return seconds, memory / (1024 if sys.platform == "linux" else 1024 * 1024)


def in_flight(requests: list[dict[str, Any]]) -> int:
    """Return how many requests were being answered at the same time at most."""
    edges = []
    for seen in requests:
        edges += [(seen["time"], 1), (seen["time"] + seen["milliseconds"] / 1000, -1)]
    most = now = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    return most


def main() -> None:
    """Print a row a run."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print("command        projects  seconds  requests  in flight  MiB")
    for projects in (count // 10, count):
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "log")
            with serve(projects, "--log", str(log), "--fault", SLOW) as (url, token):
                for name, words in COMMANDS.items():
                    log.write_bytes(b"")
                    seconds, memory = run(url, token, words)
                    requests = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
                    flight = in_flight(requests)
                    print(f"{name:14} {projects:8} {seconds:8.1f} {len(requests):9} {flight:10} {memory:4.0f}")


if __name__ == "__main__":
    main()
