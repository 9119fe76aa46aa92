"""The link file, `.deploxa/project.json`: which project a directory belongs to.

It comes with a checkout, so it is not trusted: it contains a project and an organization, never a URL or a token.
`paths.py` finds it.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from dpx_cli.config.paths import LINK_FOLDER, LINK_NAME
from dpx_cli.errors import Failed, UsageError
from dpx_cli.system import files

WHAT = "the link file"


class Link(NamedTuple):
    """What a link file contains."""

    path: str
    project_id: str
    project_slug: str | None
    org_slug: str | None

    @property
    def reference(self) -> str:
        """The project."""
        return self.project_id


def read(path: str) -> Link:
    """Read a link file. Raise UsageError if it is damaged."""
    hint = "To link the directory again, run: dpx link PROJECT. To remove the file, run: dpx unlink"
    try:
        document = files.read_json(path, WHAT)
    except Failed as problem:
        raise UsageError(problem.message, hint=hint) from None
    if document is None:  # a symbolic link that leads nowhere
        raise UsageError(f"Can't read {WHAT} {files.short(path)}.", hint=hint)
    names = [document.get(key) for key in ("projectId", "projectSlug", "orgSlug")]
    if not names[0] or not all(name is None or isinstance(name, str) for name in names):
        raise UsageError(f"The link file {files.short(path)} doesn't contain a projectId.", hint=hint)
    return Link(path, names[0], names[1] or None, names[2] or None)


def write(cwd: str, project_id: str, project_slug: str | None, org_slug: str | None) -> str:
    """Link a directory to a project and return the path of the file. The folder keeps itself out of git."""
    names = {"projectId": project_id, "projectSlug": project_slug, "orgSlug": org_slug}
    content = json.dumps({key: name for key, name in names.items() if name}, indent=2)
    # This comes first, so that an interruption leaves nothing to commit.
    files.write_checkout(cwd, os.path.join(LINK_FOLDER, ".gitignore"), b"*\n", private=True)
    return files.write_checkout(cwd, os.path.join(LINK_FOLDER, LINK_NAME), f"{content}\n".encode(), private=True)


def check_writable(cwd: str) -> None:
    """Raise Failed if a directory can't be linked: it can't be written, or the link is a symbolic one."""
    path = files.checkout_path(cwd, os.path.join(LINK_FOLDER, LINK_NAME))
    folder = os.path.dirname(path)
    folder = folder if os.path.lexists(folder) else cwd
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK | os.X_OK):
        raise Failed(f"Can't write to {folder}, where the link file goes.", hint="Change its permissions.")


def remove(path: str) -> None:
    """Remove a link file, damaged or not, and its folder if nothing else is left in it."""
    folder = os.path.dirname(path)
    if os.path.islink(folder):  # one in a checkout could lead to any folder of the user's
        raise Failed(f"{folder} is a symbolic link, which dpx doesn't follow.", hint="Remove it yourself.")
    with files.naming_file(f"remove the link file {files.short(path)}"):
        os.unlink(path)
        if set(os.listdir(folder)) <= {".gitignore"}:
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            os.rmdir(folder)
