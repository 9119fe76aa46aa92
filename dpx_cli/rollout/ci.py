"""Read the commit that a CI builds from its variables. `report.py` reports deployments to a CI."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_EVENT = 16 * 1024 * 1024  # bytes
_SHA = re.compile(r"[0-9a-fA-F]{7,64}")  # some CIs can abbreviate

# Further CIs: the variable by which each is known, its branch, its commit, and what is set if that is no branch of
# this repository.
_OTHERS = (
    ("BITBUCKET_BUILD_NUMBER", "BITBUCKET_BRANCH", "BITBUCKET_COMMIT", "BITBUCKET_TAG"),
    ("CIRCLECI", "CIRCLE_BRANCH", "CIRCLE_SHA1", "CIRCLE_PR_USERNAME"),
    ("BUILDKITE", "BUILDKITE_BRANCH", "BUILDKITE_COMMIT", "BUILDKITE_TAG"),
    ("TF_BUILD", "BUILD_SOURCEBRANCH", "BUILD_SOURCEVERSION", "SYSTEM_PULLREQUEST_PULLREQUESTID"),
    ("JENKINS_URL", "BRANCH_NAME", "GIT_COMMIT", "CHANGE_ID"),
)


class Build(NamedTuple):
    """The commit that a CI builds.

    Attributes:
        branch: the branch's short name, of a pull request its head's; None for a tag, and for a branch of a fork.
        sha: the commit on that branch; None if the CI only has that of a merge commit of its own.
        message: the first line of that commit's message; None if the CI doesn't provide it.
    """

    branch: str | None
    sha: str | None
    message: str | None


def read_build(env: Mapping[str, str]) -> Build | None:
    """Return the commit that the CI builds; None outside of the CIs that dpx knows."""
    if env.get("GITHUB_ACTIONS", "").lower() == "true":
        return _github(env)
    if env.get("GITLAB_CI", "").lower() == "true":
        return _gitlab(env)
    for known_by, branch, sha, foreign in _OTHERS:
        if env.get(known_by):
            return _build("" if env.get(foreign) else _short(env.get(branch, "")), env.get(sha), None)
    return None


def _build(branch: str | None, sha: str | None, message: str | None) -> Build:
    subject = (message or "").strip().partition("\n")[0].strip()
    return Build(branch or None, sha if sha and _SHA.fullmatch(sha) else None, subject or None)


def _github(env: Mapping[str, str]) -> Build:
    """GitHub Actions. For a pull request the variables have the head's branch, but the id of a merge commit."""
    event = _read_event(env)
    if env.get("GITHUB_HEAD_REF"):
        head = _dig(event, "pull_request", "head")
        repository = _dig(head, "repo", "full_name")
        sha = _dig(head, "sha")
        is_fork = isinstance(repository, str) and repository != env.get("GITHUB_REPOSITORY", repository)
        return _build(None if is_fork else env["GITHUB_HEAD_REF"], sha if isinstance(sha, str) else None, None)
    sha = env.get("GITHUB_SHA", "")
    message = _dig(event, "head_commit", "message") if _dig(event, "head_commit", "id") == sha else None
    ref = env.get("GITHUB_REF", "")
    branch: str | None = _short(ref) if ref.startswith("refs/heads/") else None
    if branch is None and not ref and env.get("GITHUB_REF_TYPE", "branch") == "branch":
        branch = env.get("GITHUB_REF_NAME")
    return _build(branch, sha, message if isinstance(message, str) else None)


def _gitlab(env: Mapping[str, str]) -> Build:
    """GitLab. A merged-results pipeline builds a merge; the source branch's commit has a variable of its own."""
    sha = env.get("CI_COMMIT_SHA", "")
    if env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"):
        is_own = env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID") == env.get("CI_MERGE_REQUEST_PROJECT_ID")
        branch = env["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"] if is_own else None
        source = env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or sha
    elif env.get("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME"):
        branch = env["CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME"]
        source = env.get("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA") or sha
    else:
        branch = env.get("CI_COMMIT_BRANCH") or (None if env.get("CI_COMMIT_TAG") else env.get("CI_COMMIT_REF_NAME"))
        source = sha
    return _build(branch, source, env.get("CI_COMMIT_TITLE") if source == sha else None)


def _short(ref: str) -> str:
    """Return the branch that a CI's variable has: "owner:branch" and other refs are none of this repository."""
    name = ref.removeprefix("refs/heads/")
    return "" if ":" in name or name.startswith(("refs/", "pull/")) else name


def _read_event(env: Mapping[str, str]) -> Any:
    """Return the event that started a GitHub workflow; None if it can't be read."""
    path = env.get("GITHUB_EVENT_PATH", "")
    if not path:
        return None
    import json

    with suppress(OSError, ValueError, RecursionError), open(path, "rb") as file:
        return json.loads(file.read(MAX_EVENT))
    return None


def _dig(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
