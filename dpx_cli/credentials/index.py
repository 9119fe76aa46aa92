"""Which place holds the token of which profile and origin: `credentials.json`, which holds no secret.

Floor 1, read by `token_for` and changed by `logins.py` under its lock.

    {"tokens": {"default@https://deploxa.com:443": "keyring:SecretService"}}
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from dpx_cli.errors import Failed, TokenStorage
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Mapping

WHAT = "the list of stored tokens"


def key(profile: str, origin: str) -> str:
    """Name a token: profile and origin, as "default@https://deploxa.com:443"."""
    return f"{profile}@{origin}"


def split(name: str) -> tuple[str, str]:
    """Profile and origin of a `key`; a profile's name has no "@"."""
    profile, _, origin = name.partition("@")
    return profile, origin


def path_in(config_dir: str) -> str:
    """Where the index is."""
    return os.path.join(config_dir, "credentials.json")


def load(config_dir: str) -> dict[str, str]:
    """Key -> place; {} where there is no index."""
    return load_texts(path_in(config_dir), WHAT)


def save(config_dir: str, entries: Mapping[str, str]) -> None:
    """Write the index; the caller holds its lock."""
    save_texts(path_in(config_dir), entries)


def load_texts(path: str, what: str) -> dict[str, str]:
    """Read a file of the form {"tokens": {text: text}}; {} where it is missing.

    Raises:
        TokenStorage: it cannot be read or understood; the message names it, and not what is in it.
    """
    try:
        data = files.read_bytes(path, what)
        if data is None:
            return {}
        try:
            texts = json.loads(data)["tokens"]
        except (ValueError, RecursionError, LookupError, TypeError):
            raise files.damaged(path, what, "it is not of the form that dpx writes") from None
        if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
            raise files.damaged(path, what, "it is not of the form that dpx writes")
    except Failed as exc:
        raise TokenStorage(exc.message, hint=exc.hint) from None
    return texts


def save_texts(path: str, texts: Mapping[str, str]) -> None:
    """Write such a file, for its owner's eyes; without any text in it the file goes away.

    Raises:
        TokenStorage: it cannot be written; what was there is still there.
    """
    try:
        if texts:
            files.write_whole(path, (json.dumps({"tokens": texts}, indent=2) + "\n").encode())
        else:
            files.remove(path)
    except Failed as exc:
        raise TokenStorage(exc.message, hint=exc.hint) from exc
