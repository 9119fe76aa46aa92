"""`dpx doctor` with a real keyring: its name, its response time, and one that never answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from dpx_cli.config import profiles
from dpx_cli.config.paths import origin_of

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"


def doctor(bus: dict[str, str], sandbox: Sandbox, folder: Path, *argv: str, stdin: str = "") -> tuple[int, Any]:
    """Run dpx on this bus; return the exit code and the checks by name."""
    env = {
        **bus,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "DPX_CONFIG_DIR": str(folder / "config"),
        "DPX_CACHE_DIR": str(folder / "cache"),
        "DPX_API_URL": sandbox.url,
    }
    command = [sys.executable, "-m", "dpx_cli", *argv]
    done = subprocess.run(command, input=stdin, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert TOKEN not in done.stdout + done.stderr
    checks = json.loads(done.stdout)["checks"] if "doctor" in argv else []
    return done.returncode, {check["name"]: check for check in checks}


def test_an_unlocked_keyring(keyring_bus: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    """The keyring check has the keyring's name and response time; the token from it is accepted."""
    assert doctor(keyring_bus, sandbox, tmp_path, "login", stdin=TOKEN)[0] == 0
    code, checks = doctor(keyring_bus, sandbox, tmp_path, "doctor", "--json")
    assert code == 0, checks
    assert checks["keyring"]["detail"].startswith("SecretService, responded in ")
    assert checks["token"]["detail"] == "from the keyring (SecretService), accepted"
    assert doctor(keyring_bus, sandbox, tmp_path, "logout")[0] == 0


def test_a_keyring_that_never_answers(silent_bus: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    """A keyring that never answers fails its check only if the token is stored there; all other checks still run."""
    code, checks = doctor(silent_bus, sandbox, tmp_path, "doctor", "--json")
    assert code == 10
    assert [name for name, check in checks.items() if not check["ok"]] == ["token"]
    assert "did not respond within 3 s" in checks["keyring"]["detail"]
    origin = origin_of(sandbox.url)
    profiles.update(
        str(tmp_path / "config"), lambda changed: changed.put_login("default", origin, "keyring:SecretService")
    )
    code, checks = doctor(silent_bus, sandbox, tmp_path, "doctor", "--json")
    assert code == 10
    assert [name for name, check in checks.items() if not check["ok"]] == ["keyring", "token"]
    assert checks["api"]["ok"]
