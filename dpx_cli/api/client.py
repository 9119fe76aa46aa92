"""One request to the API, as the reference's sections Authentication and Errors say: token, deadline, retries, meaning.

Floor 1; neighbours: `transport.py` (one exchange), `pages.py` (lists), and one module a resource with one function a
documented endpoint. Knows no terminal: it raises `DpxError`s and tells `on_attempt` what it did.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NoReturn

from dpx_cli import __version__, errors
from dpx_cli.api.transport import Answer, Connection, Deadline, Lost, NotSent, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TRIES = 3
FIRST_PAUSE = 0.25  # seconds; doubled at every try, with jitter
READING = ("GET", "HEAD")
REPEATABLE = (*READING, "DELETE", "PATCH")
REDIRECT, BAD_REQUEST, NOT_FOUND, TOO_MANY, SERVER_ERROR = 300, 400, 404, 429, 500
LONGEST_MESSAGE = 500  # characters of what a server says: a line, not a page

# The one table from HTTP status to error; the reference's section Errors. Other 4xx are `Failed`, 5xx `ServerError`.
BY_STATUS: dict[int, tuple[type[errors.DpxError], str | None]] = {
    400: (errors.BadRequest, None),
    401: (errors.Unauthorized, "see which token was sent: dpx auth status; or log in again: dpx auth login"),
    403: (errors.Forbidden, "ask an owner of the project or organization, or use a token that may do this"),
    404: (errors.NotFound, None),
    429: (errors.RateLimited, None),
}


class Attempt:
    """One try of one request: method, path, its number from 1, then status (None: no answer) and milliseconds."""

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
        on_attempt: told of every attempt when it is over.

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
        on_attempt: Callable[[Attempt], None] | None = None,
    ) -> None:
        self.api_url = api_url
        self.timeout = timeout
        self.until: float | None = None
        self._token = token
        self._connection = connection
        self._on_attempt = on_attempt
        self._root = root_path(api_url)

    def __repr__(self) -> str:
        return f"Client({self.api_url!r})"

    def deadline(self) -> Deadline:
        """A deadline for one whole request from now on."""
        left = self.timeout if self.until is None else min(self.timeout, self.until - time.monotonic())
        return Deadline(max(left, 0.0))

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, deadline: Deadline | None = None) -> Any:
        """GET a path; gives the decoded JSON document."""
        return self.document("GET", path, params=params, deadline=deadline)

    def document(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        repeatable: bool | None = None,
        secrets: Sequence[str] = (),
        deadline: Deadline | None = None,
        fresh: bool = False,
    ) -> Any:
        """Send a request and give the decoded JSON document of a 2xx answer.

        Args:
            method: "GET", "POST", …
            path: below the API root, as in the reference without "/api/v1"; each segment quoted by `segment`.
            params: query parameters; those that are None are left out.
            body: what is sent as JSON; None for no body.
            repeatable: whether the request may be sent again where its answer was lost; None: by its method.
            secrets: texts that no error may show, though the server's answer may have them.
            deadline: by when it must be over; None: `timeout` seconds from now.
            fresh: open a new connection, so that a stale one cannot swallow the request.

        Raises:
            DpxError: of the type that the status or the fault has.
        """
        encoded = None if body is None else encode(body)
        answer = self.send(
            method,
            path,
            params=params,
            body=encoded,
            repeatable=repeatable,
            secrets=secrets,
            deadline=deadline,
            fresh=fresh,
        )
        return decode(answer, f"{method} {path}")

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        secrets: Sequence[str] = (),
        deadline: Deadline | None = None,
        fresh: bool = False,
        accept_errors: bool = False,
    ) -> Answer:
        """Send a request, again where it may be, and give its 2xx answer as it came.

        Arguments as for `document`; with `accept_errors` an answer of any status is given after the retries.

        Raises:
            DpxError: see `document`.
        """
        request = f"{method} {path}"
        deadline = deadline or self.deadline()
        repeatable = method in REPEATABLE if repeatable is None else repeatable
        fields = {
            "Authorization": f"Bearer {self._token}",
            "User-Agent": f"dpx/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            **({"Content-Type": "application/json"} if body is not None else {}),
            **(headers or {}),
        }
        target = self._root.rstrip("/") + path + query_string(params)
        if fresh:
            self._connection.close()
        may_have_happened = False
        number = 0
        while True:
            number += 1
            was_open = self._connection.is_open
            try:
                answer = self._attempt(Attempt(method, path, number), target, fields, body, deadline)
            except NotSent as problem:
                if self._pause(number, deadline):
                    continue
                raise self._failure(request, problem, may_have_happened=may_have_happened) from problem
            except Lost as problem:
                may_have_happened = method not in READING
                # A kept connection that the server has closed meanwhile is worth another try at once.
                stale = was_open and number == 1
                if repeatable and (stale or self._pause(number, deadline)):
                    continue
                raise self._failure(request, problem, may_have_happened=may_have_happened) from problem
            except Unreadable as problem:
                raise errors.InvalidResponse(
                    f"{request}: {problem}", hint="check DPX_API_URL", status=problem.status, request=request
                ) from problem
            if method == "DELETE" and may_have_happened and answer.status == NOT_FOUND:
                return Answer(200, "OK", {}, b'{"deleted": true}')
            if repeatable and _may_pass(answer.status) and self._pause(number, deadline, retry_after(answer)):
                may_have_happened = may_have_happened or answer.status != TOO_MANY
                continue
            if accept_errors or is_success(answer.status):
                return answer
            raise error_of(answer, request, (*secrets, self._token))

    def _attempt(
        self, attempt: Attempt, target: str, fields: dict[str, str], body: bytes | None, deadline: Deadline
    ) -> Answer:
        """One exchange; `on_attempt` is told of it, whatever becomes of it."""
        started = time.monotonic()
        try:
            answer = self._connection.exchange(attempt.method, target, fields, body, deadline)
            attempt.status = answer.status
            return answer
        finally:
            attempt.milliseconds = (time.monotonic() - started) * 1000
            if self._on_attempt:
                self._on_attempt(attempt)

    def _pause(self, number: int, deadline: Deadline, wanted: float | None = None) -> bool:
        """Wait before another try; False, at once, where it was the last or the deadline would pass meanwhile."""
        import random

        backoff = FIRST_PAUSE * 2 ** (number - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter needs no secrecy
        pause = backoff if wanted is None else wanted
        if number >= TRIES or time.monotonic() + pause >= deadline.at:
            return False
        time.sleep(pause)
        return True

    def _failure(self, request: str, problem: Exception, *, may_have_happened: bool) -> errors.DpxError:
        """The error for a request that got no answer: what it asked for happened not, or perhaps."""
        if may_have_happened:
            return errors.OutcomeUnknown(
                f"{request} was sent and the answer was lost: {problem}",
                hint=f"it may or may not have happened; look before you do it again: {_how_to_look(request)}",
                request=request,
            )
        return errors.NetworkError(
            f"cannot reach {self.api_url}: {problem}",
            hint="check the network and DPX_API_URL, or ask: dpx doctor",
            request=request,
        )


def _how_to_look(request: str) -> str:
    """The command that shows what became of a request whose answer was lost."""
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
    """The path of the API's root: "/api/v1"; "/" where it has none."""
    return "/" + api_url.partition("://")[2].partition("/")[2]


def is_success(status: int) -> bool:
    """Whether a status is 2xx."""
    return 200 <= status < 300  # noqa: PLR2004 - the definition


def is_redirect(status: int | None) -> bool:
    """Whether a status is 3xx: the server did nothing but name another place."""
    return status is not None and REDIRECT <= status < BAD_REQUEST


def _may_pass(status: int) -> bool:
    """Whether the same request may fare better a little later: 429 and 5xx."""
    return status == TOO_MANY or status >= SERVER_ERROR


def is_name(text: Any) -> bool:
    """Whether something is an id, slug or key that cannot change a request's path."""
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
        what: how it is called in an error: "project".

    Raises:
        UsageError: where it could change the path: empty, dots alone, "/", "?", "#", "%", "\", controls.
    """
    from urllib.parse import quote

    if not is_name(text):
        raise errors.UsageError(f"no {what} can have the name {text!r}", hint=f"give the {what}'s id or slug as listed")
    return quote(text, safe="")


def query_string(params: Mapping[str, Any] | None) -> str:
    """The query of a URL with its "?", or "" where no parameter has a value."""
    given = {name: value for name, value in (params or {}).items() if value is not None}
    if not given:
        return ""
    from urllib.parse import urlencode

    for name, value in given.items():
        _check_utf8(name, value)
    return "?" + urlencode(given)


def encode(body: Any) -> bytes:
    """A document as JSON, in ASCII.

    Raises:
        UsageError: where it has text that no UTF-8 can carry: an argument in another encoding.
    """
    for name, value in body.items() if isinstance(body, dict) else [("body", body)]:
        _check_utf8(name, value)
    return json.dumps(body).encode("ascii")


def _check_utf8(name: str, value: Any) -> None:
    """Raise UsageError, which does not show the value, for text that is not UTF-8."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:
        raise errors.UsageError(f"{name} is not UTF-8", hint="check the encoding of the terminal or script") from None


def retry_after(answer: Answer) -> float | None:
    """Seconds that an answer asks to wait (a number or an HTTP date), None where it does not ask."""
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    from email.utils import parsedate_to_datetime

    try:
        # A year that `time.sleep` cannot count to is as good as never.
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - time.time()), 999_999_999.0)
    except (ValueError, OverflowError, TypeError):
        return None


def decode(answer: Answer, request: str) -> Any:
    """The JSON document of an answer.

    Raises:
        InvalidResponse: where it is empty, not UTF-8, not JSON, or nested beyond reason.
    """
    try:
        return json.loads(answer.body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as problem:
        what = "empty" if not answer.body.strip() else "not JSON"
        if isinstance(problem, RecursionError):
            what = "nested too deeply"
        raise errors.InvalidResponse(
            f"the answer to {request} is {what}",
            hint="check DPX_API_URL: is it the root of the API?",
            status=answer.status,
            request=request,
        ) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def data_of(document: Any, request: str, kind: type[dict[str, Any] | list[Any]]) -> Any:
    """What is under "data" in an answer's document.

    Args:
        document: the decoded document.
        request: method and path, for the error.
        kind: dict for one thing, list for a page.

    Raises:
        InvalidResponse: where the document has another shape.
    """
    data: Any = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, kind) or (kind is list and not all(isinstance(item, dict) for item in data)):
        raise shape_error(request, "an object" if kind is dict else "a list of objects")
    return data


def shape_error(request: str, wanted: str) -> errors.InvalidResponse:
    """The error for an answer that is JSON of another shape than the reference's."""
    return errors.InvalidResponse(
        f'the answer to {request} does not have {wanted} under "data"',
        hint="check DPX_API_URL: is it the root of the API?",
        request=request,
    )


def error_of(answer: Answer, request: str, secrets: Sequence[str]) -> errors.DpxError:
    """The error that an answer outside 2xx means.

    Args:
        answer: the answer.
        request: method and path.
        secrets: texts that must not show, though the server may have sent them back.
    """
    status = answer.status
    where = f"HTTP {status} from {request}"
    if is_redirect(status):
        return errors.InvalidResponse(
            f"the server redirects, which is not followed ({where})",
            hint="check DPX_API_URL: the token goes to that address alone",
            status=status,
            request=request,
        )
    kind, hint = BY_STATUS.get(status, (errors.ServerError if status >= SERVER_ERROR else errors.Failed, None))
    said = _one_line(_redacted(_error_field(answer), secrets))
    error = kind(f"{said} ({where})" if said else f"{_meaning(status)} ({where})", status=status, request=request)
    error.hint = hint
    if isinstance(error, errors.RateLimited):
        error.retry_after = retry_after(answer)
        wait = f"in {error.retry_after:.0f} s" if error.retry_after else "later"
        error.hint = f"try again {wait}, or wait for a running deployment to end"
    return error


def _meaning(status: int) -> str:
    import http

    try:
        return http.HTTPStatus(status).phrase.lower()
    except ValueError:
        return "an unknown status"


def _error_field(answer: Answer) -> str:
    """The "error" field of an answer, or ""."""
    try:
        found = json.loads(answer.body.decode("utf-8"))
    except (ValueError, RecursionError):
        return ""
    text = found.get("error") if isinstance(found, dict) else None
    return text if isinstance(text, str) else ""


def _redacted(text: str, secrets: Sequence[str]) -> str:
    """A text without the secrets, their lines and their usual escapes; "" where a piece of one is left even so."""
    # A secret may have a hundred thousand lines, and an answer 32 MiB: what comes later is not shown anyhow.
    text = text[: LONGEST_MESSAGE * 40]
    parts = {part for secret in secrets for part in (secret, *secret.splitlines()) if part.strip()}
    escaped = {made[1:-1] for part in parts for made in (json.dumps(part), json.dumps(part, ensure_ascii=False))}
    for part in sorted(parts | escaped, key=len, reverse=True):
        text = text.replace(part, "***")
    text = text[: LONGEST_MESSAGE * 4]
    return "" if any(_has_piece(text, part) for part in parts) else text


def _has_piece(text: str, secret: str) -> bool:
    """Whether a text has so long a piece of a secret that it tells something: half of it, 6 to 16 characters."""
    size = min(max(len(secret) // 2, 6), 16)
    pieces = {text[at : at + size] for at in range(len(text) - size + 1)}
    return any(secret[at : at + size] in pieces for at in range(len(secret) - size + 1))


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"
