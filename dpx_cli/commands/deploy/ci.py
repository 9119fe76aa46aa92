"""Read the commit that a CI builds from its variables.

Knows the documented variables of GitHub Actions, GitLab, Bitbucket, CircleCI, Buildkite, Azure Pipelines and Jenkins.
`report.py` tells a CI how a deployment went.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EVENT_BYTES = 16 * 1024 * 1024
_SHA = re.compile(r"[0-9a-fA-F]{7,64}")  # some CIs can abbreviate


class Metadata:
    """The commit that a CI builds.

    Attributes:
        provider: the CI's name: "github", "gitlab", "bitbucket", "circleci", "buildkite", "azure", "jenkins".
        branch: the branch's short name, of a pull request its head's; None for a tag, and for a branch of a fork.
        sha: the commit's id on that branch; None if the CI only has that of a merge commit of its own.
        message: the first line of that commit's message; None if the CI doesn't provide it.
    """

    __slots__ = ("branch", "message", "provider", "sha")

    def __init__(self, provider: str, branch: str | None, sha: str | None, message: str | None) -> None:
        self.provider = provider
        self.branch = branch or None
        self.sha = sha if sha and _SHA.fullmatch(sha) else None
        self.message = (message or "").strip().partition("\n")[0].strip() or None


def metadata(env: Mapping[str, str]) -> Metadata | None:
    """Return what the CI says of its commit; None outside of the CIs that dpx knows."""
    for name, value, read in _PROVIDERS:
        said = env.get(name, "")
        if said and (not value or said.lower() == value):
            return read(env)
    return None


def _github(env: Mapping[str, str]) -> Metadata:
    """GitHub Actions. For a pull request the variables have the head's branch, but the id of a merge commit."""
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
    """GitLab. A merged-results pipeline builds a merge; the source branch's commit has a variable of its own."""
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
    """Jenkins. For a change request GIT_COMMIT may be a merge commit, and no variable shows that."""
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
    """Return the event that started a GitHub workflow; None if it can't be read."""
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
