"""What each CI tells of its commit, and what is written where a CI reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dpx_cli.rollout import ci

if TYPE_CHECKING:
    from pathlib import Path

SHA = "0123456789abcdef0123456789abcdef01234567"
HEAD = "f" * 40
SOURCE = "CI_MERGE_REQUEST_SOURCE"
MERGE = f"GITLAB_CI=true CI_MERGE_REQUEST_PROJECT_ID=1 {SOURCE}"


def read(env: dict[str, str]) -> tuple[str | None, str | None, str | None] | None:
    """Branch, sha and message."""
    build = ci.read_build(env)
    return None if build is None else (build.branch, build.sha, build.message)


def event(tmp_path: Path, document: Any) -> str:
    """A GitHub event file."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "env", [{}, {"CI": "true"}, {"GITHUB_ACTIONS": "false"}, {"GITLAB_CI": ""}, {"JENKINS_URL": ""}]
)
def test_no_ci(env: dict[str, str]) -> None:
    """CI alone does not tell which."""
    assert read(env) is None


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (f"GITHUB_ACTIONS=true GITHUB_REF=refs/heads/feature/x GITHUB_SHA={SHA}", ("feature/x", SHA, None)),
        (f"GITHUB_ACTIONS=true GITHUB_REF=refs/tags/v1 GITHUB_SHA={SHA}", (None, SHA, None)),
        (f"GITLAB_CI=true CI_COMMIT_BRANCH=main CI_COMMIT_SHA={SHA} CI_COMMIT_TITLE=Add", ("main", SHA, "Add")),
        (f"GITLAB_CI=true CI_COMMIT_TAG=v1 CI_COMMIT_SHA={SHA}", (None, SHA, None)),
        (
            f"GITLAB_CI=true {SOURCE}_BRANCH_NAME=x CI_COMMIT_SHA={HEAD} CI_COMMIT_TITLE=Add",
            ("x", HEAD, "Add"),
        ),
        (
            f"{MERGE}_BRANCH_NAME=x {SOURCE}_BRANCH_SHA={HEAD} {SOURCE}_PROJECT_ID=1 CI_COMMIT_SHA={SHA}",
            ("x", HEAD, None),
        ),
        (f"{MERGE}_BRANCH_NAME=main {SOURCE}_PROJECT_ID=2 CI_COMMIT_SHA={HEAD}", (None, HEAD, None)),
    ],
)
def test_what_is_built(env: str, expected: tuple[str | None, str | None, str | None]) -> None:
    """The head's branch and commit by the documented variables, never a merge of the CI; no branch of a fork."""
    assert read(dict(pair.split("=") for pair in env.split())) == expected


def test_github_pull_request(tmp_path: Path) -> None:
    """The head's commit is in the event; GITHUB_SHA is a merge."""
    env = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_HEAD_REF": "feature",
        "GITHUB_REF": "refs/pull/1/merge",
        "GITHUB_SHA": SHA,
        "GITHUB_REPOSITORY": "acme/shop",
    }
    assert read(env) == ("feature", None, None)
    own, fork, deleted = {"full_name": "acme/shop"}, {"full_name": "eve/shop"}, None
    for repository, branch in ((own, "feature"), (fork, None), (deleted, None)):
        path = event(tmp_path, {"pull_request": {"head": {"sha": HEAD, "repo": repository}}})
        assert read(env | {"GITHUB_EVENT_PATH": path}) == (branch, HEAD, None)


def test_github_push(tmp_path: Path) -> None:
    """The message is in the event, where it is that of the same commit."""
    env = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": SHA}
    path = event(tmp_path, {"head_commit": {"id": SHA, "message": "Add it\n\nAll."}})
    assert read(env | {"GITHUB_EVENT_PATH": path}) == ("main", SHA, "Add it")
    path = event(tmp_path, {"head_commit": {"id": HEAD, "message": "Other"}})
    assert read(env | {"GITHUB_EVENT_PATH": path}) == ("main", SHA, None)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"head_commit": 1}', '{"pull_request": []}', "[" * 200_000]
)
@pytest.mark.parametrize("head", ["", "feature"])
def test_github_events_that_make_no_sense(tmp_path: Path, content: str, head: str) -> None:
    """Nor a missing file."""
    path = tmp_path / "event.json"
    path.write_text(content, encoding="utf-8")
    for where in (str(path), str(tmp_path / "none"), str(tmp_path), "a\0b"):
        env = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": SHA}
        build = read(env | {"GITHUB_HEAD_REF": head, "GITHUB_EVENT_PATH": where})
        assert build == (("feature", None, None) if head else ("main", SHA, None))
