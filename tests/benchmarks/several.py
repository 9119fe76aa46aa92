"""Deploy 200 projects with three build slots: `python tests/benchmarks/several.py [projects] [slots] [build seconds]`.

Prints how often each was deployed, and how many requests that took beside what it takes without a limit of slots.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import program

from dpx_cli.sandbox.server import Sandbox


def deploy(projects: int, slots: int | None, seconds: float) -> tuple[int, Counter[str]]:
    """Deploy some projects and return the exit code, and counts: requests, 429s, deployments, projects deployed."""
    with tempfile.TemporaryDirectory() as folder, Sandbox(build_seconds=seconds, projects=0, slots=slots) as sandbox:
        names = [f"site-{number:03}" for number in range(projects)]
        for name in names:
            sandbox.seed_project(name)
        env = program.clean_env(Path(folder), {"DPX_API_URL": sandbox.url, "DPX_TOKEN": sandbox.token})
        words = [word for name in names for word in ("--project", name)]
        done = program.run(
            "deploy", *words, "--branch", "main", "--timeout", "1h", env=env, cwd=Path(folder), seconds=3000
        )
        made = [seen.path for seen in sandbox.requests if seen.method == "POST" and seen.status == 201]
        counts = {
            "requests": len(sandbox.requests),
            "429": sum(seen.status == 429 for seen in sandbox.requests),
            "deployments": len(made),
            "projects": len(set(made)),
            "ready": len(done.rows),
        }
        return done.code, Counter(counts)


def main() -> int:
    """Run it; return 1 unless each project was deployed once and is READY."""
    given = [float(word) for word in sys.argv[1:]]
    projects, slots, seconds = (int(given[0]), int(given[1]), given[2]) if len(given) > 2 else (200, 3, 1.0)
    began = time.monotonic()
    code, found = deploy(projects, slots, seconds)
    took = time.monotonic() - began
    print(f"exit {code}, {took:.0f} s (the slots need {projects / slots * seconds:.0f} s): {dict(found)}")
    few = min(projects, 20)
    _, free = deploy(few, None, seconds)
    needed = free["requests"] / few * projects
    print(f"without a limit of slots: {needed:.0f} requests; with it {found['requests'] / needed:.2f} times as many")
    return 0 if (code, found["deployments"], found["projects"], found["ready"]) == (0, *[projects] * 3) else 1


if __name__ == "__main__":
    sys.exit(main())
