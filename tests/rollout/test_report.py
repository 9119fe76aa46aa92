"""What a CI is told of deployments: outputs, summary, annotations, dotenv."""

from __future__ import annotations

import html
import json
import os
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpx_cli.rollout import report

if TYPE_CHECKING:
    from pathlib import Path

GOOD = report.Result(
    "clm1abc", "READY", "https://my-app.deploxa.com", 45.4, project="my-app", branch="main", commit="a" * 40
)
BAD = report.Result("clm1bad", "ERROR", None, 3.0, "Deployment clm1bad failed.", "api-docs", "main")


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
    (tmp_path / "output").write_text("other=1", encoding="utf-8")
    (tmp_path / "summary").write_text("# Tests\n", encoding="utf-8")
    assert report.write_outputs(env, "auto", [GOOD]) == []
    assert outputs((tmp_path / "output").read_text(encoding="utf-8")) == {
        "other": "1",
        "deployment-id": "clm1abc",
        "deployment-status": "READY",
        "deployment-url": "https://my-app.deploxa.com",
        "duration-seconds": "45",
    }
    assert (tmp_path / "summary").read_text(encoding="utf-8") == (
        "# Tests\n\n"
        "| Project | Branch | Commit | Status | Site | Time |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| my-app | main | `aaaaaaa` | READY `clm1abc` | "
        '<a href="https://my-app.deploxa.com">https://my-app.deploxa.com</a> | 45 s |\n\n'
    )
    assert report.error_commands(env, "auto", [GOOD]) == []


def test_what_is_not_known_is_an_empty_output() -> None:
    """As after --no-wait."""
    found = outputs(report.github_outputs([report.Result("clm1", "QUEUED", None, None)], several=False))
    assert found["deployment-url"] == found["duration-seconds"] == ""


@pytest.mark.posix
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
    """`auto` writes outputs, a summary and annotations in GitHub Actions alone."""
    failed = report.Result("clm1", "ERROR", None, 3.0, "Deployment clm1 failed.")
    files = {name: value for name, value in github(tmp_path).items() if name != "GITHUB_ACTIONS"}
    assert report.write_outputs(env | files, mode, [failed], cwd=str(tmp_path)) == []
    assert (tmp_path / "output").exists() is writes
    assert (tmp_path / "summary").exists() is writes
    assert (report.error_commands(env, mode, [failed]) == ["::error::Deployment clm1 failed."]) is writes


def test_files_that_cannot_be_written_are_warnings(tmp_path: Path) -> None:
    """Each on its own; the other is written all the same."""
    env = github(tmp_path)
    troubles = report.write_outputs(env | {"GITHUB_OUTPUT": str(tmp_path)}, "auto", [GOOD])
    assert len(troubles) == 1
    assert "GITHUB_OUTPUT" in troubles[0]
    assert (tmp_path / "summary").exists()
    assert len(report.write_outputs({"GITHUB_ACTIONS": "true"}, "auto", [GOOD])) == 2
    assert len(report.write_outputs(env | {"GITHUB_OUTPUT": "a\0b"}, "auto", [GOOD])) == 1


TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from([*"\n\r=<|`_*[]()&\"'\\:/#@$"])))


@given(TEXT, TEXT, TEXT)
def test_no_value_becomes_another_output(one: str, two: str, url: str) -> None:
    """The runner reads four outputs, no matter what the server sent."""
    found = outputs(report.github_outputs([report.Result(one, two, url, 1.0)], several=False))
    assert list(found) == ["deployment-id", "deployment-status", "deployment-url", "duration-seconds"]
    assert (found["deployment-id"], found["deployment-status"], found["deployment-url"]) == (one, two, url)


@given(TEXT, TEXT, TEXT, TEXT)
def test_no_value_becomes_markup_in_the_summary(one: str, two: str, url: str, problem: str) -> None:
    """One table of one row, and nothing in it but the texts and at most one link to http or https."""
    lines = report.markdown([report.Result(one, two, url, 1.0, problem, one, two, url)]).split("\n")
    row = lines[3]
    assert row.count("|") == 7
    bare = re.sub(r'<a href="(https?://[^"<> ]+)">[^<]*</a>', "", row)
    assert not re.search(r"[<>*_\[\]\\]", re.sub(r"`[A-Za-z0-9_-]+`", "", bare))
    if problem:
        assert not re.search(r"[<>*_\[\]\\`|]", lines[5])
    assert len(lines) == (8 if problem else 6)


def test_texts_in_the_summary_read_as_they_are() -> None:
    """Once the entities are resolved."""
    hostile = 'x|<script>"y"</script> **z** `w` [a](b) @eve\n# h \\| &amp; ü 👍'
    text = report.markdown([report.Result("a|b", "READY", "javascript:alert(1)", 1.0, hostile)])
    assert hostile.replace("\n", " ") in html.unescape(text)
    assert "<script" not in text
    assert "<a " not in text


def test_an_annotation_is_one_line() -> None:
    """With the escapes that the runner undoes."""
    result = report.Result("clm1", "ERROR", None, 1.0, "50% done\r\n::add-mask::x")
    assert report.error_commands({}, "github", [result]) == ["::error::50%25 done%0D%0A::add-mask::x"]
    assert report.error_commands({}, "github", [report.Result("clm1", "UNKNOWN", None, 1.0, "lost")]) == [
        "::error::lost"
    ]


@pytest.mark.posix
def test_gitlab_dotenv_is_not_written_through_a_symbolic_link(tmp_path: Path) -> None:
    """It came with the checkout."""
    mine = tmp_path / "mine"
    mine.write_text("keep", encoding="utf-8")
    (tmp_path / report.GITLAB_FILE).symlink_to(mine)
    assert report.write_outputs({"CI_PROJECT_DIR": str(tmp_path)}, "gitlab", [GOOD]) == []
    assert mine.read_text(encoding="utf-8") == "keep"
    assert "DEPLOYMENT_ID=clm1abc" in (tmp_path / report.GITLAB_FILE).read_text(encoding="utf-8")


def test_gitlab_dotenv_takes_no_values_that_it_cannot_quote(tmp_path: Path) -> None:
    """Line breaks would be variables, and `$` would be expanded by a later job."""
    path = tmp_path / "report"
    troubles = report.gitlab_dotenv(
        str(path), [report.Result("a\nPATH=/evil", "$CI_JOB_TOKEN", "https://x/`id`", None)]
    )
    assert (
        path.read_text(encoding="utf-8") == "DEPLOYMENT_ID=\nDEPLOYMENT_STATUS=\nDEPLOYMENT_URL=\nDURATION_SECONDS=\n"
    )
    assert [trouble.split()[0] for trouble in troubles] == ["DEPLOYMENT_ID", "DEPLOYMENT_STATUS", "DEPLOYMENT_URL"]


def test_a_gitlab_report_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """The deployment went as it went."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    troubles = report.write_outputs({"CI_PROJECT_DIR": str(tmp_path / "file")}, "gitlab", [GOOD])
    assert len(troubles) == 1
    assert os.fspath(tmp_path / "file") in troubles[0]


def test_several_in_github_actions(tmp_path: Path) -> None:
    """The plain outputs are those of the first that failed; all come as an array; one table; an error for each."""
    env = github(tmp_path)
    assert report.write_outputs(env, "auto", [GOOD, BAD], several=True) == []
    found = outputs((tmp_path / "output").read_text(encoding="utf-8"))
    assert found["deployment-id"] == "clm1bad"
    listed = json.loads(found["deployments"])
    assert [(item["project"], item["deployment-status"]) for item in listed] == [
        ("my-app", "READY"),
        ("api-docs", "ERROR"),
    ]
    assert [item["duration-seconds"] for item in listed] == [45, 3]
    summary = (tmp_path / "summary").read_text(encoding="utf-8")
    assert summary.count("| Project |") == 1
    assert "| my-app | main |" in summary
    assert "| api-docs | main |" in summary
    assert "Error: api-docs: Deployment clm1bad failed." in html.unescape(summary)
    commands = report.error_commands(env, "auto", [GOOD, BAD], several=True)
    assert commands == ["::error::api-docs: Deployment clm1bad failed."]


def test_several_that_are_none() -> None:
    """An empty array, and a sentence in the summary."""
    assert outputs(report.github_outputs([], several=True)) == {"deployments": "[]"}
    assert report.markdown([]) == "\nNo project has changed.\n\n"


def test_several_in_gitlab(tmp_path: Path) -> None:
    """One set of names a project; where two projects would have the same, the second is left out and named."""
    env = {"CI_PROJECT_DIR": str(tmp_path)}
    same = GOOD._replace(project="api.docs")
    troubles = report.write_outputs(env, "gitlab", [GOOD, BAD, same], several=True)
    lines = (tmp_path / report.GITLAB_FILE).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "MY_APP_DEPLOYMENT_ID=clm1abc"
    assert "API_DOCS_DEPLOYMENT_STATUS=ERROR" in lines
    assert len(lines) == 8
    assert ["api.docs" in trouble for trouble in troubles] == [True]


def test_gitlab_is_known_by_its_variable(tmp_path: Path) -> None:
    """And gets a whole new dpx.env in the project's directory without an option."""
    env = {"GITLAB_CI": "true", "CI_PROJECT_DIR": str(tmp_path)}
    (tmp_path / report.GITLAB_FILE).write_text("OLD=1\n", encoding="utf-8")
    assert report.write_outputs(env, "auto", [GOOD]) == []
    assert (tmp_path / "dpx.env").read_text(encoding="utf-8") == (
        "DEPLOYMENT_ID=clm1abc\n"
        "DEPLOYMENT_STATUS=READY\n"
        "DEPLOYMENT_URL=https://my-app.deploxa.com\n"
        "DURATION_SECONDS=45\n"
    )
    assert report.error_commands(env, "auto", [BAD]) == []
    assert report.write_outputs({**env, "CI_PROJECT_DIR": "/none"}, "never", [GOOD]) == []
