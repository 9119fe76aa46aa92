"""Which certificates are trusted: a real TLS server on loopback, and authorities of the test's own."""

from __future__ import annotations

import ssl
import sys
import time
import types
from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from certificates import Authority
from clients import client_of
from fault_server import FaultServer

from dpx_cli import errors
from dpx_cli.api import tls as trust

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dpx_cli.api.client import Client
    from tests.conftest import Program


@pytest.fixture
def secure(authority: Authority) -> Iterator[FaultServer]:
    """A server with a certificate of the authority."""
    with FaultServer(tls=authority.server()) as server:
        yield server


def trusting(server: FaultServer, env: dict[str, str], timeout: float = 5.0) -> Client:
    """A client whose trust comes from an environment."""
    return client_of(server.url, timeout=timeout, context=lambda: trust.context(env))


def test_a_named_authority_is_trusted(authority: Authority, secure: FaultServer, tmp_path: Path) -> None:
    """As a bundle and as a hashed folder, in whichever variable; one with several folders as OpenSSL reads it."""
    for variable in ("DPX_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        for path in (authority.bundle, authority.hashed):
            assert trusting(secure, {variable: str(path)}).get("/projects")["data"][0]["slug"] == "shop"
    trusting(secure, {"SSL_CERT_DIR": f"{tmp_path}:{authority.hashed}"}).get("/projects")


def test_our_own_variable_comes_first(authority: Authority, secure: FaultServer, tmp_path: Path) -> None:
    """`DPX_CA_BUNDLE` before `SSL_CERT_FILE` before `SSL_CERT_DIR`."""
    (tmp_path / "x").mkdir()
    other = Authority(tmp_path / "x", "Other")
    env = {"SSL_CERT_FILE": str(other.bundle), "SSL_CERT_DIR": str(other.hashed)}
    trusting(secure, {**env, "DPX_CA_BUNDLE": str(authority.bundle)}).get("/projects")
    with pytest.raises(errors.NetworkError):
        trusting(secure, env).get("/projects")


@pytest.mark.parametrize(
    ("host", "expired", "words"),
    [("127.0.0.1", True, "expired"), ("elsewhere.example", False, "mismatch|not valid for")],
)
def test_a_bad_certificate_is_refused(authority: Authority, host: str, words: str, *, expired: bool) -> None:
    """And one whose authority the system doesn't know; no request was sent, and the message says why."""
    with FaultServer(tls=authority.server(host, expired=expired)) as server:
        client = trusting(server, {"DPX_CA_BUNDLE": str(authority.bundle)})
        with pytest.raises(errors.NetworkError, match=f"not trusted: .*({words})") as caught:
            client.request_json("POST", "/projects", body={})
        with pytest.raises(errors.NetworkError, match="not trusted"):
            trusting(server, {}).get("/projects")
        assert server.requests == []
    assert not caught.value.message.endswith("..")
    assert "DPX_CA_BUNDLE" not in (caught.value.hint or "")


def test_http_where_https_is_expected(server: FaultServer) -> None:
    """Is a connection that could not be made; nothing in clear text is sent."""
    client = client_of(server.url.replace("http:", "https:"), context=lambda: trust.context({}))
    with pytest.raises(errors.NetworkError):
        client.get("/projects")
    assert server.requests == []


@pytest.mark.parametrize("fault", [faults.stall, faults.drip(b"", b"\x16\x03\x03\x40\x00"), faults.reset, None])
def test_a_handshake_is_bounded_by_the_deadline(authority: Authority, secure: FaultServer, fault: faults.Fault) -> None:
    """However slow the other side is; so is a drip inside TLS."""
    client = trusting(secure, {"DPX_CA_BUNDLE": str(authority.bundle)}, timeout=0.7)
    for number in range(1, 4 if fault is not None else 1):
        secure.on_connection(number, fault)
    secure.on("GET", "/projects", faults.drip_body)
    started = time.monotonic()
    with pytest.raises(errors.NetworkError):
        client.get("/projects")
    assert time.monotonic() - started < faults.SOON


@pytest.mark.parametrize("variable", ["DPX_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_name_that_holds_no_certificates_is_told(tmp_path: Path, variable: str) -> None:
    """Which variable, and what it names."""
    (tmp_path / "text.pem").write_text("not a certificate", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for name in ("missing", "text.pem", "folder"):
        path = str(tmp_path / name)
        with pytest.raises(errors.UsageError) as caught:
            trust.context({variable: path})
        assert variable in caught.value.message
        assert path in caught.value.message


def test_the_system_is_trusted_where_nothing_is_named() -> None:
    """And every context checks names and certificates."""
    made = trust.context({"DPX_CA_BUNDLE": ""})
    assert made.check_hostname
    assert made.verify_mode == ssl.CERT_REQUIRED
    assert made.minimum_version == ssl.TLSVersion.TLSv1_2
    assert trust.source({})[0] == "system"


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_the_platforms_own_store_is_trusted_where_openssl_does_not_read_it(
    authority: Authority, secure: FaultServer, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    """A company's own authority is there; a bundle that is named comes first."""
    made: list[ssl.SSLContext] = []

    def keychain(protocol: int) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.load_verify_locations(cafile=str(authority.bundle))
        made.append(context)
        return context

    monkeypatch.setattr("dpx_cli.api.tls.sys.platform", platform)
    monkeypatch.setitem(sys.modules, "truststore", types.SimpleNamespace(SSLContext=keychain))
    assert trusting(secure, {}).get("/projects")["data"][0]["slug"] == "shop"
    assert len(made) == 1
    assert made[0].minimum_version == ssl.TLSVersion.TLSv1_2
    assert trust.source({}) == ("system", "")
    trust.context({"DPX_CA_BUNDLE": str(authority.bundle)})
    assert len(made) == 1


def test_the_program_over_tls(authority: Authority, secure: FaultServer, dpx_offline: Program, tmp_path: Path) -> None:
    """Lists where the authority is named; 7 where it is not, 2 where the name leads nowhere, and nothing is sent."""
    dpx_offline.env.update({"DPX_API_URL": secure.url, "DPX_TOKEN": faults.TOKEN, "DPX_TIMEOUT": "5"})
    for path, code in ((authority.bundle, 0), ("", 7), (tmp_path / "missing", 2)):
        assert dpx_offline("projects", "list", env={"DPX_CA_BUNDLE": str(path)}).code == code
        assert secure.count("GET") == 1
