"""How long a scan takes: `python tests/benchmarks/scan.py [FILES]` prints seconds and memory, for 50,000 unless told.

Writes a repository of source files with a size and a share of readings like those of real ones, tracks it with git, and
scans it in a process of its own, through git and without.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
EVERY = 20  # one file in so many reads the environment
CODE = Path(__file__).parent.parent / "commands" / "env" / "code"
PLAIN = """\
import { useState } from "react";
import type { Item } from "./types";

// Shows the environment of an item; nothing is read from the process here.
export function List({ items }: { items: Item[] }) {
  const [open, setOpen] = useState(false);
  const cells = items.map((item) => <li key={item.id}>{`${item.name} / ${item.price}`}</li>);
  return <ul onClick={() => setOpen(!open)}>{cells}</ul>;
}
"""
SCAN = """\
import os, resource, sys, time
from dpx_cli.commands.env.scan import files
began, cpu = time.perf_counter(), time.process_time()
found = files.scan(sys.argv[1])
seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{found.files} files, {len(found.keys)} keys: {seconds:.2f} s ({cpu:.2f} s of CPU), {peak:.0f} MiB")
"""


def write(root: Path) -> int:
    """Write the files; returns their bytes."""
    reading = [path for path in sorted(CODE.rglob("*")) if path.is_file()]
    chance = random.Random(12)  # the same files every time
    total = 0
    for number in range(FILES):
        folder = root / f"packages/p{number // 500}/src/{number // 50 % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        if number % EVERY == 0:
            source = chance.choice(reading)
            name, text = source.name.removesuffix(".txt"), source.read_text(encoding="utf-8")
        else:
            name, text = "list.tsx", PLAIN * chance.randint(1, 20)
        total += (folder / f"f{number}-{name}").write_text(text, encoding="utf-8")
    return total


def main() -> None:
    """Write, scan twice each way, print."""
    with tempfile.TemporaryDirectory(prefix="dpx-scan-") as folder:
        root = Path(folder)
        began = time.perf_counter()
        total = write(root)
        print(f"{FILES} files of {total / 1e6:.0f} MB written in {time.perf_counter() - began:.1f} s")
        for how in ("walk", "git"):
            if how == "git":
                for argv in (["init", "-q"], ["add", "."]):
                    subprocess.run(["git", *argv], cwd=root, check=True)
            for _ in range(2):
                print(f"{how}: ", end="", flush=True)
                subprocess.run([sys.executable, "-c", SCAN, folder], check=True)
    print(f"children: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main()
