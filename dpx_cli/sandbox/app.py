"""The sandbox's HTTP, as an ASGI application: guard, faults, route, token, rate, body, answer.

Starlette matches the routes and reads the query; the rest is short, which keeps the sandbox fast.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams
from starlette.routing import Match, Route

from dpx_cli.sandbox import dashboard, deployments, drift, env_vars, orgs, projects
from dpx_cli.sandbox.faults import API_ROOT, ERROR, LOST, RESET, SLOW, Fault
from dpx_cli.sandbox.journal import masked
from dpx_cli.sandbox.request import Refused, SandboxRequest
from dpx_cli.system.loopback.exchange import Exchange, Gone, TooLarge, foreign
from dpx_cli.system.loopback.page import WebPage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dpx_cli.sandbox.journal import RecordedRequest
    from dpx_cli.sandbox.state import SandboxState
    from dpx_cli.system.loopback.exchange import Receive, Scope, Send

    Handler = Callable[[SandboxRequest], tuple[int, dict[str, Any]]]

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
REQUESTS = "/__sandbox__/requests"

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
    """The connection is reset instead of an answer."""


class Application:
    """The ASGI application of one sandbox.

    Args:
        state: what it serves.
        reset: resets the connection of a client's address.
    """

    def __init__(self, state: SandboxState, reset: Callable[[tuple[str, int]], None]) -> None:
        self._state = state
        self._reset = reset
        self._page = dashboard.page(state)
        # A Route without methods matches all of them; this class answers 405 with the path's own Allow header.
        self._routes = [(Route(f"{API_ROOT}{path}", _unused), handlers) for path, handlers in ROUTES.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        if refusal := foreign(exchange):
            await exchange.answer_json(403, {"error": refusal}, close=False)
        elif WebPage.wanted(exchange):
            await self._page.answer(exchange)
        elif exchange.path.startswith("/__sandbox__"):
            await self._inspect(exchange)
        else:
            await self._serve(scope, exchange)

    async def _serve(self, scope: Scope, exchange: Exchange) -> None:
        """Answer a request to the API and record it."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(exchange.headers)}
        query = dict(reversed(QueryParams(exchange.query).multi_items()))
        path = exchange.path.removeprefix(API_ROOT)
        journal = self._state.journal
        record = journal.arrive(exchange.method, path, query, headers.items())
        extra: Mapping[str, str] = {}
        try:
            status, content = await self._respond(scope, exchange, headers, record)
        except Refused as refused:
            status, content, extra = refused.status, {"error": refused.message}, refused.headers
        except (ConnectionCut, Gone):
            journal.leave(record, None)
            self._reset(exchange.client)
            await exchange.gone()
            return
        except Exception as error:  # noqa: BLE001 - anything unexpected is a 500, and the server keeps running
            # As with the real API, the client learns no details; the person who runs the sandbox does.
            logger.error(  # noqa: TRY400 - one line; a traceback doesn't help a user of the sandbox
                "sandbox: %s %s failed: %s: %s", record.method, record.path, type(error).__name__, error
            )
            status, content = 500, {"error": "Internal server error"}
        journal.leave(record, status)
        raw = [(name.lower().encode(), value.encode()) for name, value in extra.items()]
        await exchange.answer_json(status, content, headers=raw, close=status == 413)  # noqa: PLR2004 - Content Too Large

    async def _respond(
        self, scope: Scope, exchange: Exchange, headers: Mapping[str, str], record: RecordedRequest
    ) -> tuple[int, dict[str, Any]]:
        faults = self._state.faults.strike(record.method, record.path)
        record.fault = faults[-1].text if faults else None
        await _apply(faults)
        handler, path = self._route(scope)
        user = self._authenticate(headers)
        body: dict[str, Any] = {}
        if exchange.method in ("POST", "PATCH"):
            body = await _read_object(exchange)
            record.body = masked(body)
        fails = any(fault.effect == ERROR for fault in faults)
        request = SandboxRequest(
            state=self._state, user=user, path=path, query=record.query, body=body, now=time.time(), fails=fails
        )
        status, content = handler(request)
        if any(fault.effect == LOST for fault in faults):
            raise ConnectionCut
        for fault in faults:
            if fault.field:
                drift.apply(content, fault.effect, fault.field)
        return status, content

    def _route(self, scope: Scope) -> tuple[Handler, dict[str, str]]:
        for route, handlers in self._routes:
            match, child = route.matches(scope)  # type: ignore[arg-type]  # Starlette wants a mutable mapping
            if match is not Match.NONE:
                if scope["method"] not in handlers:
                    raise Refused(405, "Method not allowed", {"Allow": ", ".join(handlers)})
                return handlers[scope["method"]], child["path_params"]
        raise Refused(404, "Not found")

    def _authenticate(self, headers: Mapping[str, str]) -> int:
        """Return `seq` of the token's person."""
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

    async def _inspect(self, exchange: Exchange) -> None:
        """Show or forget the recorded requests."""
        status = 200
        content: dict[str, Any] = {}
        extra: list[tuple[bytes, bytes]] = []
        if exchange.path != REQUESTS:
            status, content = 404, {"error": "Not found"}
        elif exchange.method == "GET":
            content = {"data": self._state.journal.as_json()}
        elif exchange.method == "DELETE":
            self._state.journal.clear()
            content = {"deleted": True}
        else:
            status, content, extra = 405, {"error": "Method not allowed"}, [(b"allow", b"GET, DELETE")]
        await exchange.answer_json(status, content, headers=extra, close=False)


async def _apply(faults: list[Fault]) -> None:
    """Delay, cut or refuse a request as its faults say."""
    for fault in faults:
        if fault.effect == SLOW:
            await asyncio.sleep(fault.seconds)
        elif fault.effect == RESET:
            raise ConnectionCut
        elif fault.status is not None:
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            raise Refused(fault.status, f"Scripted fault: {fault.status}", headers)


async def _read_object(exchange: Exchange) -> dict[str, Any]:
    """Return the JSON object in the body. Raises Refused for anything else."""
    try:
        raw = await exchange.body(MAX_BODY)
    except TooLarge:
        raise Refused(413, "Request body is too large") from None
    try:
        body = json.loads(raw.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(400, "Request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "Request body must be a JSON object")
    return body


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's


def _unused() -> None:
    """Fill the endpoint that Starlette requires; the real handlers are in ROUTES."""
