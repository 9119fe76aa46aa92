"""Tokens in a plain file, `tokens.json`: only where `--insecure-storage` asked for it.

Floor 1. The file is its owner's alone (0600); one that others may read is refused, as ssh refuses such a key.
"""

from __future__ import annotations

import os
import stat

from dpx_cli.credentials import index
from dpx_cli.errors import TokenStorage

_WHAT = "the stored tokens"


class FileStore:
    """The token file of one folder; `logins.py` holds the index's lock while it changes it."""

    place = "file"
    source = "file"

    def __init__(self, config_dir: str) -> None:
        self._path = os.path.join(config_dir, "tokens.json")

    @property
    def title(self) -> str:
        """How a sentence names it."""
        return f"the file {self._path}"

    def get(self, key: str) -> str | None:
        """The token of this name, None where there is none."""
        return self._load().get(key)

    def set(self, key: str, token: str) -> None:
        """Store a token."""
        index.save_texts(self._path, {**self._load(), key: token})

    def delete(self, key: str) -> bool:
        """Remove a token; say whether there was one."""
        tokens = self._load()
        found = tokens.pop(key, None) is not None
        if found:
            index.save_texts(self._path, tokens)
        return found

    def _load(self) -> dict[str, str]:
        """Read the file, if nobody else can."""
        try:
            mode = os.stat(self._path).st_mode
        except (OSError, ValueError):
            mode = 0  # missing, or what keeps it from being read says `load_texts`
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise TokenStorage(
                f"others may read the token in {self._path} (mode {stat.S_IMODE(mode):04o})",
                hint=f"chmod 600 {self._path}, and replace the token if others use this machine",
            )
        return index.load_texts(self._path, _WHAT)
