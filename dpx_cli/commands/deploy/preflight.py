"""What is going to be deployed: project, branch and commit, where each comes from, and what is worth a warning."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.api.deployments import DeploymentFields
from dpx_cli.commands.deploy import ci
from dpx_cli.errors import UsageError
from dpx_cli.system import git

if TYPE_CHECKING:
    from dpx_cli.commands.deploy.job import Wanted
    from dpx_cli.session import Session

FULL_SHA = re.compile(r"[0-9a-fA-F]{40}")


class Plan(NamedTuple):
    """What is going to be deployed.

    Attributes:
        fields: what is sent.
        branch: the branch, as far as it's known.
        source: where the branch comes from.
        warnings: what may be wrong, in sentences.
    """

    fields: DeploymentFields
    branch: str | None
    source: str
    warnings: list[str]

    def told(self, project: str) -> str:
        """Return the line that names project and branch, and where each comes from."""
        branch = f"branch {self.branch} ({self.source})" if self.branch else self.source
        return f"Deploying {project}, {branch}."


class Commits:
    """What the CI and git report about commits; read once, for any number of projects.

    Args:
        session: the session.
        wanted: what the user asked for.

    Raises:
        UsageError: if `--sha` is no commit.
    """

    def __init__(self, session: Session, wanted: Wanted) -> None:
        self._profile = session.settings.profile_flag
        self._given = wanted
        self._cwd = None if wanted.no_git else _cwd(session)
        self._head = None if self._cwd is None else git.head(self._cwd)
        self._built = None if wanted.no_git else ci.metadata(session.env)
        self._sha = self._resolved(wanted.sha)

    def plan(self, last_branch: str | None, *, project: str | None) -> Plan:
        """Return what to send, and what to tell the user.

        Sha and message are only sent if they were given, or if the commit is known: the CI built, or HEAD is on, the
        branch that will be deployed.

        Args:
            last_branch: the branch that was deployed last, which the API takes without another one.
            project: `--project`, for commands in warnings.
        """
        given = self._given
        fields = DeploymentFields()
        if given.branch is not None:
            fields["branch"] = given.branch
        branch = given.branch if given.branch is not None else last_branch
        source = given.source or ("--branch" if given.branch is not None else "the last deployed one")
        warnings = [] if given.branch is not None else self._other_branch(last_branch, project)
        known_sha, known_message = self._commit(branch, warnings) if branch else (None, None)
        sha = self._sha or known_sha
        # HEAD's subject would be wrong for another commit.
        message = given.message if given.message is not None or sha != known_sha else known_message
        if message is not None:
            fields["commitMessage"] = message
        if sha is not None:
            fields["commitSha"] = sha
        return Plan(fields, branch, source if branch else "the branch that Deploxa chooses (never deployed)", warnings)

    def _resolved(self, sha: str | None) -> str | None:
        if sha is None or self._given.source:  # a source other than the user: the API
            return sha
        known = None if self._cwd is None else git.commit(self._cwd, sha)
        if known is None and not FULL_SHA.fullmatch(sha):
            raise UsageError(
                f"--sha {sha!r} is not a commit here.",
                hint="Pass all 40 digits, or what git can resolve in a checkout.",
            )
        return known or sha

    def _other_branch(self, last_branch: str | None, project: str | None) -> list[str]:
        """Return a warning if HEAD is on another branch than the one that will be deployed."""
        head = (self._head and self._head.branch) or (self._built and self._built.branch)
        if not head or last_branch is None or head == last_branch:
            return []
        words = ["dpx", "deploy", "--branch", head, *(["--project", project] if project is not None else [])]
        words += ["--profile", self._profile] if self._profile else []
        why = f"HEAD is on {head}, but {last_branch} will be deployed, because it was deployed last."
        return [f"{why} To deploy {head}, run: {shlex.join(words)}"]

    def _commit(self, branch: str, warnings: list[str]) -> tuple[str | None, str | None]:
        """Return sha and subject of the commit that a branch's deployment will be of, as far as CI or git know."""
        built, head = self._built, self._head
        if built is not None and built.sha and built.branch == branch:
            subject = built.message
            if subject is None and head is not None and head.sha == built.sha:
                subject = head.subject
            return built.sha, subject
        if head is None or self._cwd is None:
            return None, None
        if head.branch != branch:
            # Which commit of a branch that isn't checked out will be deployed is unknown; what isn't pushed is known.
            _warn_of_unpushed(warnings, branch, git.unpushed(self._cwd, branch))
            return None, None
        _warn_of_unpushed(warnings, branch, head.unpushed)
        if head.unpushed is None:
            warnings.append(f"{branch} has no upstream; Deploxa builds from the remote.")
        if head.dirty:
            warnings.append("Uncommitted changes are not deployed.")
        return head.sha, head.subject


def project_source(session: Session, given: str | None) -> str:
    """Return where the project comes from: "--project", "DPX_PROJECT", or a file and its path."""
    if given is not None:
        return "--project"
    if session.settings.variable("DPX_PROJECT"):
        return "DPX_PROJECT"
    file = session.settings.named
    return file.path if file else ""


def _cwd(session: Session) -> str | None:
    try:
        return session.cwd
    except UsageError:  # no working directory, hence no repository
        return None


def _warn_of_unpushed(warnings: list[str], branch: str, unpushed: int | None) -> None:
    if unpushed:
        commits = "1 unpushed commit" if unpushed == 1 else f"{unpushed} unpushed commits"
        warnings.append(f"{branch} has {commits}; Deploxa builds from the remote.")
