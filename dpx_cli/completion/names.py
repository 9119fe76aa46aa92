"""Names that dpx remembers, for completion: read from its own files without the network, the keyring or `json`.

Parsing with `json` would cost half a bare interpreter, because it imports `re`. `cache.py` writes what is read here.
"""

from __future__ import annotations

import os

from dpx_cli.completion import read_start
from dpx_cli.config.paths import API_URL, PROJECT_FILE, folder, names_file, origin_of, reference_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

MAX_BYTES = 4 * 1024 * 1024  # cache.MAX_BYTES; a test compares


def find(kind: str, profile: str | None, project: str | None, env: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Return the remembered names of one kind with their descriptions, unchecked.

    The kinds are "project", "org", "key" (of a project), "profile" and "deployment".
    """
    document = _read(os.path.join(folder(env, "config"), "config.json"))
    profiles = _part(document, "profiles", dict)
    if kind == "profile":
        return ((name, "") for name in ("default", *profiles))
    profile = profile or env.get("DPX_PROFILE") or str(document.get("current") or "default")
    api_url = env.get("DPX_API_URL") or _part(profiles, profile, dict).get("api_url") or API_URL
    names = _newest(folder(env, "cache"), origin_of(api_url), profile, env.get("DPX_TOKEN", "").strip())
    if kind == "deployment":
        return [_deployment(row) for row in _part(names, "deployments", list) if isinstance(row, list) and row]
    found: Iterable[Any] = ()
    if kind == "project":
        found = (*_part(names, "slugs", list), *_part(names, "projects", dict))
    elif kind == "org":
        found = _part(names, "orgs", list)
    elif kind == "key":
        project = project or env.get("DPX_PROJECT") or _default_project()
        found = _part(_part(names, "keys", dict), str(_part(names, "projects", dict).get(project) or project), list)
    return ((name, "") for name in found)


def _deployment(row: list[Any]) -> tuple[Any, str]:
    """Return a deployment's ID and what tells it from others: "READY main 3 h ago"."""
    from dpx_cli.durations import ago, epoch

    words = [word for word in row[1:3] if isinstance(word, str) and word.isprintable()]
    moment = epoch(row[3]) if len(row) > 3 else None  # noqa: PLR2004 - ID, status, branch, created_at
    return row[0], " ".join(words if moment is None else (*words, ago(moment)))


def _newest(cache: str, origin: str, profile: str, token: str) -> dict[str, Any]:
    """Return the names of the environment's token, else this origin's newest ones that aren't another profile's."""
    if token:
        return _read(os.path.join(cache, names_file(origin, token)))
    found = [
        (entry.stat().st_mtime_ns, entry.path)
        for entry in (os.scandir(cache) if os.path.isdir(cache) else ())
        if entry.name.startswith("names-") and entry.name.endswith(".json")
    ]
    for _, path in sorted(found, reverse=True):
        names = _read(path)
        if names.get("origin") == origin and names.get("profile", profile) == profile:
            return names
    return {}


def _default_project() -> str:
    """Return the project that the link file or deploxa.toml names; "" if there is none."""
    path = reference_file(os.getcwd())
    if not path:
        return ""
    if os.path.basename(path) != PROJECT_FILE:
        return str(_read(path).get("projectId") or "")
    table = ""
    for line in read_start(path, MAX_BYTES).splitlines():  # tomllib imports re
        key, _, value = line.partition("=")
        if line.startswith("["):
            table = line.partition("#")[0].strip()
        elif table == "[project]" and key.strip() == "slug":
            return value.partition("#")[0].strip().strip("\"'")
    return ""


def _part(document: Mapping[str, Any], key: str, kind: type) -> Any:
    value = document.get(key)
    return value if isinstance(value, kind) else kind()


class _Plain:
    """What the interpreter's JSON scanner must be told: nothing out of the ordinary."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None  # since Python 3.15
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - the scanner's own


def _read(path: str) -> dict[str, Any]:
    """Return the object in a small JSON file; {} if it is missing, too large or damaged."""
    from _json import make_scanner  # the scanner under json.loads; json itself imports re

    try:
        text = read_start(path, MAX_BYTES).strip()
        context: Any = _Plain()
        found, _ = make_scanner(context)(text, 0)
    except (ValueError, RecursionError, StopIteration):
        return {}
    return found if isinstance(found, dict) else {}
