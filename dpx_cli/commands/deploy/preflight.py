"""What a deployment says of its commit, and what is worth a warning before it: git and the CI's variables.

Floor 2; neighbours: `repository.py` (git), `ci.py` (variables), `commands/deploy.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpx_cli.api.deployments import DeploymentFields
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from dpx_cli.commands.deploy.job import Wanted
    from dpx_cli.session import Session


def fields(session: Session, wanted: Wanted, last_branch: str | None) -> DeploymentFields:
    """What to send: what was given, and the commit's sha and subject where the commit being deployed is known.

    It is known where the CI built, or HEAD is on, the branch that will be deployed: the one given, or without one the
    last deployed (which is what the reference says the API takes then).
    """
    branch, message, sha = wanted.branch, wanted.message, wanted.sha
    found = DeploymentFields()
    if branch is not None:
        found["branch"] = branch
    meant = branch if branch is not None else last_branch
    if not wanted.no_git and meant is not None:
        known_sha, known_message = _commit(session, meant)
        # A sha of one's own makes the subject of another commit a lie.
        message = message if message is not None or (sha is not None and sha != known_sha) else known_message
        sha = sha if sha is not None else known_sha
    if message is not None:
        found["commitMessage"] = message
    if sha is not None:
        found["commitSha"] = sha
    return found


def _commit(session: Session, branch: str) -> tuple[str | None, str | None]:
    """Sha and subject of the commit that a branch's deployment will be of, as far as CI or git tell; with warnings."""
    from dpx_cli.commands.deploy import ci
    from dpx_cli.system import git as repository

    built = ci.metadata(session.env)
    try:
        head = repository.head(session.cwd)
    except UsageError:  # no working directory, hence no repository
        head = None
    if built is not None and built.sha and built.branch == branch:
        subject = built.message
        if subject is None and head is not None and head.sha == built.sha:
            subject = head.subject
        return built.sha, subject
    if head is None:
        return None, None
    if head.branch != branch:
        # Which commit of a branch that is not checked out is meant is not known; what the remote lacks is.
        _warn_of_unpushed(session, branch, repository.unpushed(session.cwd, branch))
        return None, None
    _warn_of_unpushed(session, branch, head.unpushed)
    if head.unpushed is None:
        session.screen.warn(f"{branch} has no upstream; Deploxa builds what is on the remote")
    if head.dirty:
        session.screen.warn("there are changes that are not committed; they will not be deployed")
    return head.sha, head.subject


def _warn_of_unpushed(session: Session, branch: str, unpushed: int | None) -> None:
    if unpushed:
        commits = "1 commit" if unpushed == 1 else f"{unpushed} commits"
        session.screen.warn(f"{commits} of {branch} not pushed; Deploxa builds what is on the remote")
