"""Read the commit that a CI builds from its variables. `report.py` reports deployments to a CI."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli.system.switches import identify_ci

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_EVENT = 16 * 1024 * 1024  # bytes
_SHA = re.compile(r"[0-9a-fA-F]{7,64}")  # some CIs can abbreviate


class Build(NamedTuple):
    """The commit that a CI builds; `branch` is None for a tag or a fork's branch, `message` is the first line."""

    branch: str | None
    sha: str | None
    message: str | None


def read_build(env: Mapping[str, str]) -> Build | None:
    """Return the commit that the CI builds; None outside of the CIs that dpx knows."""
    reader = {"github": _github, "gitlab": _gitlab}.get(identify_ci(env))
    return reader(env) if reader else None


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
        is_deleted = isinstance(head, dict) and head.get("repo", {}) is None  # the fork
        is_fork = is_deleted or repository not in (None, env.get("GITHUB_REPOSITORY", repository))
        return _build(None if is_fork else env["GITHUB_HEAD_REF"], sha if isinstance(sha, str) else None, None)
    sha = env.get("GITHUB_SHA", "")
    message = _dig(event, "head_commit", "message") if _dig(event, "head_commit", "id") == sha else None
    ref = env.get("GITHUB_REF", "")
    branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None
    if not ref and env.get("GITHUB_REF_TYPE", "branch") == "branch":
        branch = env.get("GITHUB_REF_NAME")
    return _build(branch, sha, message if isinstance(message, str) else None)


def _gitlab(env: Mapping[str, str]) -> Build:
    """GitLab. A merged-results pipeline builds a merge; the source branch's commit has a variable of its own."""
    sha = env.get("CI_COMMIT_SHA", "")
    if env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"):
        is_own = env.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID") == env.get("CI_MERGE_REQUEST_PROJECT_ID")
        branch = env["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"] if is_own else None
        source = env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or sha
    else:
        branch = env.get("CI_COMMIT_BRANCH") or (None if env.get("CI_COMMIT_TAG") else env.get("CI_COMMIT_REF_NAME"))
        source = sha
    return _build(branch, source, env.get("CI_COMMIT_TITLE") if source == sha else None)


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
