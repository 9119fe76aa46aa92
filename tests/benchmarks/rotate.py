"""What a rotation over many projects costs: `python tests/benchmarks/rotate.py [PROJECTS]`, 200 unless told.

Runs `dpx env rotate --all --deploy` against a sandbox with three build slots: without faults, with 429, 503 and lost
responses in between, and staged, one project after the other. Prints a row a run: seconds, requests, POSTs, how many
projects were set twice. Stops if one was not set, or not deployed exactly once.
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

from dpx_cli import Client
from dpx_cli.sandbox.server import Sandbox

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


def seed(sandbox: Sandbox, count: int) -> list[str]:
    """Give the sandbox projects that have the variable, and return their slugs."""
    slugs = sandbox.seed_projects(count)
    with Client(sandbox.token, api_url=sandbox.url) as client:
        for slug in slugs:
            client.env.set(slug, {"SHARED": "old"}, targets=["production"])
    sandbox.clear_requests()
    return slugs


def rotate(sandbox: Sandbox, home: str, *flags: str) -> int:
    """Run a rotation and return its exit code."""
    folders = {"DPX_CONFIG_DIR": f"{home}/config", "DPX_CACHE_DIR": f"{home}/cache"}
    env = {**os.environ, **folders, "DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token}
    command = [sys.executable, "-m", "dpx_cli", "env", "rotate", "SHARED", "--stdin", "--all", "--deploy", "--yes"]
    done = subprocess.run([*command, *flags], env=env, input=VALUE.encode(), check=False, capture_output=True)
    return done.returncode


def measure(name: str, count: int) -> None:
    """Print the row of one run."""
    with Sandbox(build_seconds=0.2, slots=3) as sandbox, tempfile.TemporaryDirectory() as home:
        slugs = seed(sandbox, count)
        before = {slug: len(sandbox.deployments(slug)) for slug in slugs}
        for fault in FAULTS if name == "faults" else ():
            sandbox.fault(fault)
        started = time.monotonic()
        if code := rotate(sandbox, home, *(["--fail-fast"] if name == "staged" else [])):
            raise SystemExit(f"{name}: exit code {code}")
        seconds = time.monotonic() - started
        requests = sandbox.requests
        posts = [seen for seen in requests if seen.method == "POST"]
        tries = Counter(seen.path for seen in posts if seen.path.endswith("env-vars") and (seen.status or 500) < 300)
        made = Counter(len(sandbox.deployments(slug)) - before[slug] for slug in slugs)
        if set(made) != {1} or not all(sandbox.env_is(slug, "SHARED", VALUE) for slug in slugs):
            raise SystemExit(f"{name}: not set everywhere, or not deployed once: {dict(made)}")
        twice = sum(times - 1 for times in tries.values())
        print(f"{name:7} {seconds:8.1f} {len(requests):9} {len(posts):6} {twice:10}")


def main() -> None:
    """Print a row a run."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{count} projects, three build slots, builds of 0.2 s")
    print("run      seconds  requests  POSTs  set twice")
    for name in ("plain", "faults", "staged"):
        measure(name, count)


if __name__ == "__main__":
    main()
