"""Report deployments to a CI. Everything that came from the server or a pull request is escaped for where it goes."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.errors import DpxError, Failed
from dpx_cli.output.neutralize import without_commands
from dpx_cli.rollout import summary
from dpx_cli.rollout.commits import SHORT, count_commits
from dpx_cli.rollout.summary import code, inert
from dpx_cli.system.switches import identify_ci

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dpx_cli.rollout.plan import DeployOptions
    from dpx_cli.rollout.task import DeployTask
    from dpx_cli.session import Session

# Where `--ci-output gitlab` writes, in the project's directory; for `artifacts: reports: dotenv: dpx.env`.
GITLAB_FILE = "dpx.env"
HEADER = ("Project", "Branch", "Commit", "Status", "Site", "Time")

# What GitLab takes in a dotenv report as it is; without `$`, which a later job would expand.
_DOTENV_VALUE = re.compile(r"[A-Za-z0-9._~:/?#@!&()*+,;=%-]*")


class Result(NamedTuple):
    """The result of a deployment, as it is reported to a CI; `deployment_id` is "" if it wasn't created."""

    deployment_id: str
    status: str
    url: str | None
    duration_seconds: float | None
    problem: str | None = None
    project: str = ""
    branch: str | None = None
    commit: str | None = None
    suspects: Sequence[str] = ()
    commits: int | None = None  # since the branch's READY deployment before it

    @classmethod
    def of(cls, task: DeployTask, commits: int | None) -> Result:
        """Return what became of a task."""
        status = str((task.deployment or {}).get("status") or ("UNKNOWN" if task.id else ""))
        seconds = task.seconds if task.has_ended or task.error else None
        problem = task.error.message if task.error else None
        branch, sha = task.branch, task.sha
        return cls(task.id or "", status, task.url, seconds, problem, task.name, branch, sha, task.suspects, commits)


@contextmanager
def report(session: Session, options: DeployOptions, tasks: Sequence[DeployTask], *, several: bool) -> Iterator[None]:
    """Report the tasks of the context to the CI and to the file of `--summary`, however the context ends."""
    try:
        yield
    finally:
        begun = [task for task in tasks if task.started]
        has_summary = options.summary is not None or "GITHUB_STEP_SUMMARY" in session.env
        results = [Result.of(task, task.count_new(task) if has_summary else None) for task in begun]
        if any(task.id for task in begun) or several:
            for trouble in write_outputs(session.env, options.ci_output, results, several=several):
                session.screen.warn(trouble)
        if options.summary is not None:
            try:
                summary.write_file(options.summary, markdown(results))
            except Failed as problem:  # what became of the deployments is more important
                session.screen.warn(problem.message)
        for line in error_commands(session.env, options.ci_output, results, several=several):
            session.screen.annotate(line)


def write_outputs(
    env: Mapping[str, str], mode: str, results: Sequence[Result], *, several: bool = False, cwd: str = os.curdir
) -> list[str]:
    """Write results where the CI reads them. Return what didn't work, as warnings."""
    system = identify_ci(env) if mode == "auto" else mode
    if system == "gitlab":
        path = os.path.join(env.get("CI_PROJECT_DIR") or cwd, GITLAB_FILE)
        try:
            return gitlab_dotenv(path, results, several=several)
        except DpxError as problem:
            return [problem.message]
    if system != "github":
        return []
    troubles = [
        summary.append_to(env, "GITHUB_OUTPUT", github_outputs(results, several=several)),
        summary.append_to(env, "GITHUB_STEP_SUMMARY", markdown(results)),
    ]
    return [trouble for trouble in troubles if trouble]


def error_commands(env: Mapping[str, str], mode: str, results: Sequence[Result], *, several: bool = False) -> list[str]:
    """Return the lines for stderr by which GitHub Actions shows failed deployments as errors."""
    lines = []
    is_github = (identify_ci(env) if mode == "auto" else mode) == "github"
    for result in results if is_github else ():
        if result.problem:
            message = f"{result.project}: {result.problem}" if several else result.problem
            escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            lines.append("::error::" + without_commands(escaped))
    return lines


def gitlab_dotenv(path: str, results: Sequence[Result], *, several: bool = False) -> list[str]:
    """Write results as a GitLab dotenv report, and return what couldn't be written, as warnings.

    Each of several projects has its own set of names, like STOREFRONT_DEPLOYMENT_ID.
    """
    from dpx_cli.system.files import remove, write_whole

    if os.path.islink(path):
        # It came with the checkout and could point to any file that its author wants to replace.
        remove(path)
    values: dict[str, str] = {}
    troubles = []
    for result in results:
        prefix = re.sub("[^A-Z0-9]", "_", result.project.upper()) + "_" if several else ""
        for name, value in _outputs(result).items():
            key = prefix + name.upper().replace("-", "_")
            if key in values:
                troubles.append(f"Another project has the name {key} too; {result.project} is left out.")
                break
            if not _DOTENV_VALUE.fullmatch(value):
                # The format has neither quotes nor escapes.
                troubles.append(f"{key} has characters that a GitLab dotenv report can't hold; it is left empty.")
                value = ""  # noqa: PLW2901 - what is written instead
            values[key] = value
    write_whole(path, "".join(f"{key}={value}\n" for key, value in values.items()).encode(), mode=0o644)
    return troubles


def github_outputs(results: Sequence[Result], *, several: bool) -> str:
    """Return the outputs of a step; of several the plain ones are those of the first that failed, else of the first."""
    chosen = next((result for result in results if result.problem), results[0] if results else None)
    values = _outputs(chosen) if chosen else {}
    if several:
        listed = [
            {"project": result.project, **_outputs(result), "duration-seconds": _seconds(result)} for result in results
        ]
        values["deployments"] = json.dumps(listed, separators=(",", ":"))
    lines = []
    for name, value in values.items():
        if "\n" in value or "\r" in value:
            # A value of several lines ends at a delimiter that its author can't have known.
            end = f"dpx-{os.urandom(16).hex()}"
            lines.append(f"{name}<<{end}\n{value}\n{end}\n")
        else:
            lines.append(f"{name}={value}\n")
    return "".join(lines)


def markdown(results: Sequence[Result]) -> str:
    """Return a table of the results, and their problems."""
    if not results:
        return "\nNo project has changed.\n\n"
    # After a word of our own, so that no first character of it makes a list or a heading.
    text = summary.table(HEADER, [_cells(result) for result in results])
    for result in results:
        if result.problem:
            text += f"\nError: {inert(f'{result.project}: ' if len(results) > 1 else '')}{inert(result.problem)}\n"
            text += "\n" if result.suspects else ""
            for line in result.suspects:
                text += f"{'- ' if line.startswith(' ') else ''}{inert(line.strip())}\n"
    return text + "\n"


def _outputs(result: Result) -> dict[str, str]:
    seconds = _seconds(result)
    return {
        "deployment-id": result.deployment_id,
        "deployment-status": result.status,
        "deployment-url": result.url or "",
        "duration-seconds": "" if seconds is None else str(seconds),
    }


def _seconds(result: Result) -> int | None:
    return None if result.duration_seconds is None else round(result.duration_seconds)


def _cells(result: Result) -> list[str]:
    seconds = result.duration_seconds
    status = inert(result.status or "not started")
    site = inert(result.url or "")
    return [
        inert(result.project),
        inert(result.branch or ""),
        code((result.commit or "")[:SHORT]) + (f" ({count_commits(result.commits)})" if result.commits else ""),
        f"{status} {code(result.deployment_id)}" if result.deployment_id else status,
        f'<a href="{site}">{site}</a>' if re.fullmatch(r"https?://[!-~]+", result.url or "") else site,
        "" if seconds is None else f"{seconds:.0f} s",
    ]
