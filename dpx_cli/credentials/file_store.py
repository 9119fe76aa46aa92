"""Tokens in a plain file, `tokens.json`: only if `--insecure-storage` asked for it.

The file is for its owner only (0600). One that others may read is refused, as ssh refuses such a key.

    {"tokens": {"default@https://deploxa.com:443": "dpx_…"}}
"""

from __future__ import annotations

import os
import stat

from dpx_cli.credentials import storing
from dpx_cli.errors import TokenStorage
from dpx_cli.system import files, shell

_WHAT = "the stored tokens"


class FileStore:
    """The token file of one folder."""

    place = "file"
    source = "file"

    def __init__(self, config_dir: str) -> None:
        self.location = os.path.join(config_dir, "tokens.json")
        self.title = f"the file {self.location}"

    def get(self, key: str) -> str | None:
        """Return the token of a name, None without one."""
        return self.load().get(key)

    def set(self, key: str, token: str) -> None:
        """Store a token."""
        self._put(key, token)

    def delete(self, key: str) -> bool:
        """Remove a token and return whether there was one."""
        if key not in self.load():
            return False
        self._put(key, None)
        return True

    def _put(self, key: str, token: str | None) -> None:
        """Change the file under its lock; remove it if there are no tokens left."""
        import json

        with storing(), files.locked(self.location):
            tokens = {**self.load(), key: token}
            if tokens := {name: token for name, token in tokens.items() if token is not None}:
                files.write_whole(self.location, (json.dumps({"tokens": tokens}, indent=2) + "\n").encode())
            else:
                files.remove(self.location)

    def load(self) -> dict[str, str]:
        """Read the file, unless others can. No error shows what is in it."""
        try:
            mode = os.stat(self.location).st_mode
        except (OSError, ValueError):
            mode = 0  # it is missing, or `read_json` says why it can't be read
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise TokenStorage(
                f"Other users can read the token in {self.location} (mode {stat.S_IMODE(mode):04o}).",
                hint=f"If others use this machine, replace the token. Run: chmod 600 {shell.quote(self.location)}",
            )
        with storing():
            document = files.read_json(self.location, _WHAT)
            tokens = {} if document is None else document.get("tokens")
            if not isinstance(tokens, dict) or not all(isinstance(token, str) for token in tokens.values()):
                raise files.damaged(self.location, _WHAT, "it is not in the form that dpx writes")
        return tokens
