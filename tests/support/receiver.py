"""A receiver of webhooks that keeps what it gets."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Receiver:
    """An HTTP server on 127.0.0.1 that responds as its attributes say, or with the status that `handle` returns.

    `handle` gets the body and the headers, their names in lower case. Status 0 closes the connection.
    """

    def __init__(self, handle: Callable[[bytes, Mapping[str, str]], int] | None = None) -> None:
        self.requests: list[tuple[str, str, list[tuple[str, str]], bytes]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"thank you\n"
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.requests.append((self.command, self.path, self.headers.items(), body))
                names = {name.lower(): value for name, value in self.headers.items()}
                status = receiver.status if handle is None else handle(body, names)
                if status:
                    self.send_response(status)
                    for name, value in receiver.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(receiver.body)))
                    self.end_headers()
                    self.wfile.write(receiver.body)

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_args: Any) -> None:
                """Say nothing of clients that hang up."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}/hook"
        self.url = f"http://{self.address}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop and free the port."""
        self.server.shutdown()
        self.server.server_close()
