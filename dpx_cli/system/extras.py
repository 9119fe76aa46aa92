"""How to install an extra, by the tool that has installed dpx."""

from __future__ import annotations

import os
import sys

from dpx_cli.system import shell


def install_command(extra: str) -> str:
    """Return the command to paste that adds an extra, like "jq", to this installation."""
    package = f"dpx-cli[{extra}]"
    if os.path.exists(os.path.join(sys.prefix, "pipx_metadata.json")):
        return shell.join(["pipx", "install", "--force", package])
    if os.path.exists(os.path.join(sys.prefix, "uv-receipt.toml")):
        return shell.join(["uv", "tool", "install", "--force", package])
    if f"{os.sep}uv{os.sep}archive-" in sys.prefix or f"{os.sep}uv{os.sep}environments-" in sys.prefix:
        return shell.join(["uvx", "--from", package, "dpx"])
    return shell.join([sys.executable or "python", "-m", "pip", "install", package])
