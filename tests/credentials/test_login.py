"""The whole way with a keyring: log in, use, log out, by the program in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox

TOKEN = "dpx_0123456789abcdefghijklmnopqrstuvwxyz"


def dpx(
    bus: dict[str, str], sandbox: Sandbox, folder: Path, *argv: str, stdin: str = "", **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run dpx on this bus."""
    env = {
        **bus,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "DPX_CONFIG_DIR": str(folder / "config"),
        "DPX_CACHE_DIR": str(folder / "cache"),
        "DPX_API_URL": sandbox.url,
    }
    command = [sys.executable, "-m", "dpx_cli", *argv]
    return subprocess.run(
        command, input=stdin, env={**env, **changes}, capture_output=True, text=True, timeout=60, check=False
    )


def test_login_use_logout(keyring_bus: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    """The token is in the keyring and in no file; after the logout it is nowhere."""
    done = dpx(keyring_bus, sandbox, tmp_path, "login", stdin=TOKEN)
    assert (done.returncode, done.stdout) == (0, "")
    assert (
        done.stderr == f"Logged in to {sandbox.url} as profile default. The token is in the keyring (SecretService).\n"
        "Organizations: acme (owner), globex (owner)\n"
    )
    assert all(TOKEN not in path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file())
    shown = json.loads(dpx(keyring_bus, sandbox, tmp_path, "whoami", "--json").stdout)
    assert (shown["source"], shown["accepted"]) == ("keyring", True)
    assert dpx(keyring_bus, sandbox, tmp_path, "orgs", "list", "-q").stdout.split() == ["acme", "globex"]
    done = dpx(keyring_bus, sandbox, tmp_path, "logout")
    assert done.stderr.endswith("The token is removed from the keyring (SecretService).\n")
    assert dpx(keyring_bus, sandbox, tmp_path, "auth", "token").returncode == 4


def test_from_keyring_to_file_and_back(keyring_bus: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    """There is one place for a token; the other one is emptied."""
    for flags, source in (((), "keyring"), (("--insecure-storage",), "file"), ((), "keyring")):
        assert dpx(keyring_bus, sandbox, tmp_path, "login", *flags, stdin=TOKEN).returncode == 0
        assert json.loads(dpx(keyring_bus, sandbox, tmp_path, "whoami", "--json").stdout)["source"] == source
        assert (tmp_path / "config" / "tokens.json").exists() == (source == "file")
    dpx(keyring_bus, sandbox, tmp_path, "logout")


def test_silent_keyring_ends_the_login(silent_bus: dict[str, str], sandbox: Sandbox, tmp_path: Path) -> None:
    """Exit 4, the keyring and the ways out named, nothing kept; a token in the environment needs no keyring."""
    done = dpx(silent_bus, sandbox, tmp_path, "login", stdin=TOKEN)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "error: The keyring (SecretService) did not respond within 3 s.\n"
        "hint: Unlock it. Or set DPX_TOKEN, or keep the token in a file: dpx auth login --insecure-storage\n"
    )
    assert all(TOKEN not in path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file())
    assert dpx(silent_bus, sandbox, tmp_path, "orgs", "list", "-q", DPX_TOKEN=TOKEN).returncode == 0
