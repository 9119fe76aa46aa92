"""The listener's page: what it shows, who may see it, and that nothing in it is executed."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
from browser import Browser, needs_chromium

from dpx_cli.webhook import explain, record, signature
from dpx_cli.webhook.deliver import Endpoint
from dpx_cli.webhook.events import encode, sample
from dpx_cli.webhook.record import History

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from receiver import Receiver

    from tests.webhook.conftest import Running

SECRET = b"s3cret"
BODY = encode(sample("deployment.ready", project="shop"))


def ask(
    running: Running, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None
) -> tuple[int, dict[str, str], bytes]:
    """Send one request, with the page's key unless there is another one; return status, lower-case headers, body."""
    headers = {"X-Dpx-Key": running.listener.page_key, **(headers or {})}
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def state(running: Running, after: int = 0) -> dict[str, Any]:
    """Return what the page would show."""
    status, _, body = ask(running, "GET", f"/__dpx__/state?after={after}")
    assert status == 200, body
    document: dict[str, Any] = json.loads(body)
    return document


def test_the_page_is_one_file_with_a_strict_policy(listen: Callable[..., Running]) -> None:
    """The page's policy allows its own script and style by hash and nothing else."""
    status, headers, document = ask(listen(), "GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    for tag in ("script", "style"):
        [content] = re.findall(f"<{tag}>(.*?)</{tag}>".encode(), document, re.DOTALL)
        wanted = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{wanted}'"
    assert not re.search(rb"https?://|innerHTML|insertAdjacentHTML|document\.write|\son[a-z]+=|style=", document)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_deliveries_are_shown_with_verdict_and_reason(listen: Callable[..., Running]) -> None:
    """The page's state has headers, body and reason of every delivery, with credentials masked."""
    running = listen()
    running.post(BODY)
    bad = b"X-Deploxa-Signature: sha256=" + b"0" * 64 + b"\r\nAuthorization: Bearer canary\r\n"
    running.post(BODY, headers=bad)
    first, second = state(running)["deliveries"]
    for after in ("", "x", "-1", "9" * 5000, "%00", "1&after=2"):
        assert ask(running, "GET", f"/__dpx__/state?after={after}")[0] == 200
    assert (first["number"], first["delivery"]["verified"], first["replay"]) == (1, True, True)
    assert first["body"].encode() == BODY
    assert ["x-deploxa-event", "deployment.ready"] in first["headers"]
    assert (second["delivery"]["verified"], second["replay"]) == (False, False)
    assert second["delivery"]["result"] == "The signature does not match."
    assert ["authorization", "********"] in second["headers"]
    assert [it["number"] for it in state(running, after=1)["deliveries"]] == [2]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"X-Forwarded-For": "203.0.113.1"}, 403),
        ({"X-Forwarded-Host": "abc.ngrok.app"}, 403),
        ({"Cf-Connecting-Ip": "203.0.113.1"}, 403),
        ({"X-Dpx-Key": ""}, 403),
        ({"X-Dpx-Key": "wrong"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 200),
    ],
)
def test_who_may_read_it(listen: Callable[..., Running], headers: dict[str, str], status: int) -> None:
    """Neither another site nor a visitor through a tunnel can read the page's state, nor anyone without the key."""
    assert ask(listen(), "GET", "/__dpx__/state", headers)[0] == status


def test_a_tunnels_visitor_gets_no_page(listen: Callable[..., Running]) -> None:
    """Under the public name there is no page, even with the key."""
    running = listen(public_host="abc.ngrok.app")
    public = {"Host": "abc.ngrok.app"}
    assert ask(running, "GET", "/", public)[0] == 405
    assert ask(running, "GET", "/__dpx__/state", public)[0] == 405
    assert ask(running, "POST", "/__dpx__/replay", public)[0] == 401
    assert ask(running, "GET", "/__dpx__/state", {"X-Dpx-Key": "wrong"})[0] == 403
    assert state(running)["deliveries"][0]["replay"] is False


def test_a_button_needs_the_key(listen: Callable[..., Running], receiver: Receiver) -> None:
    """Without the key of the printed address, or with another one, nothing happens."""
    running = listen(forward_to=Endpoint.parse(receiver.url, "--forward-to"))
    running.post(BODY)
    key = running.listener.page_key
    for wrong in ("", key[:-1], key + "é"):
        assert ask(running, "POST", "/__dpx__/replay", {"X-Dpx-Key": wrong}, {"number": 1})[0] == 403
    for method, path in (("GET", "replay"), ("GET", "none"), ("POST", "none")):
        assert ask(running, method, f"/__dpx__/{path}", None, {})[0] == 404
    assert len(receiver.requests) == 1
    status, _, body = ask(running, "POST", "/__dpx__/replay", None, {"number": 1})
    assert (status, list(json.loads(body))) == (200, ["done"])
    assert len(receiver.requests) == 2
    assert receiver.requests[0][3] == receiver.requests[1][3] == BODY
    assert "replayed, forwarded: 200" in running.deliveries[1]["result"]


@pytest.mark.parametrize("content", [{}, {"number": 2}, {"number": "1"}, {"number": True}, [], "x", None])
def test_what_cannot_be_replayed_is_400(listen: Callable[..., Running], receiver: Receiver, content: Any) -> None:
    """Replaying an unknown or refused delivery, or nonsense, is 400; so is a replay without --forward-to."""
    running = listen(forward_to=Endpoint.parse(receiver.url, "--forward-to"))
    running.post(BODY, headers=b"X-Deploxa-Signature: x\r\n")
    running.post(BODY, headers=b"X-Deploxa-Signature: x\r\n")
    status, _, body = ask(running, "POST", "/__dpx__/replay", None, content)
    assert (status, list(json.loads(body))) == (400, ["error"])
    assert receiver.requests == []
    running = listen()
    running.post(BODY)
    status, _, body = ask(running, "POST", "/__dpx__/replay", None, {"number": 1})
    assert (status, b"--forward-to" in body) == (400, True)


def test_history_is_bounded() -> None:
    """The history is bounded by number and bytes and always has the newest delivery."""
    history = History()
    outcome = record.DeliveryResult(200, "received")
    delivery = record.describe({}, outcome, 0)
    for _ in range(250):
        history.add(record.RecordedDelivery(delivery, outcome, [], [], b"x" * 1024))
    assert [recorded.number for recorded in history.after(0)] == list(range(151, 251))
    for _ in range(40):
        history.add(record.RecordedDelivery(delivery, outcome, [], [], b"x" * 1024 * 1024))
    deliveries = history.after(0)
    assert deliveries[-1].number == 290
    assert sum(len(recorded.body) for recorded in deliveries) <= record.MAX_BYTES


def test_the_receivers_response_is_shown(listen: Callable[..., Running], receiver: Receiver) -> None:
    """Its status, time, and the first 64 KiB of its body; null where there was none."""
    receiver.status, receiver.body = 500, b"<h1>\xff</h1>" + b"x" * 100_000
    running = listen(forward_to=Endpoint.parse(receiver.url, "--forward-to"))
    running.post(BODY)
    receiver.close()
    running.post(BODY)
    answered, unreachable = state(running)["deliveries"]
    assert answered["response"]["status"] == answered["delivery"]["forwarded"] == 500
    assert answered["response"]["milliseconds"] >= 0
    assert answered["response"]["body"].startswith("<h1>\ufffd</h1>xxx")
    assert len(answered["response"]["body"]) == 64 * 1024
    assert unreachable["response"] is None


def test_an_invalid_delivery_gets_the_diagnosis_of_verify(listen: Callable[..., Running]) -> None:
    """The cause and what to do about it, also for a body of many KiB; of any body only the beginning is shown."""
    running = listen()
    body = b'{"a": "%s"}' % (b"x" * 100_000)
    running.post(b'"' + b"x" * 200_000 + b'"')
    running.post(body + b"\n", headers=b"X-Deploxa-Signature: %s\r\n" % signature.sign(body, SECRET).encode())
    large, it = state(running)["deliveries"]
    assert (len(large["body"]), large["size"], large["cut"]) == (record.MAX_SHOWN, 200_002, True)
    assert it["delivery"]["result"] == "The signature does not match: the body has a final newline that was not signed."
    assert it["hint"] == explain.HINTS["body"]


@needs_chromium
def test_the_page_in_a_browser(listen: Callable[..., Running], receiver: Receiver, tmp_path: Path) -> None:
    """It needs the printed key, shows deliveries as they come, executes no hostile text, and its button replays."""
    running = listen(forward_to=Endpoint.parse(receiver.url, "--forward-to"))
    hostile = '</pre></script><img src=x onerror="document.title=1"><script>document.title=2</script>'
    body = json.dumps({"event": hostile, "project": {"slug": hostile}}).encode()
    with Browser(tmp_path / "browser", f"{running.url}/") as page:
        page.wait("document.body.innerText.includes('with the key after #')")
        page.call("Page.navigate", url="about:blank")
        page.call("Page.navigate", url=f"{running.url}/#{running.listener.page_key}")
        page.wait("document.body.innerText.includes('No deliveries yet')")
        page.console.clear()
        receiver.body = hostile.encode()
        running.post(BODY)
        page.wait("document.body.innerText.includes('Signature valid')")
        assert json.dumps(json.loads(BODY), indent=2) in page.text()
        page.run("document.getElementById('raw').click()")
        assert BODY.decode() in page.text()
        assert "200 in " in page.text()
        assert hostile in page.text()
        headers = b"X-Deploxa-Signature: " + signature.sign(body, SECRET).encode() + b"\r\nX-Odd: <b>x</b>\r\n"
        running.post(body, headers=headers)
        page.wait("document.querySelectorAll('#deliveries tr').length === 2")
        page.run("document.querySelector('#deliveries tr').click()")
        assert hostile in page.text()
        assert "<b>x</b>" in page.text()
        running.post(BODY, headers=b"X-Deploxa-Signature: x\r\n")
        page.wait("document.querySelectorAll('#deliveries tr').length === 3")
        page.run("document.querySelector('#deliveries tr').click()")
        assert "Signature invalid" in page.text()
        assert explain.HINTS["signature"] in page.text()
        assert page.run("document.getElementById('replay').hidden") is True
        page.run("document.querySelectorAll('#deliveries tr')[2].click()")
        before = len(receiver.requests)
        page.run("document.getElementById('replay').click()")
        page.wait("document.querySelectorAll('#deliveries tr').length === 4")
        assert "replayed, forwarded: 200" in page.text()
        assert len(receiver.requests) == before + 1
        assert page.run("document.title") == "dpx webhook listen"
        assert page.run("document.images.length + document.scripts.length") == 1
        assert page.console == []
        # What the policy forbids does not run.
        page.run("document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:9/'}))")
        while not page.console:
            page.run("0")
        assert "Content Security Policy" in page.console[0]
        running.stop()
        page.wait("document.body.innerText.includes('dpx has stopped')")


def test_idle_connections_give_way(listen: Callable[..., Running]) -> None:
    """300 connections that send nothing, or half a request, don't keep a delivery waiting."""
    running = listen(patience=60)
    idle = []
    try:
        for number in range(300):
            connection = socket.create_connection(("127.0.0.1", running.port), timeout=20)
            idle.append(connection)
            if number % 3 == 1:
                connection.sendall(b"POST / HT")
            elif number % 3 == 2:
                connection.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\n1")
        assert running.post(BODY).startswith(b"HTTP/1.1 200")
        # The oldest were closed to make room; the newest are still open.
        assert idle[0].recv(1) == b""
        idle[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            idle[-1].recv(1)
    finally:
        for connection in idle:
            connection.close()
