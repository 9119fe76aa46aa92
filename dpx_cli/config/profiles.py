"""Profiles: named defaults and logins, in one JSON file, `config.json`.

    {"current": "work", "profiles": {"work": {"api_url": "https://…", "org": "acme", "read_only": true,
                                              "logins": {"https://deploxa.com:443": "keyring:SecretService"}}}}

A login is the place of a token (`credentials/stores.py`) for an API origin, never the token itself. Every command reads
this file, so a missing one costs one failed `open`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dpx_cli.errors import Failed, NotFound, UsageError
from dpx_cli.system import files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT = "default"  # the profile that always exists
MAX_NAME = 64
_WHAT = "the profiles"
_FIELDS = ("api_url", "org")


class Profiles:
    """The content of the file. Keys that this version doesn't know are kept as they are."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        self._document: dict[str, Any] = document or {}
        self._profiles: dict[str, dict[str, Any]] = self._document.setdefault("profiles", {})

    @property
    def current(self) -> str:
        """The profile that is used if nothing else specifies one."""
        return str(self._document.get("current", DEFAULT))

    @property
    def names(self) -> list[str]:
        """Every profile in the file, and the default one, in alphabetical order."""
        return sorted({DEFAULT, *self._profiles})

    def get(self, name: str) -> Mapping[str, str]:
        """Return a profile's "api_url" and "org", each only if it is set."""
        fields = self._profiles.get(name, {})
        return {key: fields[key] for key in _FIELDS if fields.get(key)}

    def is_read_only(self, name: str) -> bool:
        """Return whether a profile forbids changes. Any value except false counts as true."""
        return bool(self._profiles.get(name, {}).get("read_only"))

    def logins(self, name: str) -> Mapping[str, str]:
        """Return the place of a profile's token for each API origin."""
        logins: dict[str, str] = self._profiles.get(name, {}).get("logins", {})
        return logins

    def put(
        self, name: str, *, api_url: str | None = None, org: str | None = None, read_only: bool | None = None
    ) -> None:
        """Create or change a profile: None leaves a setting as it is, an empty string clears it."""
        fields = self._profiles.setdefault(check_name(name), {})
        for key, value in (("api_url", api_url), ("org", org), ("read_only", read_only)):
            if value:
                fields[key] = value
            elif value is not None:
                fields.pop(key, None)

    def put_login(self, name: str, origin: str, place: str | None) -> None:
        """Set the place of a profile's token for an origin; None removes it."""
        fields = self._profiles.setdefault(check_name(name), {})
        logins = {**fields.pop("logins", {}), origin: place}
        if logins := {origin: place for origin, place in logins.items() if place is not None}:
            fields["logins"] = logins

    def use(self, name: str) -> None:
        """Make a profile the current one. Raise NotFound if it doesn't exist."""
        if check_name(name) not in self.names:
            raise NotFound(f"There is no profile {name}.", hint=f"To create it, run: dpx auth login --profile {name}")
        self._document["current"] = name

    def remove(self, name: str) -> None:
        """Remove a profile. If it was current, the default one becomes current."""
        if self._document.get("current") == name:
            del self._document["current"]
        self._profiles.pop(name, None)

    def to_json(self) -> bytes:
        """Return the content of the file."""
        import json

        return (json.dumps(self._document, indent=2) + "\n").encode()


def check_name(name: str) -> str:
    """Return a profile's name. Raise UsageError if it is not `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`."""
    plain = name.replace(".", "").replace("_", "").replace("-", "")
    if name.isascii() and plain.isalnum() and name[0].isalnum() and len(name) <= MAX_NAME:
        return name
    raise UsageError(
        f"Invalid profile name {name[:MAX_NAME]!r}.",
        hint="Use at most 64 letters, digits, '.', '_' and '-', and begin with a letter or digit.",
    )


def load(config_dir: str) -> Profiles:
    """Read the profiles; none if there is no folder ("") or no file."""
    if not config_dir:
        return Profiles()
    path = os.path.join(config_dir, "config.json")
    document = files.read_json(path, _WHAT) or {}
    if fault := _find_fault(document):
        raise files.damaged(path, _WHAT, fault)
    return Profiles(document)


def update(config_dir: str, change: Callable[[Profiles], object]) -> Profiles:
    """Read, change and write the profiles as one step, however many processes do the same."""
    path = os.path.join(config_dir, "config.json")
    try:
        with files.locked(path):
            profiles = load(config_dir)
            before = profiles.to_json()
            change(profiles)
            if profiles.to_json() != before:
                files.write_whole(path, profiles.to_json())
    except Failed as problem:
        problem.hint = problem.hint or "Set DPX_CONFIG_DIR to a directory that you can write to."
        raise
    return profiles


def _find_fault(document: Mapping[str, Any]) -> str:
    """Return what is wrong with the shape of the document; "" if nothing is."""
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict):
        return '"profiles" is not an object'
    for name, fields in profiles.items():
        if not isinstance(fields, dict):
            return f"profile {name!r} is not an object"
        logins = fields.get("logins", {})
        texts = [fields.get(key, "") for key in _FIELDS]
        if not isinstance(logins, dict) or not all(isinstance(text, str) for text in (*texts, *logins.values())):
            return f"profile {name!r} has a value of a wrong type"
    try:
        for name in (document.get("current", DEFAULT), *profiles):
            check_name(name if isinstance(name, str) else "")
    except UsageError as problem:
        return problem.message.rstrip(".")
    return ""
