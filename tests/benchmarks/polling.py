"""How soon `dpx deploy` learns of the end of a build, and what it asks: `python tests/benchmarks/polling.py`.

Compares, in simulated time, polling by past builds with a fixed interval of 5 s and with one that grows to 5 s. Prints
for each kind of build the mean delay between the end and the poll that finds it, and the mean number of requests. Of
rows that don't tell build times, two are asked for after a few seconds, and count as requests.
"""

from __future__ import annotations

import random
import statistics
from typing import TYPE_CHECKING

from dpx_cli.api.deploying.pace import FIRST, GROWTH, MAX, Pace

if TYPE_CHECKING:
    from collections.abc import Callable

BUILDS = 400  # of each kind
# Medians in seconds and spreads (sigma of the logarithm): recorded build times of sites are close to log-normal.
KINDS = {
    "static, 12 s": (12.0, 0.08),
    "Vite, 25 s": (25.0, 0.12),
    "Next.js, 70 s": (70.0, 0.15),
    "monorepo, 240 s": (240.0, 0.2),
    "uneven, 45 s": (45.0, 0.5),
}


def fixed() -> Callable[[float, str], float]:
    """Poll every five seconds."""
    return lambda _elapsed, _status: 5.0


def growing() -> Callable[[float, str], float]:
    """Poll at intervals that grow to five seconds."""
    state = [FIRST / GROWTH]

    def pause(_elapsed: float, _status: str) -> float:
        state[0] = min(state[0] * GROWTH, MAX)
        return state[0]

    return pause


def simulate(pause: Callable[[float, str], float], queued: float, build: float) -> tuple[float, int]:
    """Return the delay after the end of one build, and the number of polls."""
    elapsed, polls = 0.0, 0
    end = queued + build
    while True:
        polls += 1
        if elapsed >= end:
            return elapsed - end, polls
        elapsed += pause(elapsed, "QUEUED" if elapsed < queued else "BUILDING")


def measure(median: float, spread: float) -> dict[str, tuple[float, float]]:
    """Return mean delay and mean requests of each way to poll, over many builds of one kind."""
    rng = random.Random(1)
    found: dict[str, list[tuple[float, int]]] = {"fixed 5 s": [], "growing": [], "past builds": [], "asked for": []}
    past = [rng.lognormvariate(0, spread) * median for _ in range(10)]
    for _ in range(BUILDS):
        build, queued = rng.lognormvariate(0, spread) * median, rng.uniform(0.2, 3.0)
        found["fixed 5 s"].append(simulate(fixed(), queued, build))
        found["growing"].append(simulate(growing(), queued, build))
        found["past builds"].append(simulate(Pace(past).pause, queued, build))
        delay, polls = simulate(Pace(past[:2]).pause, queued, build)
        found["asked for"].append((delay, polls + 2))
        past = [build, *past[:9]]
    return {
        name: (statistics.fmean(delay for delay, _ in runs), statistics.fmean(polls for _, polls in runs))
        for name, runs in found.items()
    }


def main() -> None:
    """Print the table."""
    print(f"{'builds':18} {'way':12} {'delay s':>8} {'requests':>9}")
    for kind, (median, spread) in KINDS.items():
        for name, (delay, requests) in measure(median, spread).items():
            print(f"{kind:18} {name:12} {delay:8.2f} {requests:9.1f}")


if __name__ == "__main__":
    main()
