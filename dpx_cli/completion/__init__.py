"""Completion for bash, zsh, fish and PowerShell: at every TAB, short scripts call `dpx __complete WORDS…`.

`completions/` has copies of `scripts/` for packagers; a test compares them.
"""

from __future__ import annotations

import os

SHELLS = ("bash", "zsh", "fish", "powershell")

# What the scripts are called in `scripts/` and in `completions/`.
FILES = {"bash": "dpx.bash", "zsh": "_dpx", "fish": "dpx.fish", "powershell": "dpx.ps1"}

# Every version's scripts say so in one of their first lines; `install.py` recognizes its own files by it.
MARK = "Completion of dpx for "


def script(shell: str) -> bytes:
    """Return the script for one of `SHELLS`, also from a zipped package."""
    from importlib.resources import files

    return files(__name__).joinpath("scripts", FILES[shell]).read_bytes()


def read_start(path: str, most: int) -> str:
    """Return the beginning of a file; "" if it can't be read or is no regular file, which might block forever."""
    try:
        if not os.path.isfile(path):
            return ""
        with open(path, "rb") as file:
            return file.read(most).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
