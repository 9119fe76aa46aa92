"""Write a workflow into the repository, where the CI looks for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.errors import Failed

if TYPE_CHECKING:
    from dpx_cli.session import Session

PATHS = {"github": os.path.join(".github", "workflows", "deploy.yml"), "gitlab": ".gitlab-ci.yml"}
SECRETS = {
    "github": "Add the secret DPX_TOKEN: Settings > Secrets and variables > Actions. Or run: gh secret set DPX_TOKEN",
    "gitlab": "Add the masked variable DPX_TOKEN: Settings > CI/CD > Variables.",
}


def root(cwd: str) -> str:
    """Return the top of the git repository of a directory; the directory itself if there is none."""
    folder = os.path.abspath(cwd)
    while not os.path.lexists(os.path.join(folder, ".git")):
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return os.path.abspath(cwd)
    return folder


def write(session: Session, system: str, text: str) -> bool:
    """Write a workflow, and say where it is and what sets the secret.

    An existing file that says something else is replaced only if the user agrees on a terminal.

    Args:
        session: the session.
        system: "github" or "gitlab".
        text: the workflow.

    Returns:
        Whether the file has this text now.

    Raises:
        Failed: it can't be written, or a symbolic link leads out of the repository.
    """
    from dpx_cli.system import files

    top = os.path.realpath(root(session.cwd))
    path = os.path.join(top, PATHS[system])
    # It comes with a checkout: written through, a link would have us replace any file of the user's.
    if os.path.islink(path) or os.path.realpath(path) != path:
        raise Failed(f"{path} leads elsewhere by a symbolic link.", hint="Delete the link, and try again.")
    old = files.read_bytes(path, "the workflow", len(text.encode()) + 1) if os.path.isfile(path) else None
    is_other = old is not None and old != text.encode()
    if is_other and not (session.screen.can_ask and session.screen.confirm(f"{path} exists. Replace it?")):
        session.screen.warn(f"{path} exists and was not changed. To compare: dpx ci print-workflow {system}")
        return False
    files.write_whole(path, text.encode(), 0o644)
    session.screen.done(f"Wrote {path}. {SECRETS[system]}")
    return True
