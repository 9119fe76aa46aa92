"""Webhooks on their way to a receiver: signed, in order, tried again, and not forgotten."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sandbox_client import ask

from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "whsec-canary"


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what it gets, and answers with the given statuses, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.arrived = threading.Condition()
        self.url = f"http://127.0.0.1:{self.server_port}/hook?x=1"

    def wait(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """The first `count` deliveries, when they are there."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.got) >= count, timeout=20), self.got
        return self.got[:count]

    def events(self, count: int) -> list[str]:
        """What they tell of."""
        return [headers["x-deploxa-event"] for headers, _ in self.wait(count)]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.arrived:
            self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = self.server.statuses.pop(0) if self.server.statuses else 200
            self.server.arrived.notify_all()
        self.send_response(status)
        if status in (301, 302, 307):
            self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests don't wait between attempts."""
    monkeypatch.setattr("dpx_cli.sandbox.webhooks.FIRST_PAUSE", 0.001)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on a real socket."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def deploy(sandbox: Sandbox, branch: str) -> str:
    """Deploy docs, and give the deployment's id."""
    identity: str = ask(
        sandbox, "POST", f"/projects/{sandbox.project_id('docs')}/deployments", {"branch": branch}
    ).data["id"]
    return identity


def test_a_deployment_is_told_from_start_to_end(receiver: Receiver) -> None:
    """A deployment sends started and ready, with the reference's body, headers and signature."""
    with Sandbox(build_seconds=0.05, webhook_url=receiver.url, webhook_secret=SECRET) as sandbox:
        deployment = deploy(sandbox, "mäin")
        (first, started), (second, ready) = receiver.wait(2)
        project = {"id": sandbox.project_id("docs"), "name": "docs", "slug": "docs"}
    assert json.loads(started) == {
        "event": "deployment.started",
        "deployment": {"id": deployment, "status": "QUEUED", "branch": "mäin", "url": "https://docs.deploxa.com"},
        "project": project,
    }
    assert json.loads(ready)["event"] == second["x-deploxa-event"] == "deployment.ready"
    assert json.loads(ready)["deployment"]["status"] == "READY"
    for headers, body in ((first, started), (second, ready)):
        assert headers["content-type"] == "application/json"
        assert headers["x-deploxa-signature"] == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert "authorization" not in headers


def test_the_receiver_needs_no_scheme(receiver: Receiver) -> None:
    """`localhost:PORT/path` is http on this machine, as for `dpx webhook send --to`."""
    url = receiver.url.replace("http://127.0.0.1", "localhost")
    with Sandbox(build_seconds=0, webhook_url=url, webhook_secret=SECRET) as sandbox:
        deploy(sandbox, "main")
        assert receiver.events(2) == ["deployment.started", "deployment.ready"]


def test_a_failed_deployment_is_told_as_failed(receiver: Receiver) -> None:
    """A failed deployment sends deployment.failed."""
    with Sandbox(build_seconds=0, webhook_url=receiver.url, webhook_secret=SECRET) as sandbox:
        deploy(sandbox, "fail/x")
        assert receiver.events(2) == ["deployment.started", "deployment.failed"]
        assert json.loads(receiver.got[1][1])["deployment"]["status"] == "ERROR"


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_refused_delivery_is_tried_again(receiver: Receiver, status: int) -> None:
    """A refused delivery is sent up to four times with the same bytes; a redirect is a refusal."""
    receiver.statuses = [status, status]
    with Sandbox(build_seconds=0, webhook_url=receiver.url, webhook_secret=SECRET) as sandbox:
        deploy(sandbox, "main")
        assert receiver.events(4) == ["deployment.started"] * 3 + ["deployment.ready"]
        assert len({body for _, body in receiver.got[:3]}) == 1
        while len(sandbox.deliveries) < 4:
            threading.Event().wait(0.005)
        assert [(delivery.attempt, delivery.status) for delivery in sandbox.deliveries] == [
            (1, status),
            (2, status),
            (3, 200),
            (1, 200),
        ]


def test_a_receiver_that_never_takes_it_is_given_up(receiver: Receiver) -> None:
    """After four attempts the next event is sent."""
    receiver.statuses = [500] * 4
    with Sandbox(build_seconds=0, webhook_url=receiver.url, webhook_secret=SECRET) as sandbox:
        deploy(sandbox, "main")
        assert receiver.events(5) == ["deployment.started"] * 4 + ["deployment.ready"]


def test_nobody_at_the_receivers_address(tmp_path: Path) -> None:
    """An unreachable receiver is logged, without the secret, and doesn't affect the API."""
    log = tmp_path / "log.jsonl"
    with Sandbox() as other:
        dead = other.origin
    with Sandbox(build_seconds=0, webhook_url=dead, webhook_secret=SECRET, log=str(log)) as sandbox:
        deploy(sandbox, "main")
        while len(sandbox.deliveries) < 8:
            threading.Event().wait(0.005)
        assert ask(sandbox, "GET", "/orgs").status == 200
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    tries = [(line["webhook"], line["attempt"], line["status"]) for line in lines if "webhook" in line]
    assert tries == [
        (event, attempt, None) for event in ("deployment.started", "deployment.ready") for attempt in (1, 2, 3, 4)
    ]
    assert SECRET not in log.read_text(encoding="utf-8")


def test_what_is_due_is_told_before_the_sandbox_ends(receiver: Receiver) -> None:
    """Events that are due are sent before the sandbox ends."""
    with Sandbox(build_seconds=0, webhook_url=receiver.url, webhook_secret=SECRET) as sandbox:
        deploy(sandbox, "main")
    assert receiver.events(2) == ["deployment.started", "deployment.ready"]


def test_a_project_that_is_deleted_meanwhile(receiver: Receiver) -> None:
    """A project that is deleted during a build sends no further events."""
    with Sandbox(build_seconds=0.1, webhook_url=receiver.url, webhook_secret=SECRET) as sandbox:
        deploy(sandbox, "main")
        receiver.wait(1)
        ask(sandbox, "DELETE", f"/projects/{sandbox.project_id('docs')}")
        deploy_other = ask(sandbox, "POST", f"/projects/{sandbox.project_id('api')}/deployments", {}).data["id"]
        assert receiver.events(3) == ["deployment.started", "deployment.started", "deployment.ready"]
        assert json.loads(receiver.got[2][1])["deployment"]["id"] == deploy_other
