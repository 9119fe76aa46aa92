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

        def told(done: subprocess.CompletedProcess[str]) -> list[str]:
            """What the ledger says on stderr."""
            return [line for line in done.stderr.splitlines() if "since last set" in line or "ledger" in line]

        changed, unchanged = (f"note: {word} since last set from this machine: " for word in ("changed", "unchanged"))
        assert dpx("login", stdin=TOKEN).returncode == 0
        assert told(dpx("env", "set", f"A={CANARY}")) == []
        assert not (tmp_path / "config" / "ledger.json").exists()
        env["DPX_LEDGER"] = "1"
        assert told(dpx("env", "set", f"A={CANARY}", "B=1")) == []
        assert told(dpx("env", "set", f"A={CANARY}", "B=2")) == [f"{changed}B", f"{unchanged}A"]
        # Whatever the targets are: Deploxa keeps one value a key.
        assert told(dpx("env", "set", "B=2", "--target", "preview", "--yes")) == [f"{unchanged}B"]
        assert told(dpx("env", "import", "-", stdin=f"A={CANARY}\nC=3\n")) == [f"{unchanged}A"]
        # A dry run tells, and keeps nothing.
        for _ in range(2):
            done = dpx("env", "import", "-", "--dry-run", stdin=f"A={CANARY}\nB=9\nNEW=1\n")
            assert told(done) == [f"{changed}B", f"{unchanged}A"]
        # Half-way: what was set counts as set.
        sandbox.fault("POST /projects/*/env-vars 400 after 1 x1")
        done = dpx("env", "import", "-", stdin=f"D={CANARY}\nE={CANARY}\n")
        assert done.returncode == 2
        finished = "D" if "; done: D" in done.stderr else "E"
        assert told(dpx("env", "import", "-", stdin=f"D={CANARY}\nE={CANARY}\n")) == [f"{unchanged}{finished}"]
        # A plan tells changed from unchanged by it, and from what this machine never set.
        file = tmp_path / "deploxa.toml"
        file.write_text(f'[project]\nslug = "docs"\n[env]\nA = "{CANARY}"\nC = "4"\nSEARCH_KEY = "{CANARY}"\n')
        assert dpx("plan", str(file)).stdout == "set\tC\tvalue\nunknown\tSEARCH_KEY\tthe value can't be compared\n"
        assert dpx("apply", str(file), "--yes").returncode == 0
        assert (dpx("plan", str(file), "--exit-code").returncode, dpx("plan", str(file)).stdout) == (0, "")
        file.unlink()
        for path in tmp_path.rglob("*"):
            assert not path.is_file() or CANARY.encode() not in path.read_bytes()
        # Without its keyring it is off, and the variable is set all the same.
        done = dpx("env", "set", "A=1", DPX_TOKEN=TOKEN)
        assert done.returncode == 0
        assert done.stderr.startswith("note: The ledger is off: ")
        assert sandbox.env_is("docs", "A", "1")
