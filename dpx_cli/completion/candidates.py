"""The hidden entry that completion scripts call: `dpx __complete KIND [--profile NAME] [--project PROJECT]`.

It prints names that dpx remembers, one a line, and reads dpx's own files for them: no network, no keyring, no Typer.
A person waits for it at every TAB, so it imports nothing that the interpreter has not loaded already: `json` alone
would cost half a bare interpreter, `platformdirs` more than a whole one. Whatever goes wrong, it prints nothing and
exits 0.

KIND is "project", "org", "key" (of the named or default project), "profile" or "deployment".

Names come from a server and end up on a command line, so only harmless ones are offered: a project called
`$(reboot)` is a fine project, but nothing that a shell should ever see unquoted.

Floor 4; neighbours: `names.py` (writes what is read here), `completion/` (the scripts).
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as typing's, which costs a third of this module's time
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

API_URL = "https://deploxa.com/api/v1"  # settings.API_URL; a test compares
MOST_BYTES = 4 * 1024 * 1024  # names.MOST_BYTES; a test compares
MOST_CHARACTERS = 128  # of one candidate
HARMLESS = "-._@+/"  # beside letters and digits of any script


def run(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Print the candidates of one kind; always 0."""
    try:
        names = candidates(argv, env, os.getcwd())
        text = "".join(f"{name}\n" for name in dict.fromkeys(names) if is_harmless(name))
        os.write(1, text.encode())
    except Exception:  # noqa: BLE001, S110 - a person is typing; whatever is wrong is told when the command runs
        pass
    return 0


def candidates(argv: Sequence[str], env: Mapping[str, str], cwd: str) -> Iterable[Any]:
    """The remembered names of one kind, unchecked.

    Args:
        argv: the kind, then "--profile NAME" and "--project PROJECT" where the command line has them.
        env: the environment.
        cwd: where the link file is looked for.
    """
    kind = argv[0] if argv else ""
    given = dict(zip(argv[1::2], argv[2::2], strict=False))
    config = folder(env, "config")
    document = _read(os.path.join(config, "config.json"))
    if kind == "profile":
        stored = (key.partition("@")[0] for key in _of(_read(os.path.join(config, "credentials.json")), "tokens"))
        return ("default", *_of(document, "profiles"), *stored)
    profile = given.get("--profile") or env.get("DPX_PROFILE") or str(document.get("current") or "default")
    api_url = env.get("DPX_API_URL") or _of(_of(document, "profiles"), profile).get("api_url") or API_URL
    names = _newest(folder(env, "cache"), origin_of(api_url), profile, env.get("DPX_TOKEN", "").strip())
    if kind == "project":
        return (*_list(names, "slugs"), *_of(names, "projects"))
    if kind == "org":
        return _list(names, "orgs")
    if kind == "deployment":
        return _list(names, "deployments")
    if kind == "key":
        reference = given.get("--project") or env.get("DPX_PROJECT") or _linked(cwd)
        return _list(_of(names, "keys"), str(_of(names, "projects").get(reference) or reference))
    return ()


def is_harmless(name: Any) -> bool:
    """Whether a name can stand on any shell's command line as it is, and be taken for nothing but a name."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= MOST_CHARACTERS
        and name[0] not in "-./+@"
        and all(character.isalnum() or character in HARMLESS for character in name)
    )


def folder(env: Mapping[str, str], sort: str) -> str:
    """Where dpx's files are, as `settings.py` and platformdirs say it; a test compares.

    Args:
        env: the environment.
        sort: "config" or "cache".
    """
    if given := env.get(f"DPX_{sort.upper()}_DIR"):
        return os.path.abspath(given)
    if os.name == "nt":  # pragma: no cover - Windows only
        local = os.path.join(env["LOCALAPPDATA"], "dpx")
        return os.path.join(local, "Cache") if sort == "cache" else local
    xdg = env.get(f"XDG_{sort.upper()}_HOME", "")
    if xdg.startswith("/"):
        return os.path.join(xdg, "dpx")
    if sys.platform == "darwin":
        places = {"config": "~/Library/Application Support", "cache": "~/Library/Caches"}
    else:
        places = {"config": "~/.config", "cache": "~/.cache"}
    return os.path.join(os.path.expanduser(places[sort]), "dpx")


def origin_of(api_url: str) -> str:
    """Scheme, host and port, as `settings.origin_of` gives them for a URL that `settings.check_api_url` lets pass."""
    scheme, _, rest = api_url.partition("://")
    scheme = scheme.lower()
    host = rest.partition("/")[0].lower()
    if host.endswith("]") or ":" not in host:
        host += ":443" if scheme == "https" else ":80"
    return f"{scheme}://{host}"


def _newest(cache: str, origin: str, profile: str, token: str) -> dict[str, Any]:
    """The names of the environment's token, else the newest ones of this origin that are not another profile's."""
    if token:
        return _read(os.path.join(cache, f"names-{digest(origin, token)}.json"))
    found = [
        (entry.stat().st_mtime_ns, entry.path)
        for entry in os.scandir(cache)
        if entry.name.startswith("names-") and entry.name.endswith(".json")
    ]
    for _, path in sorted(found, reverse=True):
        names = _read(path)
        if names.get("origin") == origin and names.get("profile", profile) == profile:
            return names
    return {}


def digest(origin: str, token: str) -> str:
    """The part of a cache file's name that says whose names are in it."""
    # hashlib would load OpenSSL; the interpreter's own module has changed its name with 3.12.
    for module in ("_sha2", "_sha256", "hashlib"):
        try:
            text: str = __import__(module).sha256(f"{origin}\n{token}".encode()).hexdigest()
        except ImportError:
            continue
        return text[:32]
    return ""


def _linked(cwd: str) -> str:
    """The project of the nearest link file; "" where there is none."""
    while True:
        path = os.path.join(cwd, ".deploxa", "project.json")
        if os.path.lexists(path):
            # A pipe in a checkout would keep the person at the TAB key waiting for ever.
            return str(_read(path).get("projectId") or "") if os.path.isfile(path) else ""
        above = os.path.dirname(cwd)
        if above == cwd:
            return ""
        cwd = above


def _of(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    return found if isinstance(found, list) else []


class _Plain:
    """What the interpreter's JSON scanner wants to be told: nothing out of the ordinary."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - the scanner's own


def _read(path: str) -> dict[str, Any]:
    """A small JSON file; {} where it is missing, too large or damaged."""
    try:
        with open(path, "rb") as file:
            text = file.read(MOST_BYTES + 1).decode().strip()
        if len(text) > MOST_BYTES:
            return {}
        try:
            # The scanner under json.loads; json itself imports re.
            from _json import make_scanner
        except ImportError:
            from json import loads

            found = loads(text)
        else:
            context: Any = _Plain()
            found, _ = make_scanner(context)(text, 0)
    except (OSError, ValueError, RecursionError, StopIteration):
        return {}
    return found if isinstance(found, dict) else {}
