"""The page at the address of `dpx webhook listen` and `dpx sandbox serve`: one static file and a little JSON.

The file holds no data: what it shows comes from `state`, as text. Its Content-Security-Policy allows its own script and
style and no others. Data and buttons need the key that the printed address carries as its fragment: no other site, and
no other program that finds the port, has it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from dpx_cli.errors import DpxError
from dpx_cli.system.hosts import is_loopback
from dpx_cli.system.loopback.guard import Header, without_port
from dpx_cli.system.loopback.server import Connection, TooLarge

PREFIX = "/__dpx__/"
MAX_BODY = 64 * 1024

# A tunnel adds one of these; the page is for this machine only.
TUNNELED = (b"x-forwarded-for", b"x-forwarded-host", b"forwarded", b"via", b"x-real-ip", b"cf-connecting-ip")
COMMON: tuple[Header, ...] = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class WebPage:
    """The page of one server; `key` is the fragment of its address.

    `state` returns what the page shows; its argument is the number of the last item that the page has. `actions` are
    what its buttons do, by name; each returns a sentence, or raises DpxError.
    """

    def __init__(
        self, state: Callable[[int], dict[str, Any]], actions: Mapping[str, Callable[[Mapping[str, Any]], str]]
    ) -> None:
        self._state = state
        self._actions = actions
        self.key = secrets.token_urlsafe(16)

    @staticmethod
    def wanted(request: Connection) -> bool:
        """Return whether a request is for the page and not for the server behind it."""
        host = b",".join(request.values(b"host")).decode("latin-1")
        if not is_loopback(without_port(host).lower(), names=False):
            return False
        return (request.path == "/" and request.method in ("GET", "HEAD")) or request.path.startswith(PREFIX)

    def respond(self, request: Connection) -> None:
        """Respond to a request for the page, its state or one of its buttons."""
        site = request.values(b"sec-fetch-site")
        key = request.values(b"x-dpx-key")
        action = self._actions.get(request.path.removeprefix(PREFIX))
        if any(request.values(name) for name in TUNNELED):
            _refuse(request, 403, "This page is for this machine only, not for a tunnel.")
        elif request.path == "/":
            document = files(__package__).joinpath("page.html").read_bytes()
            request.respond(200, document, content_type=b"text/html; charset=utf-8", headers=_headers(document))
        elif site and site[0] not in (b"same-origin", b"none"):
            _refuse(request, 403, "Another site may not read this.")
        elif len(key) != 1 or not hmac.compare_digest(self.key.encode(), key[0]):
            _refuse(request, 403, "Open the address that dpx printed, with the key after #.")
        elif request.path == PREFIX + "state" and request.method == "GET":
            after = parse_qs(request.query).get("after", ["0"])[0]
            number = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0  # noqa: PLR2004 - digits
            request.respond_json(200, self._state(number), headers=COMMON)
        elif request.method == "POST" and action is not None:
            _run(request, action)
        else:
            _refuse(request, 404, "Not found.")


def _run(request: Connection, action: Callable[[Mapping[str, Any]], str]) -> None:
    try:
        content = json.loads(request.body(MAX_BODY))
        if not isinstance(content, dict):
            raise ValueError  # noqa: TRY004, TRY301 - handled with other invalid JSON
        done = action(content)
    except DpxError as exc:
        _refuse(request, 400, exc.message)
    except (TooLarge, ValueError, RecursionError):
        _refuse(request, 400, "The request is not a JSON object.")
    else:
        request.respond_json(200, {"done": done}, headers=COMMON)


def _refuse(request: Connection, status: int, error: str) -> None:
    request.respond_json(status, {"error": error}, headers=COMMON)


def _headers(document: bytes) -> tuple[Header, ...]:
    parts = []
    for tag in ("script", "style"):
        content = document.partition(b"<%s>" % tag.encode())[2].partition(b"</%s>" % tag.encode())[0]
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        parts.append(f"{tag}-src 'sha256-{digest}'; ")
    policy = (
        f"default-src 'none'; {''.join(parts)}connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )
    return (*COMMON, (b"content-security-policy", policy.encode()))
