"""`dpx api`: any request to the API, as gh has it. The response's bytes are the output."""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import TYPE_CHECKING

from dpx_cli.api.client import Request, bounded_text, decode, encode, is_success, query_string, root_path, segment
from dpx_cli.api.pages import Pages
from dpx_cli.commands import DELETE, LIST, Typer, effect
from dpx_cli.errors import InvalidResponse, UsageError, exclusive
from dpx_cli.output.columns import Column, encoder
from dpx_cli.output.neutralize import neutralize
from dpx_cli.reference import ENDPOINTS, READ_METHODS
from dpx_cli.system import exact_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Annotated, Any

    from dpx_cli.cli.options import ApiHeaders, ApiMethod, ApiPath, BodyFile, JsonFields, RawFields, flag
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

NO_CONTENT = (204, 205)
PIECE = 64 * 1024  # bytes of a body that a terminal gets at a time
# Header fields that frame the message, carry the token, or turn one method into another.
RESERVED = (
    *("host", "content-length", "transfer-encoding", "connection", "authorization"),
    *("keep-alive", "te", "trailer", "upgrade", "expect", "proxy-authorization", "proxy-connection"),
    *("x-http-method", "x-http-method-override", "x-method-override"),
)
FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # of a header field (RFC 9110)
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
    paginate: Annotated[bool, flag("--paginate", "Get all pages of a list, as one array.")] = False,
    include: Annotated[bool, flag("--include -i", "Print the status and header fields too.")] = False,
    curl: Annotated[bool, flag("--curl", "Print the curl command instead of sending the request.")] = False,
) -> None:
    """Make any request to the API and print the response.

    Fields become the query of a GET, and a JSON body otherwise. {project} and {org} in PATH are filled in from the
    settings.
    """
    fields = _fields(raw_fields, json_fields)
    options = (method, headers, fields, input_file is not None, paginate, include, curl)
    if path == "ls":
        if any(options):
            raise UsageError("dpx api ls has no request options.", hint=f"Run: {session.command('api', 'ls')}")
        rows = [{"method": verb, "path": path, "description": text} for verb, path, text in ENDPOINTS]
        session.screen.rows([rows], COLUMNS, key="path")
        return
    method = method or ("POST" if fields or input_file is not None else "GET")
    reads = method in READ_METHODS
    exclusive(("--input", input_file), ("fields", fields or None))
    if reads and input_file is not None:
        raise UsageError(f"{method} has no body: --input needs another method.", hint="Add -X POST, or leave it out.")
    if paginate and (method != "GET" or include or curl):
        raise UsageError("--paginate can't be used with --include, --curl or a method other than GET.")
    if reads and fields and "?" in path:
        raise UsageError("PATH already has a query.", hint="Pass all of it as fields, or all of it in PATH.")
    if session.screen.format in ("jsonl", "quiet") or session.screen.has_fields:
        raise UsageError("--jsonl, -q and --fields are only for: dpx api ls", hint="Pass --jq to choose fields.")
    body = encode(fields) if fields and not reads else None
    if input_file is not None and not curl:
        body = session.screen.read_input(input_file, "the body")
    path = _path(_fill(session, path, offline=curl), session.settings.api_url)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in fields.items()}
    params = texts if reads else None
    secret = bool(fields or headers or body is not None)
    request = Request(method, path, params, body, _headers(headers), secret=secret)
    if paginate:
        session.screen.array(_pages(session, request))
    elif curl:
        session.screen.line(_curl(session, request, input_file, include=include))
    else:
        _send(session, request, include=include)


def _send(session: Session, request: Request, *, include: bool) -> None:
    """Send a request and print its response: as it came, on a terminal indented or neutralized."""
    client, screen = session.client, session.screen
    response = client.request_any(request) if include else client.request(request)
    problem = None
    if response.status not in NO_CONTENT and (screen.has_filter or screen.on_terminal or request.needs_proof):
        try:
            decode(response, request.name)
        except InvalidResponse as unreadable:
            problem = unreadable
    if screen.has_filter and problem and is_success(response.status):
        raise client.unreadable(request, problem)
    if include:
        lines = [f"HTTP/1.1 {response.status} {response.reason}"]
        lines += [f"{name.title()}: {value}" for name, value in response.headers.items()]
        screen.raw("".join(neutralize(line) + "\n" for line in lines).encode() + b"\n")
    body = response.body
    if body and (screen.has_filter or not screen.on_terminal):
        screen.document(body)
    elif body and not problem:
        screen.document(encoder(2)(exact_json.loads(bounded_text(body))).encode() + b"\n")
    else:
        stream = BytesIO(body)
        while piece := stream.readline(PIECE):
            screen.line(piece.decode("utf-8", "backslashreplace").removesuffix("\n").removesuffix("\r"))
    if not is_success(response.status):
        raise client.error(request, response)
    if problem and request.needs_proof:
        raise client.unreadable(request, problem)


def _fill(session: Session, path: str, *, offline: bool) -> str:
    """Return a path with {project} and {org} filled in from the settings; `offline`, only if the ID is known."""
    if "{org}" in path:
        if (org := session.org(None)) is None:
            raise UsageError("No organization for {org}.", hint="Set DPX_ORG, or write its slug in PATH.")
        path = path.replace("{org}", segment(org, "organization"))
    if "{project}" not in path:
        return path
    if session.settings.project is None:
        raise UsageError("No project for {project}.", hint="Set DPX_PROJECT, or write its ID in PATH.")
    ref = session.projects.ref(None)
    project_id = session.projects.remembered(ref) if offline else session.projects.on(ref, str)
    if project_id is None:
        hint = f"Run: {session.command('projects', 'get')}"
        raise UsageError(f"The ID of project {ref.name} is not known yet, and --curl sends nothing.", hint=hint)
    return path.replace("{project}", segment(project_id, "project"))


def _path(text: str, api_url: str) -> str:
    """Return a path below the API root. The root or the API's whole URL may be in front of it."""
    root, url = root_path(api_url), f"{api_url.rstrip('/')}/"
    path, _, query = text.partition("?")
    if f"{path}/".lower().startswith(url.lower()):
        path = path[len(url) :]
    path = "/" + path.lstrip("/")
    if root != "/" and (path == root or path.startswith(root + "/")):
        path = path[len(root) :] or "/"
    parts = path.split("/")
    clean = text.isascii() and text.isprintable() and not any(mark in text for mark in ' \\#"<>')
    escapes = "://" in path or {"..", "."} & set(parts) or "" in parts[1:-1]
    if not clean or escapes or "%2e" in path.lower() or "%2f" in path.lower():
        raise UsageError(f"Not a path below the API root: {text!r}", hint="Use a path like /projects or /orgs/SLUG.")
    return f"{path}?{query}" if query else path


def _headers(texts: Sequence[str]) -> dict[str, str]:
    """Return header fields by name. Raise UsageError, which shows no value, for one that can't be sent."""
    fields: dict[str, str] = {}
    for text in texts:
        name, colon, value = text.partition(":")
        value = value.strip(" \t")
        if not colon or not FIELD_NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise UsageError("-H needs a header field: 'Name: value'.", hint="Example: -H 'Accept: application/json'")
        if name.lower() in RESERVED:
            raise UsageError(f"-H can't set {name}.", hint="Leave it out; -X sets the method.")
        if name.lower() in map(str.lower, fields):
            raise UsageError(f"The header field {name} is given twice.", hint="Pass each header field once.")
        fields[name] = value
    return fields


def _fields(texts: Sequence[str], jsons: Sequence[str]) -> dict[str, Any]:
    """Return fields by key. Raise UsageError, which shows no value, for a malformed one."""
    fields: dict[str, Any] = {}
    for flag, words in (("-f", texts), ("-F", jsons)):
        for word in words:
            key, equals, value = word.partition("=")
            if not equals or not key:
                raise UsageError(f"{flag} needs KEY=VALUE.", hint=f"Example: {flag} name=my-app")
            if key in fields:
                raise UsageError(f"The field {key} is given twice.", hint="Pass each field once.")
            try:
                fields[key] = json.loads(value) if flag == "-F" else value
            except (ValueError, RecursionError):
                hint = f"To send it as a string, pass -f {key}=…"
                raise UsageError(f"The value of the field {key} is not JSON.", hint=hint) from None
    return fields


def _pages(session: Session, request: Request) -> Pages:
    """Return the pages of a list."""
    from urllib.parse import parse_qsl

    path, _, query = request.path.partition("?")
    params: dict[str, Any] = {}
    for key, value in (*parse_qsl(query, keep_blank_values=True), *(request.params or {}).items()):
        params.setdefault(key, []).append(value)  # a parameter may be there several times
    params.pop("limit", None)
    (cursor,) = params.pop("cursor", [None])[-1:]
    return Pages(session.client, path, params, cursor=cursor, headers=request.headers)


def _curl(session: Session, request: Request, input_file: str | None, *, include: bool) -> str:
    """Return the curl command of a request. The shell fills in the token from DPX_TOKEN."""
    import shlex

    words = ["curl", "--globoff"]
    words += ["--head"] if request.method == "HEAD" else ["--request", request.method]
    words += ["--include"] if include else []
    words += ["--header", '"Authorization: Bearer $DPX_TOKEN"']
    headers = dict(request.headers or {})
    if request.method not in READ_METHODS and "content-type" not in map(str.lower, headers):
        headers["Content-Type"] = "application/json"
    for name, value in headers.items():
        words += ["--header", shlex.quote(f"{name}: {value}")]
    if input_file is not None:
        words += ["--data-binary", shlex.quote(f"@{input_file}")]
    elif request.body is not None:
        words += ["--data-raw", shlex.quote(request.body.decode())]
    return " ".join([*words, shlex.quote(session.settings.api_url + request.path + query_string(request.params))])
