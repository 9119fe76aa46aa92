"""The HTTP of the sandbox, as an ASGI application: guard, faults, route, token, rate, body, answer.

Floor 1, over the resources; `server.py` runs it. Starlette matches the routes and reads the query; the rest is short
enough to be seen whole, and is what keeps the sandbox fast.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import QueryParams
from starlette.routing import Match, Route

from dpx_cli.sandbox import deployments, env_vars, orgs, projects
from dpx_cli.sandbox.call import Call, Refused
from dpx_cli.sandbox.faults import API_ROOT, ERROR, LOST, RESET, SLOW, Fault
from dpx_cli.sandbox.journal import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from dpx_cli.sandbox.journal import Recorded
    from dpx_cli.sandbox.state import State

    Handler = Callable[[Call], tuple[int, dict[str, Any]]]

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
# A client that is still writing hears its refusal only when its body was read; past this it is cut off.
MAX_DRAIN = 16 * MAX_BODY
REQUESTS = "/__sandbox__/requests"
LOOPBACK = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)

ROUTES: dict[str, dict[str, Handler]] = {
    "/projects": {"GET": projects.list_, "POST": projects.create},
    "/projects/{id}": {"GET": projects.get, "PATCH": projects.update, "DELETE": projects.delete},
    "/projects/{id}/deployments": {"GET": deployments.list_, "POST": deployments.create},
    "/deployments/{id}": {"GET": deployments.get},
    "/projects/{id}/env-vars": {"GET": env_vars.list_, "POST": env_vars.upsert},
    "/projects/{id}/env-vars/{key}": {"DELETE": env_vars.delete},
    "/orgs": {"GET": orgs.list_},
    "/orgs/{slug}": {"GET": orgs.get},
    "/orgs/{slug}/members": {"GET": orgs.members},
}


class ConnectionCut(Exception):
    """The answer to this request is that its connection is reset."""


class Application:
    """The ASGI application of one sandbox.

    Args:
        state: what it serves.
        cut: resets the connection of a client's address; `server.py` knows the connections.
    """

    def __init__(self, state: State, cut: Callable[[tuple[str, int]], None]) -> None:
        self._state = state
        self._cut = cut
        # A Route without methods matches them all: which of them a path has is answered here, with its Allow.
        self._routes = [(Route(f"{API_ROOT}{path}", _unused), handlers) for path, handlers in ROUTES.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        try:
            guard(headers)
        except Refused as refused:
            await _answer(send, refused.status, {"error": refused.message})
            return
        if scope["path"].startswith("/__sandbox__"):
            await self._inspect(scope, send)
            return
        query = dict(reversed(QueryParams(scope["query_string"]).multi_items()))
        path = scope["path"].removeprefix(API_ROOT)
        record = self._state.journal.arrive(scope["method"], path, query, headers.items())
        status: int | None
        try:
            status, content, extra = await self._respond(scope, receive, headers, query, record)
        except Refused as refused:
            status, content, extra = refused.status, {"error": refused.message}, refused.headers
        except ConnectionCut:
            self._state.journal.leave(record, None)
            self._cut(scope["client"])
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the answer is 500 and the server goes on
            # As the real thing: the client learns nothing of it. The person who runs the sandbox does.
            logger.error(  # noqa: TRY400 - one line; a traceback tells a user of the sandbox nothing
                "sandbox: %s %s failed: %s: %s", record.method, record.path, type(error).__name__, error
            )
            status, content, extra = 500, {"error": "Internal server error"}, {}
        self._state.journal.leave(record, status)
        await _answer(send, status, content, extra)

    async def _respond(
        self, scope: Scope, receive: Receive, headers: dict[str, str], query: dict[str, str], record: Recorded
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        struck = self._state.faults.strike(record.method, record.path)
        record.fault = struck[-1].text if struck else None
        await _suffer(struck)
        handler, path = self._route(scope)
        user = self._authenticate(headers)
        body: dict[str, Any] = {}
        if scope["method"] in ("POST", "PATCH"):
            body = await _read_object(receive, headers, record)
        fails = any(fault.effect == ERROR for fault in struck)
        status, content = handler(
            Call(state=self._state, user=user, path=path, query=query, body=body, now=time.time(), fails=fails)
        )
        if any(fault.effect == LOST for fault in struck):
            raise ConnectionCut
        return status, content, {}

    def _route(self, scope: Scope) -> tuple[Handler, dict[str, str]]:
        for route, handlers in self._routes:
            match, child = route.matches(scope)
            if match is not Match.NONE:
                if scope["method"] not in handlers:
                    raise Refused(405, "Method not allowed", {"Allow": ", ".join(handlers)})
                return handlers[scope["method"]], child["path_params"]
        raise Refused(404, "Not found")

    def _authenticate(self, headers: dict[str, str]) -> int:
        scheme, _, token = headers.get("authorization", "").strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Refused(401, "Missing token", {"WWW-Authenticate": "Bearer"})
        email = self._state.tokens.person(token, time.time())
        if email is None:
            raise Refused(401, "Invalid token", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        wait = self._state.rate.take(token) if self._state.rate is not None else 0
        if wait:
            raise Refused(429, "Rate limit exceeded", {"Retry-After": str(wait)})
        user: int = self._state.store.one("SELECT seq FROM users WHERE email = ?", (email,))["seq"]
        return user

    async def _inspect(self, scope: Scope, send: Send) -> None:
        if scope["path"] != REQUESTS:
            await _answer(send, 404, {"error": "Not found"})
        elif scope["method"] == "GET":
            await _answer(send, 200, {"data": self._state.journal.as_json()})
        elif scope["method"] == "DELETE":
            self._state.journal.clear()
            await _answer(send, 200, {"deleted": True})
        else:
            await _answer(send, 405, {"error": "Method not allowed"}, {"Allow": "GET, DELETE"})


def guard(headers: dict[str, str]) -> None:
    """Keep web pages out: a browser that was led here by another name, or by another site, says so.

    Raises:
        Refused: 403.
    """
    host = headers.get("host", "")
    if not LOOPBACK.fullmatch(host):
        raise Refused(403, "The sandbox answers to a loopback Host only")
    origin = headers.get("origin")
    if origin is not None and (urlsplit(origin).scheme != "http" or urlsplit(origin).netloc.lower() != host.lower()):
        raise Refused(403, "The sandbox answers to no other Origin")


async def _suffer(struck: list[Fault]) -> None:
    for fault in struck:
        if fault.effect == SLOW:
            await asyncio.sleep(fault.seconds)
        elif fault.effect == RESET:
            raise ConnectionCut
        elif fault.status is not None:
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            raise Refused(fault.status, f"Scripted fault: {fault.status}", headers)


async def _read_object(receive: Receive, headers: dict[str, str], record: Recorded) -> dict[str, Any]:
    chunks: list[bytes] = []
    size, more = 0, True
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_DRAIN:
        raise Refused(413, "Request body is too large", {"Connection": "close"})
    while more and size <= MAX_DRAIN:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionCut
        size += len(message.get("body", b""))
        if size <= MAX_BODY:
            chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    if size > MAX_BODY:
        raise Refused(413, "Request body is too large", {"Connection": "close"} if more else {})
    try:
        body = json.loads(b"".join(chunks).decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(400, "Request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "Request body must be a JSON object")
    record.body = masked(body)
    return body


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's


async def _answer(send: Send, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    raw = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    raw += [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _unused() -> None:
    """Stands where Starlette wants an endpoint; the table of handlers has the real ones."""
