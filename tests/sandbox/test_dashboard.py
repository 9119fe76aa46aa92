"""The page of `dpx sandbox serve`: projects, deployments, requests, faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import Browser, needs_chromium
from sandbox_client import Answer, ask

from dpx_cli.sandbox.faults import EXAMPLES, Fault
from dpx_cli.sandbox.server import Sandbox


def press(sandbox: Sandbox, action: str, body: Any = None) -> Answer:
    """Press a button, or read the page's state, with the key in the address that is printed."""
    key = {"X-Dpx-Key": sandbox.page_url.partition("#")[2]}
    return ask(sandbox, "GET" if body is None else "POST", f"//__dpx__/{action}", body, headers=key)


def test_what_the_page_shows(sandbox: Sandbox) -> None:
    """The page's state has projects, deployments, requests and faults, but not its own requests."""
    sandbox.fault("GET /orgs 503 x1")
    ask(sandbox, "GET", "/orgs")
    ask(sandbox, "GET", "/orgs")
    shown = press(sandbox, "state").body
    assert [(project["name"], project["status"]) for project in shown["projects"]] == [
        ("acme/storefront", "READY"),
        ("globex/docs", "READY"),
        ("acme/api", "ERROR"),
    ]
    assert len(shown["deployments"]) == 14
    assert [(record["path"], record["status"]) for record in shown["requests"]] == [("/orgs", 200), ("/orgs", 503)]
    assert shown["faults"] == [{"text": "GET /orgs 503 x1", "hits": 1, "left": 0}]
    assert len(sandbox.requests) == 2


def test_what_the_buttons_do(sandbox: Sandbox) -> None:
    """A fault is switched on and off, and a deployment started; what is invalid is 400 with the reason."""
    assert press(sandbox, "fault", {"text": " GET /orgs 503 "}).status == 200
    assert ask(sandbox, "GET", "/orgs").status == 503
    assert press(sandbox, "remove", {"text": "GET /orgs 503"}).status == 200
    assert ask(sandbox, "GET", "/orgs").status == 200
    refused = press(sandbox, "fault", {"text": "GET orgs 503"})
    assert (refused.status, refused.body["error"].strip(".")) == (400, "Invalid fault: GET orgs 503")
    assert press(sandbox, "fault", {}).status == 400
    assert press(sandbox, "deploy", {"id": sandbox.project_id("docs")}).status == 200
    assert len(sandbox.deployments("docs")) == 4
    assert press(sandbox, "deploy", {"id": "nope"}).body == {"error": "Project not found"}


@pytest.mark.parametrize("headers", [{}, {"X-Dpx-Key": "x"}, {"Origin": "http://evil.example"}])
def test_state_and_buttons_need_the_key(sandbox: Sandbox, headers: dict[str, str]) -> None:
    """Only who has the printed address sees the page's state and can press its buttons."""
    assert ask(sandbox, "GET", "//__dpx__/state", headers=headers).status == 403
    assert ask(sandbox, "POST", "//__dpx__/fault", {"text": "* /** 500"}, headers=headers).status == 403
    assert ask(sandbox, "GET", "/orgs").status == 200


@needs_chromium
def test_the_page_in_a_browser(tmp_path: Path) -> None:
    """A deployment moves through its states, faults are switched on, each delivery is a row, names are text."""
    assert [Fault.parse(text).text for text in EXAMPLES] == [*EXAMPLES]
    hostile = "<img src=x onerror=alert(1)>"
    hooked = Sandbox(build_seconds=0.6, webhook_url="127.0.0.1:1", webhook_secret="s")
    with hooked as sandbox, Browser(tmp_path / "browser", sandbox.page_url) as page:
        page.wait("document.querySelectorAll('#projects tr').length === 3")
        assert "No deliveries yet" in page.text()
        page.run("document.querySelectorAll('#projects button')[1].click()")
        page.wait("document.querySelector('#deployments tr').innerText.includes('BUILDING')")
        page.wait("document.querySelector('#deployments tr').innerText.includes('READY')")
        assert len(sandbox.deployments("docs")) == 4
        page.wait("document.querySelector('#sent').innerText.includes('connection refused (attempt 2)')")
        page.call("Emulation.setDeviceMetricsOverride", width=400, height=900, deviceScaleFactor=1, mobile=True)
        assert page.run("document.querySelector('#sent td:last-child').clientWidth") > 100  # no word is broken
        page.call("Emulation.clearDeviceMetricsOverride")
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
