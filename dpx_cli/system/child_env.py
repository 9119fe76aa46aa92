"""Child-process environment without secrets.

Git and a browser need no token, may outlive dpx, and start other programs. The command of `dpx sandbox run` gets the
sandbox's own token.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECRETS = ("DPX_TOKEN", "DPX_TOKEN_FILE", "DPX_WEBHOOK_SECRET")


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without dpx's secrets."""
    return {name: value for name, value in env.items() if name not in SECRETS}


def program(name: str, env: Mapping[str, str]) -> str | None:
    """Return the path of a program in the first absolute directory of PATH that has it; None if there is none.

    Windows, and a PATH with ".", would run one that came with a checkout.
    """
    file = f"{name}.exe" if os.name == "nt" else name
    folders = env.get("PATH", os.defpath).split(os.pathsep)
    found = (os.path.join(folder, file) for folder in folders if os.path.isabs(folder))
    return next((path for path in found if os.path.isfile(path) and os.access(path, os.X_OK)), None)


@contextlib.contextmanager
def without_secrets() -> Iterator[None]:
    """Remove dpx's secrets from the process's own environment, for children that inherit it."""
    kept = {name: os.environ.pop(name) for name in SECRETS if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
