"""What each CI tells of its commit, and what is written where a CI reads it."""

from __future__ import annotations

import html
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpx_cli.commands.deploy import ci

if TYPE_CHECKING:
    from pathlib import Path

SHA = "0123456789abcdef0123456789abcdef01234567"
HEAD = "f" * 40
GOOD = ("clm1abc", "READY", "https://my-app.deploxa.com", 45.4)


def told(env: dict[str, str]) -> tuple[str, str | None, str | None, str | None] | None:
    """Provider, branch, sha and message."""
    found = ci.metadata(env)
    return None if found is None else (found.provider, found.branch, found.sha, found.message)


def event(tmp_path: Path, document: Any) -> str:
    """A GitHub event file."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps(document))
    return str(path)


@pytest.mark.parametrize(
    "env", [{}, {"CI": "true"}, {"GITHUB_ACTIONS": "false"}, {"GITLAB_CI": ""}, {"JENKINS_URL": ""}]
)
def test_no_ci(env: dict[str, str]) -> None:
    """CI alone does not tell which."""
    assert told(env) is None


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (
            {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/feature/x", "GITHUB_SHA": SHA},
            ("github", "feature/x", SHA, None),
        ),
        ({"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/tags/v1", "GITHUB_SHA": SHA}, ("github", None, SHA, None)),
        (
            {"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": SHA, "CI_COMMIT_TITLE": "Add it"},
            ("gitlab", "main", SHA, "Add it"),
        ),
        ({"GITLAB_CI": "true", "CI_COMMIT_TAG": "v1", "CI_COMMIT_SHA": SHA}, ("gitlab", None, SHA, None)),
        (
            {"BITBUCKET_BUILD_NUMBER": "7", "BITBUCKET_BRANCH": "main", "BITBUCKET_COMMIT": SHA},
            ("bitbucket", "main", SHA, None),
        ),
        (
            {
                "BITBUCKET_BUILD_NUMBER": "7",
                "BITBUCKET_BRANCH": "feature",
                "BITBUCKET_COMMIT": SHA,
                "BITBUCKET_PR_ID": "3",
            },
            ("bitbucket", "feature", SHA, None),
        ),
        ({"CIRCLECI": "true", "CIRCLE_BRANCH": "main", "CIRCLE_SHA1": SHA}, ("circleci", "main", SHA, None)),
        ({"CIRCLECI": "true", "CIRCLE_BRANCH": "pull/12", "CIRCLE_SHA1": SHA}, ("circleci", None, SHA, None)),
        (
            {
                "BUILDKITE": "true",
                "BUILDKITE_BRANCH": "main",
                "BUILDKITE_COMMIT": SHA,
                "BUILDKITE_MESSAGE": "Add\n\nmore",
                "BUILDKITE_PULL_REQUEST": "false",
            },
            ("buildkite", "main", SHA, "Add"),
        ),
        (
            {
                "BUILDKITE": "true",
                "BUILDKITE_BRANCH": "x",
                "BUILDKITE_COMMIT": SHA,
                "BUILDKITE_MESSAGE": "a title",
                "BUILDKITE_PULL_REQUEST": "12",
            },
            ("buildkite", "x", SHA, None),
        ),
        (
            {"BUILDKITE": "true", "BUILDKITE_BRANCH": "eve:main", "BUILDKITE_COMMIT": "HEAD"},
            ("buildkite", None, None, None),
        ),
        (
            {"BUILDKITE": "true", "BUILDKITE_BRANCH": "v1", "BUILDKITE_TAG": "v1", "BUILDKITE_COMMIT": SHA},
            ("buildkite", None, SHA, None),
        ),
        (
            {
                "TF_BUILD": "True",
                "BUILD_SOURCEBRANCH": "refs/heads/a/b",
                "BUILD_SOURCEVERSION": SHA,
                "BUILD_SOURCEVERSIONMESSAGE": "Add",
            },
            ("azure", "a/b", SHA, "Add"),
        ),
        (
            {"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/tags/v1", "BUILD_SOURCEVERSION": SHA},
            ("azure", None, SHA, None),
        ),
        ({"JENKINS_URL": "http://j/", "GIT_BRANCH": "origin/a/b", "GIT_COMMIT": SHA}, ("jenkins", "a/b", SHA, None)),
        (
            {"JENKINS_URL": "http://j/", "GIT_LOCAL_BRANCH": "main", "GIT_BRANCH": "origin/x", "GIT_COMMIT": SHA},
            ("jenkins", "main", SHA, None),
        ),
        ({"JENKINS_URL": "http://j/", "BRANCH_NAME": "main", "GIT_COMMIT": SHA}, ("jenkins", "main", SHA, None)),
        (
            {"JENKINS_URL": "http://j/", "BRANCH_NAME": "v1", "GIT_BRANCH": "v1", "TAG_NAME": "v1", "GIT_COMMIT": SHA},
            ("jenkins", None, SHA, None),
        ),
        ({"JENKINS_URL": "http://j/", "GIT_BRANCH": "detached", "GIT_COMMIT": SHA}, ("jenkins", None, SHA, None)),
    ],
)
def test_builds_of_branches_and_tags(
    env: dict[str, str], expected: tuple[str, str | None, str | None, str | None]
) -> None:
    """By the documented variables."""
    assert told(env) == expected


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (
            {
                "GITLAB_CI": "true",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "x",
                "CI_COMMIT_SHA": HEAD,
                "CI_COMMIT_TITLE": "Add",
            },
            ("gitlab", "x", HEAD, "Add"),
        ),
        (
            {
                "GITLAB_CI": "true",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "x",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD,
                "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
                "CI_MERGE_REQUEST_PROJECT_ID": "1",
                "CI_COMMIT_SHA": SHA,
                "CI_COMMIT_TITLE": "Merge",
            },
            ("gitlab", "x", HEAD, None),
        ),
        (
            {
                "GITLAB_CI": "true",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "main",
                "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2",
                "CI_MERGE_REQUEST_PROJECT_ID": "1",
                "CI_COMMIT_SHA": HEAD,
            },
            ("gitlab", None, HEAD, None),
        ),
        (
            {
                "GITLAB_CI": "true",
                "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME": "x",
                "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA": HEAD,
                "CI_COMMIT_SHA": SHA,
            },
            ("gitlab", "x", HEAD, None),
        ),
        (
            {
                "TF_BUILD": "True",
                "BUILD_SOURCEBRANCH": "refs/pull/1/merge",
                "BUILD_SOURCEVERSION": SHA,
                "BUILD_SOURCEVERSIONMESSAGE": "Merge 1 into 2",
                "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/a/b",
                "SYSTEM_PULLREQUEST_SOURCECOMMITID": HEAD,
            },
            ("azure", "a/b", HEAD, None),
        ),
        (
            {
                "TF_BUILD": "True",
                "SYSTEM_PULLREQUEST_SOURCEBRANCH": "main",
                "SYSTEM_PULLREQUEST_SOURCECOMMITID": HEAD,
                "SYSTEM_PULLREQUEST_ISFORK": "True",
            },
            ("azure", None, HEAD, None),
        ),
        (
            {
                "JENKINS_URL": "http://j/",
                "CHANGE_ID": "1",
                "CHANGE_BRANCH": "x",
                "BRANCH_NAME": "PR-1",
                "GIT_COMMIT": SHA,
            },
            ("jenkins", "x", None, None),
        ),
    ],
)
def test_builds_of_pull_requests(env: dict[str, str], expected: tuple[str, str | None, str | None, str | None]) -> None:
    """The head's branch and commit, never a merge that the CI made up; no branch of a fork."""
    assert told(env) == expected


def test_github_pull_request(tmp_path: Path) -> None:
    """The head's commit is in the event; GITHUB_SHA is a merge."""
    env = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_HEAD_REF": "feature",
        "GITHUB_REF": "refs/pull/1/merge",
        "GITHUB_SHA": SHA,
        "GITHUB_REPOSITORY": "acme/shop",
    }
    assert told(env) == ("github", "feature", None, None)
    for repository, branch in (("acme/shop", "feature"), ("eve/shop", None)):
        path = event(tmp_path, {"pull_request": {"head": {"sha": HEAD, "repo": {"full_name": repository}}}})
        assert told(env | {"GITHUB_EVENT_PATH": path}) == ("github", branch, HEAD, None)


def test_github_push(tmp_path: Path) -> None:
    """The message is in the event, where it is that of the same commit."""
    env = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": SHA}
    path = event(tmp_path, {"head_commit": {"id": SHA, "message": "Add it\n\nAll."}})
    assert told(env | {"GITHUB_EVENT_PATH": path}) == ("github", "main", SHA, "Add it")
    path = event(tmp_path, {"head_commit": {"id": HEAD, "message": "Other"}})
    assert told(env | {"GITHUB_EVENT_PATH": path}) == ("github", "main", SHA, None)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"head_commit": 1}', '{"pull_request": []}', "[" * 200_000]
)
@pytest.mark.parametrize("head", ["", "feature"])
def test_github_events_that_make_no_sense(tmp_path: Path, content: str, head: str) -> None:
    """Nor a missing file."""
    path = tmp_path / "event.json"
    path.write_text(content)
    for where in (str(path), str(tmp_path / "none"), str(tmp_path), "a\0b"):
        env = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main", "GITHUB_SHA": SHA}
        found = told(env | {"GITHUB_HEAD_REF": head, "GITHUB_EVENT_PATH": where})
        assert found == (("github", "feature", None, None) if head else ("github", "main", SHA, None))


def outputs(text: str) -> dict[str, str]:
    """Read a GITHUB_OUTPUT file as the runner does."""
    found = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, equals, value = line.partition("=")
        if "<<" in name or not equals:
            name, _, end = line.partition("<<")
            body = []
            for more in lines:
                if more == end:
                    break
                body.append(more)
            value = "\n".join(body)
        found[name] = value
    return found


def github(tmp_path: Path) -> dict[str, str]:
    """The variables of a step."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }


def test_github_outputs_and_summary(tmp_path: Path) -> None:
    """Appended after what other tools wrote, even without a final newline."""
    env = github(tmp_path)
    (tmp_path / "output").write_text("other=1")
    (tmp_path / "summary").write_text("# Tests\n")
    assert ci.write_outputs(env, "auto", ci.Result(*GOOD)) == []
    assert outputs((tmp_path / "output").read_text()) == {
        "other": "1",
        "deployment-id": "clm1abc",
        "deployment-status": "READY",
        "deployment-url": "https://my-app.deploxa.com",
        "duration-seconds": "45",
    }
    assert (tmp_path / "summary").read_text() == (
        "# Tests\n\n"
        "| Deployment | Status | Site | Duration |\n"
        "| --- | --- | --- | --- |\n"
        '| `clm1abc` | READY | <a href="https://my-app.deploxa.com">https://my-app.deploxa.com</a> | 45 s |\n\n'
    )
    assert ci.annotation(env, "auto", ci.Result(*GOOD)) is None


def test_what_is_not_known_is_an_empty_output(tmp_path: Path) -> None:
    """As after --no-wait."""
    ci.write_outputs(github(tmp_path), "auto", ci.Result("clm1", "QUEUED", None, None))
    found = outputs((tmp_path / "output").read_text())
    assert found["deployment-url"] == found["duration-seconds"] == ""


@pytest.mark.parametrize(
    ("env", "mode", "writes"),
    [
        ({"GITHUB_ACTIONS": "true"}, "auto", True),
        ({"GITHUB_ACTIONS": "true"}, "never", False),
        ({"GITHUB_ACTIONS": "false"}, "auto", False),
        ({"GITLAB_CI": "true"}, "auto", False),
        ({}, "github", True),
    ],
)
def test_modes(tmp_path: Path, env: dict[str, str], mode: str, writes: bool) -> None:
    """`auto` writes in GitHub Actions alone."""
    failed = ci.Result("clm1", "ERROR", None, 3.0)
    files = {name: value for name, value in github(tmp_path).items() if name != "GITHUB_ACTIONS"}
    assert ci.write_outputs(env | files, mode, failed) == []
    assert (tmp_path / "output").exists() is writes
    assert (tmp_path / "summary").exists() is writes
    assert (ci.annotation(env, mode, failed) == "::error::Deployment clm1 failed.") is writes


def test_files_that_cannot_be_written_are_warnings(tmp_path: Path) -> None:
    """Each on its own; the other is written all the same."""
    env = github(tmp_path)
    troubles = ci.write_outputs(env | {"GITHUB_OUTPUT": str(tmp_path)}, "auto", ci.Result(*GOOD))
    assert len(troubles) == 1
    assert "GITHUB_OUTPUT" in troubles[0]
    assert (tmp_path / "summary").exists()
    assert len(ci.write_outputs({"GITHUB_ACTIONS": "true"}, "auto", ci.Result(*GOOD))) == 2
    assert len(ci.write_outputs(env | {"GITHUB_OUTPUT": "a\0b"}, "auto", ci.Result(*GOOD))) == 1


TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from([*"\n\r=<|`_*[]()&\"'\\:/#@$"])))


@given(TEXT, TEXT, TEXT)
def test_no_value_becomes_another_output(
    tmp_path_factory: pytest.TempPathFactory, one: str, two: str, url: str
) -> None:
    """The runner reads four outputs, whatever the server answered."""
    folder = tmp_path_factory.mktemp("hostile")
    ci.write_outputs(github(folder), "auto", ci.Result(one, two, url, 1.0))
    found = outputs((folder / "output").read_bytes().decode())
    assert list(found) == ["deployment-id", "deployment-status", "deployment-url", "duration-seconds"]
    assert (found["deployment-id"], found["deployment-status"], found["deployment-url"]) == (one, two, url)


@given(TEXT, TEXT, TEXT, TEXT)
def test_no_value_becomes_markup_in_the_summary(
    tmp_path_factory: pytest.TempPathFactory, one: str, two: str, url: str, problem: str
) -> None:
    """One table of one row, and nothing in it but the texts and at most one link to http or https."""
    folder = tmp_path_factory.mktemp("hostile")
    ci.write_outputs(github(folder), "auto", ci.Result(one, two, url, 1.0, problem))
    lines = (folder / "summary").read_bytes().decode().split("\n")
    row = lines[3]
    assert row.count("|") == 5
    bare = re.sub(r'<a href="(https?://[^"<> ]+)">[^<]*</a>', "", row)
    assert not re.search(r"[<>*_\[\]\\]", re.sub(r"`[A-Za-z0-9_-]+`", "", bare))
    if problem:
        assert not re.search(r"[<>*_\[\]\\`|]", lines[5])
    assert len(lines) == (8 if problem else 6)


def test_texts_in_the_summary_read_as_they_are(tmp_path: Path) -> None:
    """Once the entities are resolved."""
    hostile = 'x|<script>"y"</script> **z** `w` [a](b) @eve\n# h \\| &amp; ü 👍'
    ci.write_outputs(github(tmp_path), "auto", ci.Result("a|b", "READY", "javascript:alert(1)", 1.0, hostile))
    text = (tmp_path / "summary").read_text()
    assert hostile.replace("\n", " ") in html.unescape(text)
    assert "<script" not in text
    assert "<a " not in text


def test_an_annotation_is_one_line() -> None:
    """With the escapes that the runner undoes."""
    result = ci.Result("clm1", "ERROR", None, 1.0, "50% done\r\n::add-mask::x")
    assert ci.annotation({}, "github", result) == "::error::50%25 done%0D%0A::add-mask::x"
    assert ci.annotation({}, "github", ci.Result("clm1", "UNKNOWN", None, 1.0, "lost")) == "::error::lost"


def test_gitlab_dotenv(tmp_path: Path) -> None:
    """Where the report is looked for: in the project's folder."""
    (tmp_path / ci.GITLAB_FILE).write_text("OLD=1\n")
    assert ci.write_outputs({"CI_PROJECT_DIR": str(tmp_path)}, "gitlab", ci.Result(*GOOD)) == []
    assert (tmp_path / ci.GITLAB_FILE).read_text() == (
        "DEPLOYMENT_ID=clm1abc\n"
        "DEPLOYMENT_STATUS=READY\n"
        "DEPLOYMENT_URL=https://my-app.deploxa.com\n"
        "DURATION_SECONDS=45\n"
    )


def test_gitlab_dotenv_is_not_written_through_a_symbolic_link(tmp_path: Path) -> None:
    """It came with the checkout."""
    mine = tmp_path / "mine"
    mine.write_text("keep")
    (tmp_path / ci.GITLAB_FILE).symlink_to(mine)
    assert ci.write_outputs({"CI_PROJECT_DIR": str(tmp_path)}, "gitlab", ci.Result(*GOOD)) == []
    assert mine.read_text() == "keep"
    assert "DEPLOYMENT_ID=clm1abc" in (tmp_path / ci.GITLAB_FILE).read_text()


def test_gitlab_dotenv_takes_no_values_that_it_cannot_quote(tmp_path: Path) -> None:
    """Line breaks would be variables, and `$` would be expanded by a later job."""
    path = tmp_path / "report"
    troubles = ci.gitlab_dotenv(str(path), ci.Result("a\nPATH=/evil", "$CI_JOB_TOKEN", "https://x/`id`", None))
    assert path.read_text() == "DEPLOYMENT_ID=\nDEPLOYMENT_STATUS=\nDEPLOYMENT_URL=\nDURATION_SECONDS=\n"
    assert [trouble.split()[0] for trouble in troubles] == ["DEPLOYMENT_ID", "DEPLOYMENT_STATUS", "DEPLOYMENT_URL"]


def test_a_gitlab_report_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """The deployment went as it went."""
    (tmp_path / "file").write_text("")
    troubles = ci.write_outputs({"CI_PROJECT_DIR": str(tmp_path / "file")}, "gitlab", ci.Result(*GOOD))
    assert len(troubles) == 1
    assert os.fspath(tmp_path / "file") in troubles[0]
