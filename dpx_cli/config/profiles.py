"""Profiles: named defaults for the API URL and the organization, in one JSON file, `config.json`.

Floor 1; neighbours: `settings.py` asks it for the active profile, `commands/profile.py` changes it. Tokens are not
here but in `credentials/`. On the path of every command, so a missing file costs one failed `open`.

    {"current": "work", "profiles": {"work": {"api_url": "https://…", "org": "acme"}}}
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import Failed, NotFound, UsageError
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT = "default"  # the profile that needs no making
_NAME_LENGTH = 64
_WHAT = "the profiles"
_FIELDS = ("api_url", "org")
_WAY_OUT = "set DPX_CONFIG_DIR to a folder that you may write"


class Profiles:
    """What the file holds. Keys that this version does not know are kept as they are."""

    __slots__ = ("_document",)

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        self._document: dict[str, Any] = {} if document is None else document

    @property
    def current(self) -> str:
        """The profile that is used where nothing else names one."""
        return str(self._document.get("current", DEFAULT))

    @property
    def names(self) -> list[str]:
        """Every profile that is in the file, and the default one, in alphabetical order."""
        return sorted({DEFAULT, *self._document.get("profiles", {})})

    def get(self, name: str) -> Mapping[str, str]:
        """A profile's settings, "api_url" and "org", each only where it has one; {} for one not in the file."""
        fields = self._document.get("profiles", {}).get(name, {})
        return {key: fields[key] for key in _FIELDS if fields.get(key)}

    def put(self, name: str, *, api_url: str | None = None, org: str | None = None) -> None:
        """Make a profile or change it: None leaves a setting as it is, an empty string takes it away."""
        fields = self._document.setdefault("profiles", {}).setdefault(check_name(name), {})
        for key, value in (("api_url", api_url), ("org", org)):
            if value:
                fields[key] = value
            elif value is not None:
                fields.pop(key, None)

    def use(self, name: str) -> None:
        """Make a profile the current one; `NotFound` where it does not exist."""
        if check_name(name) not in self.names:
            raise NotFound(
                f"there is no profile {name}", hint=f"dpx profile set {name}, or dpx auth login --profile {name}"
            )
        self._document["current"] = name

    def remove(self, name: str) -> bool:
        """Take a profile out; say whether it was there. Where it was current, the default one becomes so."""
        if self._document.get("current") == name:
            del self._document["current"]
        return self._document.get("profiles", {}).pop(name, None) is not None

    def to_json(self) -> bytes:
        """The document as the file holds it."""
        return (json.dumps(self._document, indent=2) + "\n").encode()


def check_name(name: str) -> str:
    """The name of a profile as it is; `UsageError` where it is not `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`."""
    plain = name.replace(".", "").replace("_", "").replace("-", "")
    if name.isascii() and plain.isalnum() and name[0].isalnum() and len(name) <= _NAME_LENGTH:
        return name
    raise UsageError(
        f"not a profile's name: {name[:_NAME_LENGTH]!r}",
        hint="letters, digits, '.', '_' and '-', at most 64, a letter or digit first",
    )


def path_in(config_dir: str) -> str:
    """Where the file is; `Failed` where there is no folder for it."""
    if not config_dir:
        raise Failed("no folder is known for dpx's files", hint=_WAY_OUT)
    return os.path.join(config_dir, "config.json")


def load(config_dir: str | None) -> Profiles:
    """Read the profiles; none where there is no folder or no file.

    Raises:
        Failed: the file cannot be read or understood; the message names it.
    """
    return _read(path_in(config_dir)) if config_dir else Profiles()


def update(config_dir: str | None, change: Callable[[Profiles], object]) -> Profiles:
    """Read, change and write the profiles as one step, however many processes do the same.

    Args:
        config_dir: the folder of the file; it is made where it is missing.
        change: changes the profiles in place; what it raises leaves the file alone.

    Raises:
        Failed: the file cannot be read, understood or written; it is left as it is, and the message names it.
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
    """Read one file, and have it in a shape that the rest need not check."""
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
    """Say what is wrong with the shape of the document; "" where nothing is."""
    if not isinstance(document, dict):
        return "it is no object"
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict):
        return '"profiles" is no object'
    for name, fields in profiles.items():
        if not isinstance(fields, dict):
            return f"profile {name!r} is no object"
        for key in _FIELDS:
            if not isinstance(fields.get(key, ""), str):
                return f"{key!r} of profile {name!r} is no text"
    try:
        for name in (document.get("current", DEFAULT), *profiles):
            check_name(name if isinstance(name, str) else "")
    except UsageError as exc:
        return exc.message
    return ""
