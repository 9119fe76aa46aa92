"""`dpx doctor`: its checks, their hints, and its exit code if one fails."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dpx_cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dpx_cli.sandbox.server import Sandbox
    from tests.conftest import Program

NAMES = [
    *("python", "version", "profile", "config", "cache", "tls", "proxy", "keyring", "api", "token", "link", "clock"),
    "completion",
]
NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


def found(result: Any) -> dict[str, dict[str, Any]]:
    """Return the checks of a --json run by name."""
    return {check["name"]: check for check in result.json["checks"]}


class Slow(BaseHTTPRequestHandler):
    """An API whose clock is ten minutes behind."""

    body = b'{"data": []}'

    def do_GET(self) -> None:
        """Answer."""
        self.send_response_only(200)
        self.send_header("Date", self.date_time_string(int(time.time()) - 600))
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has
        """Say nothing."""


class NoApi(Slow):
    """A server that answers with a page, not with JSON."""

    body = b"<html>"


@pytest.fixture
def serve() -> Iterator[Any]:
    """Return a function that serves with a handler and returns the URL."""
    servers = []

    def start(handler: type[BaseHTTPRequestHandler]) -> str:
        servers.append(HTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def failures(result: Any) -> list[str]:
    """Return the names of the checks that failed in a --json run, which exits 10."""
    assert result.code == 10, result
    return [check["name"] for check in result.json["checks"] if not check["ok"]]


def test_all_checks_pass(dpx: Program, sandbox: Sandbox) -> None:
    """If all checks pass, doctor exits 0 after one request, and each format has all checks and no token."""
    result = dpx("doctor", "--json")
    assert result.code == 0, result
    assert result.json["ok"] is True
    assert [check["name"] for check in result.json["checks"]] == NAMES
    assert [set(check) for check in result.json["checks"]] == [{"name", "ok", "detail", "hint"}] * len(NAMES)
    assert [f"{seen.method} {seen.path}" for seen in sandbox.requests] == ["GET /orgs"]
    checks = found(result)
    assert checks["token"]["detail"] == "from DPX_TOKEN, accepted"
    assert Path(checks["version"]["detail"].partition(" in ")[2]) == Path(dpx_cli.__file__).parent
    assert checks["keyring"]["detail"] == "not used (DPX_TOKEN is set)"
    assert checks["api"]["detail"].startswith(f"{sandbox.url} responded in ")
    plain = dpx("doctor")
    assert [row[1] for row in plain.rows] == NAMES
    shown = dpx.tty("doctor", env={"NO_COLOR": "1"})
    assert [line.split()[1] for line in shown.out.splitlines() if "✓" in line or "!" in line] == NAMES
    for run in (result, plain, shown):
        assert sandbox.token not in run.out + run.err


@pytest.mark.terminal
def test_marks_are_ascii_where_the_terminal_is(dpx: Program) -> None:
    """A dumb terminal gets ASCII marks and no color."""
    result = dpx.tty("doctor", env={"TERM": "dumb", "DPX_TOKEN": "dpx_wrong"})
    assert (result.code, result.out.isascii(), "\x1b" in result.out) == (10, True, False), result
    assert "ok python" in result.out
    assert "x  token" in result.out


def test_a_token_that_is_not_accepted_fails(dpx: Program) -> None:
    """A refused token fails its check, with the page of tokens in the hint and without showing the token."""
    result = dpx("doctor", "--json", env={"DPX_TOKEN": "dpx_canary0123456789012345678901234567890123"})
    assert failures(result) == ["token"]
    assert (result.error["code"], result.json["ok"]) == ("check_failed", False)
    assert "/settings/tokens" in found(result)["token"]["hint"]
    assert "canary" not in result.out + result.err


def test_without_a_keyring_a_token_is_found_in_a_file(dpx: Program, sandbox: Sandbox) -> None:
    """Without a token only its check fails: a 401 also shows that the API is reachable. Its place is said."""
    del dpx.env["DPX_TOKEN"]
    dpx.env |= NO_KEYRING
    result = dpx("doctor", "--json")
    checks = found(result)
    assert failures(result) == ["token"]
    assert "dpx auth login" in checks["token"]["hint"]
    assert checks["keyring"]["detail"] == "This machine has no keyring."
    assert " responded in " in checks["api"]["detail"]
    assert dpx("login", "--insecure-storage", stdin=sandbox.token.encode()).code == 0
    result = dpx("doctor", "--json")
    path = dpx.home / "config" / "tokens.json"
    assert (result.code, found(result)["token"]["detail"]) == (0, f"from the file ({path}), accepted"), result
    result = dpx("doctor", "--json", env={"DPX_TOKEN_FILE": str(path.with_name("none"))})
    assert str(path.with_name("none")) in found(result)["token"]["detail"]


def test_an_unreachable_api_fails(dpx: Program) -> None:
    """If the API can't be reached, only its own check fails, and the others still run."""
    result = dpx("doctor", "--json", env={"DPX_API_URL": "http://127.0.0.1:9/api/v1"})
    checks = found(result)
    assert (failures(result), list(checks)) == (["api"], NAMES)
    assert "Can't reach http://127.0.0.1:9/api/v1" in checks["api"]["detail"]
    assert "DPX_API_URL" in checks["api"]["hint"]
    assert checks["token"]["detail"] == "from DPX_TOKEN, not checked (the API didn't respond)"


def test_an_error_response_or_a_page_fails(dpx: Program, sandbox: Sandbox, serve: Any) -> None:
    """The API's check, whose detail has the status or the reason."""
    sandbox.fault("GET /orgs 404 x1")
    assert "HTTP 404" in found(dpx("doctor", "--json"))["api"]["detail"]
    result = dpx("doctor", "--json", env={"DPX_API_URL": serve(NoApi)})
    assert failures(result) == ["api"]
    assert "not JSON" in found(result)["api"]["detail"]


def test_a_clock_that_is_wrong_is_a_warning(dpx: Program, serve: Any) -> None:
    """A wrong clock is a warning with its difference, and doctor still exits 0."""
    result = dpx("doctor", env={"DPX_API_URL": serve(Slow)})
    row = next(row for row in result.rows if row[1] == "clock")
    assert (result.code, row[0], row[2].endswith("s ahead of the server's")) == (0, "warning", True)
    assert 598 <= int(row[2].split()[0]) <= 660


def test_what_is_damaged_is_named(dpx: Program) -> None:
    """A damaged link, a configuration folder below a file, and missing certificates fail their check, with a hint."""
    (dpx.cwd / ".deploxa").mkdir()
    (dpx.cwd / ".deploxa" / "project.json").write_text("{", encoding="utf-8")
    (dpx.home / "file").write_text("", encoding="utf-8")
    env = {"DPX_CONFIG_DIR": str(dpx.home / "file" / "config"), "DPX_CA_BUNDLE": str(dpx.home / "none.pem")}
    result = dpx("doctor", "--json", env={**env, "DPX_API_URL": "https://127.0.0.1:9"})
    checks = found(result)
    assert failures(result) == ["config", "tls", "api", "link"]
    assert "DPX_CONFIG_DIR" in checks["config"]["hint"]
    assert "DPX_CA_BUNDLE" in checks["tls"]["detail"]
    assert "project.json" in checks["link"]["detail"]


def test_link_proxy_and_certificates_are_shown(dpx: Program) -> None:
    """Link, proxy and certificates are in the details, without the proxy's password."""
    assert dpx("link", "storefront").code == 0
    env = {"HTTPS_PROXY": "http://me:canary@127.0.0.1:9", "DPX_API_URL": "https://deploxa.invalid"}
    result = dpx("doctor", "--json", env=env)
    checks = found(result)
    assert checks["link"]["detail"].startswith("storefront (")
    assert checks["proxy"]["detail"].upper() == "HTTP://127.0.0.1:9 (HTTPS_PROXY)"
    assert (checks["tls"]["ok"], "canary" in result.out + result.err) == (True, False)


def test_completion_is_found_once_it_is_installed(dpx: Program) -> None:
    """Completion is checked for the shell in $SHELL; if it's missing, there's a hint and no failure."""
    dpx.env["SHELL"] = "/bin/zsh"
    check = found(dpx("doctor", "--json"))["completion"]
    assert (check["ok"], check["detail"]) == (True, "not installed for zsh")
    assert check["hint"] == "Run: dpx completion install zsh"
    assert dpx("completion", "install").code == 0
    check = found(dpx("doctor", "--json"))["completion"]
    assert check["detail"].startswith("installed for zsh: ")
    assert check["hint"] is None
    place = dpx.home / ".local" / "share" / "zsh" / "site-functions" / "_dpx"
    place.write_text(place.read_text(encoding="utf-8") + "# older", encoding="utf-8")
    assert found(dpx("doctor", "--json"))["completion"]["detail"] == "installed by another version for zsh"
    assert found(dpx("doctor", "--json", env={"SHELL": ""}))["completion"]["ok"]


def test_a_bundle_helps_support_and_contains_no_secret(dpx: Program, sandbox: Sandbox) -> None:
    """Versions, sources of settings, checks and requests; no token, proxy, home directory or value."""
    env = {
        "DPX_PROJECT": "s3cret-project",
        "HTTPS_PROXY": "http://me:canary@proxy.corp.example:3128",
        "HOME": str(dpx.home),
        "DPX_WEBHOOK_SECRET": "canary",
    }
    done = dpx("doctor", "--api", "--bundle", "report.txt", env=env)
    assert (done.code, "Wrote report.txt" in done.err) == (0, True), done
    text = (dpx.cwd / "report.txt").read_text(encoding="utf-8")
    for part in ("## Versions", "\ndpx ", "\ntyper ", "DPX_PROJECT: set", "(DPX_API_URL)", "ok  token: from DPX_TOKEN"):
        assert part in text
    assert "\nGET /orgs 200 " in text
    assert text.count("\nGET ") >= len(sandbox.requests)
    for secret in (sandbox.token, "canary", "s3cret", str(dpx.home)):
        assert secret not in text
    unreachable = {**env, "DPX_API_URL": "https://deploxa.invalid"}
    assert dpx("doctor", "--bundle", "report.txt", env=unreachable).code == 10
    text = (dpx.cwd / "report.txt").read_text(encoding="utf-8")
    assert "FAILED  api: " in text
    assert "proxy.corp" not in text
