"""A server that costs nothing: every page of a list is rendered before the first request.

Run as `python canned.py ITEMS LATENCY_MS [CERTIFICATE KEY]`; prints its port. Beside it a benchmark measures the client
alone. Any POST is answered with the key that it names, so that `env import` can be timed too.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
import threading
import time
from typing import Any

PAGE = 100
CURSOR = re.compile(rb"[?&]cursor=(\d+)")
LIMIT = re.compile(rb"[?&]limit=(\d+)")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def pages(count: int) -> list[bytes]:
    """Whole answers, head and body, for a list of projects."""
    made = []
    for start in range(0, max(count, 1), PAGE):
        end = min(start + PAGE, count)
        items = [
            {
                "id": f"clm1{number:021d}",
                "name": f"Project number {number}",
                "slug": f"project-{number}",
                "framework": "NEXTJS",
                "current_deployment": {"status": "READY"},
            }
            for number in range(start, end)
        ]
        more = end < count
        made.append(
            answer(
                {
                    "data": items,
                    "pagination": {"hasMore": more, "nextCursor": str(end) if more else None, "limit": PAGE},
                }
            )
        )
    return made


def answer(document: Any) -> bytes:
    """A whole answer with a JSON body."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def serve(connection: socket.socket, listed: list[bytes], latency: float) -> None:
    """Answer the requests of one connection until it ends."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    while True:
        while b"\r\n\r\n" not in waiting:
            data = connection.recv(65536)
            if not data:
                return
            waiting += data
        head, _, waiting = waiting.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        wanted = int(length.group(1)) if length else 0
        while len(waiting) < wanted:
            waiting += connection.recv(65536)
        body, waiting = waiting[:wanted], waiting[wanted:]
        if latency:
            time.sleep(latency)
        if head.startswith(b"POST"):
            connection.sendall(
                answer({"data": {"id": "clm1", "key": json.loads(body)["key"], "targets": ["production"]}})
            )
            continue
        line = head.split(b"\r\n", 1)[0]
        cursor = CURSOR.search(line)
        connection.sendall(listed[int(cursor.group(1)) // PAGE if cursor else 0])


def main() -> None:
    """Serve until killed."""
    listed = pages(int(sys.argv[1]))
    latency = float(sys.argv[2]) / 1000
    context = None
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)

    def take(raw: socket.socket) -> None:
        try:
            serve(context.wrap_socket(raw, server_side=True) if context else raw, listed, latency)
        except OSError:
            raw.close()

    while True:
        raw, _ = listener.accept()
        threading.Thread(target=take, args=(raw,), daemon=True).start()


if __name__ == "__main__":
    main()
