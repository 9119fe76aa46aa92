"""Write a workflow into the repository, where the CI looks for it, and set its secret."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dpx_cli.errors import NotLoggedIn

if TYPE_CHECKING:
    from dpx_cli.session import Session

PATHS = {"github": os.path.join(".github", "workflows", "deploy.yml"), "gitlab": ".gitlab-ci.yml"}
SECRETS = {
    "github": "Add the secret DPX_TOKEN: Settings > Secrets and variables > Actions. Or run: gh secret set DPX_TOKEN",
    "gitlab": "Add the masked variable DPX_TOKEN: Settings > CI/CD > Variables.",
}
MAX_SECONDS = 60  # for gh


def root(cwd: str) -> str:
    """Return the top of the git repository of a directory; the directory itself if there is none."""
    folder = os.path.abspath(cwd)
    while not os.path.lexists(os.path.join(folder, ".git")):
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return os.path.abspath(cwd)
    return folder


def write(session: Session, system: str, text: str, *, yes: bool = False) -> bool:
    """Write a workflow, and say where it is.

    An existing file that says something else is replaced only with `yes`, or if the user agrees on a terminal.

    Args:
        session: the session.
        system: "github" or "gitlab".
        text: the workflow.
        yes: don't ask.

    Returns:
        Whether the file has this text now.

    Raises:
        Failed: it can't be written, or a symbolic link leads out of the repository.
    """
    from dpx_cli.system import files

    top = root(session.cwd)
    path = files.checkout_path(top, PATHS[system])
    old = files.read_bytes(path, "the workflow", len(text.encode()) + 1)
    is_other = old is not None and old != text.encode()
    if is_other and not yes and not (session.screen.can_ask and session.screen.confirm(f"{path} exists. Replace it?")):
        session.screen.warn(f"{path} exists and was not changed. To compare: dpx ci print-workflow {system}")
        return False
    files.write_checkout(top, PATHS[system], text.encode())
    session.screen.done(f"Wrote {path}.")
    return True


def set_secret(session: Session) -> None:
    """Set the secret DPX_TOKEN of the GitHub repository to the user's token with gh, or say what sets it.

    The token goes through gh's standard input, where no other user of the machine sees it.
    """
    from dpx_cli.system import child_env

    gh = child_env.program("gh", session.env)
    problem = "gh isn't installed" if gh is None else _run_gh(session, gh)
    if problem is None:
        session.screen.done("Set the secret DPX_TOKEN of the repository to your token.")
    else:
        session.screen.warn(f"The secret DPX_TOKEN was not set: {problem}")
        session.screen.done(SECRETS["github"])


def _run_gh(session: Session, gh: str) -> str | None:
    """Set the secret; return what went wrong, or None."""
    import subprocess

    from dpx_cli.system import child_env

    try:
        token = session.token()
    except NotLoggedIn as error:
        return error.message
    try:
        done = subprocess.run(
            [gh, "secret", "set", "DPX_TOKEN"],
            input=token.encode(),
            cwd=session.cwd,
            env=child_env.environment(session.env),
            capture_output=True,
            timeout=MAX_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"gh: {type(error).__name__}"
    if done.returncode == 0:
        return None
    said = done.stderr.decode(errors="replace").strip().partition("\n")[0].replace(token, "***")
    return f"gh: {said or f'exit code {done.returncode}'}"
