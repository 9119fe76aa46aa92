"""Environment and path of child processes: git and a browser need no token, and start other programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRETS = ("DPX_TOKEN", "DPX_TOKEN_FILE", "DPX_WEBHOOK_SECRET")


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without dpx's secrets."""
    return {name: value for name, value in env.items() if name not in SECRETS}


def program(name: str, env: Mapping[str, str]) -> str | None:
    """Return the path of a program: an absolute one, or in the first absolute directory of PATH that has it, or None.

    Windows, and a PATH with ".", would run one that came with a checkout.
    """
    if os.path.isabs(name):
        return name if os.access(name, os.X_OK) else None
    file = f"{name}.exe" if os.name == "nt" else name
    folders = env.get("PATH", os.defpath).split(os.pathsep)
    paths = (os.path.join(folder, file) for folder in folders if os.path.isabs(folder))
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)
