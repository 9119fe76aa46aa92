"""Proxies: which one, whether none, and what goes through it."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from clients import client_of
from fault_server import TOKEN, ConnectProxy, FaultServer

from dpx_cli import errors
from dpx_cli.api import tls as trust
from dpx_cli.system import proxy

if TYPE_CHECKING:
    from certificates import Authority


def found(env: dict[str, str], scheme: str = "https", host: str = "deploxa.com", port: int = 443) -> str | None:
    """The proxy for an origin as "host:port"."""
    made = proxy.find(env, scheme, host, port)
    return f"{made.host}:{made.port}" if made else None


@pytest.mark.parametrize(
    ("env", "wanted"),
    [
        ({}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "http://p:3128"}, "p:3128"),
        ({"https_proxy": "http://p:3128"}, "p:3128"),
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:1"}, "low:1"),
        ({"HTTPS_PROXY": "p:3128"}, "p:3128"),
        ({"HTTPS_PROXY": "http://not-utf8-\udcff:x@p"}, "p:80"),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, "::1:3128"),
        ({"ALL_PROXY": "http://all:1"}, "all:1"),
        ({"ALL_PROXY": "http://all:1", "HTTPS_PROXY": "http://p:1"}, "p:1"),
        ({"HTTP_PROXY": "http://p:1"}, None),
    ],
)
def test_which_proxy_for_https(env: dict[str, str], wanted: str | None) -> None:
    """The scheme's own variable, lower case first, then ALL_PROXY."""
    assert found(env) == wanted


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "exempt"),
    [
        ("*", "deploxa.com", 443, True),
        ("deploxa.com", "deploxa.com", 443, True),
        ("DEPLOXA.com", "deploxa.com", 443, True),
        (".deploxa.com", "api.deploxa.com", 443, True),
        ("*.deploxa.com", "api.deploxa.com", 443, True),
        ("deploxa.com", "api.deploxa.com", 443, True),
        ("deploxa.com", "notdeploxa.com", 443, False),
        ("a, deploxa.com ,b", "deploxa.com", 443, True),
        ("a deploxa.com", "deploxa.com", 443, True),
        ("deploxa.com:443", "deploxa.com", 443, True),
        ("deploxa.com:8443", "deploxa.com", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("[::1]:443", "::1", 443, True),
        ("fd00::/8", "fd00::5", 443, True),
        ("0:0:0:0:0:0:0:1", "::1", 443, True),
        ("[2001:DB8::0001]:443", "2001:db8:0::1", 443, True),
        ("2001:db8::2", "2001:db8::1", 443, False),
        ("fd00::/nonsense", "deploxa.com", 443, False),
        ("", "deploxa.com", 443, False),
    ],
)
def test_who_needs_no_proxy(no_proxy: str, host: str, port: int, *, exempt: bool) -> None:
    """Names with all below them, addresses, networks, ports, everything."""
    for variable in ("NO_PROXY", "no_proxy"):
        assert (found({"HTTPS_PROXY": "http://p:1", variable: no_proxy}, host=host, port=port) is None) == exempt


def test_plain_http_never_goes_through_a_proxy() -> None:
    """It is for loopback alone, and the proxy would read the token."""
    for url in ("http://proxy.example:3128", "http://127.0.0.1:1", "socks5://127.0.0.1:1080", "nonsense"):
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            assert found({variable: url}, "http", "127.0.0.1", 8787) is None


@pytest.mark.parametrize(
    "url", ["http://", "http://:1", "https://p:1", "socks5://p:1", "http://p:notaport", "http://p:99999", "http://[::1"]
)
def test_a_proxy_that_cannot_be_used_is_reported_without_its_password(url: str) -> None:
    """Before anything is sent."""
    url = url.replace("://", "://user:canary@", 1)
    with pytest.raises(errors.UsageError, match="HTTPS_PROXY") as caught:
        found({"HTTPS_PROXY": url})
    assert "canary" not in f"{caught.value.message}{caught.value.hint}"


def test_https_goes_through_a_tunnel(authority: Authority) -> None:
    """The proxy sees the host and its own password, never the token."""
    env = {"DPX_CA_BUNDLE": str(authority.bundle)}
    with (
        FaultServer(tls=authority.server()) as server,
        ConnectProxy() as way,
    ):
        through = proxy.find(
            {"HTTPS_PROXY": way.url.replace("://", "://user:p%40ss@")}, "https", "127.0.0.1", server.port
        )
        client = client_of(server.url, context=lambda: trust.context(env), proxy=through)
        client.request_json("POST", "/projects", body={"name": "x" * 300_000})
        for _ in range(2):
            assert client.get("/projects")["data"][0]["slug"] == "shop"
        server.on("GET", "/orgs", faults.reply(200, {"data": "x" * 300_000}))
        assert len(client.get("/orgs")["data"]) == 300_000
        (head,) = way.heads
    assert head.startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"user:p@ss") in head
    assert TOKEN.encode() not in head
    assert "proxy-authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 No such user: canary\r\n\r\n", "status 407 \\(through"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP.*proxy in HTTPS_PROXY"),
        (b"HTTP/1.1 200", "cut off"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, "too many header fields"),
    ],
)
def test_a_proxy_that_opens_no_tunnel(authority: Authority, answer: bytes, words: str) -> None:
    """Is a server that cannot be reached; nothing was sent to it."""
    with FaultServer(tls=authority.server()) as server, ConnectProxy(answer=answer) as way:
        through = proxy.find({"HTTPS_PROXY": way.url}, "https", "127.0.0.1", server.port)
        with pytest.raises(errors.NetworkError, match=words):
            client_of(server.url, context=lambda: trust.context({}), proxy=through).request_json("POST", "/x", body={})
        assert server.connections == 0


@pytest.mark.parametrize("fault", ["stall", "drip"])
def test_a_slow_proxy_is_bounded_by_the_deadline(fault: str) -> None:
    """As everything is."""
    with ConnectProxy(fault=fault) as way:
        through = proxy.find({"HTTPS_PROXY": way.url}, "https", "127.0.0.1", 1)
        client = client_of("https://127.0.0.1:1/", timeout=0.6, proxy=through)
        started = time.monotonic()
        with pytest.raises(errors.NetworkError):
            client.get("/projects")
        assert time.monotonic() - started < faults.SOON


def test_a_proxy_that_is_not_there() -> None:
    """Is named as what cannot be reached."""
    through = proxy.find({"HTTPS_PROXY": "http://127.0.0.1:9"}, "https", "deploxa.com", 443)
    with pytest.raises(errors.NetworkError, match="HTTPS_PROXY"):
        client_of("https://deploxa.com/api/v1", context=lambda: trust.context({}), proxy=through).get("/projects")
