"""Report deployments to a CI: outputs, a summary and annotations in GitHub Actions, a dotenv report in GitLab.

Everything that came from the server or a pull request is escaped for where it goes: a name with a line break or a pipe
in it becomes no further output, no row and no link.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.commands.step_summary import append, inert
from dpx_cli.errors import DpxError, reason
from dpx_cli.output.neutralize import without_commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dpx_cli.commands.deploy.job import Job
    from dpx_cli.session import Session

# Where `--ci-output gitlab` writes, in the project's directory; for `artifacts: reports: dotenv: dpx.env`.
GITLAB_FILE = "dpx.env"
HEADER = "| Project | Branch | Commit | Status | Site | Time |\n| --- | --- | --- | --- | --- | --- |\n"
SHORT_SHA = 7

# What GitLab takes in a dotenv report as it is; without `$`, which a later job would expand.
_DOTENV_VALUE = re.compile(r"[A-Za-z0-9._~:/?#@!&()*+,;=%-]*")


class Result(NamedTuple):
    """The result of a deployment, as it is reported to a CI.

    Attributes:
        deployment_id: its ID; "" if it wasn't created.
        status: its status, as the API has it.
        url: the site; None if it isn't known.
        duration_seconds: from the request to the end; None without waiting.
        problem: what failed, in one line; None if nothing did.
        project: what the user calls the project.
        branch: the branch, if it's known.
        commit: the commit, if it's known.
    """

    deployment_id: str
    status: str
    url: str | None
    duration_seconds: float | None
    problem: str | None = None
    project: str = ""
    branch: str | None = None
    commit: str | None = None


@contextmanager
def report(session: Session, mode: str, jobs: Sequence[Job], *, several: bool = False) -> Iterator[None]:
    """Report the jobs of the context to the CI, however the context ends.

    Args:
        session: the session.
        mode: "auto" (GitHub Actions, if this is one), "never", "github", "gitlab".
        jobs: the deployments.
        several: whether to report them as several, even if it's one.
    """
    try:
        yield
    finally:
        results = [_result(job) for job in jobs]
        if any(job.id for job in jobs) or several:
            for trouble in write_outputs(session.env, mode, results, several=several):
                session.screen.warn(trouble)
        for line in error_commands(session.env, mode, results, several=several):
            session.screen.annotate(line)


def _result(job: Job) -> Result:
    status = str((job.deployment or {}).get("status") or ("UNKNOWN" if job.id else ""))
    seconds = time.monotonic() - job.started if job.ended or job.error else None
    seconds = job.seconds if job.seconds is not None else seconds
    problem = job.error.message if job.error else None
    return Result(job.id or "", status, job.url, seconds, problem, job.title, job.branch, job.sha)


def write_outputs(env: Mapping[str, str], mode: str, results: Sequence[Result], *, several: bool = False) -> list[str]:
    """Write results where the CI reads them.

    Returns:
        What didn't work, as warnings: the deployments went as they went.
    """
    if mode == "gitlab":
        path = os.path.join(env.get("CI_PROJECT_DIR") or os.curdir, GITLAB_FILE)
        try:
            return gitlab_dotenv(path, results, several=several)
        except DpxError as exc:
            return [exc.message]
    if not _is_github(env, mode):
        return []
    troubles = []
    texts = {"GITHUB_OUTPUT": _github_outputs(results, several=several), "GITHUB_STEP_SUMMARY": _summary(results)}
    for variable, text in texts.items():
        path = env.get(variable, "")
        if not path:
            troubles.append(f"{variable} is not set, so nothing was written to it.")
            continue
        try:
            append(path, text)
        except (OSError, ValueError) as exc:
            troubles.append(f"Can't write to {variable} ({path}): {reason(exc)}")
    return troubles


def error_commands(env: Mapping[str, str], mode: str, results: Sequence[Result], *, several: bool = False) -> list[str]:
    """Return the lines for stderr by which GitHub Actions shows failed deployments as errors.

    The runner reads commands from both streams; stdout is data.
    """
    if not _is_github(env, mode):
        return []
    lines = []
    for result in results:
        if result.problem or result.status == "ERROR":
            message = result.problem or f"Deployment {result.deployment_id} failed."
            message = f"{result.project}: {message}" if several else message
            escaped = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            lines.append("::error::" + without_commands(escaped))
    return lines


def gitlab_dotenv(path: str, results: Sequence[Result], *, several: bool = False) -> list[str]:
    """Write results as a GitLab dotenv report; of several each has its own set of names, like STOREFRONT_DEPLOYMENT_ID.

    Returns:
        What couldn't be written, as warnings.

    Raises:
        Failed: if the file can't be written.
    """
    from dpx_cli.system.files import remove, write_whole

    if os.path.islink(path):
        # It came with the checkout and could point to any file that its author wants to replace.
        remove(path)
    values: dict[str, str] = {}
    troubles = []
    for result in results:
        prefix = re.sub("[^A-Z0-9]", "_", result.project.upper()) + "_" if several else ""
        for name, value in _values(result).items():
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


def _is_github(env: Mapping[str, str], mode: str) -> bool:
    return mode == "github" or (mode == "auto" and env.get("GITHUB_ACTIONS", "").lower() == "true")


def _values(result: Result) -> dict[str, str]:
    seconds = result.duration_seconds
    return {
        "deployment-id": result.deployment_id,
        "deployment-status": result.status,
        "deployment-url": result.url or "",
        "duration-seconds": "" if seconds is None else f"{seconds:.0f}",
    }


def _github_outputs(results: Sequence[Result], *, several: bool) -> str:
    # Of several the plain outputs are those of the first that failed, else of the first.
    chosen = next((result for result in results if result.problem), results[0] if results else None)
    values = _values(chosen) if chosen else {}
    if several:
        listed = [{"project": result.project, **_values(result)} for result in results]
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


def _summary(results: Sequence[Result]) -> str:
    rows = "".join(f"| {' | '.join(_cells(result))} |\n" for result in results)
    # After a word of our own, so that no first character of it makes a list or a heading.
    problems = "".join(
        f"\nError: {inert(f'{result.project}: ' if len(results) > 1 else '')}{inert(result.problem)}\n"
        for result in results
        if result.problem
    )
    # Between blank lines, so that it stays a table next to any other text.
    return f"\n{HEADER}{rows}{problems}\n" if results else ""


def _cells(result: Result) -> list[str]:
    seconds = result.duration_seconds
    status = inert(result.status or "not started")
    return [
        inert(result.project),
        inert(result.branch or ""),
        _code((result.commit or "")[:SHORT_SHA]),
        f"{status} {_code(result.deployment_id)}" if result.deployment_id else status,
        _site(result.url),
        "" if seconds is None else f"{seconds:.0f} s",
    ]


def _code(text: str) -> str:
    return f"`{text}`" if re.fullmatch(r"[A-Za-z0-9_-]+", text) else inert(text)


def _site(url: str | None) -> str:
    text = inert(url or "")
    return f'<a href="{text}">{text}</a>' if re.fullmatch(r"https?://[!-~]+", url or "") else text
