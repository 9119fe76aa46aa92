"""The commits of deployments: from the API's response where it has one, else what this machine deployed."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dpx_cli.api import deployments
from dpx_cli.errors import DpxError, UsageError
from dpx_cli.reference import READY
from dpx_cli.system import files, git

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpx_cli.api.client import Client
    from dpx_cli.session import Session

FILE = "commits.json"
MAX_ENTRIES = 2000  # [origin, project ID, deployment ID, commit], oldest first
MAX_BYTES = 1024 * 1024
# The reference has "commitSha" for requests and says nothing of responses.
KEYS = ("commitSha", "commit_sha", "commitHash", "sha")
SHA = re.compile(r"[0-9a-fA-F]{7,64}")
FULL, SHORT = 40, 7  # digits


class KnownCommits:
    """The commits of a project's deployments, as far as they are known."""

    def __init__(self, session: Session, project_id: str | None) -> None:
        self._session = session
        self._project_id = project_id
        self._remembered: dict[str, str] | None = None

    def find(self, row: Mapping[str, Any]) -> str | None:
        """Return the commit of a deployment without a request; None if it isn't known."""
        return read_commit(row) or self._load().get(str(row.get("id")))

    def request(self, client: Client, row: Mapping[str, Any]) -> str | None:
        """Return the commit of a deployment, from its details if its row lacks it and nothing is remembered."""
        sha = self.find(row)
        if sha is None:
            with suppress(DpxError):
                sha = read_commit(deployments.get_deployment(client, str(row.get("id"))))
        return sha

    def remember(self, deployment_id: str, sha: str) -> None:
        """Remember the commit of a deployment that this machine created; nothing fails if that can't be written."""
        with suppress(DpxError, OSError):
            path = os.path.join(self._session.settings.cache_dir, FILE)
            entry = [self._session.settings.origin, self._project_id, deployment_id, sha]
            with files.locked(path):
                entries = [*_read(path), entry][-MAX_ENTRIES:]
                files.write_whole(path, json.dumps({"commits": entries}).encode())

    def _load(self) -> dict[str, str]:
        if self._remembered is None:
            self._remembered = {}
            with suppress(DpxError, OSError):
                entries = _read(os.path.join(self._session.settings.cache_dir, FILE))
                scope = [self._session.settings.origin, self._project_id]
                self._remembered = {entry[2]: entry[3] for entry in entries if entry[:2] == scope}
        return self._remembered


def read_commit(row: Mapping[str, Any]) -> str | None:
    """Return the commit that a deployment of a response has; None if it has none."""
    commit = row.get("commit")
    values = [row.get(key) for key in KEYS] + ([commit.get("sha")] if isinstance(commit, dict) else [commit])
    return next((value.lower() for value in values if isinstance(value, str) and SHA.fullmatch(value)), None)


def resolve_sha(cwd: str | None, text: str, digits: int = 7) -> str:
    """Return `--sha` in full if git can resolve it in a directory, else as it is, if it has at least so many digits."""
    problems: list[git.Problem] = []
    sha = git.commit(cwd, text, seconds=git.PATIENT, problems=problems) if cwd is not None else None
    if sha is None and not (SHA.fullmatch(text) and digits <= len(text) <= FULL):
        reason, hint = problems[0] if problems else (None, None)
        number = "all 40" if digits == FULL else f"{digits} to 40"
        raise UsageError(
            f"--sha {text!r} is not a commit here{f': {reason}' if reason else ''}.",
            hint=hint or f"Pass {number} digits, or what git can resolve in a checkout.",
        )
    return sha or text.lower()


def find_cwd(session: Session) -> str | None:
    """Return the working directory; None if it was removed."""
    with suppress(UsageError):
        return session.cwd
    return None


def describe_ahead(session: Session, project: Mapping[str, Any]) -> str | None:
    """Return how far the current branch is ahead of a project's current deployment, where that is known here."""
    current, cwd = project.get("current_deployment"), find_cwd(session)
    if not isinstance(current, dict) or current.get("status") != READY or cwd is None or not git.find_top(cwd):
        return None
    sha = KnownCommits(session, str(project.get("id"))).find(current)
    branch, ahead = (git.count_ahead(cwd, sha) if sha else None) or ("", 0)
    return f"{branch} is {count_commits(ahead)} ahead of what is live." if ahead else None


def count_commits(number: int, kind: str = "") -> str:
    """Return a number of commits, like "1 unpushed commit"."""
    return f"{number} {kind}commit{'' if number == 1 else 's'}"


def is_same(one: str, other: str) -> bool:
    """Return whether two commits are the same; each may be abbreviated."""
    return one.startswith(other) or other.startswith(one)


def _read(path: str) -> list[list[str]]:
    """Return the entries of the file that make sense; none if it's damaged."""
    document = files.read_json(path, "the remembered commits", MAX_BYTES)
    entries = (document or {}).get("commits")
    return [
        entry
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, list) and [type(part) for part in entry] == [str] * 4
    ]
