"""Where dpx's files are. Completion runs at every TAB, so nothing is imported that the interpreter hasn't loaded."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing would cost more than everything here
if TYPE_CHECKING:
    from collections.abc import Mapping

API_URL = "https://deploxa.com/api/v1"
LINK_FOLDER = ".deploxa"
LINK_NAME = "project.json"
PROJECT_FILE = "deploxa.toml"
WRITABLE_BY_ALL = 0o002  # stat.S_IWOTH


def folder(env: Mapping[str, str], kind: str) -> str:
    """Return the folder of dpx's "config" or "cache" files, as platformdirs has it; "" for a user without a home."""
    if own := env.get(f"DPX_{kind.upper()}_DIR"):
        return os.path.abspath(own)
    if os.name == "nt":  # pragma: no cover - Windows only
        local = env.get("LOCALAPPDATA", "")
        below = ("dpx", "Cache") if kind == "cache" else ("dpx",)
        return os.path.join(local, *below) if os.path.isabs(local) else ""
    xdg = env.get(f"XDG_{kind.upper()}_HOME", "")
    if xdg.startswith("/"):
        return os.path.join(xdg, "dpx")
    if sys.platform == "darwin":
        below_home = "Library/Application Support" if kind == "config" else "Library/Caches"
    else:
        below_home = ".config" if kind == "config" else ".cache"
    path = os.path.join(os.path.expanduser("~"), below_home, "dpx")
    return path if os.path.isabs(path) else ""


def link_file(cwd: str) -> str | None:
    """Return the path of the nearest link file from a folder upward, or None."""
    return _nearest(cwd, LINK_FOLDER, LINK_NAME)


def project_file(cwd: str) -> str | None:
    """Return the path of the nearest deploxa.toml from a folder upward, or None."""
    return _nearest(cwd, PROJECT_FILE)


def reference_file(cwd: str) -> str | None:
    """Return the path of the file that specifies the project: the nearer of link file and deploxa.toml, or None.

    In one folder the link file wins, because it is the user's own.
    """
    linked, committed = link_file(cwd), project_file(cwd)
    # Both are in the folder or above it, so the longer path is the nearer one.
    if linked and committed and len(os.path.dirname(committed)) > len(os.path.dirname(os.path.dirname(linked))):
        return committed
    return linked or committed


def _nearest(cwd: str, *names: str) -> str | None:
    """Search a folder and those above it; from below the home directory not beyond it, where others' files begin."""
    above, home = os.path.abspath(cwd), os.path.expanduser("~")
    while True:
        path = os.path.join(above, *names)
        if os.path.lexists(path) and not _is_untrusted(above, names[0]):
            return path
        below, above = above, os.path.dirname(above)
        if below in (above, home):
            return None


def _is_untrusted(above: str, name: str) -> bool:
    """Return whether a folder is open to all, like /tmp, and a file in it belongs to neither the user nor its owner.

    Users who work below it would send variables to a stranger's project.
    """
    try:
        parent, own = os.stat(above), os.lstat(os.path.join(above, name))
    except OSError:
        return False
    return bool(
        hasattr(os, "geteuid") and parent.st_mode & WRITABLE_BY_ALL and own.st_uid not in (os.geteuid(), parent.st_uid)
    )


def origin_of(api_url: str) -> str:
    """Return scheme, host and port of a checked API URL: "https://deploxa.com:443"; what a stored token is bound to."""
    scheme, _, rest = api_url.lower().partition("://")
    host, colon, port = rest.partition("/")[0].rpartition(":")
    if not colon or "]" in port:  # no port; the colons of an IPv6 address are inside brackets
        host, port = host + colon + port, ""
    return f"{scheme}://{host}:{int(port) if port else 443 if scheme == 'https' else 80}"


def names_file(origin: str, token: str) -> str:
    """Return the name of the cache file that holds a token's names at an origin. Only a digest of the token is kept."""
    # hashlib would load OpenSSL; the interpreter's own module has another name since 3.12.
    for module in ("_sha2", "_sha256", "hashlib"):
        try:
            digest = __import__(module).sha256(f"{origin}\n{token}".encode()).hexdigest()
        except ImportError:
            continue
        return f"names-{digest[:32]}.json"
    raise AssertionError("every Python has hashlib")
