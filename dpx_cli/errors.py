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
    """A failure that is shown to the user in one line.

    Attributes:
        message: what happened, and to what.
        details: further lines of the message, like the other mistakes of a file.
        hint: what to do next, with the command to run; None if nothing can be done.
        status: the HTTP status of the response; None without a response.
        request: method and path of the request, like "GET /projects"; None without a request.
        retry_after: seconds that the server asks to wait (Retry-After, of any status); None if it doesn't ask.
    """

    exit_code = ExitCode.FAILED
    code = "failed"
    retry_after: float | None = None

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
        self.details = details
        self.hint = hint
        self.status = status
        self.request = request


class Failed(DpxError):
    """A failure that no other type covers."""


class ServerError(DpxError):
    """5xx: the server failed."""

    code = "server_error"


class InvalidResponse(DpxError):
    """A response that is not as the reference says: not JSON, wrong shape, too large, a redirect."""

    code = "invalid_response"


class UsageError(DpxError):
    """A wrong flag or input, or a question that can't be asked because there is no terminal."""

    exit_code = ExitCode.USAGE
    code = "usage"


class BadRequest(DpxError):
    """400: the server says that a parameter is wrong or missing."""

    exit_code = ExitCode.USAGE
    code = "bad_request"


class NotFound(DpxError):
    """404, or no such project, organization or file."""

    exit_code = ExitCode.NOT_FOUND
    code = "not_found"


class NotLoggedIn(DpxError):
    """No token was found."""

    exit_code = ExitCode.AUTH
    code = "not_logged_in"


class Unauthorized(DpxError):
    """401: the token was not accepted."""

    exit_code = ExitCode.AUTH
    code = "unauthorized"


class TokenStorage(DpxError):
    """The keyring or the token file can't be used."""

    exit_code = ExitCode.AUTH
    code = "token_storage"


class Forbidden(DpxError):
    """403: the token may not do this."""

    exit_code = ExitCode.FORBIDDEN
    code = "forbidden"


class ReadOnly(DpxError):
    """A change that DPX_READ_ONLY or a profile's read-only blocked before it was sent."""

    exit_code = ExitCode.FORBIDDEN
    code = "read_only"


class RateLimited(DpxError):
    """429, rate limit or build slot, for longer than the retries last."""

    exit_code = ExitCode.RATE_LIMITED
    code = "rate_limited"


class NetworkError(DpxError):
    """The server could not be reached; nothing was changed."""

    exit_code = ExitCode.NETWORK
    code = "network"


class WaitTimeout(DpxError):
    """The wait ended; the deployment is still running.

    Attributes:
        deployment: the last response about it; None if there was none.
    """

    exit_code = ExitCode.WAIT_TIMEOUT
    code = "wait_timeout"
    deployment: dict[str, object] | None = None


class DeploymentFailed(DpxError):
    """The deployment ended in ERROR."""

    exit_code = ExitCode.DEPLOYMENT_FAILED
    code = "deployment_failed"


class CheckFailed(DpxError):
    """A check failed, like a signature, `env check` or a gate of `deploy`; see `dpx help exit-codes`."""

    exit_code = ExitCode.CHECK_FAILED
    code = "check_failed"


class OutcomeUnknown(DpxError):
    """The request was sent and its response was lost; the hint says how to check what happened.

    Attributes:
        cause: what became of the response, like "connection reset" or "HTTP 502".
    """

    exit_code = ExitCode.OUTCOME_UNKNOWN
    code = "outcome_unknown"
    cause = ""


def exclusive(*options: tuple[str, object]) -> None:
    """Raise UsageError if more than one of some options was given.

    Args:
        options: name and value of each; None, False and an empty tuple or list mean that it was not given.
    """
    given = [name for name, value in options if value is not None and value is not False and value not in ((), [])]
    if len(given) > 1:
        names = f"{', '.join(given[:-1])} and {given[-1]}"
        raise UsageError(f"{names} can't be used together.", hint="Pass one of them.")


def reason(problem: Exception) -> str:
    """Return the reason of a problem in lower case, without the path, which the message names already."""
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
