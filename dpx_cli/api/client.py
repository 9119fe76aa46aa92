"""Send one request to the API (reference, sections Authentication and Errors): token, deadline, retries, meaning."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from dpx_cli import errors
from dpx_cli.api.http1 import REDIRECT, Response
from dpx_cli.api.retry import Backoff, Deadline
from dpx_cli.api.transport import Connection, Lost, NotSent, Unreadable
from dpx_cli.reference import READ_METHODS
from dpx_cli.system import exact_json, shell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

USER_AGENT = f"dpx/{sys.modules['dpx_cli'].__version__}"  # an import would be a circle for type checkers
MAX_TRIES = 3
FIRST_PAUSE = 0.25  # seconds before the second try; doubled at every further one, with jitter
REPEATABLE = (*READ_METHODS, "DELETE", "PATCH")
BAD_REQUEST, NOT_FOUND, REQUEST_TIMEOUT, TOO_MANY, SERVER_ERROR = 400, 404, 408, 429, 500
MAX_MESSAGE = 500  # characters of a server's message that an error shows
MAX_VALUES = 500_000  # in one document, also in its texts: values of a few bytes take a hundred times that in memory
MAX_TEXT = 64 * 1024 * 1024  # bytes of a document as dpx writes it
IS_ROOT = "Check DPX_API_URL: is it the root of the API?"
MAX_WAIT = 999_999_999.0  # seconds; effectively forever, and `time.sleep` accepts it

# The one table from HTTP status to error (reference, section Errors). Other 4xx are `Failed`, 5xx `ServerError`.
BY_STATUS: dict[int, type[errors.DpxError]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    408: errors.ServerError,
    429: errors.RateLimited,
}


def hide_project(request: str) -> str:
    """Return a request's name as the reference has it: messages show no project's ID, the field `request` does."""
    head, projects, path = request.partition(" /projects/")
    return f"{head}{projects}:id{path[len(path.partition('/')[0]) :]}" if path else request


class Request:
    """One request, before anything that the client adds. No NamedTuple; see `http1.Response`."""

    def __init__(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        repeatable: bool = False,
        secret: bool = False,
    ) -> None:
        self.method = method
        self.path = path  # below the API root; each segment quoted by `segment`
        self.params = params  # None is left out, a list is a parameter given several times
        self.body = body
        self.headers = headers  # these replace the client's own
        self.secret = secret  # no error shows anything of the response's body
        self.name = f"{method} {path.partition('?')[0]}"  # what errors show
        self.reads = method in READ_METHODS
        self.may_repeat = repeatable or method in REPEATABLE  # whether it may be sent again after a lost response
        self.lost = ""  # why the response to a try that may have changed something was lost

    @property
    def needs_proof(self) -> bool:
        """Whether only a readable 2xx response shows that it was carried out."""
        return bool(self.lost) or not self.may_repeat


class Client:
    """The API at a checked root URL, as one token sees it. It serves one thread at a time.

    A whole request, its retries included, may take `timeout` seconds. `read_only` returns what forbids changes
    ("DPX_READ_ONLY", "profile work"). `on_attempt` is called with a line about every try of a request, `on_note` with
    what the user should know about one that succeeded.
    """

    def __init__(
        self,
        api_url: str,
        token: str,
        connection: Connection,
        *,
        timeout: float,
        read_only: Callable[[], str | None] = lambda: None,
        token_hint: str | None = None,
        on_attempt: Callable[[str], None] | None = None,
        on_note: Callable[[str], None] = lambda _: None,
        command: Callable[..., str] = shell.command,
    ) -> None:
        self.api_url = api_url
        self.timeout = timeout
        self.until: float | None = None  # a `time.monotonic()` that no request outlasts
        self.note = on_note
        self.command = command
        self._token = token
        self._connection = connection
        self._read_only = read_only
        self._token_hint = token_hint
        self._on_attempt = on_attempt
        self._root = root_path(api_url)
        self.may_have_changed = False  # whether a request that changes something succeeded, failed or was lost

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def deadline(self) -> Deadline:
        """Return a deadline for one whole request from now on."""
        left = self.timeout if self.until is None else min(self.timeout, self.until - time.monotonic())
        return Deadline(max(left, 0.0))

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """GET a path and return the decoded JSON document."""
        return self.request_json("GET", path, params=params)

    def request_json(self, method: str, path: str, body: Any = None, kind: Any = None, **options: Any) -> Any:
        """Send a request, with a body as JSON, and return what `document` returns of the response."""
        encoded = None if body is None else encode(body)
        return self.document(Request(method, path, body=encoded, **options), kind)[0]

    def request_object(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """Send a request as `request_json` does and return the object under "data"."""
        return dict(self.request_json(method, path, body, dict, **options))

    def document(self, request: Request, kind: type[dict[str, Any]] | None = None) -> tuple[Any, Response]:
        """Send a request; return the JSON document of a 2xx response, or what is under its "data", and the response."""
        response = self.request(request)
        try:
            document = decode(response, request.name)
            return data_of(document, request.name, kind) if kind else document, response
        except errors.InvalidResponse as problem:
            problem.status = response.status
            raise self.unreadable(request, problem) from problem

    def request(self, request: Request) -> Response:
        """Send a request, again if that is safe, and return its 2xx response as it came."""
        response = self.request_any(request)
        if is_success(response.status):
            return response
        raise self.error(request, response)

    def request_any(self, request: Request, *, deadline: Deadline | None = None) -> Response:
        """Send a request, again if that is safe, and return its last response, of any status."""
        deadline = deadline or self.deadline()
        backoff = Backoff(FIRST_PAUSE, 2.0, MAX_WAIT, deadline, jitter=True)
        before: Response | None = None
        number = 0
        while True:
            number += 1
            again = number < MAX_TRIES
            try:
                response = self._attempt(request, number, deadline)
            except (NotSent, Lost) as problem:
                sent = isinstance(problem, Lost)
                if sent and not request.reads:
                    request.lost = request.lost or str(problem)
                stale = sent and self._connection.reused and number == 1
                if (request.may_repeat or not sent) and (stale or (again and backoff.wait())):
                    continue
                if request.lost:
                    raise self.outcome_unknown(request, str(problem)) from problem
                if before:
                    return before
                raise self._unreachable(request, problem) from problem
            if response.status == REQUEST_TIMEOUT and self._connection.reused and request.may_repeat and number == 1:
                self._connection.close()
                continue  # the 408 was for the idle connection
            if request.method == "DELETE" and response.status == NOT_FOUND and (request.lost or before):
                if request.lost:
                    self.note(f"{hide_project(request.name)}: the response was lost, and nothing is left to delete.")
                    return Response(200, "OK", {}, b'{"deleted": true}')
                request.lost = f"HTTP {before.status}" if before else ""
            if not request.may_repeat or not (response.status == TOO_MANY or response.status >= SERVER_ERROR):
                return response
            before = response
            if not (again and backoff.wait(retry_after(response) or 0.0)):
                return response

    def error(self, request: Request, response: Response) -> errors.DpxError:
        """Return the error that a response outside 2xx means."""
        status, wait = response.status, retry_after(response)
        where = f"HTTP {status} from {hide_project(request.name)}"
        said = _error_field(response)
        text = "" if request.secret or not said else _one_line(said, self._token)
        error: errors.DpxError
        # After a lost response no other one shows that nothing was changed: it is about another try.
        if request.lost or (not request.may_repeat and (status >= SERVER_ERROR or status == REQUEST_TIMEOUT)):
            error = self.outcome_unknown(request, f"HTTP {status}{f': {text}' if text else ''}", status=status)
        elif is_redirect(status):
            hint = "Check DPX_API_URL: the token is sent to that address only."
            message = f"The server redirects, which dpx doesn't follow ({where})."
            error = errors.InvalidResponse(message, hint=hint, status=status, request=request.name)
        else:
            kind = BY_STATUS.get(status, errors.ServerError if status >= SERVER_ERROR else errors.Failed)
            page = "" if said is not None else f"; the response is not JSON, so it is not from the API at {self._host}"
            error = kind(f"{text or _meaning(status)} ({where}){page}.", status=status, request=request.name)
            error.hint = self._hint(request, status, wait, said)
        error.retry_after = wait
        return error

    def outcome_unknown(self, request: Request, problem: str, *, status: int | None = None) -> errors.OutcomeUnknown:
        """Return the error of a request that may have been carried out, with the command that shows whether it was."""
        self.may_have_changed = True
        cause = problem.rstrip(".").replace("The response", "the response", 1)
        if request.lost not in ("", problem):
            cause = f"{request.lost}, then {cause}"
        path = request.name.partition(" ")[2]
        _, first, project, under, *_ = [*path.split("/"), "", "", ""]
        if group := {"env-vars": "env", "deployments": "deploy"}.get(under):
            check = self.command(group, "list", project=project)
        elif first == "projects":
            check = self.command("projects", *(("get", project) if request.method == "PATCH" else ("list",)))
        else:
            check = self.command("api", path)
        hint = f"Before you try again, check whether it was carried out. Run: {check}"
        message = f"{hide_project(request.name)} was sent, and its outcome is unknown: {cause}."
        error = errors.OutcomeUnknown(message, hint=hint, status=status, request=request.name)
        error.cause = cause
        return error

    def unreadable(self, request: Request, problem: errors.InvalidResponse) -> errors.DpxError:
        """Return the error of a 2xx response that can't be used."""
        if request.needs_proof:
            return self.outcome_unknown(request, problem.message, status=problem.status)
        return problem

    @property
    def _host(self) -> str:
        return self.api_url.partition("://")[2].partition("/")[0]

    def _hint(self, request: Request, status: int, wait: float | None, said: str | None) -> str | None:
        """Return the way out of an error status; `said` is the server's message, None if it isn't the API's."""
        # Any server may respond 404 "Not found"; the API says what it didn't find.
        is_vague = (said or "").strip(".").lower() in ("", "not found")
        if status == NOT_FOUND and is_vague and not self.api_url.endswith("/api/v1"):
            return f"Does the API URL end in /api/v1? It is {self.api_url}"
        if said is None:
            return f"A proxy or firewall in front of {self._host} may have sent it. Check DPX_API_URL and the proxy."
        if status == NOT_FOUND and ((request.params or {}).get("org") or request.path.startswith("/orgs/")):
            return f"Check the organization. Run: {self.command('orgs', 'list')}"
        if status == NOT_FOUND and request.path.startswith("/deployments/"):
            return f"Check the ID. Run: {self.command('deploy', 'list')}"
        return {
            401: self._token_hint or f"See which token was sent: {self.command('auth', 'status')}",
            403: "Ask an owner of the project or organization, or use a token with the permission.",
            429: f"Try again {f'in {wait:.0f} s' if wait else 'later'}, or wait until a running deployment ends.",
        }.get(status)

    def _attempt(self, request: Request, number: int, deadline: Deadline) -> Response:
        """Do one exchange, and report it to `on_attempt` even if it fails."""
        if not request.reads and (blocked_by := self._read_only()) is not None:
            message = f"Changes are blocked by {blocked_by}."
            raise errors.ReadOnly(message, hint="Ask whoever set it.", request=request.name)
        status = 0
        fields = {
            "authorization": f"Bearer {self._token}",
            "user-agent": USER_AGENT,
            "accept": "application/json",
            "accept-encoding": "gzip",
            **({} if request.body is None else {"content-type": "application/json"}),
            **{name.lower(): value for name, value in (request.headers or {}).items()},
        }
        target = self._root.rstrip("/") + request.path + query_string(request.params)
        if not request.may_repeat:
            # The server may be closing a kept connection right now, and the request would be lost with it.
            self._connection.close()
        started = time.monotonic()
        try:
            response = self._connection.exchange(request.method, target, fields, request.body, deadline)
            status = response.status
        except Unreadable as problem:
            status = problem.status
            if not is_success(status):
                return Response(status, "", {})  # the status says enough
            message = f"{str(problem).rstrip('.')} (HTTP {status} from {hide_project(request.name)})."
            error = errors.InvalidResponse(message, hint="Check DPX_API_URL.", status=status, request=request.name)
            raise self.unreadable(request, error) from problem
        finally:
            is_refused = not status or (REDIRECT <= status < SERVER_ERROR and status != REQUEST_TIMEOUT)
            self.may_have_changed = self.may_have_changed or not (request.reads or is_refused)
            if self._on_attempt:
                milliseconds = (time.monotonic() - started) * 1000
                from dpx_cli.redact import mask

                name = mask(request.name, self._token)  # a token may have been typed as a project
                self._on_attempt(f"{name} {status or 'no response'} {milliseconds:.0f} ms attempt {number}")
        return response

    def _unreachable(self, request: Request, problem: Exception) -> errors.DpxError:
        """Return the error of a request that never reached the server."""
        hint = f"Check the network and DPX_API_URL, or run: {self.command('doctor')}"
        if getattr(problem.__cause__, "verify_code", 10) not in (9, 10, 62, 64):  # OpenSSL: not valid now, other host
            hint = "If it is your company's own authority, set DPX_CA_BUNDLE (or SSL_CERT_FILE) to its PEM file."
        return errors.NetworkError(f"Can't reach {self.api_url}: {problem}.", hint=hint, request=request.name)


def _one_line(text: str, token: str) -> str:
    """Return a server's message as one line of bounded length, without the token."""
    from dpx_cli.redact import mask

    text = " ".join(mask(text[: MAX_MESSAGE * 4], token).split()).rstrip(".")
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def root_path(api_url: str) -> str:
    """Return the path of the API's root: "/api/v1"; "/" if it has none."""
    return "/" + api_url.partition("://")[2].partition("/")[2]


def is_success(status: int) -> bool:
    """Return whether a status is 2xx."""
    return 200 <= status < REDIRECT  # noqa: PLR2004 - the definition


def is_redirect(status: int | None) -> bool:
    """Return whether a status is 3xx: the server did nothing but specify another place."""
    return status is not None and REDIRECT <= status < BAD_REQUEST


def is_name(text: Any) -> bool:
    """Return whether something is an id, slug or key that can't change a request's path."""
    return (
        isinstance(text, str)
        and text.strip(".") != ""
        and text.isprintable()
        and not any(mark in text for mark in "/?#%\\ ")
    )


def segment(text: str, what: str) -> str:
    """Quote an id, slug or key as one segment of a path. Raise UsageError if it could change the path."""
    from urllib.parse import quote

    if not is_name(text):
        raise errors.UsageError(f"Invalid {what} {text!r}.", hint=f"Copy the {what} from a list.")
    return quote(text, safe="")


def query_string(params: Mapping[str, Any] | None) -> str:
    """Return the query of a URL with its "?", or "" if no parameter has a value."""
    given = {name: value for name, value in (params or {}).items() if value is not None}
    if not given:
        return ""
    from urllib.parse import urlencode

    _check_utf8(given)
    return "?" + urlencode(given, doseq=True)


def encode(body: Mapping[str, Any]) -> bytes:
    """Encode a document as JSON. Raise UsageError for text that is not UTF-8: an argument in another encoding."""
    _check_utf8(body)
    return json.dumps(body).encode("ascii")


def _check_utf8(fields: Mapping[str, Any]) -> None:
    """Raise UsageError, which doesn't show the value, for text that is not UTF-8."""
    for name, value in fields.items():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            hint = "Check the encoding of the terminal or script."
            raise errors.UsageError(f"{name} is not UTF-8.", hint=hint) from None


def retry_after(response: Response) -> float | None:
    """Return the seconds that a response asks to wait (a number or an HTTP date), None if it doesn't ask."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    from email.utils import mktime_tz, parsedate_tz

    try:
        until = parsedate_tz(text)
        # By the server's own clock: ours may be wrong.
        now = parsedate_tz(response.headers.get("date", ""))
        wait = mktime_tz(until) - (mktime_tz(now) if now else time.time()) if until else None
    except (ValueError, OverflowError, TypeError):
        return None
    return None if wait is None else min(max(0.0, wait), MAX_WAIT)


def decode(response: Response, request: str) -> Any:
    """Decode the JSON document of a response, in bounded memory; `request` is for the error."""
    try:
        return exact_json.loads(bounded_text(response.body))
    except OverflowError as problem:
        what = str(problem)
    except ValueError:
        what = "is not JSON" if response.body.strip() else "is empty"
    except RecursionError:
        what = "is nested too deeply"
    message = f"The response to {hide_project(request)} {what}."
    raise errors.InvalidResponse(message, hint=IS_ROOT, status=response.status, request=request)


def bounded_text(body: bytes) -> str:
    """Return a JSON document as text. Raise OverflowError if its values would take too much memory."""
    if len(body) > MAX_VALUES and count_marks(body) > MAX_VALUES:
        raise OverflowError(f"has more than {MAX_VALUES:,} values")
    text = body.decode("utf-8")
    # Written again, in ASCII, a character outside it takes 6 or 12 bytes; one of 12 also makes its whole text four
    # bytes a character in memory.
    wide = "\\u" in text or sys.getsizeof(text) >= 4 * len(text) > 0
    size = len(text) * (12 if wide else 1 if text.isascii() else 6)
    if size > MAX_TEXT:
        raise OverflowError(f"needs more than {MAX_TEXT // 1024 // 1024} MiB of memory")
    return text


def count_marks(body: bytes) -> int:
    """Return the number of marks that may begin a value: at least the number of values, less one."""
    return sum(map(body.count, (b",", b":", b"[", b"{")))


def data_of(document: Any, request: str, kind: type[dict[str, Any] | list[Any]]) -> Any:
    """Return what is under "data": a dict that isn't empty, or a list of dicts. Raise InvalidResponse otherwise."""
    data: Any = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, kind) or (not data if kind is dict else not all(isinstance(item, dict) for item in data)):
        raise shape_error(request, "an object" if kind is dict else "a list of objects")
    return data


def shape_error(request: str, expected: str) -> errors.InvalidResponse:
    """Return the error for a response that is JSON of another shape than the reference's."""
    message = f'The response to {hide_project(request)} doesn\'t have {expected} under "data".'
    return errors.InvalidResponse(message, hint=IS_ROOT, request=request)


def _meaning(status: int) -> str:
    import http

    return next((known.phrase.capitalize() for known in http.HTTPStatus if known == status), "Unknown status")


def _error_field(response: Response) -> str | None:
    """Return the "error" field of a response; "" if it has none, None for a body that is not JSON at all."""
    if not response.body.strip():
        return ""
    try:
        document = json.loads(bounded_text(response.body))
    except (ValueError, OverflowError, RecursionError):
        return None
    text = document.get("error") if isinstance(document, dict) else None
    return text if isinstance(text, str) else ""
