"""Completion for bash, zsh, fish and PowerShell.

The four scripts in `scripts/` are short: at every TAB they call `dpx __complete WORDS…` (`candidates.py`), which
answers from the command table, remembered names and git. `completions/` holds copies for packagers; a test compares
them.
`install.py` puts a script where its shell looks for it.
"""

from __future__ import annotations

SHELLS = ("bash", "zsh", "fish", "powershell")

# What the scripts are called in `scripts/` and in `completions/`.
FILES = {"bash": "dpx.bash", "zsh": "_dpx", "fish": "dpx.fish", "powershell": "dpx.ps1"}

# Every version's scripts say so in one of their first lines; `install.py` recognizes its own files by it.
MARK = "Completion of dpx for "


def script(shell: str) -> bytes:
    """Return the script for one of `SHELLS`."""
    import os

    with open(os.path.join(os.path.dirname(__file__), "scripts", FILES[shell]), "rb") as file:
        return file.read()
