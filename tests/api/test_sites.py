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


def test_the_url_of_a_deployment(server: FaultServer) -> None:
    """Its own, without another request; else that of its row, as in the reference; else its project's first domain."""
    client = client_of(server.url)
    assert site_url(client, {"url": "https://a.example/x"}, PROJECT) == "https://a.example/x"
    assert site_url(client, {"deployment_domain": "b.example"}, PROJECT) == "https://b.example"
    assert server.requests == []
    assert site_url(client, {"id": server.deployments[1]["id"]}, PROJECT) == "https://shop-2.example"
    del server.deployments[0]["deployment_domain"]
    assert site_url(client, {"id": server.deployments[0]["id"]}, PROJECT) == "https://shop.example"


def test_the_url_is_the_projects_only_if_the_deployment_is_its_own(server: FaultServer) -> None:
    """The list may be behind what was deployed a moment ago; a folder may be linked to another project."""
    client = client_of(server.url)
    assert site_url(client, {"id": "clm1new"}, PROJECT, certain=True) == "https://shop.example"
    assert site_url(client, {"id": "clm1elsewhere"}, PROJECT) is None


@pytest.mark.parametrize("key", ["domain", "name", "hostname", "url"])
def test_a_domain_may_be_a_text_or_an_object(server: FaultServer, key: str) -> None:
    """The reference does not say; what cannot be one is passed over."""
    project = {"id": PROJECT, "domains": [None, "not a domain", {"id": 5}, {key: "a.example"}]}
    assert project_url(client_of(server.url), project) == "https://a.example"


def test_no_url_is_no_error(server: FaultServer) -> None:
    """The deployment is ready all the same."""
    server.on("GET", "/projects.*", faults.refused(403, "no"))
    client = client_of(server.url)
    assert site_url(client, {"id": server.deployments[0]["id"]}, PROJECT) is None
    assert site_url(client, {"id": "x"}, None) is None
    assert project_url(client, {"id": PROJECT}) is None


def test_a_url_is_safe_to_print_and_to_open() -> None:
    """Or there is none."""
    assert https_url("shop.example") == "https://shop.example"
    for url in ("https://shop.example/a?b", "http://127.0.0.1:3000", "https://shop.example?a=@b"):
        assert https_url(url) == url
    for text in (
        *("javascript://alert(1)", "javascript:alert(1)", "shop.example:x", "file:///etc/passwd", "-oProxyCommand=x"),
        *("https://-x", "https://shop.example@evil.example", "shop.example\nevil", "shop.example\x1b[31m"),
        *("shöp.example", "shop.example; rm -rf", 'shop.example"', "https://", "", None),
    ):
        assert https_url(text) is None
