"""Which Host and Origin headers belong to this machine."""

from __future__ import annotations

import pytest

from dpx_cli.system.hosts import is_loopback
from dpx_cli.system.loopback.guard import rejection_reason


@pytest.mark.parametrize(
    "name",
    [
        *("", "x.localhost", "localhost.", "localhost.x", "evillocalhost", "127.0.0.1.", "127.1", "127.0.0.256"),
        *("0127.0.0.1", "127.0.0.\uff11", "127.0.0.09", "127.0.0.1000", "127.0.0.1.1", "128.0.0.1", "[::2]"),
    ],
)
def test_another_machine(name: str) -> None:
    """What a resolver could send elsewhere; this machine is the whole of 127.0.0.0/8, ::1 and localhost."""
    assert not is_loopback(name, names=False)
    assert all(is_loopback(own, names=False) for own in ("localhost", "127.0.0.1", "127.255.0.9", "[::1]", "::1"))


@pytest.mark.parametrize("host", [b"abc.ngrok.app", b"ABC.NGROK.APP", b"abc.ngrok.app:443", b"Abc.Ngrok.App:80"])
def test_a_public_host_in_any_case_and_with_any_port(host: bytes) -> None:
    """Only where it was named."""
    assert rejection_reason([(b"host", host)], "abc.ngrok.app") == ""
    assert rejection_reason([(b"host", host)])


@pytest.mark.parametrize(
    "host",
    [b"x.abc.ngrok.app", b"ngrok.app", b"abc.ngrok.app.evil.example", b"abc.ngrok.app.", b"abc.ngrok.app:x", b""],
)
def test_other_hosts_stay_refused(host: bytes) -> None:
    """Subdomains too."""
    assert rejection_reason([(b"host", host)], "abc.ngrok.app")


def test_no_page_is_served_under_a_public_host() -> None:
    """An Origin header there is a web page's, even one of the same name."""
    headers = ((b"host", b"abc.ngrok.app"), (b"origin", b"http://abc.ngrok.app"))
    assert rejection_reason(headers, "abc.ngrok.app")
