"""Profiles: named defaults for the API URL and the organization, in one JSON file, `config.json`.

    {"current": "work", "profiles": {"work": {"api_url": "https://…", "org": "acme", "read_only": true}}}

Tokens are kept by `credentials/`. Every command reads this file, so a missing one costs one failed `open`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import Failed, NotFound, UsageError
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT = "default"  # the profile that always exists
_NAME_LENGTH = 64
_WHAT = "the profiles"
_FIELDS = ("api_url", "org")
_WAY_OUT = "Set DPX_CONFIG_DIR to a folder that you may write."


class Profiles:
    """What the file holds. Keys that this version doesn't know are kept as they are."""

    __slots__ = ("_document",)

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        self._document: dict[str, Any] = {} if document is None else document

    @property
    def current(self) -> str:
        """The profile that is used if nothing else names one."""
        return str(self._document.get("current", DEFAULT))

    @property
    def names(self) -> list[str]:
        """Every profile in the file, and the default one, in alphabetical order."""
        return sorted({DEFAULT, *self._document.get("profiles", {})})

    def get(self, name: str) -> Mapping[str, str]:
        """Return a profile's "api_url" and "org", each only if it is set."""
        fields = self._document.get("profiles", {}).get(name, {})
        return {key: fields[key] for key in _FIELDS if fields.get(key)}

    def is_read_only(self, name: str) -> bool:
        """Return whether a profile forbids changes. Anything in the file but false does."""
        return bool(self._document.get("profiles", {}).get(name, {}).get("read_only", False))

    def put(
        self, name: str, *, api_url: str | None = None, org: str | None = None, read_only: bool | None = None
    ) -> None:
        """Create or change a profile: None leaves a setting as it is, an empty string clears it."""
        fields = self._document.setdefault("profiles", {}).setdefault(check_name(name), {})
        for key, value in (("api_url", api_url), ("org", org)):
            if value:
                fields[key] = value
            elif value is not None:
                fields.pop(key, None)
        if read_only:
            fields["read_only"] = True
        elif read_only is not None:
            fields.pop("read_only", None)

    def use(self, name: str) -> None:
        """Make a profile the current one. Raise NotFound if it doesn't exist."""
        if check_name(name) not in self.names:
            raise NotFound(f"There is no profile {name}.", hint=f"To create it, run: dpx auth login --profile {name}")
        self._document["current"] = name

    def remove(self, name: str) -> bool:
        """Remove a profile and return whether it was there. If it was current, the default one becomes current."""
        if self._document.get("current") == name:
            del self._document["current"]
        return self._document.get("profiles", {}).pop(name, None) is not None

    def to_json(self) -> bytes:
        """Return the document as the file holds it."""
        return (json.dumps(self._document, indent=2) + "\n").encode()


def check_name(name: str) -> str:
    """Return a profile's name. Raise UsageError if it is not `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`."""
    plain = name.replace(".", "").replace("_", "").replace("-", "")
    if name.isascii() and plain.isalnum() and name[0].isalnum() and len(name) <= _NAME_LENGTH:
        return name
    raise UsageError(
        f"Invalid profile name {name[:_NAME_LENGTH]!r}.",
        hint="Use at most 64 letters, digits, '.', '_' and '-', and begin with a letter or digit.",
    )


def path_in(config_dir: str) -> str:
    """Return the path of the file. Raise Failed if there is no folder for it."""
    if not config_dir:
        raise Failed("This user has no folder for dpx's files.", hint=_WAY_OUT)
    return os.path.join(config_dir, "config.json")


def load(config_dir: str | None) -> Profiles:
    """Read the profiles; none if there is no folder or no file.

    Raises:
        Failed: the file can't be read or understood; the message names it.
    """
    return _read(path_in(config_dir)) if config_dir else Profiles()


def update(config_dir: str | None, change: Callable[[Profiles], object]) -> Profiles:
    """Read, change and write the profiles as one step, however many processes do the same.

    Args:
        config_dir: the folder of the file; created if it is missing.
        change: changes the profiles in place; what it raises leaves the file alone.

    Raises:
        Failed: the file can't be read, understood or written; it is left as it is, and the message names it.
    """
    path = path_in(config_dir or "")
    try:
        with files.locked(path):
            profiles = _read(path)
            before = profiles.to_json()
            change(profiles)
            after = profiles.to_json()
            if after != before:
                files.write_whole(path, after)
    except Failed as exc:
        exc.hint = exc.hint or _WAY_OUT
        raise
    return profiles


def _read(path: str) -> Profiles:
    """Read the file and check its shape."""
    data = files.read_bytes(path, _WHAT)
    if data is None:
        return Profiles()
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise files.damaged(path, _WHAT, "it is not JSON") from exc
    reason = _fault(document)
    if reason:
        raise files.damaged(path, _WHAT, reason)
    return Profiles(document)


def _fault(document: Any) -> str:
    """Return what is wrong with the shape of the document; "" if nothing is."""
    if not isinstance(document, dict):
        return "it is not an object"
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict):
        return '"profiles" is not an object'
    for name, fields in profiles.items():
        if not isinstance(fields, dict):
            return f"profile {name!r} is not an object"
        for key in _FIELDS:
            if not isinstance(fields.get(key, ""), str):
                return f"{key!r} of profile {name!r} is not a text"
    try:
        for name in (document.get("current", DEFAULT), *profiles):
            check_name(name if isinstance(name, str) else "")
    except UsageError as exc:
        return exc.message.rstrip(".")
    return ""
