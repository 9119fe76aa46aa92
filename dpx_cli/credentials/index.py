"""The index, `credentials.json`: which place holds the token of which profile and origin. It holds no secret.

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
    """Return the name of a token: profile and origin, as "default@https://deploxa.com:443"."""
    return f"{profile}@{origin}"


def split(name: str) -> tuple[str, str]:
    """Return profile and origin of a `key`. A profile's name has no "@"."""
    profile, _, origin = name.partition("@")
    return profile, origin


def path_in(config_dir: str) -> str:
    """Return the path of the index."""
    return os.path.join(config_dir, "credentials.json")


def load(config_dir: str) -> dict[str, str]:
    """Return the place of each key; {} if there is no index."""
    return load_texts(path_in(config_dir), WHAT)


def save(config_dir: str, entries: Mapping[str, str]) -> None:
    """Write the index; the caller holds its lock."""
    save_texts(path_in(config_dir), entries)


def load_texts(path: str, what: str) -> dict[str, str]:
    """Read a file of the form {"tokens": {text: text}}; {} if it is missing.

    Raises:
        TokenStorage: it can't be read or understood; the message names it, and not what is in it.
    """
    try:
        data = files.read_bytes(path, what)
        if data is None:
            return {}
        try:
            texts = json.loads(data)["tokens"]
        except (ValueError, RecursionError, LookupError, TypeError):
            raise files.damaged(path, what, "it is not in the form that dpx writes") from None
        if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
            raise files.damaged(path, what, "it is not in the form that dpx writes")
    except Failed as exc:
        raise TokenStorage(exc.message, hint=exc.hint) from None
    return texts


def save_texts(path: str, texts: Mapping[str, str]) -> None:
    """Write such a file for its owner only, or remove it if there are no texts.

    Raises:
        TokenStorage: it can't be written; the old content is still there.
    """
    try:
        if texts:
            files.write_whole(path, (json.dumps({"tokens": texts}, indent=2) + "\n").encode())
        else:
            files.remove(path)
    except Failed as exc:
        raise TokenStorage(exc.message, hint=exc.hint) from exc
