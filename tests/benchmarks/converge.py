"""Does `plan` tell the truth after applies that fail? `python tests/benchmarks/converge.py [--scale 0.1] [--seed N]`.

Applies 20 files 500 times, with requests that get 429, 503 or 403, are lost or reset, and with SIGKILL; after each,
plans with the values of now and of before must call no value unchanged that isn't the server's. About an hour.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import converge

APPLIES, FILES = 500, 20


def main() -> int:
    """Run the campaign; return 1 if a plan was wrong."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--scale", type=float, default=1.0)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dpx-converge-") as folder:
        figures = converge.Converge(chosen.seed, Path(folder), FILES).run(max(int(APPLIES * chosen.scale), 1))
    print(", ".join(f"{count:,} {name}" for name, count in figures.items()), f"({time.monotonic() - began:.0f} s)")
    return 1 if figures["wrong unchanged"] or figures["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
