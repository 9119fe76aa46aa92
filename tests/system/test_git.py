"""Git facts, from real repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

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


def test_a_plain_repository(repo: Path) -> None:
    """Branch, commit, first line of the message; also from a folder within."""
    (repo / "deep" / "er").mkdir(parents=True)
    for cwd in (repo, repo / "deep" / "er"):
        head = repository.head(str(cwd))
        assert head is not None
        assert (head.branch, head.subject, head.dirty, head.unpushed) == ("main", "Add the shop", False, None)
        assert head.sha == git(repo, "rev-parse", "HEAD")


def test_no_repository(tmp_path: Path) -> None:
    """Nor a folder at all."""
    assert repository.head(str(tmp_path)) is None
    assert repository.head(str(tmp_path / "none")) is None
    assert repository.unpushed(str(tmp_path), "main") is None


def test_no_git(repo: Path) -> None:
    """Nothing to say, and no error."""
    assert repository.head(str(repo), {"PATH": str(repo)}) is None


def test_no_commit_yet(tmp_path: Path) -> None:
    """A branch, and nothing on it."""
    git(tmp_path, "init", "--quiet", "--initial-branch=trunk")
    head = repository.head(str(tmp_path))
    assert head is not None
    assert (head.branch, head.sha, head.subject) == ("trunk", None, None)


def test_detached(repo: Path) -> None:
    """As CI checks out."""
    git(repo, "checkout", "--quiet", "--detach")
    head = repository.head(str(repo))
    assert head is not None
    assert (head.branch, head.subject, head.unpushed) == (None, "Add the shop", None)


def test_dirty_means_tracked_files(repo: Path) -> None:
    """Changed, staged or deleted; a stray file is not."""
    (repo / "stray").write_text("x", encoding="utf-8")
    head = repository.head(str(repo))
    assert head is not None
    assert head.dirty is False
    (repo / "file").write_text("changed", encoding="utf-8")
    head = repository.head(str(repo))
    assert head is not None
    assert head.dirty
    git(repo, "add", "file")
    head = repository.head(str(repo))
    assert head is not None
    assert head.dirty


def test_unpushed_commits(repo: Path, tmp_path: Path) -> None:
    """Against the upstream as last seen; None where there is none or it is gone."""
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), "origin.git")
    git(repo, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(repo, "fetch", "--quiet")
    git(repo, "branch", "--quiet", "--set-upstream-to=origin/main")
    for count in range(3):
        head = repository.head(str(repo))
        assert head is not None
        assert head.unpushed == count
        assert repository.unpushed(str(repo), "main") == count
        commit(repo, f"more {count}", f"{count}")
    git(repo, "checkout", "--quiet", "-b", "other")
    assert repository.unpushed(str(repo), "main") == 3
    assert repository.unpushed(str(repo), "other") is None
    git(repo, "checkout", "--quiet", "main")
    git(repo, "reset", "--quiet", "--hard", "HEAD~3")
    git(repo, "push", "--quiet", "origin", "other:main")
    assert repository.unpushed(str(repo), "main") == 0  # behind
    git(repo, "update-ref", "-d", "refs/remotes/origin/main")
    head = repository.head(str(repo))
    assert head is not None
    assert head.unpushed is None
    assert repository.unpushed(str(repo), "main") is None


def test_a_worktree_and_a_bare_repository(repo: Path, tmp_path: Path) -> None:
    """A worktree has its own HEAD; a bare repository has no files to be dirty."""
    git(repo, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    head = repository.head(str(tmp_path / "side"))
    assert head is not None
    assert (head.branch, head.dirty) == ("side", False)
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), "bare.git")
    head = repository.head(str(tmp_path / "bare.git"))
    assert head is not None
    assert (head.branch, head.subject, head.dirty) == ("main", "Add the shop", None)


def test_a_submodule(repo: Path, tmp_path: Path) -> None:
    """It is a repository of its own, and changes within it do not make the outer one dirty."""
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet", "--initial-branch=main")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo), "inner")
    commit(outer, "With the shop in it")
    (outer / "inner" / "file").write_text("changed", encoding="utf-8")
    head = repository.head(str(outer))
    assert head is not None
    assert head.dirty is False
    head = repository.head(str(outer / "inner"))
    assert head is not None
    assert (head.subject, head.dirty) == ("Add the shop", True)


@pytest.mark.parametrize("name", ["feature/ä-👍", "(detached)", "HEAD-ish", "x.y/z@1", "a'b\"c$(id)", "x" * 200])
def test_unusual_branch_names(repo: Path, name: str) -> None:
    """All that git allows."""
    git(repo, "checkout", "--quiet", "-b", name)
    sha = commit(repo, "there")
    head = repository.head(str(repo))
    assert head is not None
    assert (head.branch, head.sha) == (name, sha)


def test_a_branch_name_that_is_not_utf_8(repo: Path) -> None:
    """Equal to the same name given as an argument, which Python decodes in the same way."""
    git(repo, "checkout", "--quiet", "-b", os.fsdecode(b"caf\xe9"))
    head = repository.head(str(repo))
    assert head is not None
    assert head.branch == os.fsdecode(b"caf\xe9")


def test_unpushed_takes_names_and_no_expressions(repo: Path, tmp_path: Path) -> None:
    """Neither patterns, nor revisions, nor options, nor other refs."""
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), "origin.git")
    git(repo, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(repo, "fetch", "--quiet")
    for name in ("main", "feature/ä-👍", "(detached)", os.fsdecode(b"caf\xe9")):
        git(repo, "checkout", "--quiet", "-B", name)
        git(repo, "branch", "--quiet", "--set-upstream-to=origin/main")
        assert repository.unpushed(str(repo), name) == 0
    git(repo, "tag", "v1")
    for name in ("*", "m*", "main~1", "main^{commit}", "v1", "--all", "", "../tags/v1", "none", "a\0b", "main\n"):
        assert repository.unpushed(str(repo), name) is None


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("Füge hinzu".encode(), "Füge hinzu"),
        (b"\n\n  leading \nmore", "leading"),
        (b"\x1b[31mred", "\x1b[31mred"),
        (b"", ""),
    ],
)
def test_messages(repo: Path, raw: bytes, subject: str) -> None:
    """The first line, raw: neutralizing is the screen's."""
    git(repo, "commit", "--quiet", "--amend", "--allow-empty-message", "--cleanup=verbatim", "-F", "-", stdin=raw)
    head = repository.head(str(repo))
    assert head is not None
    assert head.subject == subject


@pytest.mark.parametrize(
    ("encoding", "raw", "subject"),
    [
        ("ISO-8859-1", b"caf\xe9", "café"),
        ("no-such", b"caf\xc3\xa9", "café"),
        ("idna", b"caf\xc3\xa9", "café"),
        ("UTF-8", b"caf\xe9", "caf\ufffd"),
    ],
)
def test_messages_in_a_named_encoding(repo: Path, encoding: str, raw: bytes, subject: str) -> None:
    """As the commit says it is encoded, where Python knows the name; what does not decode is replaced."""
    tree = git(repo, "rev-parse", "HEAD^{tree}")
    who = b"a <a@example.com> 1 +0000"
    body = b"tree %s\nauthor %s\ncommitter %s\nencoding %s\n\n%s\n" % (tree.encode(), who, who, encoding.encode(), raw)
    sha = git(repo, "hash-object", "-t", "commit", "-w", "--stdin", stdin=body)
    git(repo, "reset", "--quiet", "--hard", sha)
    head = repository.head(str(repo))
    assert head is not None
    assert head.subject == subject


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
    head = repository.head(str(repo))
    assert head is not None
    assert head.dirty
    assert head.subject == "attributes"
    assert not ran.exists(), ran.read_text(encoding="utf-8")
    assert (repo / ".git" / "index").read_bytes() == index
    # The same look by plain git does run them: the trap is a trap.
    subprocess.run(["git", "status"], cwd=repo, capture_output=True, check=False)
    assert ran.exists()


@pytest.mark.posix
def test_the_checkouts_own_git_is_not_run(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the path says so: only absolute folders count."""
    fake = repo / "git"
    fake.write_text("#!/bin/sh\ntouch ran\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.chdir(repo)
    assert repository.head(str(repo), {**os.environ, "PATH": f".::{os.environ['PATH']}"}) is not None
    assert repository.head(str(repo), {**os.environ, "PATH": ".:"}) is None
    assert not (repo / "ran").exists()


@pytest.mark.posix
def test_git_gets_no_secret(repo: Path, tmp_path: Path) -> None:
    """It needs none, and what it starts is not ours to choose."""
    folder = tmp_path / "bin"
    folder.mkdir()
    seen = tmp_path / "seen"
    fake = folder / "git"
    fake.write_text(f"#!/bin/sh\nenv >> '{seen}'\n", encoding="utf-8")
    fake.chmod(0o755)
    secret = {"DPX_TOKEN": "dpx_canary", "DPX_WEBHOOK_SECRET": "canary"}
    repository.head(str(repo), {**secret, "KEPT": "1", "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"})
    assert "KEPT=1" in seen.read_text(encoding="utf-8")
    assert "canary" not in seen.read_text(encoding="utf-8")


@pytest.mark.posix
def test_a_git_that_hangs_is_left_behind(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the processes it started, even where they hold the pipe open."""
    monkeypatch.setattr(repository, "_SECONDS", 0.2)
    folder = tmp_path / "bin"
    folder.mkdir()
    pids = tmp_path / "pids"
    fake = folder / "git"
    fake.write_text(f"#!/bin/sh\nsleep 600 &\necho $! >> '{pids}'\nsleep 600\n", encoding="utf-8")
    fake.chmod(0o755)
    assert repository.head(str(repo), {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}) is None
    for pid in pids.read_text(encoding="utf-8").split():
        deadline = time.monotonic() + 10
        while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2] != "Z":
            assert time.monotonic() < deadline, "the grandchild is still there"
            time.sleep(0.01)


def old_git(tmp_path: Path, *, unknown: str = "", unheeded: str = "") -> dict[str, str]:
    """An environment whose git is a wrapper that behaves like an old one.

    Args:
        tmp_path: a folder.
        unknown: an option that it doesn't know yet.
        unheeded: an environment variable that it doesn't heed yet.
    """
    real = shutil.which("git")
    folder = tmp_path / "old-git"
    folder.mkdir()
    wrapper = folder / "git"
    refuse = f'for word; do [ "$word" = "{unknown}" ] && exit 129; done\n' if unknown else ""
    forget = f"unset {unheeded}\n" if unheeded else ""
    wrapper.write_text(f'#!/bin/sh\n{refuse}{forget}exec {real} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    return {**os.environ, "PATH": str(folder)}


@pytest.mark.parametrize(
    ("unknown", "unheeded", "asked"),
    [
        ("--show-scope", "GIT_CONFIG_COUNT", False),  # 2.25
        ("", "GIT_CONFIG_COUNT", False),  # 2.30
        ("--show-scope", "", False),
        ("", "", True),
    ],
)
def test_a_git_that_cannot_switch_filters_off_runs_none(
    repo: Path, tmp_path: Path, unknown: str, unheeded: str, *, asked: bool
) -> None:
    """It isn't asked anything then; a newer one is, without the filters."""
    ran = tmp_path / "ran"
    (repo / ".gitattributes").write_text("* filter=evil\n", encoding="utf-8")
    git(repo, "config", "filter.evil.clean", f"touch {ran}; cat")
    (repo / "file").write_text("y", encoding="utf-8")  # as long as what is committed, so that git has to read it
    found = repository.head(str(repo), old_git(tmp_path, unknown=unknown, unheeded=unheeded))
    assert (found is not None) is asked
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
