"""`dpx api`: any request to the API, as gh has it. The response's bytes are the output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from dpx_cli.commands import DELETE, LIST, Typer, effect
from dpx_cli.errors import UsageError
from dpx_cli.output.columns import Column
from dpx_cli.system import exact_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Annotated, Any

    import typer

    from dpx_cli.api.client import Request
    from dpx_cli.api.transport import Response
    from dpx_cli.cli.options import ApiHeaders, ApiMethod, ApiPath, BodyFile, JsonFields, RawFields
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD")
READING = ("GET", "HEAD")
NO_CONTENT = (204, 205)
# Header fields that frame the message, or that carry the token.
RESERVED = (
    *("host", "content-length", "transfer-encoding", "connection", "authorization"),
    *("keep-alive", "te", "trailer", "upgrade", "expect", "proxy-authorization", "proxy-connection"),
)
NAME_MARKS = "!#$%&'*+-.^_`|~"  # besides letters and digits, in the name of a header field (RFC 9110)
COLUMNS = (Column("Method", "method"), Column("Path", "path"), Column("Description", "description"))


@ROOT.command("api", epilog="dpx api /projects --paginate")
@effect(DELETE, prints=LIST)
def api(
    session: Session,
    path: ApiPath,
    method: ApiMethod = None,
    headers: ApiHeaders = (),
    raw_fields: RawFields = (),
    json_fields: JsonFields = (),
    input_file: BodyFile = None,
    paginate: Annotated[bool, typer.Option("--paginate", help="Get all pages of a list, as one array.")] = False,
    include: Annotated[bool, typer.Option("--include", "-i", help="Print the status and header fields too.")] = False,
    curl: Annotated[bool, typer.Option("--curl", help="Print the curl command, and send nothing.")] = False,
) -> None:
    """Make any request to the API and print the response.

    Fields become the query of a GET, and a JSON body otherwise. {project} and {org} in PATH are filled in from the
    settings.
    """
    given = Given(path, method, headers, _fields(raw_fields, json_fields), input_file, paginate, include, curl)
    if path == "ls":
        _list(session, given)
        return
    given.check(session)
    if paginate:
        _print_pages(session, given)
    elif curl:
        session.screen.line(_curl(session, given))
    else:
        _send(session, given.request(session), include=include)


class Given(NamedTuple):
    """What was given to the command."""

    path: str
    method: str | None
    headers: Sequence[str]
    fields: dict[str, Any]
    input_file: str | None
    paginate: bool
    include: bool
    curl: bool

    @property
    def verb(self) -> str:
        """The method of the request."""
        return self.method or ("POST" if self.fields or self.input_file is not None else "GET")

    def check(self, session: Session) -> None:
        """Raise UsageError for options that can't be used together."""
        if self.input_file is not None and self.fields:
            raise UsageError("--input and fields can't be used together.", hint="Pass one of them.")
        if self.paginate and (self.verb != "GET" or self.include or self.curl):
            raise UsageError("--paginate can't be used with --include, --curl or a method but GET.")
        if self.verb in READING and self.fields and "?" in self.path:
            raise UsageError("PATH has a query already.", hint="Pass all of it as fields, or all of it in PATH.")
        if session.screen.format in ("jsonl", "quiet") or session.screen.has_fields:
            raise UsageError("--jsonl, -q and --fields are only for: dpx api ls", hint="Pass --jq to choose fields.")

    def request(self, session: Session) -> Request:
        """Return the request. Raises UsageError for a path or header that can't be sent."""
        from dpx_cli.api.client import Request, encode

        body = None
        if self.input_file is not None and not self.curl:
            body = session.screen.read_input(self.input_file, "the body")
        elif self.fields and self.verb not in READING:
            body = encode(self.fields)
        return Request(
            self.verb,
            _path(_filled(session, self.path, offline=self.curl), session.settings.api_url),
            _query(self.fields) if self.verb in READING else None,
            body,
            _headers(self.headers),
            secret=bool(self.fields or self.headers or body is not None),
        )


def _list(session: Session, given: Given) -> None:
    """Print the documented endpoints."""
    from dpx_cli.reference import ENDPOINTS

    if any(given[1:]):
        raise UsageError("dpx api ls takes no request options.", hint="Run: dpx api ls")
    items = [{"method": method, "path": path, "description": text} for method, path, text in ENDPOINTS]
    session.screen.rows([items], COLUMNS, key="path")


def _send(session: Session, request: Request, *, include: bool) -> None:
    """Send a request and print its response, as it came."""
    from dpx_cli.api.client import is_success, outcome_unknown

    client = session.client
    response = client.ask(request) if include else client.send(request)
    if include:
        session.screen.raw(_head(response))
    _print(session, response)
    if not is_success(response.status):
        raise client.error(request, response)
    if not request.may_repeat and response.status not in NO_CONTENT and not _is_json(response.body):
        raise outcome_unknown(request.name, "the response is not JSON", status=response.status)


def _filled(session: Session, path: str, *, offline: bool) -> str:
    """Return a path with {project} and {org} filled in from the settings.

    Args:
        session: the session.
        path: as given.
        offline: look nothing up: only a project whose ID is known already is filled in.
    """
    from dpx_cli.api.client import segment

    if "{org}" in path:
        org = session.org(None)
        if org is None:
            raise UsageError("No organization for {org}.", hint="Set DPX_ORG, or write its slug in PATH.")
        path = path.replace("{org}", segment(org, "organization"))
    if "{project}" in path:
        path = path.replace("{project}", segment(_project(session, offline=offline), "project"))
    return path


def _project(session: Session, *, offline: bool) -> str:
    """Return the ID of the project of the settings."""
    if (reference := session.settings.project) is None:
        raise UsageError("No project for {project}.", hint="Set DPX_PROJECT, or write its ID in PATH.")
    if not offline:
        return session.projects.resolve(reference).id
    known = session.projects.remembered(reference)
    if known is None:
        raise UsageError(
            f"The ID of project {reference} is not known yet, and --curl sends nothing.",
            hint="Run: dpx projects get",
        )
    return known


def _path(text: str, api_url: str) -> str:
    """Return a path below the API root. The root itself may be in front of it, as the reference writes paths."""
    from dpx_cli.api.client import root_path

    root = root_path(api_url)
    path, _, query = text.partition("?")
    path = "/" + path.lstrip("/")
    if root != "/" and (path == root or path.startswith(root + "/")):
        path = path[len(root) :] or "/"
    parts = path.split("/")
    if (
        not text.isascii()
        or not text.isprintable()
        or any(mark in text for mark in ' \\#"<>')
        or "://" in path
        or ".." in parts
        or "." in parts
        or "" in parts[1:-1]
        or "%2e" in path.lower()
        or "%2f" in path.lower()
    ):
        raise UsageError(f"Not a path below the API root: {text!r}", hint="Use a path like /projects or /orgs/SLUG.")
    return f"{path}?{query}" if query else path


def _headers(given: Sequence[str]) -> dict[str, str]:
    """Return header fields by name. Raise UsageError, which shows no value, for one that can't be sent."""
    found: dict[str, str] = {}
    for text in given:
        name, colon, value = text.partition(":")
        value = value.strip(" \t")
        plain = name.isascii() and all(letter.isalnum() or letter in NAME_MARKS for letter in name)
        if not colon or not name or not plain or not value.isascii() or not value.isprintable():
            raise UsageError("-H takes a header field: 'Name: value'.", hint="Example: -H 'Accept: application/json'")
        if name.lower() in RESERVED:
            raise UsageError(f"-H can't set {name}: dpx sets it itself.", hint="Leave it out.")
        if name.lower() in map(str.lower, found):
            raise UsageError(f"The header field {name} is given twice.", hint="Pass each header field once.")
        found[name] = value
    return found


def _fields(texts: Sequence[str], jsons: Sequence[str]) -> dict[str, Any]:
    """Return fields by key. Raise UsageError, which shows no value, for a malformed one."""
    found: dict[str, Any] = {}
    for flag, words in (("-f", texts), ("-F", jsons)):
        for word in words:
            key, equals, value = word.partition("=")
            if not equals or not key:
                raise UsageError(f"{flag} takes KEY=VALUE.", hint=f"Example: {flag} name=my-app")
            if key in found:
                raise UsageError(f"The field {key} is given twice.", hint="Pass each field once.")
            try:
                found[key] = json.loads(value) if flag == "-F" else value
            except (ValueError, RecursionError):
                raise UsageError(
                    f"The value of the field {key} is not JSON.", hint=f"For a text, pass -f {key}=…"
                ) from None
    return found


def _query(given: dict[str, Any]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}


def _print_pages(session: Session, given: Given) -> None:
    """Print all pages of a list as one array."""
    from urllib.parse import parse_qsl

    from dpx_cli.api.pages import Pages

    request = given.request(session)
    path, _, query = request.path.partition("?")
    params: dict[str, Any] = {}
    for key, value in (*parse_qsl(query, keep_blank_values=True), *_query(given.fields).items()):
        params.setdefault(key, []).append(value)  # a parameter may be there several times
    params.pop("limit", None)
    (cursor,) = params.pop("cursor", [None])[-1:]
    pages = Pages(session.client, path, params, cursor=cursor, headers=request.headers)
    items = [item for page in pages for item in page]
    write = exact_json.encoder(2 if session.screen.on_terminal else None)
    session.screen.document(write(items).encode("ascii") + b"\n")


def _curl(session: Session, given: Given) -> str:
    """Return the curl command of a request. The shell fills in the token from DPX_TOKEN."""
    import shlex

    from dpx_cli.api.client import query_string

    request = given.request(session)
    words = ["curl", "--globoff"]
    words += ["--head"] if request.method == "HEAD" else ["--request", request.method]
    words += ["--include"] if given.include else []
    words += ["--header", '"Authorization: Bearer $DPX_TOKEN"']
    headers = dict(request.headers or {})
    if request.method not in READING and "content-type" not in map(str.lower, headers):
        headers["Content-Type"] = "application/json"
    for name, value in headers.items():
        words += ["--header", shlex.quote(f"{name}: {value}")]
    if given.input_file is not None:
        words += ["--data-binary", shlex.quote(f"@{given.input_file}")]
    elif request.body is not None:
        words += ["--data-raw", shlex.quote(request.body.decode())]
    return " ".join([*words, shlex.quote(session.settings.api_url + request.path + query_string(request.params))])


def _head(response: Response) -> bytes:
    """Return the status line and the header fields of a response, neutralized."""
    from dpx_cli.output.neutralize import neutralize

    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name.title()}: {value}" for name, value in response.headers.items()]
    return "".join(neutralize(line) + "\n" for line in lines).encode() + b"\n"


def _print(session: Session, response: Response) -> None:
    """Print a body as it came; on a terminal JSON indented, and anything else neutralized."""
    if not response.body:
        return
    if not session.screen.on_terminal:
        session.screen.document(response.body)
        return
    try:
        document = exact_json.loads(response.body.decode())
        session.screen.document(exact_json.encoder(2)(document).encode("ascii") + b"\n")
    except (ValueError, RecursionError):
        session.screen.lines(response.body.decode("utf-8", "backslashreplace").splitlines())


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
