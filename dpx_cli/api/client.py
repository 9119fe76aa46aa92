"""Send one request to the API (reference, sections Authentication and Errors): token, deadline, retries, meaning.

`transport.py` does one exchange; `pages.py` reads lists; one module per resource has a function per endpoint. Nothing
here knows a terminal: failures are raised as `DpxError`s; callbacks receive attempts and notes.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from dpx_cli import __version__, errors
from dpx_cli.api.retry import Deadline
from dpx_cli.api.transport import Connection, Lost, NotSent, Response, Unreadable
from dpx_cli.system import exact_json, signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_TRIES = 3
FIRST_PAUSE = 0.25  # seconds before the second try; doubled at every further one, with jitter
READING = ("GET", "HEAD")
REPEATABLE = (*READING, "DELETE", "PATCH")
REDIRECT, BAD_REQUEST, NOT_FOUND, REQUEST_TIMEOUT, TOO_MANY, SERVER_ERROR = 300, 400, 404, 408, 429, 500
GATEWAY = (502, 503, 504)  # from something in front of a server that may have done what was asked
MAX_MESSAGE = 500  # characters of a server's message that an error shows
MAX_VALUES = 500_000  # in one document: values of a few bytes each take a hundred times that in memory
MAX_TEXT = 64 * 1024 * 1024  # bytes of a document as dpx writes it
LONG_WAIT = 999_999_999.0  # seconds; as good as never, and `time.sleep` can count to it

# The one table from HTTP status to error (reference, section Errors). Other 4xx are `Failed`, 5xx `ServerError`.
BY_STATUS: dict[int, tuple[type[errors.DpxError], str | None]] = {
    400: (errors.BadRequest, None),
    401: (errors.Unauthorized, "See which token was sent: dpx auth status"),
    403: (errors.Forbidden, "Ask an owner of the project or organization, or use a token that may do this."),
    404: (errors.NotFound, None),
    408: (errors.ServerError, None),
    429: (errors.RateLimited, None),
}


class Request(NamedTuple):
    """One request, before anything that the client adds.

    Attributes:
        method: "GET", "POST", …
        path: below the API root, as in the reference without "/api/v1"; each segment quoted by `segment`.
        params: query parameters. None is left out, a list is a parameter given several times.
        body: the body's bytes; None for no body.
        headers: further header fields; they replace the client's own.
        repeatable: whether it may be sent again after its response was lost; None: by its method.
        secret: whether it carries a secret, so that no error shows anything of the response's body.
    """

    method: str
    path: str
    params: Mapping[str, Any] | None = None
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    repeatable: bool | None = None
    secret: bool = False

    @property
    def name(self) -> str:
        """Method and path, without the query: what errors show."""
        return f"{self.method} {self.path.partition('?')[0]}"

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method in READING

    @property
    def may_repeat(self) -> bool:
        """Whether doing it twice leaves what doing it once leaves."""
        return self.method in REPEATABLE if self.repeatable is None else self.repeatable


class Attempt:
    """One try of one request: method, path, number from 1, status (None: no response) and milliseconds."""

    __slots__ = ("method", "milliseconds", "number", "path", "status")

    def __init__(self, method: str, path: str, number: int) -> None:
        self.method = method
        self.path = path
        self.number = number
        self.status: int | None = None
        self.milliseconds = 0.0


class Client:
    """The API, as one token sees it.

    Args:
        api_url: the checked root of the API, without a final slash.
        token: the Personal Access Token, checked by `credentials`; it is sent to this URL's origin and nowhere else.
        connection: opens connections to that origin.
        timeout: seconds that a whole request may take, its retries included.
        read_only: returns what forbids changes ("DPX_READ_ONLY", "profile work"), None if nothing does. It is asked
            before every request that may change something.
        token_hint: the hint of a 401: how to replace the token.
        on_attempt: called with every attempt when it is over.
        on_note: called with what the user should know about a request that succeeded.

    Attributes:
        until: a moment of `time.monotonic()` that no request outlasts; None for none.
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
        on_attempt: Callable[[Attempt], None] | None = None,
        on_note: Callable[[str], None] | None = None,
    ) -> None:
        self.api_url = api_url
        self.timeout = timeout
        self.until: float | None = None
        self._token = token
        self._connection = connection
        self._read_only = read_only
        self._token_hint = token_hint
        self._on_attempt = on_attempt
        self._on_note = on_note
        self._root = root_path(api_url)
        self._met_api = False  # whether any response was one of an API

    def __repr__(self) -> str:
        return f"Client({self.api_url!r})"

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def deadline(self) -> Deadline:
        """Return a deadline for one whole request from now on."""
        left = self.timeout if self.until is None else min(self.timeout, self.until - time.monotonic())
        return Deadline(max(left, 0.0))

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, deadline: Deadline | None = None) -> Any:
        """GET a path and return the decoded JSON document."""
        return self.document("GET", path, params=params, deadline=deadline)

    def document(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        repeatable: bool | None = None,
        headers: Mapping[str, str] | None = None,
        secret: bool = False,
        deadline: Deadline | None = None,
    ) -> Any:
        """Send a request and return the decoded JSON document of a 2xx response.

        Args:
            method: see `Request`.
            path: see `Request`.
            params: see `Request`.
            body: what is sent as JSON; None for no body.
            repeatable: see `Request`.
            headers: see `Request`.
            secret: see `Request`.
            deadline: when it must be over; None: `timeout` seconds from now.

        Raises:
            DpxError: of the type that the status or the fault has.
        """
        encoded = None if body is None else encode(body)
        request = Request(method, path, params, encoded, headers, repeatable, secret)
        deadline = deadline or self.deadline()
        response = self.send(request, deadline=deadline)
        try:
            found = decode(response, request.name, deadline)
        except errors.InvalidResponse as problem:
            if request.may_repeat:
                raise
            raise outcome_unknown(request.name, problem.message) from problem
        self._met_api = True
        return found

    def send(self, request: Request, *, deadline: Deadline | None = None) -> Response:
        """Send a request, again if that is safe, and return its 2xx response as it came.

        Raises:
            DpxError: see `document`.
        """
        response = self.ask(request, deadline=deadline)
        if is_success(response.status):
            return response
        raise self.error(request, response)

    def ask(self, request: Request, *, deadline: Deadline | None = None) -> Response:
        """Send a request, again if that is safe, and return its last response, of any status.

        Raises:
            DpxError: there is no response, or none that can be used.
        """
        self._check_allowed(request)
        deadline = deadline or self.deadline()
        if not request.may_repeat:
            # The server may be closing a kept connection right now, and the request would be lost with it.
            self._connection.close()
        before: Response | None = None
        lost = False
        number = 0
        while True:
            number += 1
            try:
                response = self._attempt(request, number, deadline)
            except (NotSent, Lost) as problem:
                sent = isinstance(problem, Lost)
                stale = sent and self._connection.reused and number == 1
                if (request.may_repeat or not sent) and (stale or self._pause(number, deadline)):
                    lost = lost or (sent and not request.reads)
                    continue
                if before and not lost and (request.reads or not sent or deadline.is_over):
                    return before
                raise self._failure(request, problem, unknown=lost or (sent and not request.reads)) from problem
            if response.status == REQUEST_TIMEOUT and self._connection.reused and request.may_repeat and number == 1:
                self._connection.close()
                continue  # it answers the silence before the request, not the request
            if lost and response.status == NOT_FOUND and request.method == "DELETE":
                return self._gone_already(request)
            if request.may_repeat and _is_transient(response.status):
                before = response
                if self._pause(number, deadline, retry_after(response)):
                    continue
                if lost and response.status >= SERVER_ERROR:
                    raise outcome_unknown(request.name, f"HTTP {response.status}", status=response.status)
            return self._last(request, response, before)

    def error(self, request: Request, response: Response) -> errors.DpxError:
        """Return the error that a response outside 2xx means."""
        status = response.status
        where = f"HTTP {status} from {request.name}"
        if is_redirect(status):
            return errors.InvalidResponse(
                f"The server redirects, which dpx doesn't follow ({where}).",
                hint="Check DPX_API_URL: the token is sent to that address only.",
                status=status,
                request=request.name,
            )
        if status in GATEWAY and not request.may_repeat:
            return outcome_unknown(request.name, f"HTTP {status}", status=status)
        kind, hint = BY_STATUS.get(status, (errors.ServerError if status >= SERVER_ERROR else errors.Failed, None))
        field = _error_field(response)
        # Any server may answer 404 "Not found"; the API says what it didn't find.
        self._met_api = self._met_api or (bool(field) and field.strip(".").lower() != "not found")
        said = "" if request.secret else _one_line(_without_token(field, self._token))
        error = kind(f"{said.rstrip('.') or _meaning(status)} ({where}).", status=status, request=request.name)
        error.hint = hint
        if isinstance(error, errors.RateLimited):
            error.retry_after = retry_after(response)
            wait = f"in {error.retry_after:.0f} s" if error.retry_after else "later"
            error.hint = f"Try again {wait}, or wait until a running deployment ends."
        elif isinstance(error, errors.Unauthorized):
            error.hint = self._token_hint or hint
        elif isinstance(error, errors.NotFound):
            error.hint = self._whether_api(request)
        return error

    def _check_allowed(self, request: Request) -> None:
        if request.reads or (forbids := self._read_only()) is None:
            return
        kind, _, name = forbids.partition(" ")
        hint = f"To allow changes, run: dpx profile set {name} --no-read-only" if name else f"Unset {kind}."
        raise errors.ReadOnly(
            f"{request.name} was not sent: {forbids} is read-only."
            if name
            else f"{request.name} was not sent: {kind} allows no changes.",
            hint=hint,
            request=request.name,
        )

    def _attempt(self, request: Request, number: int, deadline: Deadline) -> Response:
        """Do one exchange, and tell `on_attempt` of it even if it fails."""
        attempt = Attempt(request.method, request.path, number)
        fields = {
            "Authorization": f"Bearer {self._token}",
            "User-Agent": f"dpx/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        if request.body is not None:
            fields["Content-Type"] = "application/json"
        if request.headers:
            given = {name.lower() for name in request.headers}
            fields = {name: value for name, value in fields.items() if name.lower() not in given}
            fields.update(request.headers)
        target = self._root.rstrip("/") + request.path + query_string(request.params)
        started = time.monotonic()
        try:
            response = self._connection.exchange(request.method, target, fields, request.body, deadline)
            attempt.status = response.status
        except Unreadable as problem:
            attempt.status = problem.status
            if is_success(problem.status):
                raise self._unreadable(request, problem) from problem
            response = Response(problem.status, "", {}, b"")  # the status says enough
        finally:
            attempt.milliseconds = (time.monotonic() - started) * 1000
            if self._on_attempt:
                self._on_attempt(attempt)
        return response

    def _pause(self, number: int, deadline: Deadline, wanted: float | None = None) -> bool:
        """Wait before another try. Return False at once after the last one, or if the deadline would pass."""
        import random

        # Never less than the backoff: "Retry-After: 0" must not become a flood.
        backoff = FIRST_PAUSE * 2 ** (number - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter needs no secrecy
        pause = max(backoff, wanted or 0.0)
        if number >= MAX_TRIES or time.monotonic() + pause >= deadline.at:
            return False
        signals.sleep(pause)
        return True

    def _last(self, request: Request, response: Response, before: Response | None) -> Response:
        """Return the response that ends a request. Raise NotFound with a hint for a DELETE that had an error before."""
        if request.method == "DELETE" and response.status == NOT_FOUND and before:
            error = self.error(request, response)
            error.hint = f"The server answered HTTP {before.status} before that, and may have deleted it then."
            raise error
        return response

    def _gone_already(self, request: Request) -> Response:
        """Return the success of a DELETE whose first response was lost and that finds nothing left."""
        if self._on_note:
            self._on_note(f"{request.name}: the first response was lost, and a second request found nothing to delete.")
        return Response(200, "OK", {}, b'{"deleted": true}')

    def _failure(self, request: Request, problem: Exception, *, unknown: bool) -> errors.DpxError:
        """Return the error of a request that got no response."""
        if unknown:
            return outcome_unknown(request.name, str(problem))
        return errors.NetworkError(
            f"Can't reach {self.api_url}: {problem}.",
            hint="Check the network and DPX_API_URL, or run: dpx doctor",
            request=request.name,
        )

    def _unreadable(self, request: Request, problem: Unreadable) -> errors.DpxError:
        """Return the error of a 2xx response that can't be used."""
        if not request.may_repeat:
            return outcome_unknown(request.name, str(problem), status=problem.status)
        message = f"{problem} (HTTP {problem.status} from {request.name})".replace(". (", " (") + "."
        return errors.InvalidResponse(message, hint="Check DPX_API_URL.", status=problem.status, request=request.name)

    def _whether_api(self, request: Request) -> str | None:
        """Return the hint of a 404: the URL, if nothing shows that an API answered, or the organization."""
        if not self._met_api and not self.api_url.endswith("/api/v1"):
            return f"Does the API URL end in /api/v1? It is {self.api_url}"
        org = (request.params or {}).get("org")
        return "Check the organization. Run: dpx orgs list" if org or request.path.startswith("/orgs/") else None


def outcome_unknown(request: str, problem: str, *, status: int | None = None) -> errors.OutcomeUnknown:
    """Return the error of a request that may have been carried out, with the command that shows whether it was.

    Args:
        request: method and path.
        problem: what became of the response.
        status: its HTTP status, if there was one.
    """
    said = problem.rstrip(".").replace("The response", "the response", 1)
    return errors.OutcomeUnknown(
        f"{request} was sent, and its outcome is unknown: {said}.",
        hint=f"Before you try again, look whether it happened. Run: {_how_to_look(request)}",
        status=status,
        request=request,
    )


def _how_to_look(request: str) -> str:
    """Return the command that shows what became of a request whose response was lost."""
    _, _, path = request.partition(" ")
    _, first, *rest = [*path.split("/"), ""]
    import shlex

    if first != "projects":
        return f"dpx api {shlex.quote(path)}"
    under = rest[1] if len(rest) > 1 else ""
    if under in ("env-vars", "deployments"):
        return f"dpx {'env' if under == 'env-vars' else 'deploy'} list --project {shlex.quote(rest[0])}"
    return "dpx projects list"


def root_path(api_url: str) -> str:
    """Return the path of the API's root: "/api/v1"; "/" if it has none."""
    return "/" + api_url.partition("://")[2].partition("/")[2]


def is_success(status: int) -> bool:
    """Return whether a status is 2xx."""
    return 200 <= status < 300  # noqa: PLR2004 - the definition


def is_redirect(status: int | None) -> bool:
    """Return whether a status is 3xx: the server did nothing but name another place."""
    return status is not None and REDIRECT <= status < BAD_REQUEST


def _is_transient(status: int) -> bool:
    """Return whether the same request may succeed a little later: 429 and 5xx."""
    return status == TOO_MANY or status >= SERVER_ERROR


def is_name(text: Any) -> bool:
    """Return whether something is an id, slug or key that can't change a request's path."""
    return (
        isinstance(text, str)
        and text.strip(".") != ""
        and text.isprintable()
        and not any(mark in text for mark in "/?#%\\ ")
    )


def segment(text: str, what: str) -> str:
    r"""Quote an id, slug or key as one segment of a path.

    Args:
        text: the id, slug or key.
        what: what an error calls it: "project".

    Raises:
        UsageError: it could change the path: empty, dots alone, "/", "?", "#", "%", "\", controls.
    """
    from urllib.parse import quote

    if not is_name(text):
        raise errors.UsageError(f"Invalid {what} {text!r}.", hint=f"Use the {what}'s id or slug as listed.")
    return quote(text, safe="")


def query_string(params: Mapping[str, Any] | None) -> str:
    """Return the query of a URL with its "?", or "" if no parameter has a value."""
    given = {name: value for name, value in (params or {}).items() if value is not None}
    if not given:
        return ""
    from urllib.parse import urlencode

    for name, value in given.items():
        _check_utf8(name, value)
    return "?" + urlencode(given, doseq=True)


def encode(body: Any) -> bytes:
    """Encode a document as JSON, in ASCII.

    Raises:
        UsageError: it has text that UTF-8 can't carry: an argument in another encoding.
    """
    for name, value in body.items() if isinstance(body, dict) else [("body", body)]:
        _check_utf8(name, value)
    return json.dumps(body).encode("ascii")


def _check_utf8(name: str, value: Any) -> None:
    """Raise UsageError, which doesn't show the value, for text that is not UTF-8."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        raise errors.UsageError(f"{name} is not UTF-8.", hint="Check the encoding of the terminal or script.") from None


def retry_after(response: Response) -> float | None:
    """Return the seconds that a response asks to wait (a number or an HTTP date), None if it doesn't ask."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until = _timestamp(text)
    if until is None:
        return None
    # By the server's own clock: ours may be wrong.
    now = _timestamp(response.headers.get("date", ""))
    return min(max(0.0, until - (time.time() if now is None else now)), LONG_WAIT)


def _timestamp(text: str) -> float | None:
    """Return the Unix time of an HTTP date, None if it isn't one."""
    if not text:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None


def decode(response: Response, request: str, deadline: Deadline | None = None) -> Any:
    """Decode the JSON document of a response, in bounded memory.

    Args:
        response: the response.
        request: method and path, for the error.
        deadline: when it must be over.

    Raises:
        InvalidResponse: it is empty, not UTF-8, not JSON, nested too deeply, or has too many values.
        NetworkError: the deadline passed.
    """
    try:
        found = exact_json.loads(_bounded_text(response.body))
    except OverflowError as problem:
        what = str(problem)
    except ValueError:
        what = "is not JSON" if response.body.strip() else "is empty"
    except RecursionError:
        what = "is nested too deeply"
    else:
        if deadline is not None and deadline.is_over:
            raise errors.NetworkError(
                f"The response to {request} took longer than {deadline.seconds:g} s.",
                hint="Set DPX_TIMEOUT to more seconds.",
                request=request,
            )
        return found
    raise errors.InvalidResponse(
        f"The response to {request} {what}.",
        hint="Check DPX_API_URL: is it the root of the API?",
        status=response.status,
        request=request,
    )


def _bounded_text(body: bytes) -> str:
    """Return a body as text. Raise OverflowError if its values would take too much memory."""
    if _marks(body) > MAX_VALUES and _count_values(body) > MAX_VALUES:
        raise OverflowError(f"has more than {MAX_VALUES:,} values")
    text = body.decode("utf-8")
    # Written again, in ASCII, a character outside it takes 6 or 12 bytes; one of 12 also makes its whole text four
    # bytes a character in memory.
    wide = "\\u" in text or sys.getsizeof(text) >= 4 * len(text) > 0
    size = len(text) * (12 if wide else 1 if text.isascii() else 6)
    if size > MAX_TEXT:
        raise OverflowError(f"needs more than {MAX_TEXT // 1024 // 1024} MiB of memory")
    return text


def _marks(body: bytes) -> int:
    """Return the number of marks that may begin a value: at least the number of values, less one."""
    return sum(map(body.count, (b",", b":", b"[", b"{")))


def _count_values(body: bytes) -> int:
    """Return the number of values and keys of a document, counted outside its texts."""
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    texts = plain.count(b'"') // 2
    return texts if texts > MAX_VALUES else _marks(b"".join(plain.split(b'"')[::2]))


def data_of(document: Any, request: str, kind: type[dict[str, Any] | list[Any]]) -> Any:
    """Return what is under "data" in a response's document.

    Args:
        document: the decoded document.
        request: method and path, for the error.
        kind: dict for one thing, list for a page.

    Raises:
        InvalidResponse: the document has another shape.
    """
    data: Any = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, kind) or (kind is list and not all(isinstance(item, dict) for item in data)):
        raise shape_error(request, "an object" if kind is dict else "a list of objects")
    return data


def shape_error(request: str, wanted: str) -> errors.InvalidResponse:
    """Return the error for a response that is JSON of another shape than the reference's."""
    return errors.InvalidResponse(
        f'The response to {request} doesn\'t have {wanted} under "data".',
        hint="Check DPX_API_URL: is it the root of the API?",
        request=request,
    )


def _meaning(status: int) -> str:
    import http

    try:
        return http.HTTPStatus(status).phrase.capitalize()
    except ValueError:
        return "Unknown status"


def _error_field(response: Response) -> str:
    """Return the "error" field of a response, or ""."""
    try:
        found = json.loads(_bounded_text(response.body))
    except (ValueError, OverflowError, RecursionError):
        return ""
    text = found.get("error") if isinstance(found, dict) else None
    return text if isinstance(text, str) else ""


def _without_token(text: str, token: str) -> str:
    """Return a server's message, or "" if it may hold a piece of the token, encoded or not."""
    text = text[: MAX_MESSAGE * 4]
    import base64
    from urllib.parse import unquote

    raw = token.encode()
    # What precedes a text shifts its base64 by a bit pattern of three; the first and last characters depend on it.
    forms = [base64.b64encode(b"x" * shift + raw).decode().rstrip("=")[2:-2] for shift in range(3)]
    said = unquote(text).replace("-", "+").replace("_", "/")
    if any(_has_piece(said, form) for form in forms) or _has_piece(text.lower(), raw.hex()):
        return ""
    if "&#" in text or "\\" in text:
        return ""
    text = text.replace(token, "***")
    return "" if _has_piece(unquote(text), token) else text


def _has_piece(text: str, secret: str) -> bool:
    """Return whether a text has so long a piece of a secret that it tells something: half of it, 6 to 16 characters."""
    size = min(max(len(secret) // 2, 6), 16)
    pieces = {text[at : at + size] for at in range(len(text) - size + 1)}
    return any(secret[at : at + size] in pieces for at in range(len(secret) - size + 1))


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
