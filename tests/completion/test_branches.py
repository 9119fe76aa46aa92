"""Branches in completion: read from the files of a checkout, which may be hostile, without running git."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from program import git

from dpx_cli.completion import branches

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Program


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the branches main, feature/one and fix."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    git(folder, "branch", "feature/one")
    git(folder, "branch", "fix")
    return folder


def names(folder: Path) -> list[str]:
    """Return the branches as they are offered in a folder."""
    return [name for name, _ in branches.find(str(folder))]


def test_branches_come_with_the_current_one_first(checkout: Path) -> None:
    """From a subfolder too; loose, packed, and both."""
    below = checkout / "a" / "b"
    below.mkdir(parents=True)
    assert names(below) == ["main", "feature/one", "fix"]
    git(checkout, "pack-refs", "--all")
    git(checkout, "checkout", "-q", "-b", "later", "fix")
    git(checkout, "tag", "v1")
    assert dict(branches.find(str(below))) == {"later": "current branch", "feature/one": "", "fix": "", "main": ""}


def test_a_worktree_has_a_current_branch_of_its_own(checkout: Path, tmp_path: Path) -> None:
    """The other branches are those of the checkout that it belongs to."""
    git(checkout, "worktree", "add", "-q", str(tmp_path / "tree"), "fix")
    assert names(tmp_path / "tree") == ["fix", "feature/one", "main"]


def test_a_detached_head_and_an_empty_checkout(checkout: Path, tmp_path: Path) -> None:
    """There is no current branch, or only the one to come."""
    git(checkout, "checkout", "-q", "--detach")
    assert names(checkout) == ["feature/one", "fix", "main"]
    (tmp_path / "new").mkdir()
    git(tmp_path / "new", "init", "-q")
    assert names(tmp_path / "new") == ["main"]


def test_the_hidden_entry_offers_them(dpx: Program, checkout: Path) -> None:
    """For --branch, by what was typed, and only names that no shell could take for more."""
    git(checkout, "branch", "feature/$(reboot)")
    dpx.cwd = checkout
    assert dpx("__complete", "deploy", "--branch", "FEAT").out == "feature/one\n"
    assert dpx("__complete", "deploy", "--branch=ma").out == "--branch=main\tcurrent branch\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"gitdir: ",
        b"gitdir: /dev/zero",
        b"gitdir: nowhere",
        b"gitdir: //server/share",
        b"gitdir: \\\\server\\share",
        b"gitdir: \0",
        b"\xff" * 100_000,
    ],
)
def test_a_hostile_gitdir_file_offers_nothing(tmp_path: Path, content: bytes) -> None:
    """A path on another machine is not even looked at."""
    (tmp_path / ".git").write_bytes(content)
    assert names(tmp_path) == []


@pytest.mark.posix
def test_a_hostile_checkout_cannot_block_or_lead_elsewhere(tmp_path: Path) -> None:
    """Pipes are not opened, links not followed, and there are bounds."""
    folder = tmp_path / ".git"
    heads = folder / "refs" / "heads"
    heads.mkdir(parents=True)
    os.mkfifo(folder / "HEAD")
    os.mkfifo(folder / "packed-refs")
    (folder / "commondir").symlink_to("/dev/zero")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").touch()
    (heads / "loop").symlink_to(heads)
    (heads / "out").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path) == []


def test_large_checkouts_are_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of files below refs/heads, and of packed-refs."""
    heads = tmp_path / ".git" / "refs" / "heads"
    heads.mkdir(parents=True)
    for number in range(20):
        (heads / f"b{number}").touch()
    with monkeypatch.context() as patch:
        patch.setattr(branches, "MAX_BRANCHES", 7)
        assert len(names(tmp_path)) == 7
    (heads.parent.parent / "packed-refs").write_text(
        "".join(f"{'0' * 40} refs/heads/p{n}\n" for n in range(1000)), encoding="utf-8"
    )
    monkeypatch.setattr(branches, "MAX_BYTES", 600)
    assert 20 < len(names(tmp_path)) < 40
