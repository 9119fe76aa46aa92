"""A raw-socket Deploxa that breaks as it is told, and counts what reached it.

    with FaultServer() as server:
        server.on("POST", "/deployments", reset, effect=True)   # it is made, and the answer is lost
        ...
        assert server.made == 1

It behaves by itself: one project, deployments that move on at every look, variables, organizations. `on` puts a fault
in front of that; `on_connection` breaks a connection before anything is read from it. Knows nothing of dpx.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import re
import select
import socket
import struct
import threading
import time
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    Fault = Callable[["Exchange"], None]

PROJECT = "clm1projectprojectproject"
OTHER = "clm1otherprojectotherproj"
TOKEN = "dpx_canary-token-0123456789abcdef"
ROOT = "/api/v1"
SOON = 15.0  # seconds: what has a bound ends by then, however busy the machine; what has none never does
MIB = 1024 * 1024


class Request(NamedTuple):
    """One request as it was read."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        """The path below the API root."""
        return urlsplit(self.target).path.removeprefix(ROOT)

    @property
    def query(self) -> dict[str, str]:
        """The parameters, of a repeated one the last."""
        pairs = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[-1] for name, values in pairs.items()}

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class Exchange:
    """What a fault works on: the socket, the request (None before one was read) and the server."""

    def __init__(self, raw: socket.socket, request: Request | None, server: FaultServer) -> None:
        self.socket = raw
        self.request = request
        self.server = server
        self.keep = False
        self.send = raw.sendall

    def pause(self, seconds: float) -> bool:
        """Wait; False where the server is being closed."""
        return not self.server.closing.wait(seconds)


class FaultServer:
    """A Deploxa on a loopback socket, over https with `tls`.

    `course` is the states that a deployment is in, look by look; the last one stays.
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, course: tuple[str, ...] = ("QUEUED", "BUILDING", "READY")
    ) -> None:
        self._tls = tls
        self.course = course
        self.closing = threading.Event()
        self.requests: list[Request] = []  # those that were read whole
        self.connections = 0  # those that were accepted
        self.busiest = 0  # the most requests that were under way at one time
        self._busy = 0
        self.deployments: list[dict[str, Any]] = [_deployment(number, "main") for number in (3, 2, 1)]  # newest first
        self.variables: dict[str, dict[str, Any]] = {}  # what was sent, by key
        self.projects: list[dict[str, Any]] = [
            {"id": PROJECT, "name": "Shop", "slug": "shop", "domains": ["shop.example"]},
        ]
        self._number = len(self.deployments)
        self._looks: dict[str, int] = {}
        self._rules: list[list[Any]] = []
        self._on_connection: dict[int, Fault] = {}
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.made = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(self.listener,), daemon=True).start()

    @property
    def url(self) -> str:
        """The API root."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}{ROOT}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.refuse()
        with self._lock:
            for raw in self._open:
                with contextlib.suppress(OSError):
                    raw.shutdown(socket.SHUT_RDWR)

    def refuse(self) -> None:
        """Refuse every further connection."""
        # A blocked accept keeps a closed listener listening; a shutdown wakes it up.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def listen_again(self) -> None:
        """Accept connections again after `refuse`, at the same port."""
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._serve, args=(self.listener,), daemon=True).start()

    def on(
        self, method: str, path: str, fault: Fault, *, times: int | None = None, skip: int = 0, effect: bool = False
    ) -> None:
        """Break what matches a method and the end of a path (a regular expression), after `skip` that go well.

        With `effect` what was asked for is done all the same.
        """
        self._rules.append([method, re.compile(f".*{path}"), fault, times, skip, effect])

    def on_connection(self, number: int, fault: Fault) -> None:
        """Break the connection of a number (from 1) before anything is read from it."""
        self._on_connection[number] = fault

    def count(self, method: str, path: str = "") -> int:
        """Requests of a method whose path ends so."""
        pattern = re.compile(f".*{path}")
        return sum(1 for found in self.requests if found.method == method and pattern.fullmatch(found.path))

    def locked(self) -> threading.Lock:
        """Return the lock that a fault holds while it changes the server."""
        return self._lock

    # Below: the serving

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._converse, args=(raw, self.connections), daemon=True).start()

    def _converse(self, raw: socket.socket, number: int) -> None:
        with self._lock:
            self._open.add(raw)
        try:
            with contextlib.suppress(OSError, ValueError):
                if fault := self._on_connection.get(number):
                    fault(Exchange(raw, None, self))
                    return
                if self._tls:
                    raw = self._tls.wrap_socket(raw, server_side=True)
                with raw.makefile("rb") as stream:
                    while (request := _read(stream, number)) is not None:
                        exchange = Exchange(raw, request, self)
                        self._answer(exchange)
                        if not exchange.keep:
                            return
        finally:
            with self._lock:
                self._open.discard(raw)
            raw.close()

    def _answer(self, exchange: Exchange) -> None:
        request = exchange.request
        assert request is not None
        with self._lock:
            self.requests.append(request)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        try:
            with self._lock:
                rule = self._rule(request)
                status, document = (0, None) if rule and not rule[5] else self.own(request)
            if rule:
                rule[2](exchange)
            else:
                reply(status, document)(exchange)
        finally:
            with self._lock:
                self._busy -= 1

    def _rule(self, request: Request) -> list[Any] | None:
        for rule in self._rules:
            method, pattern, _, times, skip, _ = rule
            if method != request.method or not pattern.fullmatch(request.path) or times == 0:
                continue
            if skip:
                rule[4] -= 1
                continue
            if times is not None:
                rule[3] -= 1
            return rule
        return None

    def own(self, request: Request) -> tuple[int, Any]:  # noqa: C901, PLR0911, PLR0912 - one case an endpoint
        """Return status and document of the response that the server gives by itself; with the lock held."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"error": "Invalid token"}
        parts = [unquote(part) for part in request.path.split("/")[1:]]
        match (request.method, *parts):
            case ("GET", "projects"):
                return page(self.projects, request)
            case ("GET", "projects", identity) if found := self._project(identity):
                return 200, {"data": found}
            case ("GET", "projects", identity, "deployments") if self._project(identity):
                return page(self.deployments, request)
            case ("POST", "projects", identity, "deployments") if self._project(identity):
                made = self.make(request.json.get("branch", "main"))
                return 201, {"data": {"id": made["id"], "status": "QUEUED"}}
            case ("GET", "deployments", identity):
                for deployment in self.deployments:
                    if deployment["id"] == identity:
                        self._move(deployment)
                        return 200, {"data": deployment}
            case ("GET", "projects", identity, "env-vars") if self._project(identity):
                return page([_shown(key, sent) for key, sent in self.variables.items()], request)
            case ("POST", "projects", identity, "env-vars") if self._project(identity):
                sent = request.json
                self.variables[sent["key"]] = sent
                return 200, {"data": _shown(sent["key"], sent)}
            case ("DELETE", "projects", identity, "env-vars", key) if self._project(identity):
                if self.variables.pop(key, None) is not None:
                    return 200, {"deleted": True}
            case ("DELETE", "projects", identity) if found := self._project(identity):
                self.projects.remove(found)
                return 200, {"deleted": True}
            case ("PATCH", "projects", identity) if found := self._project(identity):
                found.update(request.json)
                return 200, {"data": found}
            case ("POST", "projects"):
                sent = request.json
                self.projects.append({"id": f"{OTHER[:-2]}{len(self.projects)}", "slug": sent["name"], **sent})
                return 201, {"data": self.projects[-1]}
            case ("GET", "orgs"):
                return page([{"id": "clm1org", "name": "Acme", "slug": "acme", "role": "owner"}], request)
            case ("GET", "orgs", slug):
                return 200, {"data": {"id": "clm1org", "name": "Acme", "slug": slug, "_count": {"members": 1}}}
            case ("GET", "orgs", _, "members"):
                return page([{"id": "m1", "role": "ADMIN", "user": {"email": "alice@acme.com"}}], request)
        return 404, {"error": "Not found"}

    def _project(self, identity: str) -> dict[str, Any] | None:
        return next((project for project in self.projects if project["id"] == identity), None)

    def make(self, branch: str) -> dict[str, Any]:
        """Make a deployment, as somebody else might."""
        self.made += 1
        self._number += 1
        made = _deployment(self._number, branch, "QUEUED")
        self.deployments.insert(0, made)
        return made

    def _move(self, deployment: dict[str, Any]) -> None:
        identity = deployment["id"]
        if identity not in self._looks and deployment["status"] in ("READY", "ERROR"):
            return
        look = self._looks.get(identity, 0)
        self._looks[identity] = look + 1
        deployment["status"] = self.course[min(look, len(self.course) - 1)]


def page(items: list[dict[str, Any]], request: Request) -> tuple[int, Any]:
    """One page of some items as the reference's section Pagination has it; a cursor is the number to go on from."""
    size = min(int(request.query.get("limit", "20")), 100)
    first = int(request.query.get("cursor", "0"))
    more = first + size < len(items)
    return 200, {
        "data": items[first : first + size],
        "pagination": {"hasMore": more, "nextCursor": str(first + size) if more else None, "limit": size},
    }


def _deployment(number: int, branch: str, status: str = "READY") -> dict[str, Any]:
    return {
        "id": f"clm1deployment{number:010}",
        "status": status,
        "branch": branch,
        "deployment_domain": f"shop-{number}.example",
    }


def _shown(key: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": f"var-{key}",
        "key": key,
        "targets": sent.get("targets", []),
        "sensitive": sent.get("sensitive", False),
    }


def _read(stream: Any, connection: int) -> Request | None:
    line = stream.readline()
    if not line.strip():
        return None
    method, target, _ = line.decode("ascii").split(" ", 2)
    headers: dict[str, str] = {}
    while (field := stream.readline()).strip():
        name, _, value = field.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body, connection)


# Faults: what a server does instead of answering well.


def reply(status: int, document: Any = None, headers: Mapping[str, str] | None = None) -> Fault:
    """Answer whole and keep the connection; a document of bytes is sent as it is, anything else as JSON."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    def answer(exchange: Exchange) -> None:
        fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        exchange.send(f"HTTP/1.1 {status} Because\r\n{head}\r\n".encode("latin-1") + body)
        exchange.keep = True

    return answer


def raw(data: bytes) -> Fault:
    """Send bytes as they are and close."""
    return lambda exchange: exchange.send(data)


def after(seconds: float, fault: Fault) -> Fault:
    """Wait first."""

    def answer(exchange: Exchange) -> None:
        exchange.pause(seconds)
        fault(exchange)

    return answer


def reset(exchange: Exchange) -> None:
    """Reset the connection."""
    exchange.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The descriptor alone: a TLS socket would say goodbye first.
    socket.close(exchange.socket.detach())


def reset_unread(exchange: Exchange) -> None:
    """Reset the connection once there is a request to read, unread."""
    select.select([exchange.socket], [], [], 10)
    reset(exchange)


def hang_up(_: Exchange) -> None:
    """Close the connection without a word."""


def stall(exchange: Exchange) -> None:
    """Say nothing until the other side or the test gives up."""
    while exchange.pause(0.05):
        exchange.socket.setblocking(False)
        try:
            if not exchange.socket.recv(65536):
                return
        except (BlockingIOError, InterruptedError):
            continue


def well_then_close(document: Any) -> Fault:
    """Answer well, promise to keep the connection, and close it."""

    def answer(exchange: Exchange) -> None:
        reply(200, document)(exchange)
        exchange.keep = False

    return answer


def drip(start: bytes, forever: bytes, every: float = 0.02, size: int = 1) -> Fault:
    """Send a beginning, then some bytes after the other."""

    def answer(exchange: Exchange) -> None:
        exchange.send(start)
        for at in itertools.cycle(range(0, len(forever), size)):
            if not exchange.pause(every):
                return
            exchange.send(forever[at : at + size])

    return answer


def flood(start: bytes, forever: bytes) -> Fault:
    """Send a beginning, then the same for ever, as fast as it goes."""
    return drip(start, forever, 0.0, len(forever))


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
GZIPPED = OK + b"Content-Encoding: gzip\r\n\r\n"
truncated_head = raw(b"HTTP/1.1 200 OK\r\nContent-Ty")
truncated_body = raw(OK + b'Content-Length: 500\r\n\r\n{"data": {"id": "clm1')
broken_chunks = raw(OK + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"dat\r\nZZ\r\noops')
cut_chunks = raw(OK + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"dat\r\n40\r\n')
not_http = raw(b"SSH-2.0-OpenSSH_9.2\r\n")
drip_head = drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a")
drip_fields = drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: a\r\n", every=0.005)
drip_body = drip(OK + b"Content-Length: 100000\r\n\r\n", b" ")
drip_chunks = drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", every=0.005)
continue_storm = flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
early_hints = raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
giant_field = flood(b"HTTP/1.1 200 OK\r\nX-Giant: ", b"a" * 65536)
many_fields = flood(b"HTTP/1.1 200 OK\r\n", b"X-Many: a\r\n" * 1000)
negative_chunk = flood(OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", b" " * 65536)
endless_body = flood(OK + b"\r\n", b" " * 65536)
html_502 = reply(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", {"Content-Type": "text/html"})
html_200 = reply(200, b"<html><body>Welcome</body></html>", {"Content-Type": "text/html"})


def large(size: int) -> Fault:
    """A body of a size, said beforehand."""
    return raw(OK + b"Content-Length: %d\r\n\r\n" % size + b'{"data": "' + b"a" * (size - 12) + b'"}')


def compressed(data: bytes) -> Fault:
    """A compressed body."""
    return raw(GZIPPED + gzip.compress(data))


def bomb() -> Fault:
    """A small body that grows to 512 MiB: the same compressed block again and again, without an end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    return raw(GZIPPED + b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * 512)


def redirect(status: int, location: str) -> Fault:
    """Point elsewhere."""
    return reply(status, {"error": "moved"}, {"Location": location})


def refused(status: int, message: str, retry_after: str | None = None) -> Fault:
    """An error as the reference has it."""
    return reply(status, {"error": message}, {} if retry_after is None else {"Retry-After": retry_after})


def cursors(given: Iterator[str], item: Mapping[str, Any] | None = None) -> Fault:
    """Pages without end, each with one item or none."""

    def answer(exchange: Exchange) -> None:
        pagination = {"hasMore": True, "nextCursor": next(given), "limit": 100}
        reply(200, {"data": [item] if item else [], "pagination": pagination})(exchange)

    return answer


class ConnectProxy:
    """A proxy on loopback that opens tunnels and forwards nothing else.

    Instead it says `answer` to CONNECT, or misbehaves: `fault` is "stall" or "drip".
    """

    def __init__(self, *, answer: bytes = b"", fault: str = "") -> None:
        self._answer = answer
        self._fault = fault
        self.heads: list[bytes] = []
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._tunnel, args=(ours,), daemon=True).start()

    def _tunnel(self, ours: socket.socket) -> None:
        with contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n") and (byte := ours.recv(1)):
                head += byte
            self.heads.append(head)
            if self._fault == "stall":
                self._closing.wait(30)
            while self._fault == "drip" and not self._closing.wait(0.02):
                ours.sendall(b"H")
            if self._answer:
                ours.sendall(self._answer)
            elif head.startswith(b"CONNECT "):
                host, _, port = head.split()[1].decode().rpartition(":")
                theirs = socket.create_connection((host.strip("[]"), int(port)))
                ours.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=_pump, args=(theirs, ours), daemon=True).start()
                _pump(ours, theirs)
        ours.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def wait_until(holds: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait until something holds; fails the test where it never does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.01)
