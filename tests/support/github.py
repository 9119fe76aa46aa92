"""A stand-in for GitHub's API with the comments of a pull request and the issues of a repository, for the real gh.

gh sends requests for the host github.localhost without TLS, and through a proxy: this server is that proxy.
"""

from __future__ import annotations

import http.server
import json
import re
import shutil
import threading
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import pytest

REPOSITORY = "/repos/acme/shop"
PAGE = 2  # entries on a page, so that lists have several


class GitHub:
    """Comments of pull request 7 and issues, as GitHub has them; each change is made by a bot."""

    def __init__(self) -> None:
        if shutil.which("gh") is None:
            pytest.skip("needs the GitHub CLI (gh)")
        person = {"type": "User"}
        self.comments: list[dict[str, Any]] = [
            {"id": number, "body": body, "user": person}
            for number, body in enumerate(("Nice", "<!-- dpx plan --> quoted by a person", "More"))
        ]
        self.issues: list[dict[str, Any]] = [
            {"number": number, "title": "Bug", "body": None, "state": "open", "user": person} for number in range(3)
        ]
        self.changes: list[str] = []  # methods and paths, in their order

    def __enter__(self) -> Self:
        github = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else {}
                status, document, link = github.respond(self.command, self.path, body)
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(data)))
                if link:
                    self.send_header("Link", link)
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_PATCH = do_GET  # noqa: N815 - names of the base class

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def env(self) -> dict[str, str]:
        """What makes gh talk to this server; a runner sets GITHUB_REPOSITORY."""
        proxy = f"http://127.0.0.1:{self._server.server_address[1]}"
        github = {"GH_HOST": "github.localhost", "GH_TOKEN": "x", "GITHUB_REPOSITORY": "acme/shop"}
        return {**github, "HTTP_PROXY": proxy, "NO_PROXY": "127.0.0.1"}

    def respond(self, method: str, url: str, body: dict[str, Any]) -> tuple[int, object, str]:
        """Return status, document and the header Link of a response."""
        parts = urlsplit(url)
        path, query = parts.path.removeprefix(REPOSITORY), parse_qs(parts.query)
        listed = {"/issues/7/comments": self.comments, "/issues": self.issues}.get(path)
        if method == "GET" and listed is not None:
            rows = [row for row in listed if "state" not in query or row["state"] == query["state"][0]]
            first = (int(query.get("page", ["1"])[0]) - 1) * PAGE
            following = f"{url.partition('?')[0]}?{'state=open&' * ('state' in query)}page={first // PAGE + 2}"
            return 200, rows[first : first + PAGE], f'<{following}>; rel="next"' * (first + PAGE < len(rows))
        self.changes.append(f"{method} {path}")
        if method == "POST" and listed is not None:
            number = len(listed)
            listed.append({"id": number, "number": number, "state": "open", "user": {"type": "Bot"}, **body})
            return 201, listed[-1], ""
        changed = re.fullmatch(r"/issues/(comments/)?(\d+)", path)
        if method != "PATCH" or changed is None:
            return 404, {"message": "Not Found"}, ""
        row = (self.comments if changed[1] else self.issues)[int(changed[2])]
        row.update(body)
        return 200, row, ""
