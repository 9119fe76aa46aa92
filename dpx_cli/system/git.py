"""Read the state of the working directory from git: branch, commit, unpushed and uncommitted changes.

These functions never raise: without git, without a repository, or if git doesn't respond in time, they return None; the
list `problems` receives the reason, unless it is that there is no repository or no such commit. A directory may come
from an untrusted archive, so git only reads, fetches nothing and prompts for nothing, and everything that a
repository's own configuration could run (file system monitor, filters, hooks, transports) is switched off. If git is
too old for that, nothing else is run.
"""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.errors import UsageError
from dpx_cli.system import child_env as children

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

_SECONDS = 2.0
PATIENT = 30.0  # seconds, if the user asked for what only git knows
_PROBE = "dpx.probe"  # a setting that git only finds if it heeds GIT_CONFIG_COUNT, as it does since 2.31
_SHORTEST = 7  # digits of an abbreviated commit
_QUIET = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    # A partial clone would fetch what it lacks, through a transport that its configuration chooses.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}
_DIFF = ("--name-only", "-z", "--no-renames", "--no-relative", "--no-ext-diff", "--no-textconv")
# A signature would be checked by a program that the repository's configuration chooses.
_LOG = ("--no-show-signature", "--no-notes", "--no-color", "--encoding=UTF-8")
# Set for hooks; `git rev-parse --local-env-vars` lists them.
_HOOK_VARIABLES = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_IMPLICIT_WORK_TREE", "GIT_INTERNAL_SUPER_PREFIX"),
}


class Problem(NamedTuple):
    """Why git doesn't say anything: a reason in git's own words, as part of a sentence, and a way out."""

    reason: str
    hint: str | None = None


def build_refusal(what: str, problems: Sequence[Problem], hint: str) -> UsageError:
    """Return the error for what git refuses, with git's own reason and the way out, if it has one."""
    reason, way_out = problems[0] if problems else ("", None)
    return UsageError(f"{what}{f': {reason}' if reason else ''}.", hint=way_out or hint)


class Head(NamedTuple):
    """Where HEAD is: None for a branch if it is detached, for a commit before the first one.

    `dirty` says whether tracked files differ from HEAD, None if git takes too long. `unpushed` counts the commits that
    the branch's upstream, as last seen, does not have; None without an upstream.
    """

    branch: str | None
    sha: str | None
    subject: str | None
    dirty: bool | None
    unpushed: int | None


def head(cwd: str, problems: list[Problem] | None = None) -> Head | None:
    """Return where HEAD is in the repository of a directory; None without a repository or git."""
    git = _Git(cwd, problems=problems)
    if not _switch_off_filters(git):
        return None
    # The commit of a submodule counts; looking into it would run git there, under its configuration.
    options = ("--porcelain=v2", "--branch", "-z", "--untracked-files=no", "--ignore-submodules=dirty")
    status = git.run("status", *options)
    if status is None:
        # A bare repository has no status, and that of a huge one takes too long.
        git = _Git(cwd)
        sha = _text(git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
        branch = _branch(git)
        if sha is None and branch is None:
            return None
        return Head(branch, sha, _subject(git, sha), None, None if branch is None else unpushed(cwd, branch))
    lines = status.split(b"\0")
    facts = dict(line[2:].split(b" ", 1) for line in lines if line.startswith(b"# "))
    oid = facts[b"branch.oid"]
    sha = None if oid == b"(initial)" else oid.decode()
    # "(detached)" is a name that a branch may have as well.
    short = facts[b"branch.head"]
    branch = _branch(git) if short == b"(detached)" else os.fsdecode(short)
    # "+2 -0": ahead of the upstream, behind it.
    ahead = facts.get(b"branch.ab", b"").split(b" ")[0]
    dirty = any(line and not line.startswith(b"# ") for line in lines)
    return Head(branch, sha, _subject(git, sha), dirty, int(ahead) if ahead else None)


def unpushed(cwd: str, branch: str) -> int | None:
    """Return how many commits of a local branch its upstream, as last seen, does not have.

    None without an upstream; 0 without such a branch.
    """
    git = _Git(cwd)
    if git.run("show-ref", "--verify", "--quiet", f"refs/heads/{branch}") is None:
        return 0
    commits = f"{branch}@{{upstream}}..refs/heads/{branch}"
    count = _text(git.run("rev-list", "--count", "--end-of-options", commits, "--"))
    return None if count is None else int(count)


def tracked(cwd: str, *, seconds: float = 0.0, problems: list[Problem] | None = None) -> list[str] | None:
    """Return the files that git tracks in a directory and below, relative to it; None outside a repository."""
    return _names(_Git(cwd, seconds, problems).run("ls-files", "-z"))


def read_files(top: str, names: Sequence[str]) -> dict[str, bytes]:
    """Return the content that the index has of some files, relative to the top; without those that it lacks."""
    names = [name for name in names if "\n" not in name]
    request = "".join(f":{name}\n" for name in names)
    output = io.BytesIO(_Git(top, PATIENT).run("cat-file", "--batch", stdin=os.fsencode(request)) or b"")
    contents: dict[str, bytes] = {}
    for name in names:
        header = output.readline().split()
        if header[1:2] == [b"blob"]:
            contents[name] = output.read(int(header[2]))
            output.readline()
    return contents


def toplevel(cwd: str, *, seconds: float = 0.0, problems: list[Problem] | None = None) -> str | None:
    """Return the top directory of the repository that a directory is in; None outside of one."""
    top = _Git(cwd, seconds, problems).run("rev-parse", "--show-toplevel")
    return None if top is None else os.fsdecode(top.removesuffix(b"\n"))


def changes(cwd: str, base: str, *, seconds: float = 0.0, problems: list[Problem] | None = None) -> list[str] | None:
    """Return the files that differ between HEAD and where it left a base, relative to the top of the repository.

    A file that was moved is named at both places. None if git can't compare them.
    """
    git = _Git(cwd, seconds, problems)
    if commit(cwd, base, seconds=seconds, problems=problems) is None or not _switch_off_filters(git):
        return None
    return _names(git.run("diff", *_DIFF, "--end-of-options", f"{base}...HEAD", "--"))


def commit(cwd: str, name: str, *, seconds: float = 0.0, problems: list[Problem] | None = None) -> str | None:
    """Return the full hash of the commit that a name means ("HEAD~1", a tag, 7 digits); None if git can't tell."""
    if name.startswith("-"):
        return None
    git = _Git(cwd, seconds, problems)
    sha = _text(git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"))
    if sha and len(name) < _SHORTEST and sha.startswith(name.lower()):
        return None
    return sha


class Commit(NamedTuple):
    """A commit: full hash, date (ISO 8601), author's name, first line of the message."""

    sha: str
    date: str
    author: str
    subject: str


class Range(NamedTuple):
    """What lies between two commits."""

    commits: list[Commit]
    total: int
    behind: int
    files: list[str]


def read_range(
    cwd: str,
    since: str,
    until: str,
    paths: Sequence[str] = (),
    *,
    limit: int,
    problems: list[Problem] | None = None,
) -> Range | None:
    """Return what lies between two commits that the clone has; None if git can't tell."""
    git = _Git(cwd, PATIENT, problems)
    counts = git.run("rev-list", "--left-right", "--count", f"{since}...{until}", "--")
    scope = _scope(paths)
    log = git.run(
        "log", *_LOG, "-z", f"--max-count={limit}", "--format=%H%x00%aI%x00%an%x00%s", f"{since}..{until}", "--", *scope
    )
    files = git.run("diff", *_DIFF, since, until, "--", *scope)
    if counts is None or log is None or files is None:
        return None
    fields = log.decode("utf-8", "replace").split("\0")
    commits = [Commit(*fields[at : at + 4]) for at in range(0, len(fields) - 3, 4)]
    behind, ahead = counts.split()
    return Range(commits, int(ahead), int(behind), _names(files) or [])


def commit_times(cwd: str, shas: Sequence[str]) -> dict[str, int]:
    """Return when those of some commits that the clone has were made, in seconds since 1970."""
    options = (*_LOG, "--no-walk=unsorted", "--ignore-missing", "--format=%H %ct")
    log = _Git(cwd).run("log", *options, *shas, "--") if shas else None
    words = (_text(log) or "").split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def count_ahead(cwd: str, since: str) -> tuple[str, int] | None:
    """Return HEAD's branch and how many commits it has that a commit lacks; None if HEAD doesn't contain that."""
    git = _Git(cwd)
    branch = _branch(git)
    counts = git.run("rev-list", "--left-right", "--count", f"{since}...HEAD", "--") if branch else None
    behind, ahead = counts.split() if counts else (b"1", b"0")
    return (str(branch), int(ahead)) if int(behind) == 0 else None


def count_between(cwd: str, since: str, until: str, paths: Sequence[str]) -> int | None:
    """Return how many commits that touch some paths (none: all) lie between two; None if the clone lacks one."""
    count = _text(_Git(cwd).run("rev-list", "--count", f"{since}..{until}", "--", *_scope(paths)))
    return None if count is None else int(count)


def is_root(cwd: str) -> bool:
    """Return whether HEAD is the first commit of a clone that has all of them."""
    parents = _text(_Git(cwd).run("rev-list", "--parents", "--max-count=1", "HEAD", "--"))
    return parents is not None and " " not in parents and not is_shallow(cwd)


def is_shallow(cwd: str) -> bool:
    """Return whether a clone has only the newest commits."""
    return _text(_Git(cwd).run("rev-parse", "--is-shallow-repository")) == "true"


def find_top(cwd: str) -> str | None:
    """Return the top of the repository that a directory looks like part of, without git; None without one."""
    folder = os.path.abspath(cwd)
    while not os.path.lexists(os.path.join(folder, ".git")):
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return None
    return folder


class _Git:
    """Runs git in one directory, some seconds for all runs together."""

    def __init__(self, cwd: str, seconds: float = 0.0, problems: list[Problem] | None = None) -> None:
        self._cwd = cwd
        self.env = {**children.environment(os.environ), **_QUIET}
        if _HOOK_VARIABLES & self.env.keys() and find_top(cwd):
            # A hook's GIT_DIR would make the working directory the top of the repository.
            self.env = {name: value for name, value in self.env.items() if name not in _HOOK_VARIABLES}
        self._program = children.program("git", self.env)
        self._seconds = seconds or _SECONDS
        self._until = time.monotonic() + self._seconds
        self.problems = [] if problems is None else problems

    def override(self, name: str, value: str) -> None:
        """Override a setting for the runs to come."""
        # Through the environment: on the command line a name with "=" in it would be cut there.
        text = self.env.get("GIT_CONFIG_COUNT", "")
        count = int(text) if text.isascii() and text.isdigit() else 0
        self.env |= {
            f"GIT_CONFIG_KEY_{count}": name,
            f"GIT_CONFIG_VALUE_{count}": value,
            "GIT_CONFIG_COUNT": str(count + 1),
        }

    def run(self, *arguments: str, stdin: bytes | None = None) -> bytes | None:
        """Run git and return its output; None if it failed, isn't there, or took too long."""
        import subprocess

        if self._program is None:
            self.problems.append(Problem("git is not installed"))
            return None
        command = [self._program, "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", *arguments]
        try:
            process = subprocess.Popen(
                command,
                cwd=self._cwd,
                env=self.env,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # A process group of its own, so that git's children end with it.
                start_new_session=True,
            )
        except (OSError, ValueError):
            return None
        try:
            output, message = process.communicate(stdin, timeout=max(self._until - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            self.problems.append(Problem(f"git did not respond within {self._seconds:g} seconds"))
            return None
        finally:
            if process.returncode is None:
                _kill(process)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        if process.returncode == 0:
            return output
        if problem := _read_problem(os.fsdecode(message)):
            self.problems.append(problem)
        return None


def _read_problem(message: str) -> Problem | None:
    """Return what git's message says; None if it says nothing, or that there is no repository."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    first = next((line for line in lines if line.startswith("fatal: ")), lines[0] if lines else "")
    reason = first.removeprefix("fatal: ").removeprefix("error: ").rstrip(".")
    if not reason or reason.startswith("not a git repository"):
        return None
    command = next((line for line in lines if line.startswith("git config ")), None)
    if any(word in message for word in ("promisor", "lazy fetch", "Could not read", "unable to read tree")):
        return Problem(
            f"this partial clone lacks objects that are needed ({reason})",
            "Clone with --filter=blob:none or without a filter, instead of --filter=tree:0.",
        )
    return Problem(f"git says: {reason}", f"If you trust this repository, run: {command}" if command else None)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):  # it may have ended by itself just now
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, 9)
    process.wait()


def _switch_off_filters(git: _Git) -> bool:
    """Empty the filters of the repository's own configuration for the runs to come; the user's own stay.

    Return whether that's done. Otherwise no git command that runs filters may be used.
    """
    git.override(_PROBE, "1")
    pattern = rf"^(filter\..*\.(clean|process|required)|{_PROBE})$"
    output = os.fsdecode(git.run("config", "--show-scope", "-z", "--name-only", "--get-regexp", pattern) or b"")
    fields = output.split("\0")
    settings = list(zip(fields[::2], fields[1::2], strict=False))
    if ("command", _PROBE) not in settings:
        if not git.problems:
            git.problems.append(Problem("git is too old", "Install git 2.31 or later."))
        return False
    for scope, name in settings:
        if scope in {"local", "worktree"}:
            git.override(name, "false" if name.endswith(".required") else "")
    return True


def _branch(git: _Git) -> str | None:
    """Return the branch that HEAD names, even before its first commit; None if HEAD is detached."""
    name = git.run("symbolic-ref", "--quiet", "HEAD")
    return None if name is None else os.fsdecode(name.removesuffix(b"\n")).removeprefix("refs/heads/")


def _subject(git: _Git, sha: str | None) -> str | None:
    message = None if sha is None else git.run("log", *_LOG, "--no-walk", "--format=%B", sha, "--")
    return None if message is None else message.decode("utf-8", "replace").strip().partition("\n")[0].strip()


def _scope(paths: Sequence[str]) -> list[str]:
    return [f":(top,literal){path}" for path in paths if path]


def _text(output: bytes | None) -> str | None:
    return None if output is None else output.decode().strip()


def _names(output: bytes | None) -> list[str] | None:
    return None if output is None else [os.fsdecode(name) for name in output.split(b"\0") if name]
