"""Error types: an exit code, an error code and a one-line message each.

It imports nothing of dpx. `cli/main.py` turns these into text; `api/client.py` maps HTTP statuses to these types.
"""

from __future__ import annotations

import os
from enum import IntEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class ExitCode(IntEnum):
    """Exit codes; `dpx help exit-codes` lists them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    AUTH = 4
    FORBIDDEN = 5
    RATE_LIMITED = 6
    NETWORK = 7
    WAIT_TIMEOUT = 8
    DEPLOYMENT_FAILED = 9
    CHECK_FAILED = 10
    OUTCOME_UNKNOWN = 11
    INTERRUPTED = 130
    READER_GONE = 141
    TERMINATED = 143


class DpxError(Exception):
    """A failure that is shown to the user in one line."""

    exit_code = ExitCode.FAILED
    code = "failed"
    retry_after: float | None = None  # seconds that the server asks to wait, with any status

    def __init__(
        self,
        message: str,
        *,
        details: Sequence[str] = (),
        hint: str | None = None,
        status: int | None = None,
        request: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details  # further lines of the message, like the other mistakes of a file
        self.hint = hint  # what to do next, with the command to run
        self.status = status  # of the response
        self.request = request  # method and path, like "GET /projects"

    def __init_subclass__(cls, code: str | None = None, exit_code: ExitCode | None = None) -> None:
        cls.code, cls.exit_code = code or cls.code, exit_code or cls.exit_code

    def __str__(self) -> str:
        return self.message


class Failed(DpxError):
    """A failure that no other type covers."""


class ServerError(DpxError, code="server_error"):
    """5xx: the server failed."""


class InvalidResponse(DpxError, code="invalid_response"):
    """A response that is not as the reference says: not JSON, wrong shape, too large, a redirect."""


class UsageError(DpxError, code="usage", exit_code=ExitCode.USAGE):
    """A wrong flag or input, or a question that can't be asked because there is no terminal."""


class BadRequest(DpxError, code="bad_request", exit_code=ExitCode.USAGE):
    """400: the server says that a parameter is wrong or missing."""


class NotFound(DpxError, code="not_found", exit_code=ExitCode.NOT_FOUND):
    """404, or no such project, organization or file."""


class NotLoggedIn(DpxError, code="not_logged_in", exit_code=ExitCode.AUTH):
    """No token was found."""


class Unauthorized(DpxError, code="unauthorized", exit_code=ExitCode.AUTH):
    """401: the token was not accepted."""


class TokenStorage(DpxError, code="token_storage", exit_code=ExitCode.AUTH):
    """The keyring or the token file can't be used."""


class Forbidden(DpxError, code="forbidden", exit_code=ExitCode.FORBIDDEN):
    """403: the token may not do this."""


class ReadOnly(DpxError, code="read_only", exit_code=ExitCode.FORBIDDEN):
    """A change that DPX_READ_ONLY or a profile's read-only blocked before it was sent."""


class RateLimited(DpxError, code="rate_limited", exit_code=ExitCode.RATE_LIMITED):
    """429, rate limit or build slot, for longer than the retries last."""


class NetworkError(DpxError, code="network", exit_code=ExitCode.NETWORK):
    """The server could not be reached; nothing was changed."""


class WaitTimeout(DpxError, code="wait_timeout", exit_code=ExitCode.WAIT_TIMEOUT):
    """The wait ended; the deployment is still running. `deployment` is the last state seen, None if there was none."""

    deployment: dict[str, object] | None = None


class DeploymentFailed(DpxError, code="deployment_failed", exit_code=ExitCode.DEPLOYMENT_FAILED):
    """The deployment ended in ERROR; `deployment` is its last state, where it was followed."""

    deployment: dict[str, object] | None = None


class CheckFailed(DpxError, code="check_failed", exit_code=ExitCode.CHECK_FAILED):
    """A check failed, like a signature, `env check` or a gate of `deploy`; see `dpx help exit-codes`."""


class OutcomeUnknown(DpxError, code="outcome_unknown", exit_code=ExitCode.OUTCOME_UNKNOWN):
    """The request was sent and its response was lost, for a `cause` like "HTTP 502"; the hint says how to check."""

    cause = ""


def exclusive(*options: tuple[str, object]) -> None:
    """Raise UsageError if more than one option, as a name and a value, was given: None, False, () and [] were not."""
    given = [name for name, value in options if value is not None and value is not False and value not in ((), [])]
    if len(given) > 1:
        names = f"{', '.join(given[:-1])} and {given[-1]}"
        raise UsageError(f"{names} can't be used together.", hint="Pass one of them.")


def either(argument: str | None, option: str | None) -> str | None:
    """Return the project that was given as PROJECT or with --project, or None. Raise UsageError if they differ."""
    if argument is not None and option is not None and argument != option:
        message = f"PROJECT and --project can't be used together: {argument}, {option}"
        raise UsageError(message, hint="Pass the project once.")
    return option if argument is None else argument


def reason(problem: Exception) -> str:
    """Return the reason of a problem in lower case, without the path, which the message names already."""
    if isinstance(problem, ConnectionRefusedError | ConnectionResetError):  # which Windows says in a sentence
        return "connection refused" if isinstance(problem, ConnectionRefusedError) else "connection reset by peer"
    if verify := getattr(problem, "verify_message", None):
        return f"the server's certificate is not trusted: {verify.rstrip('.')}"
    if isinstance(problem, OSError) and isinstance(tls := getattr(problem, "reason", None), str):
        return f"TLS failed: {tls.replace('_', ' ').lower()}"
    said = problem.strerror if isinstance(problem, OSError) else None
    return (said or str(problem)).lower()


def unexpected(problem: Exception) -> Failed:
    """Return the error for an unforeseen exception: its type and place, but none of its values."""
    if isinstance(problem, MemoryError):
        return Failed("Out of memory.")
    last = problem.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = f" at {os.path.basename(last.tb_frame.f_code.co_filename)}:{last.tb_lineno}" if last else ""
    return Failed(f"dpx failed unexpectedly: {type(problem).__name__}{place}", hint="Report this bug in dpx.")
