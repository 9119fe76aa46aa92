"""The sandbox's HTTP: guard, body, faults, route, token, rate, resource."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from dpx_cli.redact import mask_values
from dpx_cli.sandbox import deployments, env_vars, orgs, projects
from dpx_cli.sandbox.dashboard import Dashboard
from dpx_cli.sandbox.faults import API_ROOT, ERROR, LOST, RESET, SLOW, Fault
from dpx_cli.sandbox.journal import RecordedRequest
from dpx_cli.sandbox.request import Refused, SandboxRequest, SandboxState
from dpx_cli.system.loopback.guard import rejection_reason
from dpx_cli.system.loopback.page import WebPage
from dpx_cli.system.loopback.server import ClientDisconnected, Connection, TooLarge

Handler = Callable[[SandboxRequest], tuple[int, dict[str, Any]]]

logger = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024

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
_PATTERNS = [
    (re.compile(re.escape(API_ROOT) + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), handlers)
    for path, handlers in ROUTES.items()
]


class Application:
    """What a sandbox responds to a request."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self.page = Dashboard(state)

    def handle(self, request: Connection) -> None:
        """Respond to one request."""
        if reason := rejection_reason(request.headers):
            request.respond_json(403, {"error": reason})
        elif WebPage.wanted(request):
            self.page.respond(request)
        else:
            self._serve(request)

    def _serve(self, request: Connection) -> None:
        """Respond to a request to the API and record it."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.headers)}
        query = dict(reversed(parse_qsl(request.query, keep_blank_values=True)))
        journal = self._state.journal
        record = journal.start(request.method, request.path.removeprefix(API_ROOT), query, headers.items())
        extra: Mapping[str, str] = {}
        try:
            status, content = self._respond(request, headers, record)
        except Refused as refused:
            status, content, extra = refused.status, {"error": refused.message}, refused.headers
        except ClientDisconnected:
            journal.finish(record, None)
            request.reset()
            return
        except Exception as error:  # noqa: BLE001 - anything unexpected is a 500, and the server keeps running
            # As with the real API, the client learns no details; the person who runs the sandbox does.
            logger.error(  # noqa: TRY400 - one line; a traceback doesn't help a user of the sandbox
                "sandbox: %s %s failed: %s: %s", record.method, record.path, type(error).__name__, error
            )
            status, content = 500, {"error": "Internal server error"}
        journal.finish(record, status)
        request.respond_json(
            status, content, headers=[(name.lower().encode(), value.encode()) for name, value in extra.items()]
        )

    def _respond(
        self, request: Connection, headers: Mapping[str, str], record: RecordedRequest
    ) -> tuple[int, dict[str, Any]]:
        try:
            raw = request.body(MAX_BODY)
        except TooLarge:
            raise Refused(413, "Request body is too large") from None
        except TimeoutError:
            raise Refused(408, "Request body didn't arrive in time") from None
        faults = self._state.scripted.take_matching(record.method, record.path)
        record.fault = faults[-1].text if faults else None
        self._apply(faults)
        handler, path = _route(request)
        user = self._authenticate(headers)
        body = _parse_object(raw, record) if request.method in ("POST", "PATCH") else {}
        effects = {fault.effect for fault in faults}
        status, content = handler(
            SandboxRequest(self._state, user, path, record.query, body, now=time.time(), fails=ERROR in effects)
        )
        if LOST in effects:
            raise ClientDisconnected
        for fault in faults:
            if fault.field:
                fault.drift(content)
        return status, content

    def _apply(self, faults: list[Fault]) -> None:
        """Delay, cut or refuse a request as its faults say."""
        for fault in faults:
            if fault.effect == SLOW:
                if self._state.closing.wait(fault.seconds):
                    raise ClientDisconnected
            elif fault.effect == RESET:
                raise ClientDisconnected
            elif fault.status is not None:
                headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
                raise Refused(fault.status, f"Scripted fault: {fault.status}", headers)

    def _authenticate(self, headers: Mapping[str, str]) -> int:
        """Return `seq` of the token's person."""
        scheme, _, token = headers.get("authorization", "").strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Refused(401, "Missing token", {"WWW-Authenticate": "Bearer"})
        email = self._state.accepted.person(token, time.time())
        if email is None:
            raise Refused(401, "Invalid token", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        wait = self._state.rate.take(token) if self._state.rate is not None else 0
        if wait:
            raise Refused(429, "Rate limit exceeded", {"Retry-After": str(wait)})
        return int(self._state.store.find("SELECT seq FROM users WHERE email = ?", (email,))["seq"])


def _route(request: Connection) -> tuple[Handler, dict[str, str]]:
    for pattern, handlers in _PATTERNS:
        if match := pattern.fullmatch(request.path):
            if request.method not in handlers:
                raise Refused(405, "Method not allowed", {"Allow": ", ".join(handlers)})
            return handlers[request.method], match.groupdict()
    raise Refused(404, "Not found")


def _parse_object(raw: bytes, record: RecordedRequest) -> dict[str, Any]:
    """Return the JSON object in a body, and record it. Raises Refused for anything else."""
    try:
        body = json.loads(raw.decode(), parse_constant=int)  # NaN and Infinity are Python's, not JSON's
        record.body = mask_values(body)
    except (ValueError, RecursionError):
        raise Refused(400, "Request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "Request body must be a JSON object")
    return body
