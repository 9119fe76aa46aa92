"""Fuzz the client: responses that are nearly right, from a raw socket. The short form is in tests/api/test_fuzz.py."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import fault_server as faults
from clients import client_of
from fault_server import FaultServer

from dpx_cli import errors

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
DOCUMENT = json.dumps(
    {"data": [{"id": "clm1", "n": -0.0, "ä": "\U0001f600"}], "pagination": {"hasMore": False}}
).encode()
STATUSES = (*range(99, 104), 200, 201, 204, 206, 301, 304, 400, 401, 404, 408, 409, 429, 500, 502, 503, 599, 600, 999)
FIELDS = (
    *("Retry-After: 0", "Retry-After: -1", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", "Date: soon", "Date: "),
    *("Content-Encoding: gzip", "Content-Encoding: deflate", "Content-Encoding: br", "Content-Encoding: gzip, gzip"),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Content-Length: 0", "Content-Length: -1"),
    *(
        "Content-Length: 5",
        "Content-Length: ٣",
        "Content-Length: 9999999999",
        "Connection: close",
        "X: \x00",
        ": x",
        "X",
    ),
    *("Location: http://127.0.0.1:9/", "Content-Type: text/html; charset=\x80", " folded: x", "X" * 70_000),
)
PIECES = (
    b"",
    b"\r\n",
    b"\n",
    b"\0",
    b"\xff",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"0\r\n\r\n",
    b"-1\r\n",
    b"[" * 2000,
    b"1e999",
)


def response(rng: random.Random) -> bytes:
    """Return the bytes of a response that is right, or nearly so."""
    status = 200 if rng.random() < 0.3 else rng.choice(STATUSES)
    body = rng.choice([DOCUMENT, b"", b'{"error": "no"}', b"<html>", gzip.compress(DOCUMENT) * rng.choice([1, 2])])
    fields = rng.sample(FIELDS, rng.randint(0, 3))
    if rng.random() < 0.7:
        fields.append(f"Content-Length: {len(body)}")
    elif rng.random() < 0.5:
        fields.append("Transfer-Encoding: chunked")
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    version = rng.choice(["HTTP/1.1"] * 8 + ["HTTP/1.0", "HTTP/2", "ICY"])
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * rng.choice([0, 0, 0, 1, 3])
    head = "\r\n".join([f"{version} {status} Because", *fields]).encode("latin-1", "replace")
    return interim + mutated(rng, head + b"\r\n\r\n" + body)


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Return bytes with up to three of them changed, cut, doubled or put in."""
    for _ in range(rng.choice([0, 0, 0, 1, 2, 3])):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at]
        elif kind == 2:
            data = data[:at] + data[max(0, at - 20) :]
        else:
            data = data[:at] + rng.choice(PIECES) + data[at:]
    return data


def fuzz(number: int, seed: int) -> Counter[str]:
    """Ask for a number of fuzzed responses and count each type of error that was raised, and "ok".

    Every error must have a message, a request and an exit code of the table; no other exception may come through.
    """
    rng = random.Random(seed)
    seen: Counter[str] = Counter()
    with FaultServer() as server:
        client = client_of(server.url, timeout=2.0)
        answers: list[bytes] = []
        served: Callable[[faults.Exchange], Any] = lambda exchange: exchange.send(answers[-1])  # noqa: E731 - one line
        for method in METHODS:
            server.on(method, ".*", served)
        for _ in range(number):
            method = rng.choice(METHODS)
            answers.append(response(rng))
            problem: errors.DpxError | None = None
            try:
                client.request_json(method, "/projects", body=None if method in ("GET", "HEAD", "DELETE") else {})
            except errors.DpxError as raised:
                problem = raised
            seen[type(problem).__name__ if problem else "ok"] += 1
            if problem:
                assert method not in ("GET", "HEAD") or not isinstance(problem, errors.OutcomeUnknown), answers[-1]
                assert problem.message, answers[-1]
                assert problem.request == f"{method} /projects", answers[-1]
                assert problem.exit_code in errors.ExitCode
    return seen
