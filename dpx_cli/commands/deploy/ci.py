"""What a CI says of the commit it builds, and what it is told of a deployment.

Floor 1, for `deploy`. Knows the documented variables of GitHub Actions, GitLab, Bitbucket, CircleCI, Buildkite, Azure
Pipelines and Jenkins, and the files that GitHub Actions and GitLab read back. Everything that came from the server or a
pull request is escaped for where it goes: a name with a line break or a pipe in it becomes no output, no row, no link.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dpx_cli.commands.step_summary import append, inert
from dpx_cli.errors import DpxError, reason
from dpx_cli.output.neutralize import without_commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dpx_cli.commands.deploy.job import Job
    from dpx_cli.session import Session

# Where `--ci-output gitlab` writes, in the project's folder; for `artifacts: reports: dotenv: dpx.env`.
GITLAB_FILE = "dpx.env"

_EVENT_BYTES = 16 * 1024 * 1024
_SHA = re.compile(r"[0-9a-fA-F]{7,64}")  # some CIs can be told to abbreviate
# What GitLab takes in a dotenv report as it stands; without `$`, which a later job would expand.
_DOTENV_VALUE = re.compile(r"[A-Za-z0-9._~:/?#@!&()*+,;=%-]*")


class Metadata:
    """The commit that a CI builds.

    Attributes:
        provider: the CI's name: "github", "gitlab", "bitbucket", "circleci", "buildkite", "azure", "jenkins".
        branch: the branch's short name, of a pull request its head's; None for a tag, and for a branch of a fork.
        sha: the commit's id on that branch; None where the CI only tells of a merge it made up.
        message: the first line of that commit's message; None where the CI does not tell it.
    """

    __slots__ = ("branch", "message", "provider", "sha")

    def __init__(self, provider: str, branch: str | None, sha: str | None, message: str | None) -> None:
        self.provider = provider
        self.branch = branch or None
        self.sha = sha if sha and _SHA.fullmatch(sha) else None
        self.message = (message or "").strip().partition("\n")[0].strip() or None


class Result:
    """How a deployment went, as a CI is told.

    Attributes:
        deployment_id: its id.
        status: its status, as the API has it.
        url: the site; None where it is not known.
        duration_seconds: from asking for it to its end; None where nobody waited.
        problem: what failed, in one line; None where nothing did.
    """

    __slots__ = ("deployment_id", "duration_seconds", "problem", "status", "url")

    def __init__(
        self,
        deployment_id: str,
        status: str,
        url: str | None,
        duration_seconds: float | None,
        problem: str | None = None,
    ) -> None:
        self.deployment_id = deployment_id
        self.status = status
        self.url = url
        self.duration_seconds = duration_seconds
        self.problem = problem


@contextmanager
def report(session: Session, mode: str, job: Job) -> Iterator[None]:
    """Tell the CI how the job of the context went, however the context ends.

    Args:
        session: the session.
        mode: "auto" (GitHub Actions, if this is one), "never", "github", "gitlab".
        job: the deployment.
    """
    try:
        yield
    finally:
        result = _result(job)
        if job.id:
            for trouble in write_outputs(session.env, mode, result):
                session.screen.warn(trouble)
        if line := annotation(session.env, mode, result):
            session.screen.annotate(line)


def _result(job: Job) -> Result:
    status = str((job.deployment or {}).get("status") or "UNKNOWN")
    seconds = time.monotonic() - job.started if job.ended or job.error else None
    return Result(job.id or "", status, job.url, seconds, job.error.message if job.error else None)


def metadata(env: Mapping[str, str]) -> Metadata | None:
    """What the CI says of its commit; None outside of the CIs that we know."""
    for name, value, read in _PROVIDERS:
        said = env.get(name, "")
        if said and (not value or said.lower() == value):
            return read(env)
    return None


def write_outputs(env: Mapping[str, str], mode: str, result: Result) -> list[str]:
    """Write a result where the CI reads it, and give what did not work, as warnings: the deployment went as it went.

    Args:
        env: the environment.
        mode: "auto" (GitHub Actions, when this is one), "never", "github", "gitlab".
        result: of the deployment.
    """
    if mode == "gitlab":
        path = os.path.join(env.get("CI_PROJECT_DIR") or os.curdir, GITLAB_FILE)
        try:
            return gitlab_dotenv(path, result)
        except DpxError as exc:
            return [exc.message]
    if not _is_github(env, mode):
        return []
    troubles = []
    for variable, text in (("GITHUB_OUTPUT", _github_outputs(result)), ("GITHUB_STEP_SUMMARY", _summary(result))):
        path = env.get(variable, "")
        if not path:
            troubles.append(f"{variable} is not set, so nothing was written to it")
            continue
        try:
            append(path, text)
        except (OSError, ValueError) as exc:
            troubles.append(f"cannot write to {variable} ({path}): {reason(exc)}")
    return troubles


def annotation(env: Mapping[str, str], mode: str, result: Result) -> str | None:
    """The line for stderr that makes GitHub Actions show a failed deployment as an error; None where none failed.

    The runner reads commands from both streams; stdout is data.
    """
    if not _is_github(env, mode) or not (result.problem or result.status == "ERROR"):
        return None
    message = result.problem or f"Deployment {result.deployment_id} failed."
    return "::error::" + without_commands(message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def gitlab_dotenv(path: str, result: Result) -> list[str]:
    """Write a result as a GitLab dotenv report, and give what could not be written of it, as warnings.

    Raises:
        Failed: the file cannot be written.
    """
    from dpx_cli.system.files import remove, write_whole

    if os.path.islink(path):
        # It came with the checkout, and leads to whatever file its author wants replaced.
        remove(path)
    lines = []
    troubles = []
    for name, value in _values(result).items():
        key = name.upper().replace("-", "_")
        if not _DOTENV_VALUE.fullmatch(value):
            # The format has neither quotes nor escapes.
            troubles.append(f"{key} has characters that a GitLab dotenv report cannot hold; it is left empty")
            value = ""  # noqa: PLW2901 - what is written instead
        lines.append(f"{key}={value}\n")
    write_whole(path, "".join(lines).encode(), mode=0o644)
    return troubles


def _is_github(env: Mapping[str, str], mode: str) -> bool:
    return mode == "github" or (mode == "auto" and env.get("GITHUB_ACTIONS", "").lower() == "true")


def _values(result: Result) -> dict[str, str]:
    seconds = result.duration_seconds
    return {
        "deployment-id": result.deployment_id,
        "deployment-status": result.status,
        "deployment-url": result.url or "",
        "duration-seconds": "" if seconds is None else f"{seconds:.0f}",
    }


def _github_outputs(result: Result) -> str:
    lines = []
    for name, value in _values(result).items():
        if "\n" in value or "\r" in value:
            # A value of several lines ends at a delimiter that its author cannot have known.
            end = f"dpx-{os.urandom(16).hex()}"
            lines.append(f"{name}<<{end}\n{value}\n{end}\n")
        else:
            lines.append(f"{name}={value}\n")
    return "".join(lines)


def _summary(result: Result) -> str:
    seconds = result.duration_seconds
    took = "" if seconds is None else f"{seconds:.0f} s"
    cells = [_code(result.deployment_id), inert(result.status), _site(result.url), took]
    table = f"| Deployment | Status | Site | Duration |\n| --- | --- | --- | --- |\n| {' | '.join(cells)} |\n"
    # After a word of our own, so that no first character of it makes a list or a heading.
    problem = f"\nError: {inert(result.problem)}\n" if result.problem else ""
    # Between blank lines, so that it stays a table whatever stands before and after it.
    return f"\n{table}{problem}\n"


def _code(text: str) -> str:
    return f"`{text}`" if re.fullmatch(r"[A-Za-z0-9_-]+", text) else inert(text)


def _site(url: str | None) -> str:
    text = inert(url or "")
    return f'<a href="{text}">{text}</a>' if re.fullmatch(r"https?://[!-~]+", url or "") else text


def _github(env: Mapping[str, str]) -> Metadata:
    """GitHub Actions. Of a pull request the variables tell the head's branch, but the id of a merge that it made up."""
    event = _event(env)
    if env.get("GITHUB_HEAD_REF"):
        head = _dig(event, "pull_request", "head")
        repository = _dig(head, "repo", "full_name")
        sha = _dig(head, "sha")
        foreign = isinstance(repository, str) and repository != env.get("GITHUB_REPOSITORY", repository)
        branch = None if foreign else env["GITHUB_HEAD_REF"]
        return Metadata("github", branch, sha if isinstance(sha, str) else None, None)
    sha = env.get("GITHUB_SHA", "")
    message = _dig(event, "head_commit", "message") if _dig(event, "head_commit", "id") == sha else None
    branch = _branch_of(env.get("GITHUB_REF", ""))
    if branch is None and not env.get("GITHUB_REF") and env.get("GITHUB_REF_TYPE", "branch") == "branch":
        branch = env.get("GITHUB_REF_NAME")
    return Metadata("github", branch, sha, message if isinstance(message, str) else None)


def _gitlab(env: Mapping[str, str]) -> Metadata:
    """GitLab. A merged-results pipeline builds a merge; then the source branch's commit is told apart."""
    sha = env.get("CI_COMMIT_SHA", "")
    if env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"):
        same = env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID") == env.get("CI_MERGE_REQUEST_PROJECT_ID")
        branch = env["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"] if same else None
        source = env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or sha
    elif env.get("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME"):
        branch = env["CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME"]
        source = env.get("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA") or sha
    else:
        branch = env.get("CI_COMMIT_BRANCH") or (None if env.get("CI_COMMIT_TAG") else env.get("CI_COMMIT_REF_NAME"))
        source = sha
    return Metadata("gitlab", branch, source, env.get("CI_COMMIT_TITLE") if source == sha else None)


def _bitbucket(env: Mapping[str, str]) -> Metadata:
    return Metadata("bitbucket", env.get("BITBUCKET_BRANCH"), env.get("BITBUCKET_COMMIT"), None)


def _circleci(env: Mapping[str, str]) -> Metadata:
    """CircleCI. It calls the branch of a fork "pull/" and the pull request's number."""
    branch = env.get("CIRCLE_BRANCH", "")
    if re.fullmatch(r"pull/[0-9]+(/.*)?", branch):
        branch = ""
    return Metadata("circleci", branch, env.get("CIRCLE_SHA1"), None)


def _buildkite(env: Mapping[str, str]) -> Metadata:
    """Buildkite. The branch of a fork is "owner:branch"; a pull request's message may be its title."""
    branch = env.get("BUILDKITE_BRANCH", "")
    if env.get("BUILDKITE_TAG") or ":" in branch:  # no branch's name has a colon
        branch = ""
    asked = env.get("BUILDKITE_PULL_REQUEST", "false") != "false"
    return Metadata("buildkite", branch, env.get("BUILDKITE_COMMIT"), None if asked else env.get("BUILDKITE_MESSAGE"))


def _azure(env: Mapping[str, str]) -> Metadata:
    """Azure Pipelines. Of a pull request BUILD_SOURCEVERSION is a merge that it made up."""
    head = env.get("SYSTEM_PULLREQUEST_SOURCEBRANCH", "")
    if head:
        fork = env.get("SYSTEM_PULLREQUEST_ISFORK", "").lower() == "true"
        branch = None if fork else head.removeprefix("refs/heads/")
        return Metadata("azure", branch, env.get("SYSTEM_PULLREQUEST_SOURCECOMMITID"), None)
    branch = _branch_of(env.get("BUILD_SOURCEBRANCH", ""))
    return Metadata("azure", branch, env.get("BUILD_SOURCEVERSION"), env.get("BUILD_SOURCEVERSIONMESSAGE"))


def _jenkins(env: Mapping[str, str]) -> Metadata:
    """Jenkins. Of a change request GIT_COMMIT may be a merge that it made up, and nothing tells."""
    if env.get("CHANGE_ID"):
        return Metadata("jenkins", None if env.get("CHANGE_FORK") else env.get("CHANGE_BRANCH"), None, None)
    branch = env.get("GIT_LOCAL_BRANCH") or ("" if env.get("TAG_NAME") else env.get("BRANCH_NAME", ""))
    if not branch and not env.get("TAG_NAME"):
        branch = env.get("GIT_BRANCH", "").removeprefix("refs/heads/").removeprefix("refs/remotes/")
        branch = branch.removeprefix("origin/")
    return Metadata("jenkins", None if branch == "detached" else branch, env.get("GIT_COMMIT"), None)


# The variable by which a CI is known, the value it has there (any, where it has none of its own), and its reader.
_PROVIDERS: tuple[tuple[str, str, Callable[[Mapping[str, str]], Metadata]], ...] = (
    ("GITHUB_ACTIONS", "true", _github),
    ("GITLAB_CI", "true", _gitlab),
    ("BITBUCKET_BUILD_NUMBER", "", _bitbucket),
    ("CIRCLECI", "true", _circleci),
    ("BUILDKITE", "true", _buildkite),
    ("TF_BUILD", "true", _azure),
    ("JENKINS_URL", "", _jenkins),
)


def _branch_of(ref: str) -> str | None:
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None


def _event(env: Mapping[str, str]) -> Any:
    """The event that started a GitHub workflow; None where it cannot be read."""
    path = env.get("GITHUB_EVENT_PATH", "")
    if not path:
        return None
    import json

    with suppress(OSError, ValueError, RecursionError), open(path, "rb") as file:
        return json.loads(file.read(_EVENT_BYTES))
    return None


def _dig(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
