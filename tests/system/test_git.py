"""Git facts, from real repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import program
import pytest

from dpx_cli.system import git as repository

IDENTITY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of whoever runs the tests, and no repository above the temporary folder."""
    program.need("git")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)


def git(cwd: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run git for a test."""
    run = subprocess.run(["git", *arguments], cwd=cwd, input=stdin, capture_output=True, check=True)
    return os.fsdecode(run.stdout).strip()


def commit(where: Path, message: str, text: str = "x") -> str:
    """Commit one file and give the commit's id."""
    (where / "file").write_text(text, encoding="utf-8")
    git(where, "add", "file")
    git(where, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(where, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository on `main` with one commit."""
    where = tmp_path / "repo"
    where.mkdir()
    git(where, "init", "--quiet", "--initial-branch=main")
    commit(where, "Add the shop\n\nAll of it.")
    return where


def head_of(cwd: Path) -> repository.Head:
    """Read where HEAD is in a repository."""
    head = repository.head(str(cwd))
    assert head is not None
    return head


def test_a_plain_repository(repo: Path) -> None:
    """Branch, commit, first line of the message; also from a folder within."""
    (repo / "deep" / "er").mkdir(parents=True)
    for cwd in (repo, repo / "deep" / "er"):
        head = head_of(cwd)
        assert (head.branch, head.subject, head.dirty, head.unpushed) == ("main", "Add the shop", False, None)
        assert head.sha == git(repo, "rev-parse", "HEAD")


def test_no_repository_and_no_git(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a folder at all: nothing to say, and no error."""
    for folder in (tmp_path, tmp_path / "none"):
        assert repository.head(str(folder)) is None
        assert repository.unpushed(str(folder), "main") == 0
    monkeypatch.setenv("PATH", str(repo))
    assert repository.head(str(repo)) is None


def test_no_commit_yet_and_detached(repo: Path, tmp_path: Path) -> None:
    """A branch, and nothing on it; a commit without a branch, as CI checks out."""
    git(tmp_path, "init", "--quiet", "--initial-branch=trunk")
    assert head_of(tmp_path)[:3] == ("trunk", None, None)
    git(repo, "checkout", "--quiet", "--detach")
    head = head_of(repo)
    assert (head.branch, head.subject, head.unpushed) == (None, "Add the shop", None)


def test_dirty_means_tracked_files(repo: Path) -> None:
    """Changed, staged or deleted; a stray file is not."""
    (repo / "stray").write_text("x", encoding="utf-8")
    assert head_of(repo).dirty is False
    (repo / "file").write_text("changed", encoding="utf-8")
    assert head_of(repo).dirty
    git(repo, "add", "file")
    assert head_of(repo).dirty


@pytest.fixture
def cloned(repo: Path, tmp_path: Path) -> Path:
    """The repository with an origin that has what it has."""
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), "origin.git")
    git(repo, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(repo, "fetch", "--quiet")
    git(repo, "branch", "--quiet", "--set-upstream-to=origin/main")
    return repo


def test_unpushed_commits(cloned: Path) -> None:
    """Against the upstream as last seen; None where there is none or it is gone."""
    for count in range(3):
        assert head_of(cloned).unpushed == repository.unpushed(str(cloned), "main") == count
        commit(cloned, f"more {count}", f"{count}")
    git(cloned, "checkout", "--quiet", "-b", "other")
    assert repository.unpushed(str(cloned), "main") == 3
    assert repository.unpushed(str(cloned), "other") is None
    git(cloned, "checkout", "--quiet", "main")
    git(cloned, "reset", "--quiet", "--hard", "HEAD~3")
    git(cloned, "push", "--quiet", "origin", "other:main")
    assert repository.unpushed(str(cloned), "main") == 0  # behind
    git(cloned, "update-ref", "-d", "refs/remotes/origin/main")
    assert (head_of(cloned).unpushed, repository.unpushed(str(cloned), "main")) == (None, None)


def test_a_worktree_and_a_bare_repository(repo: Path, tmp_path: Path) -> None:
    """A worktree has its own HEAD; a bare repository has no files to be dirty."""
    git(repo, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    head = head_of(tmp_path / "side")
    assert (head.branch, head.dirty) == ("side", False)
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), "bare.git")
    head = head_of(tmp_path / "bare.git")
    assert (head.branch, head.subject, head.dirty) == ("main", "Add the shop", None)


def test_a_submodule(repo: Path, tmp_path: Path) -> None:
    """It is a repository of its own, and changes within it do not make the outer one dirty."""
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet", "--initial-branch=main")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo), "inner")
    commit(outer, "With the shop in it")
    (outer / "inner" / "file").write_text("changed", encoding="utf-8")
    assert head_of(outer).dirty is False
    inner = head_of(outer / "inner")
    assert (inner.subject, inner.dirty) == ("Add the shop", True)


NAMES = ["feature/ä-👍", "(detached)", "HEAD-ish", "x.y/z@1", "a'b\"c$(id)", "x" * 200, "caf\udce9"]


@pytest.mark.posix
@pytest.mark.parametrize("name", NAMES)
def test_unusual_branch_names(repo: Path, name: str) -> None:
    """All that git allows; one that isn't UTF-8 as Python decodes the same name in an argument."""
    git(repo, "checkout", "--quiet", "-b", name)
    assert head_of(repo).branch == name


@pytest.mark.posix
def test_unpushed_takes_names_and_no_expressions(cloned: Path) -> None:
    """Neither patterns, nor revisions, nor options, nor other refs."""
    for name in ("main", "feature/ä-👍", "(detached)", os.fsdecode(b"caf\xe9")):
        git(cloned, "checkout", "--quiet", "-B", name)
        git(cloned, "branch", "--quiet", "--set-upstream-to=origin/main")
        assert repository.unpushed(str(cloned), name) == 0
    git(cloned, "tag", "v1")
    for name in ("*", "m*", "main~1", "main^{commit}", "v1", "--all", "", "../tags/v1", "none", "a\0b", "main\n"):
        assert repository.unpushed(str(cloned), name) == 0


MESSAGES = [
    ("UTF-8", "Füge hinzu".encode(), "Füge hinzu"),
    ("UTF-8", b"\n\n  leading \nmore", "leading"),
    ("UTF-8", b"\x1b[31mred", "\x1b[31mred"),
    ("UTF-8", b"", ""),
    ("UTF-8", b"caf\xe9", "caf\ufffd"),
    ("ISO-8859-1", b"caf\xe9", "café"),
    ("no-such", b"caf\xc3\xa9", "café"),
]


@pytest.mark.parametrize(("encoding", "raw", "subject"), MESSAGES)
def test_messages(repo: Path, encoding: str, raw: bytes, subject: str) -> None:
    """The first line, as the commit says it is encoded; neutralizing is the screen's."""
    tree = git(repo, "rev-parse", "HEAD^{tree}").encode()
    who = b"a <a@example.com> 1 +0000"
    body = b"tree %s\nauthor %s\ncommitter %s\nencoding %s\n\n%s\n" % (tree, who, who, encoding.encode(), raw)
    git(repo, "reset", "--quiet", "--hard", git(repo, "hash-object", "-t", "commit", "-w", "--stdin", stdin=body))
    assert head_of(repo).subject == subject


@pytest.mark.posix
def test_a_repository_cannot_make_us_run_its_programs(repo: Path, tmp_path: Path) -> None:
    """Monitor, filters and hooks of its own configuration stay silent."""
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $@\" >> '{ran}'\ncat\n", encoding="utf-8")
    program.chmod(0o755)
    (repo / ".gitattributes").write_text("file filter=evil\nother filter=a=b\n", encoding="utf-8")
    (repo / "other").write_text("x", encoding="utf-8")
    git(repo, "add", ".gitattributes", "other")
    git(repo, "commit", "--quiet", "-m", "attributes")
    for name in ("core.fsmonitor", "filter.evil.clean", "filter.evil.process", "gpg.program", "core.sshCommand"):
        git(repo, "config", name, str(program))
    with (repo / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(f'[filter "a=b"]\n\tclean = {program}\n\trequired = true\n[log]\n\tshowSignature = true\n')
    hook = repo / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    shutil.copy(program, hook)
    past = time.time() - 1000
    for name in ("file", "other"):  # so that git has to look into them
        (repo / name).write_text("y", encoding="utf-8")
        os.utime(repo / name, (past, past))
    index = (repo / ".git" / "index").read_bytes()
    head = head_of(repo)
    assert (head.dirty, head.subject) == (True, "attributes")
    assert not ran.exists(), ran.read_text(encoding="utf-8")
    assert (repo / ".git" / "index").read_bytes() == index
    # The same look by plain git does run them: the trap is a trap.
    subprocess.run(["git", "status"], cwd=repo, capture_output=True, check=False)
    assert ran.exists()


def fake_git(folder: Path, script: str) -> Path:
    """Make a git that is a shell script; return its folder."""
    folder.mkdir(exist_ok=True)
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "git").chmod(0o755)
    return folder


@pytest.mark.posix
def test_the_checkouts_own_git_is_not_run(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the path says so: only absolute folders count."""
    fake_git(repo, "touch ran")
    monkeypatch.chdir(repo)
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", f".::{path}")
    assert repository.head(str(repo)) is not None
    monkeypatch.setenv("PATH", ".:")
    assert repository.head(str(repo)) is None
    assert not (repo / "ran").exists()


@pytest.mark.posix
def test_git_gets_no_secret(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs none, and what it starts is not ours to choose."""
    seen = tmp_path / "seen"
    folder = fake_git(tmp_path / "bin", f"env >> '{seen}'")
    for name, value in {"DPX_TOKEN": "dpx_canary", "DPX_WEBHOOK_SECRET": "canary", "KEPT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    repository.head(str(repo))
    assert "KEPT=1" in seen.read_text(encoding="utf-8")
    assert "canary" not in seen.read_text(encoding="utf-8")


@pytest.mark.posix
def test_a_git_that_hangs_is_left_behind(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the processes it started, even where they hold the pipe open."""
    monkeypatch.setattr(repository, "_SECONDS", 0.2)
    pids = tmp_path / "pids"
    folder = fake_git(tmp_path / "bin", f"sleep 600 &\necho $! >> '{pids}'\nsleep 600")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    assert repository.head(str(repo)) is None
    for pid in pids.read_text(encoding="utf-8").split():
        deadline = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2] != "Z":
            assert time.monotonic() < deadline, "the grandchild is still there"
            time.sleep(0.01)


@pytest.mark.posix
@pytest.mark.parametrize(
    ("unknown", "unheeded"),
    [("--show-scope", "GIT_CONFIG_COUNT"), ("", "GIT_CONFIG_COUNT"), ("--show-scope", ""), ("", "")],
)
def test_a_git_that_cannot_switch_filters_off_runs_none(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unknown: str, unheeded: str
) -> None:
    """One that is too old (lacks an option or a variable) isn't asked anything; a newer one runs no filter."""
    ran = tmp_path / "ran"
    (repo / ".gitattributes").write_text("* filter=evil\n", encoding="utf-8")
    git(repo, "config", "filter.evil.clean", f"touch {ran}; cat")
    (repo / "file").write_text("y", encoding="utf-8")  # as long as what is committed, so that git has to read it
    refuse = f'for word; do [ "$word" = "{unknown}" ] && exit 129; done\n' if unknown else ""
    forget = f"unset {unheeded}\n" if unheeded else ""
    folder = fake_git(tmp_path / "bin", f'{refuse}{forget}exec {shutil.which("git")} "$@"')
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(folder))
        assert (repository.head(str(repo)) is None) is bool(unknown or unheeded)
    assert not ran.exists()
    git(repo, "status")
    assert ran.exists(), "the filter would not have run anyway"


def test_what_names_a_commit(repo: Path) -> None:
    """A name, a tag, an abbreviation of 7 digits or more; nothing that is an option, and no path out of it."""
    first = git(repo, "rev-parse", "HEAD")
    second = commit(repo, "Second", "y")
    git(repo, "tag", "-a", "v1", "-m", "v1", first)
    for name in ("HEAD~1", "v1", first, first[:7], first[:7].upper()):
        assert repository.commit(str(repo), name) == first, name
    assert repository.commit(str(repo), "main") == second
    for name in (first[:6], "nope", "", "--all", "HEAD:file", "f" * 40):
        assert repository.commit(str(repo), name) is None, name
