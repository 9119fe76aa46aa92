"""The link file, `.deploxa/project.json`: which project a folder belongs to.

It comes with a checkout, so it is not trusted: it names a project and an organization and nothing else, never a URL
and never a token. One that a stranger has put into a folder open to all, like /tmp, is not even looked at: whoever
works below it would send variables to the stranger's project. Floor 1; neighbours: `settings.py` (precedence),
`commands/link.py`.
"""

from __future__ import annotations

import json
import os

from dpx_cli.config.paths import LINK_FOLDER, LINK_NAME, link_file
from dpx_cli.errors import Failed, reason
from dpx_cli.system import files

MOST_BYTES = 65536


class Link:
    """What a link file names.

    Attributes:
        path: the file.
        project_id: "projectId".
        project_slug: "projectSlug"; None where the file has none.
        org_slug: "orgSlug"; None where the file has none.
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
        Failed: where it cannot be read or is damaged.
    """
    hint = "mend or delete it, then: dpx link"
    # A checkout may have a symbolic link here: to a device or a pipe that never ends.
    data = files.read_bytes(path, "the link file", MOST_BYTES + 1) if os.path.isfile(path) else None
    if data is None or len(data) > MOST_BYTES:
        raise Failed(f"the link file cannot be read: {path}", hint=hint)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise Failed(f"the link file is not JSON: {path}", hint=hint) from None
    names = [found.get(key) if isinstance(found, dict) else None for key in ("projectId", "projectSlug", "orgSlug")]
    if not names[0] or not all(name is None or isinstance(name, str) for name in names):
        raise Failed(f"the link file names no projectId: {path}", hint=hint)
    return Link(path, names[0], names[1] or None, names[2] or None)


def write(cwd: str, project_id: str, project_slug: str | None, org_slug: str | None) -> str:
    """Link a folder to a project; gives the path of the file. The folder keeps itself out of git.

    Raises:
        Failed: where it cannot be written, or what is there cannot be understood or leads elsewhere; that stays.
    """
    folder = os.path.join(os.path.abspath(cwd), LINK_FOLDER)
    path = os.path.join(folder, LINK_NAME)
    ignore = os.path.join(folder, ".gitignore")
    for place in (folder, path, ignore):
        # Of a checkout: written through, it would have us replace any file of the user's.
        if os.path.islink(place):
            raise Failed(f"{place} is a symbolic link, which is not written through", hint="delete it, then: dpx link")
    if os.path.lexists(path):
        read(path)
    names = {"projectId": project_id, "projectSlug": project_slug, "orgSlug": org_slug}
    content = json.dumps({key: name for key, name in names.items() if name}, indent=2)
    files.write_whole(path, content.encode() + b"\n")
    files.write_whole(ignore, b"*\n")
    return path


def remove(link: Link) -> None:
    """Take a link file away, and its folder where nothing else is left in it.

    Raises:
        Failed: where it cannot be removed.
    """
    folder = os.path.dirname(link.path)
    try:
        os.unlink(link.path)
        if set(os.listdir(folder)) <= {".gitignore"}:
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            os.rmdir(folder)
    except OSError as problem:
        raise Failed(f"cannot remove the link file {link.path}: {reason(problem)}") from None
