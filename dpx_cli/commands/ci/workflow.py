"""Make a workflow from its template, write it where the CI looks for it, and set its secret.

In the templates `#@ NAMES` begins lines for workflows that have one of these parts, and `#@` ends them. Names of
branches and commits reach the shell only through the environment, never through the text of a script. Actions are
pinned by commit, because a tag can be moved, and dpx by version and hashes.
"""

from __future__ import annotations

import json
import os
import subprocess
from importlib.resources import files as resources
from typing import TYPE_CHECKING

from dpx_cli import __version__
from dpx_cli.config.settings import split_origin
from dpx_cli.errors import Failed, NotLoggedIn
from dpx_cli.rollout.report import GITLAB_FILE
from dpx_cli.system import child_env, files, git
from dpx_cli.system.hosts import is_loopback

if TYPE_CHECKING:
    from dpx_cli.session import Session

PATHS = {"github": os.path.join(".github", "workflows", "deploy.yml"), "gitlab": ".gitlab-ci.yml"}
SECRETS = {
    "github": "Add the secret DPX_TOKEN: Settings > Secrets and variables > Actions. Or run: gh secret set DPX_TOKEN",
    "gitlab": "Add the masked variable DPX_TOKEN: Settings > CI/CD > Variables.",
}
# If no project is specified: the one that is called like the repository.
PROJECTS = {"github": "${{ github.event.repository.name }}", "gitlab": "$CI_PROJECT_NAME"}
RELEASE = f"https://github.com/deploxa/dpx/releases/download/v{__version__}/requirements.txt"
INSTALL = "python -m pip install --quiet --require-hashes --requirement"
SETUP = {
    ("github", "pip"): f"""\
      - uses: actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0
        with:
          python-version: "3.13"
      - name: Install dpx
        run: {INSTALL} {RELEASE}""",
    ("github", "action"): f"""\
      - uses: deploxa/dpx/.github/actions/setup@v{__version__} # zizmor: ignore[unpinned-uses] a release's tag stays
        with:
          version: '{__version__}'""",
    ("gitlab", "pip"): f"{INSTALL} {RELEASE}",
}
MAX_SECONDS = 60  # for gh


def render(
    system: str,
    project: str | None,
    install: str = "pip",
    *,
    changed: bool = False,
    plan: bool = False,
    drift: bool = False,
) -> str:
    """Return a workflow of "github" or "gitlab" that installs this version of dpx by "pip" or its "action"."""
    parts = {"changed" if changed else "one", *(["plan"] if plan else []), *(["drift"] if drift else [])}
    lines, is_wanted = [], True
    for line in (resources(__package__) / f"{system}.yml").read_text("utf-8").splitlines():
        if line.startswith("#@"):
            is_wanted = line == "#@" or bool(parts & set(line.split()[1:]))
        elif is_wanted:
            lines.append(line)
    # A project's name may consist of digits, which YAML would read as a number.
    name = PROJECTS[system] if project is None else json.dumps(project)
    text = "\n".join(lines).replace("@INSTALL@", SETUP[system, install])
    return text.replace("@PROJECT@", name).replace("@DOTENV@", GITLAB_FILE) + "\n"


def write(session: Session, system: str, text: str, *, yes: bool = False) -> bool:
    """Write a workflow, and say where it is. Return whether the file has this text now.

    An existing file that says something else is replaced only with `yes`, or if the user agrees on a terminal.
    """
    top = git.find_top(session.cwd) or session.cwd
    path = files.checkout_path(top, PATHS[system])
    old = files.read_bytes(path, "the workflow", len(text.encode()) + 1)
    shown = files.short(path)
    is_other = old is not None and old != text.encode()
    if is_other and not yes and not (session.screen.can_ask and session.screen.confirm(f"{shown} exists. Replace it?")):
        session.screen.warn(f"{shown} exists and was not changed. To compare: dpx ci setup {system} --print")
        return False
    files.write_checkout(top, PATHS[system], text.encode())
    session.screen.info(f"Wrote {shown}.")
    return True


def set_secret(session: Session) -> None:
    """Set the secret DPX_TOKEN of the GitHub repository to the user's token with gh, or say what sets it."""
    try:
        _set_secret(session)
    except Failed as problem:
        session.screen.warn(f"The secret DPX_TOKEN was not set: {problem.message.rstrip('.')}.")
        session.screen.info(SECRETS["github"])


def _set_secret(session: Session) -> None:
    if is_loopback(split_origin(session.settings.origin)[1]):
        # That of `sandbox run` or `rehearse` would overwrite the real one.
        raise Failed("this is a sandbox's token")
    gh = child_env.program("gh", session.env)
    if gh is None:
        raise Failed("gh isn't installed")
    try:
        token = session.token()
    except NotLoggedIn as error:
        raise Failed(error.message) from None
    repository = _run(session, "", gh, "repo", "view", "--json", "nameWithOwner", "--jq", ".nameWithOwner")
    session.screen.info(f"Setting the secret DPX_TOKEN of {repository} to your token …")
    _run(session, token, gh, "secret", "set", "DPX_TOKEN", "--repo", repository)


def _run(session: Session, stdin: str, *command: str) -> str:
    """Run gh and return its output. A token goes through its standard input, where no other user sees it."""
    try:
        done = subprocess.run(
            command,
            input=stdin.encode(),
            cwd=session.cwd,
            env=child_env.environment(session.env),
            capture_output=True,
            timeout=MAX_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"gh: {type(error).__name__}") from None
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip().partition("\n")[0].replace(session.token(), "***")
        raise Failed(f"gh: {message or f'exit code {done.returncode}'}")
    return done.stdout.decode(errors="replace").strip()
