"""The documented events and their sample payloads."""

from __future__ import annotations

import json

import pytest

from dpx_cli.webhook.events import DESCRIPTIONS, encode, sample


def test_the_events_are_the_documented_ones() -> None:
    """Under "Available Events" in the API reference."""
    assert list(DESCRIPTIONS) == ["deployment.started", "deployment.ready", "deployment.failed", "deployment.rollback"]


def test_the_sample_of_ready_has_the_shape_of_the_reference() -> None:
    """The same keys in the same order, and the values the reference shows."""
    payload = sample("deployment.ready")
    assert list(payload) == ["event", "deployment", "project"]
    assert list(payload["deployment"]) == ["id", "status", "branch", "url"]
    assert list(payload["project"]) == ["id", "name", "slug"]
    assert payload["deployment"]["status"] == "READY"
    assert payload["deployment"]["url"] == "https://my-app.deploxa.com"
    assert payload["project"]["slug"] == "my-app"


@pytest.mark.parametrize("event", DESCRIPTIONS)
def test_every_sample_names_its_event_and_a_documented_status(event: str) -> None:
    """No status is invented."""
    payload = sample(event)
    assert payload["event"] == event
    assert payload["deployment"]["status"] in ("QUEUED", "BUILDING", "READY", "ERROR")


def test_fields_of_ones_own() -> None:
    """--project, --branch and --deployment-id."""
    payload = sample("deployment.failed", project="shop", branch="a/b", deployment_id="d1")
    assert payload["project"]["slug"] == payload["project"]["name"] == "shop"
    assert payload["deployment"] == {"id": "d1", "status": "ERROR", "branch": "a/b", "url": "https://shop.deploxa.com"}


@pytest.mark.parametrize("branch", ["main", "größe/🚀", 'a"b\\', "\udcff"])
def test_any_branch_is_sent_as_json_in_utf8(branch: str) -> None:
    """Bytes of a command line that are no UTF-8 too."""
    body = encode(sample("deployment.ready", branch=branch))
    assert json.loads(body.decode("utf-8"))["deployment"]["branch"] == branch
