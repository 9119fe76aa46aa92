"""`dpx api`: any request to the API, as gh has it. The answer's bytes are the output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dpx_cli.commands import API, DELETE, Typer, effect
from dpx_cli.errors import UsageError
from dpx_cli.system import exact_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Annotated, Any

    import typer

    from dpx_cli.api.transport import Response
    from dpx_cli.cli.options import SECRET, Complete, Method
    from dpx_cli.session import Session

ROOT = Typer(name="", help="")

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD")


@ROOT.command("api", epilog="dpx api /projects --paginate")
@effect(DELETE, prints=API)
def api(
    session: Session,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="Below the API's root, like /projects or projects?limit=5.")
    ],
    method: Annotated[
        Method | None,
        typer.Option(
            "--method", "-X", metavar="METHOD", help="GET, or POST where fields are given.", case_sensitive=False
        ),
    ] = None,
    raw_fields: Annotated[
        tuple[str, ...], typer.Option("--raw-field", "-f", metavar="KEY=TEXT", help="A field that is a text."), SECRET
    ] = (),
    json_fields: Annotated[
        tuple[str, ...], typer.Option("--field", "-F", metavar="KEY=JSON", help="A field that is JSON."), SECRET
    ] = (),
    input_file: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="The body, byte for byte; - for standard input.",
            autocompletion=Complete.file,
        ),
    ] = None,
    paginate: Annotated[bool, typer.Option("--paginate", help="All pages of a list, as one array.")] = False,
    include: Annotated[bool, typer.Option("--include", "-i", help="Print status and header fields too.")] = False,
) -> None:
    """Make any request to the API and print the answer.

    With GET the fields go into the query, otherwise into a JSON body.
    """
    from dpx_cli.api.client import Request, encode, is_success

    target = _path(path, session.settings.api_url)
    given = _fields(raw_fields, json_fields)
    verb = method or ("POST" if given or input_file is not None else "GET")
    if input_file is not None and given:
        raise UsageError("--input and fields exclude each other", hint="give one of them")
    if paginate:
        if verb != "GET" or include:
            raise UsageError("--paginate is for GET, without --include", hint="leave one of them out")
        _print_pages(session, target, given)
        return
    body = None
    if input_file is not None:
        body = session.screen.read_input(input_file, "the body")
    elif given and verb not in ("GET", "HEAD"):
        body = encode(given)
    params = _query(given) if verb in ("GET", "HEAD") else None
    if params and "?" in target:
        raise UsageError("the path has a query already", hint="put all of it into fields, or all into the path")
    request = Request(verb, target, params, body, secret=bool(given) or body is not None)
    answer = session.client.ask(request) if include else session.client.send(request)
    if include:
        session.screen.raw(_head(answer))
    _print(session, answer)
    if not is_success(answer.status):
        raise session.client.error(request, answer)


def _path(text: str, api_url: str) -> str:
    """A path below the API's root; the root itself, as the reference writes paths, may stand before it."""
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
        raise UsageError(f"not a path below the API's root: {text!r}", hint="like /projects or /deployments/ID")
    return f"{path}?{query}" if query else path


def _fields(texts: Sequence[str], jsons: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for flag, words in (("-f", texts), ("-F", jsons)):
        for word in words:
            key, equals, value = word.partition("=")
            if not equals or not key:
                raise UsageError(f"{flag} takes KEY=VALUE", hint=f"{flag} name=my-app")
            if key in found:
                raise UsageError(f"the field {key} is given twice", hint="give each field once")
            try:
                found[key] = json.loads(value) if flag == "-F" else value
            except (ValueError, RecursionError):
                raise UsageError(f"the value of the field {key} is not JSON", hint=f"-f {key}=… for a text") from None
    return found


def _query(given: dict[str, Any]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}


def _print_pages(session: Session, target: str, given: dict[str, Any]) -> None:
    from urllib.parse import parse_qsl

    from dpx_cli.api.pages import Pages

    path, _, query = target.partition("?")
    params = {**dict(parse_qsl(query, keep_blank_values=True)), **_query(given)}
    params.pop("limit", None)
    cursor = params.pop("cursor", None)
    items = [item for page in Pages(session.client, path, params, cursor=cursor) for item in page]
    write = exact_json.encoder(2 if session.screen.on_terminal else None)
    session.screen.document(write(items).encode("ascii") + b"\n")


def _head(answer: Response) -> bytes:
    from dpx_cli.output.neutralize import neutralize

    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += [f"{name.title()}: {value}" for name, value in answer.headers.items()]
    return "".join(neutralize(line) + "\n" for line in lines).encode() + b"\n"


def _print(session: Session, answer: Response) -> None:
    """The body as it came; on a terminal JSON indented, and anything else neutralized."""
    if not answer.body:
        return
    if not session.screen.on_terminal:
        session.screen.document(answer.body)
        return
    try:
        document = exact_json.loads(answer.body.decode())
        session.screen.document(exact_json.encoder(2)(document).encode("ascii") + b"\n")
    except (ValueError, RecursionError):
        session.screen.lines(answer.body.decode("utf-8", "backslashreplace").splitlines())
