"""The link file, `.deploxa/project.json`: which project a directory belongs to.

It comes with a checkout, so it is not trusted: it names a project and an organization and nothing else, never a URL or
a token. `paths.py` finds it, and ignores one that another user has put into a directory open to all, like /tmp: users
who work below it would send variables to a stranger's project.
"""

from __future__ import annotations

import json
import os

from dpx_cli.config.paths import LINK_FOLDER, LINK_NAME, link_file
from dpx_cli.errors import Failed, reason
from dpx_cli.system import files

MAX_BYTES = 64 * 1024
FIX = "Fix or delete it. To link the directory again, run: dpx link"


class Link:
    """What a link file names.

    Attributes:
        path: the file.
        project_id: "projectId".
        project_slug: "projectSlug"; None if the file has none.
        org_slug: "orgSlug"; None if the file has none.
    """

    __slots__ = ("org_slug", "path", "project_id", "project_slug")

    def __init__(self, path: str, project_id: str, project_slug: str | None, org_slug: str | None) -> None:
        self.path = path
        self.project_id = project_id
        self.project_slug = project_slug
        self.org_slug = org_slug


def find(cwd: str) -> Link | None:
    """Return the nearest link file from a directory upward, or None.

    Raises:
        Failed: if it can't be read or is damaged; the message names it.
    """
    path = link_file(cwd)
    return read(path) if path else None


def read(path: str) -> Link:
    """Read one link file.

    Raises:
        Failed: it can't be read or is damaged.
    """
    # A checkout may have a symbolic link here, to a directory, a device or a pipe.
    data = files.read_bytes(path, "the link file", MAX_BYTES + 1) if os.path.isfile(path) else None
    if data is None or len(data) > MAX_BYTES:
        raise Failed(f"Can't read the link file {path}.", hint=FIX)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise Failed(f"The link file {path} is not JSON.", hint=FIX) from None
    names = [found.get(key) if isinstance(found, dict) else None for key in ("projectId", "projectSlug", "orgSlug")]
    if not names[0] or not all(name is None or isinstance(name, str) for name in names):
        raise Failed(f"The link file {path} names no projectId.", hint=FIX)
    return Link(path, names[0], names[1] or None, names[2] or None)


def write(cwd: str, project_id: str, project_slug: str | None, org_slug: str | None) -> str:
    """Link a directory to a project and return the path of the file. The folder keeps itself out of git.

    Raises:
        Failed: it can't be written, or what is there can't be understood or is a symbolic link; that stays as it is.
    """
    folder = os.path.join(os.path.abspath(cwd), LINK_FOLDER)
    path = os.path.join(folder, LINK_NAME)
    ignore = os.path.join(folder, ".gitignore")
    for place in (folder, path, ignore):
        _refuse_symlink(place)
    if os.path.lexists(path):
        read(path)
    names = {"projectId": project_id, "projectSlug": project_slug, "orgSlug": org_slug}
    content = json.dumps({key: name for key, name in names.items() if name}, indent=2)
    files.write_whole(ignore, b"*\n")  # first, so that an interruption leaves nothing to commit
    files.write_whole(path, content.encode() + b"\n")
    return path


def remove(link: Link) -> None:
    """Remove a link file, and its folder if nothing else is left in it.

    Raises:
        Failed: it can't be removed, or its folder is a symbolic link.
    """
    folder = os.path.dirname(link.path)
    _refuse_symlink(folder)
    try:
        os.unlink(link.path)
        if set(os.listdir(folder)) <= {".gitignore"}:
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            os.rmdir(folder)
    except OSError as problem:
        raise Failed(f"Can't remove the link file {link.path}: {reason(problem)}.") from None


def _refuse_symlink(path: str) -> None:
    """Raise Failed for a symbolic link: one of a checkout could lead to any file of the user's."""
    if os.path.islink(path):
        raise Failed(f"{path} is a symbolic link, which dpx doesn't follow.", hint="Delete it yourself.")
