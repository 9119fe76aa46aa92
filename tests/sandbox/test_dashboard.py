"""The page of `dpx sandbox serve`: projects, deployments, requests, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from browser import Browser, needs_chromium
from sandbox_client import ask

from dpx_cli.sandbox.faults import EXAMPLES, Fault
from dpx_cli.sandbox.server import Sandbox

if TYPE_CHECKING:
    from pathlib import Path


def call(sandbox: Sandbox, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Ask the page's own address, outside the API."""
    import http.client
    import json

    connection = http.client.HTTPConnection(sandbox.origin.partition("//")[2], timeout=20)
    content = None if body is None else json.dumps(body)
    connection.request(method, path, content, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def press(sandbox: Sandbox, action: str, body: Any) -> tuple[int, Any]:
    """Press a button."""
    return call(sandbox, "POST", f"/__dpx__/{action}", body, X_Dpx_Key=key(sandbox))


def key(sandbox: Sandbox) -> str:
    """The key in the address that is printed."""
    return sandbox.page_url.partition("#")[2]


def test_what_the_page_shows(sandbox: Sandbox) -> None:
    """The page's state has projects, deployments, requests and faults, but not its own requests."""
    ask(sandbox, "GET", "/orgs")
    sandbox.fault("GET /orgs 503 x1")
    ask(sandbox, "GET", "/orgs")
    shown = call(sandbox, "GET", "/__dpx__/state", X_Dpx_Key=key(sandbox))[1]
    assert [(project["name"], project["status"]) for project in shown["projects"]] == [
        ("acme/storefront", "READY"),
        ("globex/docs", "READY"),
        ("acme/api", "ERROR"),
    ]
    assert len(shown["deployments"]) == 14
    assert [(record["path"], record["status"]) for record in shown["requests"]] == [("/orgs", 503), ("/orgs", 200)]
    assert shown["faults"] == [{"text": "GET /orgs 503 x1", "hits": 1, "left": 0}]
    assert len(sandbox.requests) == 2


def test_faults_are_switched(sandbox: Sandbox) -> None:
    """A fault can be switched on and off at once; an invalid one is 400 with the reason."""
    assert press(sandbox, "fault", {"text": " GET /orgs 503 "})[0] == 200
    assert ask(sandbox, "GET", "/orgs").status == 503
    assert press(sandbox, "remove", {"text": "GET /orgs 503"})[0] == 200
    assert ask(sandbox, "GET", "/orgs").status == 200
    status, body = press(sandbox, "fault", {"text": "GET orgs 503"})
    assert status == 400
    assert "Invalid fault: GET orgs 503" in body["error"]
    assert press(sandbox, "fault", {})[0] == 400


def test_a_deployment_is_started(sandbox: Sandbox) -> None:
    """The Deploy button starts a deployment as the API does, and shows its refusals."""
    assert press(sandbox, "deploy", {"id": sandbox.project_id("docs")})[0] == 200
    assert len(sandbox.deployments("docs")) == 4
    assert press(sandbox, "deploy", {"id": "nope"}) == (400, {"error": "Project not found"})


@pytest.mark.parametrize("headers", [{}, {"X_Dpx_Key": "x"}, {"Origin": "http://evil.example"}])
def test_state_and_buttons_need_the_key(sandbox: Sandbox, headers: dict[str, str]) -> None:
    """Only who has the printed address sees the page's state and can press its buttons."""
    assert call(sandbox, "GET", "/__dpx__/state", **headers)[0] == 403
    assert call(sandbox, "POST", "/__dpx__/fault", {"text": "* /** 500"}, **headers)[0] == 403
    assert ask(sandbox, "GET", "/orgs").status == 200


def test_the_examples_are_faults() -> None:
    """Every example on the page is a valid fault."""
    for text in EXAMPLES:
        assert Fault.parse(text).text == text


@needs_chromium
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    """A deployment moves through its states, a fault is switched on and hits, a hostile branch is only text."""
    hostile = "<img src=x onerror=alert(1)>"
    with Sandbox(build_seconds=1.5) as sandbox, Browser(tmp_path / "browser", sandbox.page_url) as page:
        page.wait("document.querySelectorAll('#projects tr').length === 3")
        assert "Webhook deliveries" not in page.text()
        page.run("document.querySelectorAll('#projects button')[1].click()")
        page.wait("document.querySelector('#deployments tr').innerText.includes('BUILDING')")
        page.wait("document.querySelector('#deployments tr').innerText.includes('READY')")
        assert len(sandbox.deployments("docs")) == 4
        page.run("[...document.querySelectorAll('#faults label')].find((it) => it.innerText === '* /** 500').click()")
        page.wait("document.body.innerText.includes('Fault added.')")
        assert ask(sandbox, "GET", "/projects").status == 500
        page.wait("document.querySelector('#requests tr').innerText.includes('500')")
        page.run("document.getElementById('fault').value = 'nonsense'")
        page.run("document.querySelector('#add button').click()")
        page.wait("document.getElementById('message').innerText.includes('Invalid fault')")
        sandbox.clear_faults()
        ask(sandbox, "POST", f"/projects/{sandbox.project_id('docs')}/deployments", {"branch": hostile})
        page.wait(f"document.querySelector('#deployments').innerText.includes({hostile!r})")
        assert page.run("document.images.length") == 0
        assert [line for line in page.console if "400" not in line] == []


@needs_chromium
def test_webhook_deliveries_in_a_browser(tmp_path: Path) -> None:
    """Each attempt is a row, failures included; without a receiver there is no such table."""
    hooked = Sandbox(build_seconds=0, webhook_url="127.0.0.1:1", webhook_secret="s")
    with hooked as sandbox, Browser(tmp_path / "browser", sandbox.page_url) as page:
        page.wait("document.body.innerText.includes('No deliveries yet')")
        ask(sandbox, "POST", f"/projects/{sandbox.project_id('docs')}/deployments", {})
        page.wait("document.querySelectorAll('#sent tr').length >= 2")
        assert "deployment.started" in page.text()
        assert "connection refused (attempt 2)" in page.text()
