"""deploxa.toml as a setting: which file counts, and what a damaged one does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from dpx_cli.config import project_file
from dpx_cli.config.settings import Settings
from dpx_cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program


def toml(folder: Path, slug: str) -> None:
    """Put a deploxa.toml into a directory."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "deploxa.toml").write_text(f'[project]\nslug = "{slug}"\n', encoding="utf-8")


def linked(folder: Path, project_id: str) -> None:
    """Put a link file into a directory."""
    (folder / ".deploxa").mkdir(parents=True, exist_ok=True)
    (folder / ".deploxa" / "project.json").write_text(
        json.dumps({"projectId": project_id, "orgSlug": "linked"}), encoding="utf-8"
    )


def settings(cwd: Path, **env: str) -> Settings:
    """The settings of a directory."""
    return Settings({"DPX_CONFIG_DIR": str(cwd / "config"), **env}, cwd=str(cwd))


def test_the_nearer_file_counts(tmp_path: Path) -> None:
    """The link file if both are in one directory; the environment before both."""
    toml(tmp_path, "acme/outer")
    toml(tmp_path / "a", "near")
    linked(tmp_path / "a" / "b", "prj_1")
    toml(tmp_path / "a" / "b", "other")
    toml(tmp_path / "a" / "b" / "c", "globex/deep")
    assert (settings(tmp_path).project, settings(tmp_path).org) == ("acme/outer", "acme")
    (tmp_path / "x").mkdir()
    assert settings(tmp_path / "x").project == "acme/outer"
    assert (settings(tmp_path / "a").project, settings(tmp_path / "a").org) == ("near", None)
    inner = settings(tmp_path / "a" / "b")
    assert (inner.project, inner.org, inner.project_file) == ("prj_1", "linked", None)
    deep = settings(tmp_path / "a" / "b" / "c")
    assert (deep.project, deep.org) == ("globex/deep", "globex")
    assert deep.reference_file is deep.project_file
    (tmp_path / "a" / "b" / ".deploxa" / "project.json").write_text("{", encoding="utf-8")
    assert settings(tmp_path / "a" / "b" / "c").project == "globex/deep", "a link further up is not even read"
    given = settings(tmp_path / "a", DPX_PROJECT="given", DPX_ORG="org")
    assert (given.project, given.org) == ("given", "org")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "doesn't specify a project"),
        (b"[project]\n", "doesn't specify a project"),
        (b"project = 1\n", "doesn't specify a project"),
        (b"[project]\nslug = 5\n", "doesn't specify a project"),
        (b'[project]\nslug = ""\n', "doesn't specify a project"),
        (b'[project]\nslug = "s3cret\n', "is not valid TOML, at line 2, column "),
        (b'[project]\nslug = """s3cret\n', "is not valid TOML, at end of document"),
        (b"a = " + b"9" * 5000, "is not valid TOML, at a number"),
        (b"a = " + b"[" * 9999, "is not valid TOML"),
        (b"b = 1\n" + b"a." * 400_000 + b"a = 1", "is not valid TOML, at line 2, column 32"),
        (b"\xff", "is not UTF-8"),
        (b"#" * (project_file.MAX_BYTES + 1), "is larger than 1024 KiB"),
    ],
)
def test_a_damaged_one_is_named(tmp_path: Path, text: bytes, what: str) -> None:
    """Nothing of its text is shown."""
    (tmp_path / "deploxa.toml").write_bytes(text)
    with pytest.raises(UsageError) as caught:
        _ = settings(tmp_path).project
    assert caught.value.message.startswith(f"{tmp_path / 'deploxa.toml'} {what}"), caught.value.message
    assert "s3cret" not in caught.value.message


@pytest.mark.posix
def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    """A pipe is not waited for, a loop of symbolic links not followed."""
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "deploxa.toml")
    (tmp_path / "deploxa.toml").symlink_to("deploxa.toml")
    for folder in (tmp_path, tmp_path / "a"):
        with pytest.raises(UsageError, match="is not a regular file"):
            _ = settings(folder).project


@pytest.mark.parametrize("argv", [("env", "list"), ("deploy", "--no-wait"), ("projects", "get"), ("deploy", "list")])
def test_a_slug_that_is_not_there_names_the_file(dpx: Program, argv: tuple[str, ...]) -> None:
    """Exit 3, so that a mistake in the file is found."""
    toml(dpx.cwd, "acme/nothing")
    result = dpx(*argv)
    assert (result.code, result.out) == (3, ""), result
    assert "error: No such project: acme/nothing, from deploxa.toml\n" in result.err
    # Named by the flag, the file has nothing to do with it.
    result = dpx(*argv, "-p", "nothing") if argv[0] != "projects" else dpx(*argv, "nothing")
    assert result.code == 3
    assert "deploxa.toml" not in result.err


def test_a_stale_id_of_its_slug_is_looked_up_again(dpx: Program, sandbox: Sandbox) -> None:
    """A project that was deleted and created again is found; one that is gone names the file."""
    toml(dpx.cwd, "docs")
    assert dpx("env", "list", "-q").out == "SEARCH_KEY\n"
    assert dpx("projects", "delete", "docs", "--yes").code == 0
    assert ", from " in dpx("env", "list", "-q").err
    sandbox.seed_project("docs", "acme")
    assert dpx("env", "list", "-q").code == 0
