"""What is going to be deployed: branch and commit, where each comes from, and what is worth a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.api.deployments import DeploymentFields
from dpx_cli.errors import UsageError
from dpx_cli.reference import PARALLEL, WAIT
from dpx_cli.rollout import ci
from dpx_cli.rollout.commits import FULL, count_commits, find_cwd, resolve_sha
from dpx_cli.rollout.gates import Gates, check_target
from dpx_cli.system import git

if TYPE_CHECKING:
    from dpx_cli.resolve import ProjectRef
    from dpx_cli.session import Session


class DeployOptions(NamedTuple):
    """The options of `dpx deploy`; `branch_source` is where the branch comes from, if it isn't `--branch`."""

    branch: str | None = None
    message: str | None = None
    sha: str | None = None
    branch_source: str | None = None
    no_git: bool = False
    no_wait: bool = False
    dry_run: bool = False
    timeout: float = WAIT
    gates: Gates = Gates()
    parallel: int = PARALLEL
    fail_fast: bool = False
    scan: bool = False
    ci_output: str = "auto"
    summary: str | None = None

    def check(self) -> None:
        """Raise UsageError for what can't be done."""
        if self.no_wait and self.gates.are_set:
            raise UsageError("--no-wait and a gate can't be used together.", hint="Leave one of them out.")
        check_target(self.gates.check)


class Plan(NamedTuple):
    """What is sent, the branch as far as it's known, where that comes from, and what may be wrong, in sentences."""

    fields: DeploymentFields
    branch: str | None
    source: str
    warnings: list[str]

    def sentence(self, verb: str, project: ProjectRef, *, prefixed: bool) -> str:
        """Return the line that has project and branch, and where each comes from; a prefix has the project's name."""
        branch = f"branch {self.branch} ({self.source})" if self.branch else self.source
        if prefixed:
            return f"{verb} {branch}. Project from {project.source}."
        return f"{verb} {project.name} ({project.source}), {branch}."


class Commits:
    """The commits that the CI and git report; read once, for any number of projects."""

    def __init__(self, session: Session, options: DeployOptions) -> None:
        self._session = session
        self._options = options
        self._given_branch = _check_branch(options.branch)
        self._cwd = None if options.no_git else find_cwd(session)
        self._problems: list[git.Problem] = []
        self._head = None if self._cwd is None else git.head(self._cwd, problems=self._problems)
        self._build = None if options.no_git else ci.read_build(session.env)
        self._sha = options.sha
        if options.sha is not None and options.branch_source is None:
            self._sha = resolve_sha(self._cwd, options.sha, FULL)

    def plan(self, last_branch: str | None, project: ProjectRef) -> Plan:
        """Return what to send, and what to tell the user.

        Without a branch the API deploys the last deployed one; a project that was never deployed gets the branch of the
        CI's build or HEAD. Commit and message are sent if they were given, or if CI or HEAD are on that branch.
        """
        warnings = self._warn_of_problem()
        branch: str | None
        if self._given_branch is not None:
            branch, source = self._given_branch, self._options.branch_source or "--branch"
        elif last_branch is not None:
            branch, source = last_branch, "last deployed"
            warnings += self._warn_of_other_branch(branch, project)
        else:
            branch, source = self._choose_first()
        is_sent = branch is not None and source != "last deployed"
        fields = DeploymentFields(branch=str(branch)) if is_sent else DeploymentFields()
        return self._add_commit(Plan(fields, branch, source, warnings))

    def _choose_first(self) -> tuple[str | None, str]:
        if self._build is not None and self._build.branch:
            return self._build.branch, "CI, first deployment"
        if self._build is None and self._head and self._head.sha and self._head.branch:
            return self._head.branch, "HEAD, first deployment"
        return None, "Deploxa's default branch (first deployment)"

    def _warn_of_problem(self) -> list[str]:
        """Return a warning, once, if there is a repository and git doesn't say where HEAD is."""
        problems, self._problems = self._problems, []
        if not problems or self._head is not None or self._cwd is None or not git.find_top(self._cwd):
            return []
        reason, hint = problems[0]
        return [f"The current branch and commit are unknown: {reason}.{f' {hint}' if hint else ''}"]

    def _add_commit(self, plan: Plan) -> Plan:
        known_sha, known_message = self._find_commit(plan.branch, plan.warnings) if plan.branch else (None, None)
        sha, message = self._sha or known_sha, self._options.message
        if message is None and sha == known_sha:  # HEAD's subject would be wrong for another commit
            message = known_message
        if message is not None:
            plan.fields["commitMessage"] = message
        if sha is not None:
            plan.fields["commitSha"] = sha
        return plan

    def _warn_of_other_branch(self, last_branch: str, project: ProjectRef) -> list[str]:
        """Return a warning if HEAD is on another branch than the one that will be deployed."""
        head = (self._head and self._head.branch) or (self._build and self._build.branch)
        if not head or head == last_branch:
            return []
        command = self._session.command("deploy", "--branch", head, project=project)
        why = f"HEAD is on {head}, but {last_branch} will be deployed, because it was deployed last."
        return [f"{why} To deploy {head}, run: {command}"]

    def _find_commit(self, branch: str, warnings: list[str]) -> tuple[str | None, str | None]:
        """Return sha and subject of the commit that a branch's deployment will be of, as far as CI or git know."""
        build, head = self._build, self._head
        if build is not None and build.sha and build.branch == branch:
            subject = build.message
            if subject is None and head is not None and head.sha == build.sha:
                subject = head.subject
            return build.sha, subject
        if head is None or self._cwd is None:
            return None, None
        is_head = head.branch == branch
        unpushed = head.unpushed if is_head else git.unpushed(self._cwd, branch)
        if unpushed != 0:
            lack = "no upstream" if unpushed is None else count_commits(unpushed, "unpushed ")
            warnings.append(f"{branch} has {lack}; Deploxa builds from the remote.")
        if not is_head:  # which commit will be deployed is unknown
            return None, None
        if head.dirty:
            warnings.append("Uncommitted changes are not deployed.")
        return head.sha, head.subject


def _check_branch(branch: str | None) -> str | None:
    """Return the short name of `--branch`. Raise UsageError for a ref that is no branch."""
    name = None if branch is None else branch.removeprefix("refs/heads/")
    if name is not None and (not name or name.startswith("refs/")):
        raise UsageError(f"--branch {branch or repr(branch)} is not a branch.", hint="Pass a branch, like main.")
    return name
