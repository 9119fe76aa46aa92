"""The long form of the campaigns: `python tests/benchmarks/campaign.py [KIND]...`.

Prints the figures of 10,000 faulted deploys, 300 faulted runs of each changing command, 2,000 signals, 1,000 kills,
100,000 fuzzed inputs, and 500 faulted or killed applies of 20 files, after which no plan may call a value unchanged
that isn't the server's. `--scale 0.1` runs a tenth of each, `--seed N` others. Takes about two hours of one core. The
short form is part of the tests.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import campaign
import changing
import converge

MUST_BE_ZERO = (
    *("duplicates", "false greens", "lost", "silent", "tracebacks", "torn"),
    *("twice", "wrong exits", "leaks", "unexpected", "wrong unchanged", "differences"),
)
COUNTS = {"deploys": 10_000, "changes": 300, "signals": 2_000, "kills": 1_000, "inputs": 100_000, "applies": 500}


def main() -> int:
    """Run what the arguments name; return 1 if anything happened that must not."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("kinds", nargs="*", choices=[*COUNTS, []], help="which campaigns")
    arguments.add_argument("--scale", type=float, default=1.0)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    bad = 0
    for kind in chosen.kinds or COUNTS:
        began = time.monotonic()
        figures = run(kind, max(int(COUNTS[kind] * chosen.scale), 1), chosen.seed)
        bad += sum(figures.get(name, 0) for name in MUST_BE_ZERO)
        told = ", ".join(f"{count:,} {name}" for name, count in figures.items())
        print(f"{told} ({time.monotonic() - began:.0f} s)", flush=True)
    return 1 if bad else 0


def run(kind: str, number: int, seed: int) -> dict[str, int]:
    """Run one campaign and return its figures."""
    with tempfile.TemporaryDirectory(prefix="dpx-campaign-") as folder:
        if kind == "deploys":
            return campaign.Deploys(seed).run(number)
        if kind == "inputs":
            return campaign.inputs(number, seed)
        if kind == "applies":
            return converge.Converge(seed, Path(folder), 20).run(number)
        run_kind = {"changes": changing.changes, "signals": campaign.signals, "kills": campaign.kills}[kind]
        return run_kind(number, Path(folder), seed)


if __name__ == "__main__":
    sys.exit(main())
