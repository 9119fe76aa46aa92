"""What a rotation over many projects costs: `python tests/benchmarks/rotate.py [PROJECTS]`, 200 unless told.

Runs `dpx env rotate --all --deploy` against a sandbox with three build slots: without faults, with 429, 503 and lost
answers in between, and killed with SIGKILL again and again until it gets through. Prints a row a run: seconds,
requests, POSTs, how many projects were set twice and deployed once. Stops if one was deployed twice, or not set.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from dpx_cli.sandbox.server import Sandbox
from tests.benchmarks.sandbox_load import Client

VALUE = "value-of-the-benchmark"
FAULTS = (
    "POST /projects/*/env-vars 429 after 20 x10",
    "POST /projects/*/env-vars 503 after 50 x5",
    "POST /projects/*/env-vars lost after 90 x5",
    "GET /projects/*/env-vars 503 after 10 x5",
    "POST /projects/*/deployments lost after 30 x5",
    "POST /projects/*/deployments 503 after 90 x3",
    "GET /deployments/* 502 after 40 x10",
)
PATIENCE = 3.0  # seconds until a run is killed; each later one gets a second more


def seed(sandbox: Sandbox, count: int) -> list[str]:
    """Give the sandbox projects that have the variable, and return their slugs."""
    client = Client(sandbox.url, sandbox.token)
    slugs = sandbox.seed_projects(count)
    for slug in slugs:
        body = {"key": "SHARED", "value": "old", "targets": ["production"]}
        client.ask("POST", f"/projects/{sandbox.project_id(slug)}/env-vars", body)
    sandbox.clear_requests()
    return slugs


def rotate(sandbox: Sandbox, home: str, seconds: float | None = None) -> int:
    """Run a rotation, kill it after some seconds, and return its exit code."""
    folders = {"DPX_CONFIG_DIR": f"{home}/config", "DPX_CACHE_DIR": f"{home}/cache"}
    env = {**os.environ, **folders, "DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token}
    command = [sys.executable, "-m", "dpx_cli", "env", "rotate", "SHARED", "--stdin", "--all", "--deploy", "--yes"]
    with tempfile.TemporaryFile() as value:
        value.write(VALUE.encode())
        value.seek(0)
        running = subprocess.Popen(command, env=env, stdin=value, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return running.wait(seconds)
        except subprocess.TimeoutExpired:
            running.kill()
            return running.wait()


def measure(name: str, count: int) -> None:
    """Print the row of one run."""
    with Sandbox(build_seconds=0.2, slots=3) as sandbox, tempfile.TemporaryDirectory() as home:
        slugs = seed(sandbox, count)
        before = {slug: len(sandbox.deployments(slug)) for slug in slugs}
        for fault in FAULTS if name == "faults" else ():
            sandbox.fault(fault)
        started = time.monotonic()
        runs, code = 0, -1
        while code != 0:
            code = rotate(sandbox, home, PATIENCE + runs if name == "kills" else None)
            runs += 1
            if name == "plain" and code != 0:
                raise SystemExit(f"{name}: exit code {code}")
        seconds = time.monotonic() - started
        requests = sandbox.requests
        posts = [seen for seen in requests if seen.method == "POST"]
        tries = Counter(seen.path for seen in posts if seen.path.endswith("env-vars") and (seen.status or 500) < 300)
        made = Counter(len(sandbox.deployments(slug)) - before[slug] for slug in slugs)
        if set(made) != {1} or not all(sandbox.env_is(slug, "SHARED", VALUE) for slug in slugs):
            raise SystemExit(f"{name}: not set everywhere, or not deployed once: {dict(made)}")
        twice = sum(times - 1 for times in tries.values())
        print(f"{name:7} {runs:5} {seconds:8.1f} {len(requests):9} {len(posts):6} {twice:10} {made[1]:14}")


def main() -> None:
    """Print a row a run."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{count} projects, three build slots, builds of 0.2 s")
    print("run      runs  seconds  requests  POSTs  set twice  deployed once")
    for name in ("plain", "faults", "kills"):
        measure(name, count)


if __name__ == "__main__":
    main()
