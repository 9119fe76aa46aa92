"""The documented events and their sample payloads."""

from __future__ import annotations

import json

import pytest

from dpx_cli.webhook.events import encode, sample


@pytest.mark.parametrize("branch", ["main", "größe/🚀", 'a"b\\', "\udcff"])
def test_a_sample_has_the_shape_of_the_reference(branch: str) -> None:
    """Its keys in the reference's order, as JSON in UTF-8 whatever the branch is."""
    payload = json.loads(
        encode(sample("deployment.failed", project="shop", branch=branch, deployment_id="d1")).decode()
    )
    assert list(payload) == ["event", "deployment", "project"]
    deployment = {"id": "d1", "status": "ERROR", "branch": branch, "url": "https://shop.deploxa.com"}
    assert list(payload["deployment"].items()) == list(deployment.items())
    assert list(payload["project"].items()) == [("id", "clm1def"), ("name", "shop"), ("slug", "shop")]
