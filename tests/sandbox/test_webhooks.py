"""Webhooks on their way to a receiver: signed, in order, tried again, and not forgotten."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from receiver import Receiver
from sandbox_client import ask, deploy

from dpx_cli.sandbox.server import Sandbox

SECRET = "whsec-canary"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests don't wait between attempts."""
    monkeypatch.setattr("dpx_cli.sandbox.webhooks.FIRST_PAUSE", 0.001)


def events(receiver: Receiver, count: int) -> list[str]:
    """The events of the first deliveries, when so many have arrived."""
    deadline = time.monotonic() + 20
    while len(receiver.requests) < count:
        assert time.monotonic() < deadline, receiver.requests
        time.sleep(0.005)
    return [json.loads(body)["event"] for _, _, _, body in receiver.requests[:count]]


def test_a_deployment_is_told_from_start_to_end(receiver: Receiver) -> None:
    """Started and ready or failed, with the reference's body, headers and signature, before the sandbox ends."""
    with Sandbox(build_seconds=0, webhook_url=receiver.address, webhook_secret=SECRET) as sandbox:
        deployment = deploy(sandbox, "docs", branch="mäin")
        project = {"id": sandbox.project_id("docs"), "name": "docs", "slug": "docs"}
    assert events(receiver, 2) == ["deployment.started", "deployment.ready"]
    assert json.loads(receiver.requests[0][3]) == {
        "event": "deployment.started",
        "deployment": {"id": deployment, "status": "QUEUED", "branch": "mäin", "url": "https://docs.deploxa.com"},
        "project": project,
    }
    assert json.loads(receiver.requests[1][3])["deployment"]["status"] == "READY"
    for _, _, headers, body in receiver.requests:
        names = {name.lower(): value for name, value in headers}
        assert names["x-deploxa-event"] == json.loads(body)["event"]
        assert names["x-deploxa-signature"] == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert "authorization" not in names
    with Sandbox(build_seconds=0, webhook_url=receiver.url, webhook_secret=SECRET) as sandbox:
        deploy(sandbox, "docs", branch="fail/x")
        assert events(receiver, 4)[2:] == ["deployment.started", "deployment.failed"]


@pytest.mark.parametrize(("status", "times"), [(500, 2), (404, 2), (302, 2), (500, 4)])
def test_a_refused_delivery_is_tried_again(receive: Callable[..., Receiver], status: int, times: int) -> None:
    """It is sent up to four times with the same bytes, then comes the next event; a redirect is a refusal."""
    statuses = [status] * times
    receiver = receive(lambda _body, _headers: statuses.pop() if statuses else 200)
    with Sandbox(build_seconds=0, webhook_url=receiver.url, webhook_secret=SECRET) as sandbox:
        deploy(sandbox, "docs", branch="main")
        tries = min(times + 1, 4)
        assert events(receiver, tries + 1) == ["deployment.started"] * tries + ["deployment.ready"]
    assert len({body for _, _, _, body in receiver.requests[:tries]}) == 1
    assert [(delivery.attempt, delivery.status) for delivery in sandbox.deliveries] == [
        *[(number + 1, status if number < times else 200) for number in range(tries)],
        (1, 200),
    ]


def test_a_project_that_is_deleted_meanwhile(receiver: Receiver) -> None:
    """A project that is deleted during a build sends no further events."""
    with Sandbox(build_seconds=0.1, webhook_url=receiver.url, webhook_secret=SECRET) as sandbox:
        deploy(sandbox, "docs", branch="main")
        events(receiver, 1)
        ask(sandbox, "DELETE", f"/projects/{sandbox.project_id('docs')}")
        ask(sandbox, "POST", f"/projects/{sandbox.project_id('api')}/deployments", {})
        assert events(receiver, 3) == ["deployment.started", "deployment.started", "deployment.ready"]
    assert json.loads(receiver.requests[2][3])["project"]["slug"] == "api"


def test_nobody_at_the_receivers_address(tmp_path: Path) -> None:
    """An unreachable receiver is logged, without the secret, and doesn't affect the API."""
    log = tmp_path / "log.jsonl"
    with Sandbox() as other:
        dead = other.origin
    with Sandbox(build_seconds=0, webhook_url=dead, webhook_secret=SECRET, log=str(log)) as sandbox:
        deploy(sandbox, "docs", branch="main")
        while len(sandbox.deliveries) < 8:
            time.sleep(0.005)
        assert ask(sandbox, "GET", "/orgs").status == 200
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    tries = [(line["webhook"], line["attempt"], line["status"]) for line in lines if "webhook" in line]
    assert tries == [
        (event, attempt, None) for event in ("deployment.started", "deployment.ready") for attempt in (1, 2, 3, 4)
    ]
    assert SECRET not in log.read_text(encoding="utf-8")
