"""What commands over many projects cost with few build slots: `python tests/benchmarks/several.py [PROJECTS]`.

For 200 projects unless told, and three build slots: a deployment of all; a rotation of a variable in all, with a
deployment each, without faults, with 429, 503 and lost responses in between, and staged, one project after the other.
Prints a row a run: seconds, requests, POSTs, 429s, how many projects were set twice. Stops if one was not set, or not
deployed exactly once.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import program

from dpx_cli import Client
from dpx_cli.sandbox.server import Sandbox

VALUE = "value-of-the-benchmark"
ROTATE = ("env", "rotate", "SHARED", "--stdin", "--all", "--deploy", "--yes")
RUNS = {
    "deploy": ("deploy", "--branch", "main", "--timeout", "1h"),
    "rotate": ROTATE,
    "faults": ROTATE,
    "staged": (*ROTATE, "--fail-fast"),
}
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
    slugs = [f"site-{number:03}" for number in range(count)]
    with Client(sandbox.token, api_url=sandbox.url) as client:
        for slug in slugs:
            sandbox.seed_project(slug)
            client.env.set(slug, {"SHARED": "old"}, targets=["production"])
    sandbox.clear_requests()
    return slugs


def measure(name: str, count: int) -> None:
    """Print the row of one run."""
    with Sandbox(build_seconds=0.2, projects=0, slots=3) as sandbox, tempfile.TemporaryDirectory() as folder:
        slugs = seed(sandbox, count)
        before = {slug: len(sandbox.deployments(slug)) for slug in slugs}
        for fault in FAULTS if name == "faults" else ():
            sandbox.fault(fault)
        words = [word for slug in slugs for word in ("--project", slug)] if name == "deploy" else []
        env = program.clean_env(Path(folder), {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token})
        started = time.monotonic()
        done = program.run(*RUNS[name], *words, env=env, cwd=Path(folder), stdin=VALUE.encode(), seconds=3000)
        seconds = time.monotonic() - started
        made = Counter(len(sandbox.deployments(slug)) - before[slug] for slug in slugs)
        is_set = name == "deploy" or all(sandbox.env_is(slug, "SHARED", VALUE) for slug in slugs)
        # A POST that got 503 may have been carried out: what isn't on the list then is exit 11.
        is_right = done.code in (0, 11) and max(made) == 1 if name == "faults" else not done.code and set(made) == {1}
        if not is_right or not is_set:
            raise SystemExit(f"{name}: exit code {done.code}; set everywhere: {is_set}; deployed: {dict(made)}")
        requests = sandbox.requests
        posts = [seen for seen in requests if seen.method == "POST"]
        tries = Counter(seen.path for seen in posts if seen.path.endswith("env-vars") and (seen.status or 500) < 300)
        busy = sum(seen.status == 429 for seen in requests)
        twice = sum(times - 1 for times in tries.values())
        print(f"{name:7} {seconds:8.1f} {len(requests):9} {len(posts):6} {busy:5} {twice:10}")


def main() -> None:
    """Print a row a run."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{count} projects, three build slots, builds of 0.2 s")
    print("run      seconds  requests  POSTs  429s  set twice")
    for name in RUNS:
        measure(name, count)


if __name__ == "__main__":
    main()
