"""Tokens in a plain file, `tokens.json`: only if `--insecure-storage` asked for it.

The file is for its owner only (0600). One that others may read is refused, as ssh refuses such a key.
"""

from __future__ import annotations

import os
import stat

from dpx_cli.credentials import index
from dpx_cli.errors import TokenStorage

_WHAT = "the stored tokens"


class FileStore:
    """The token file of one folder. `logins.py` holds the index's lock while it changes the file."""

    place = "file"
    source = "file"

    def __init__(self, config_dir: str) -> None:
        self._path = os.path.join(config_dir, "tokens.json")

    @property
    def title(self) -> str:
        """What a sentence calls it."""
        return f"the file {self._path}"

    def get(self, key: str) -> str | None:
        """Return the token of a name, None if there is none."""
        return self._load().get(key)

    def set(self, key: str, token: str) -> None:
        """Store a token."""
        index.save_texts(self._path, {**self._load(), key: token})

    def delete(self, key: str) -> bool:
        """Remove a token and return whether there was one."""
        tokens = self._load()
        found = tokens.pop(key, None) is not None
        if found:
            index.save_texts(self._path, tokens)
        return found

    def _load(self) -> dict[str, str]:
        """Read the file, unless others can."""
        try:
            mode = os.stat(self._path).st_mode
        except (OSError, ValueError):
            mode = 0  # it is missing, or `load_texts` says why it can't be read
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            import shlex

            raise TokenStorage(
                f"Others may read the token in {self._path} (mode {stat.S_IMODE(mode):04o}).",
                hint=f"If others use this machine, replace the token. Run: chmod 600 {shlex.quote(self._path)}",
            )
        return index.load_texts(self._path, _WHAT)
