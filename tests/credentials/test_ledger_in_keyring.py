"""The ledger with a real keyring, through the program: what `env set` and `env import` say, and what is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"
CANARY = "canary-value"


def test_env_set_and_import_tell_what_changed(keyring_bus: dict[str, str], tmp_path: Path) -> None:
    """From the second time on; no value is in any output or file, and without DPX_LEDGER nothing is kept."""
    with Sandbox(tokens=[TOKEN]) as sandbox:
        env = {
            **keyring_bus,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "DPX_CONFIG_DIR": str(tmp_path / "config"),
            "DPX_CACHE_DIR": str(tmp_path / "cache"),
            "DPX_API_URL": sandbox.url,
            "DPX_PROJECT": "docs",
        }

        def dpx(*argv: str, stdin: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
            done = subprocess.run(
                [sys.executable, "-m", "dpx_cli", *argv],
                input=stdin,
                env={**env, **changes},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert CANARY not in done.stdout + done.stderr
            return done

        assert dpx("login", stdin=TOKEN).returncode == 0
        assert dpx("env", "set", f"A={CANARY}").stderr == ""
        assert not (tmp_path / "config" / "ledger.json").exists()
        env["DPX_LEDGER"] = "1"
        assert dpx("env", "set", f"A={CANARY}", "B=1").stderr == ""
        assert dpx("env", "set", f"A={CANARY}", "B=2").stderr == (
            "note: changed since last set from this machine: B\nnote: unchanged since last set from this machine: A\n"
        )
        done = dpx("env", "import", "-", stdin=f"A={CANARY}\nC=3\n")
        assert done.stderr == "note: unchanged since last set from this machine: A\nset 2, removed 0\n"
        # A dry run tells, and keeps nothing.
        for _ in range(2):
            done = dpx("env", "import", "-", "--dry-run", stdin=f"A={CANARY}\nB=9\nNEW=1\n")
            assert done.stderr == (
                "note: changed since last set from this machine: B\n"
                "note: unchanged since last set from this machine: A\n"
            )
        # Half-way: what was set counts as set.
        sandbox.fault("POST /projects/*/env-vars 400 after 1 x1")
        done = dpx("env", "import", "-", stdin=f"D={CANARY}\nE={CANARY}\n")
        assert done.returncode == 2
        finished = "D" if "; done: D" in done.stderr else "E"
        done = dpx("env", "import", "-", stdin=f"D={CANARY}\nE={CANARY}\n")
        assert done.stderr == f"note: unchanged since last set from this machine: {finished}\nset 2, removed 0\n"
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or CANARY.encode() not in path.read_bytes()
        # Without its keyring it is off, and the variable is set all the same.
        done = dpx("env", "set", "A=1", DPX_TOKEN=TOKEN)
        assert done.returncode == 0
        assert done.stderr.startswith("note: the ledger is off: ")
        assert sandbox.env_is("docs", "A", "1")
