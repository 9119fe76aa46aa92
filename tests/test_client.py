"""The Python client: the commands' own engine, typed, lazy, one connection a thread."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fault_server as faults
import flask  # type: ignore[import-not-found, unused-ignore]  # an extra of the tests alone
import pytest
from fault_server import PROJECT, TOKEN, FaultServer
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

import dpx_cli
from dpx_cli import Client, errors, explain_signature, verify_signature
from dpx_cli.api import once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from dpx_cli.sandbox.server import Sandbox

EXAMPLE = Path(__file__).parent / "support" / "example_client.py"
SECRET = "whsec_test"


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is read several times after a lost response; here in quick succession."""
    monkeypatch.setattr(once, "RECHECK_DELAYS", (0.0, 0.01))


@pytest.fixture(name="env")
def _env(tmp_path: Path) -> dict[str, str]:
    """An environment with folders of its own."""
    return {"DPX_CONFIG_DIR": str(tmp_path / "config"), "DPX_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)}


@pytest.fixture(name="deploxa")
def _deploxa(sandbox: Sandbox, env: dict[str, str]) -> Iterator[Client]:
    """A client of the sandbox."""
    with Client(env={**env, **sandbox.env}) as client:
        yield client


@pytest.fixture(name="faulty")
def _faulty(server: FaultServer, env: dict[str, str]) -> Iterator[Client]:
    """A client of the fault server."""
    with Client(TOKEN, api_url=server.url, timeout=2.0, env=env) as client:
        yield client


def test_importing_the_package_costs_nothing() -> None:
    """Neither does a handler of webhooks import terminals or commands."""
    code = "import sys, dpx_cli; print([name for name in sys.modules if name.startswith('dpx_cli')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['dpx_cli']\n"
    code = (
        "import sys; from dpx_cli import Client, verify_signature; Client('dpx_x')\n"
        "print([name for name in sys.modules if name.startswith(('rich', 'typer', 'httpx', 'dpx_cli.c', 'dpx_cli.o'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout.replace("'", '"'))
    heavy = ("rich", "typer", "httpx", "dpx_cli.commands", "dpx_cli.cli.", "dpx_cli.output")
    assert "dpx_cli.client" in modules
    assert not [name for name in modules if name.startswith(heavy)]


def test_every_public_name_is_there() -> None:
    """And nothing else is."""
    assert all(getattr(dpx_cli, name).__name__ == name for name in dpx_cli.__all__)
    with pytest.raises(AttributeError):
        _ = dpx_cli.nothing


def test_the_example_runs_and_is_typed(sandbox: Sandbox, env: dict[str, str]) -> None:
    """Mypy, strictly, against the package as others see it."""
    checked = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(EXAMPLE)]
    typed = subprocess.run(checked, cwd=EXAMPLE.parents[2], capture_output=True, text=True, check=False)
    assert typed.returncode == 0, typed.stdout
    run = [sys.executable, str(EXAMPLE)]
    done = subprocess.run(run, env={**os.environ, **env, **sandbox.env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "https://storefront.deploxa.com" in done.stdout
    assert "not_found Run: dpx projects list" in done.stdout
    assert "(branch fail/it) failed. ERROR" in done.stdout


def test_every_endpoint(deploxa: Client, sandbox: Sandbox) -> None:
    """By the API's nouns and the command's verbs."""
    made = deploxa.projects.create("New One", org="acme", framework="VITE", description="")
    assert made["slug"] == "new-one"
    assert deploxa.projects.update("acme/new-one", description="d", build_command="")["slug"] == "new-one"
    assert {row["slug"] for row in deploxa.projects.list(org="acme")} == {"storefront", "api", "new-one"}
    assert len(list(deploxa.projects.list(limit=2))) == 2
    deployment = deploxa.deployments.create("new-one", branch="main", wait=False)
    assert deploxa.deployments.wait(deployment["id"]).url == "https://new-one.deploxa.com"
    assert deploxa.deployments.get(deployment["id"])["status"] == "READY"
    assert [row["id"] for row in deploxa.deployments.list("new-one", "READY")] == [deployment["id"]]
    deploxa.env.set("new-one", {"A": "1", "B": ""}, targets=["preview"], sensitive=True)
    assert {row["key"]: row["targets"] for row in deploxa.env.list("new-one")} == {"A": ["preview"], "B": ["preview"]}
    deploxa.env.delete("new-one", "B")
    assert [row["slug"] for row in deploxa.orgs.list()] == ["acme", "globex"]
    assert deploxa.orgs.get("acme")["slug"] == "acme"
    assert next(deploxa.orgs.members("acme"))["user"]["email"]
    deploxa.projects.delete("new-one")
    assert "new-one" not in sandbox.projects()


def test_a_variable_keeps_its_targets_unless_it_may_lose_one(deploxa: Client, sandbox: Sandbox) -> None:
    """Nothing is sent otherwise; nor for an invalid key."""
    deploxa.env.set("docs", {"A": "1"}, targets=["production", "preview"], sensitive=True)
    (row,) = deploxa.env.set("docs", {"A": "2"})
    assert row["targets"] == ["production", "preview"]
    assert [row["sensitive"] for row in deploxa.env.list("docs") if row["key"] == "A"] == [True]
    refused = (({"A": "3", "NEW": "x"}, ["preview"]), ({"1A": "x"}, None), ({"B": "\0"}, None), ({"C": "x"}, ["prod"]))
    for variables, targets in refused:
        with pytest.raises(errors.UsageError):
            deploxa.env.set("docs", variables, targets=targets)
    assert [change.method for change in sandbox.requests].count("POST") == 2
    (row,) = deploxa.env.set("docs", {"A": "3"}, targets=["preview"], narrow=True)
    assert row["targets"] == ["preview"]


@pytest.mark.parametrize(("fault", "left"), [(faults.refused(400, "no"), "B, C"), (faults.reset, "C; unknown: B")])
def test_half_a_change_says_what_is_done(faulty: Client, server: FaultServer, fault: Any, left: str) -> None:
    """Doing it again does the rest."""
    server.on("POST", ".*/env-vars", fault, skip=1)
    with pytest.raises((errors.BadRequest, errors.OutcomeUnknown), match=f"done: A; not done: {left}$"):
        faulty.env.set("shop", {"A": "1", "B": "2", "C": "3"})


def test_a_lost_response_never_deploys_twice(faulty: Client, server: FaultServer) -> None:
    """One deployment that the list shows, or OutcomeUnknown."""
    server.on("POST", ".*/deployments", faults.reset, effect=True, times=1)
    assert faulty.deployments.create("shop", branch="main")["status"] == "READY"
    assert server.made == 1
    server.on("POST", ".*/deployments", faults.reset, effect=False)
    with pytest.raises(errors.OutcomeUnknown) as lost:
        faulty.deployments.create("shop", branch="main")
    assert (lost.value.code, server.made, server.count("POST")) == ("outcome_unknown", 1, 2)


def test_a_wait_ends_at_its_timeout(faulty: Client, server: FaultServer) -> None:
    """With the last state seen; each new status is reported once."""
    server.course = ("QUEUED", "BUILDING")
    seen: list[str] = []
    with pytest.raises(errors.WaitTimeout) as ended:
        faulty.deployments.create("shop", timeout=1.5, on_status=lambda row: seen.append(row["status"]))
    assert (ended.value.deployment or {})["status"] == "BUILDING"
    assert seen == ["QUEUED", "BUILDING"]


def test_what_forbids_changes(server: FaultServer, env: dict[str, str]) -> None:
    """The parameter, or the environment, which the parameter doesn't undo."""
    for client in (
        Client(TOKEN, api_url=server.url, env=env, read_only=True),
        Client(TOKEN, api_url=server.url, env={**env, "DPX_READ_ONLY": "1"}, read_only=False).copy(),
    ):
        with client, pytest.raises(errors.ReadOnly):
            client.projects.delete(PROJECT)
    assert server.count("DELETE") == 0


def test_a_closed_client_requests_nothing(faulty: Client, server: FaultServer) -> None:
    """Not even the rest of a list that was begun."""
    server.projects *= 3
    rows = faulty.projects.list()
    assert next(rows)["slug"] == "shop"
    faulty.close()
    for use in (lambda: next(rows), lambda: faulty.projects.get("shop"), faulty.copy):
        with pytest.raises(errors.UsageError, match="closed"):
            use()


@pytest.mark.parametrize(
    ("token", "kind"), [(None, errors.NotLoggedIn), ("nonsense", errors.DpxError), ("", errors.UsageError)]
)
def test_without_a_valid_token_nothing_is_sent(
    server: FaultServer, env: dict[str, str], token: str | None, kind: type[errors.DpxError]
) -> None:
    """The error is the command's."""
    with pytest.raises(kind), Client(token, api_url=server.url, env={**env, "PYTHON_KEYRING_BACKEND": "x"}) as client:
        list(client.projects.list())
    assert server.connections == 0


def test_eight_threads_have_a_copy_each(deploxa: Client, sandbox: Sandbox) -> None:
    """None sees the response to another's request."""
    problems: list[str] = []

    def work(number: int) -> None:
        with deploxa.copy() as own:
            for turn in range(10):
                key = f"KEY_{number}_{turn}"
                (row,) = own.env.set("docs", {key: key})
                if row["key"] != key or own.projects.get("api")["slug"] != "api":
                    problems.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len([key for key in sandbox.env_keys("docs") if key.startswith("KEY_")]) == 80


# Webhook signatures


def signature_of(body: bytes) -> str:
    """The header, as the reference's sample makes it."""
    return "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def test_a_signature_and_why_it_does_not_match() -> None:
    """Nothing that a sender controls raises; a body must be bytes: text loses what was signed."""
    body = b'{"event": "deployment.ready"}'
    assert verify_signature(body, SECRET, signature_of(body))
    assert verify_signature(bytearray(body), SECRET.encode(), signature_of(body))  # type: ignore[arg-type]
    assert explain_signature(body, SECRET, signature_of(body)) is None
    assert "newline" in (explain_signature(body + b"\n", SECRET, signature_of(body)) or "")
    assert explain_signature(body, SECRET, "sha256=" + "0" * 64) is None
    assert explain_signature(body, SECRET, None) == "there is no X-Deploxa-Signature header"
    hostile: list[Any] = [None, "", "sha256=", "sha256=ä", "\udcff", "x" * 100_000, 5]
    assert not any(verify_signature(body, SECRET, signature) for signature in hostile)
    empty = "sha256=" + hmac.new(b"", body, hashlib.sha256).hexdigest()
    assert not verify_signature(body, "", empty)
    assert explain_signature(body, "", empty) == "the secret is empty"
    with pytest.raises(TypeError, match="raw bytes"):
        verify_signature(body.decode(), SECRET, signature_of(body))  # type: ignore[arg-type]


# Bodies that arrive for a signature of {}, and what the handler responds.
DELIVERIES = ((b"{}", 200), (b"{ }", 401))


def test_a_starlette_handler() -> None:
    """FastAPI's requests are Starlette's."""

    async def webhook(request: Request) -> Response:
        if not verify_signature(await request.body(), SECRET, request.headers.get("x-deploxa-signature")):
            return Response(status_code=401)
        return JSONResponse({"ok": True})

    sender = TestClient(Starlette(routes=[Route("/webhook", webhook, methods=["POST"])]))
    headers = {"X-Deploxa-Signature": signature_of(b"{}")}
    for body, status in DELIVERIES:
        assert sender.post("/webhook", content=body, headers=headers).status_code == status


def test_a_flask_handler() -> None:
    """The raw body is what was signed."""

    def webhook() -> tuple[str, int]:
        valid = verify_signature(flask.request.get_data(), SECRET, flask.request.headers.get("X-Deploxa-Signature"))
        return "", 200 if valid else 401

    application = flask.Flask(__name__)
    application.add_url_rule("/webhook", view_func=webhook, methods=["POST"])
    headers = {"X-Deploxa-Signature": signature_of(b"{}")}
    for body, status in DELIVERIES:
        assert application.test_client().post("/webhook", data=body, headers=headers).status_code == status
