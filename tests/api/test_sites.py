"""The URL of a site, wherever the API tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fault_server as faults
import pytest
from clients import client_of
from fault_server import PROJECT

from dpx_cli.api.sites import https_url, project_url, site_url

if TYPE_CHECKING:
    from fault_server import FaultServer


def test_the_url_is_the_deployments_own(server: FaultServer) -> None:
    """The field "url" first, then "deployment_domain", without another request."""
    client = client_of(server.url)
    assert site_url(client, {"url": "https://a.example/x"}, PROJECT) == "https://a.example/x"
    assert site_url(client, {"deployment_domain": "b.example"}, PROJECT) == "https://b.example"
    assert server.requests == []


def test_the_url_is_in_the_deployments_row(server: FaultServer) -> None:
    """Where the object itself has none, as in the reference."""
    identity = server.deployments[1]["id"]
    assert site_url(client_of(server.url), {"id": identity}, PROJECT) == "https://shop-2.example"


def test_the_url_is_the_projects_where_the_row_has_none(server: FaultServer) -> None:
    """Its first domain."""
    del server.deployments[0]["deployment_domain"]
    identity = server.deployments[0]["id"]
    assert site_url(client_of(server.url), {"id": identity}, PROJECT) == "https://shop.example"


@pytest.mark.parametrize("key", ["domain", "name", "hostname", "url"])
def test_a_domain_may_be_a_text_or_an_object(server: FaultServer, key: str) -> None:
    """The reference does not say; what cannot be one is passed over."""
    project = {"id": PROJECT, "domains": [None, "not a domain", {"id": 5}, {key: "a.example"}]}
    assert project_url(client_of(server.url), project) == "https://a.example"


def test_the_url_is_the_projects_where_it_is_known_to_be_its_own(server: FaultServer) -> None:
    """The list may be behind what was deployed a moment ago."""
    assert site_url(client_of(server.url), {"id": "clm1new"}, PROJECT, certain=True) == "https://shop.example"


def test_another_projects_url_is_never_taken(server: FaultServer) -> None:
    """A folder may be linked to another project than the one whose deployment is waited for."""
    assert site_url(client_of(server.url), {"id": "clm1elsewhere"}, PROJECT) is None


def test_no_url_is_no_error(server: FaultServer) -> None:
    """The deployment is ready all the same."""
    server.on("GET", "/projects.*", faults.refused(403, "no"))
    client = client_of(server.url)
    assert site_url(client, {"id": server.deployments[0]["id"]}, PROJECT) is None
    assert site_url(client, {"id": "x"}, None) is None
    assert project_url(client, {"id": PROJECT}) is None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("shop.example", "https://shop.example"),
        ("https://shop.example/a?b", "https://shop.example/a?b"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("javascript://alert(1)", None),
        ("javascript:alert(1)", None),
        ("shop.example:x", None),
        ("shop.example?a=@b", "https://shop.example?a=@b"),
        ("file:///etc/passwd", None),
        ("-oProxyCommand=x", None),
        ("https://-x", None),
        ("https://shop.example@evil.example", None),
        ("shop.example\nevil", None),
        ("shop.example\x1b[31m", None),
        ("shöp.example", None),
        ("shop.example; rm -rf", None),
        ('shop.example"', None),
        ("https://", None),
        ("", None),
        (None, None),
    ],
)
def test_a_url_is_safe_to_print_and_to_open(text: str | None, url: str | None) -> None:
    """Or there is none."""
    assert https_url(text) == url
