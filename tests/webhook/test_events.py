"""The documented events and their sample payloads."""

from __future__ import annotations

import json

import pytest

from dpx_cli.webhook.events import DESCRIPTIONS, encode, sample


def test_the_events_are_the_documented_ones() -> None:
    """The events are those under "Available Events" in the reference."""
    assert list(DESCRIPTIONS) == ["deployment.started", "deployment.ready", "deployment.failed", "deployment.rollback"]


def test_the_sample_of_ready_has_the_shape_of_the_reference() -> None:
    """The sample of deployment.ready has the reference's keys in its order, and its values."""
    payload = sample("deployment.ready")
    assert list(payload) == ["event", "deployment", "project"]
    assert list(payload["deployment"]) == ["id", "status", "branch", "url"]
    assert list(payload["project"]) == ["id", "name", "slug"]
    assert payload["deployment"]["status"] == "READY"
    assert payload["deployment"]["url"] == "https://my-app.deploxa.com"
    assert payload["project"]["slug"] == "my-app"


@pytest.mark.parametrize("event", DESCRIPTIONS)
def test_every_sample_names_its_event_and_a_documented_status(event: str) -> None:
    """Every sample has its event's name and a documented status."""
    payload = sample(event)
    assert payload["event"] == event
    assert payload["deployment"]["status"] in ("QUEUED", "BUILDING", "READY", "ERROR")


def test_fields_of_ones_own() -> None:
    """Project, branch and deployment ID of a sample can be chosen."""
    payload = sample("deployment.failed", project="shop", branch="a/b", deployment_id="d1")
    assert payload["project"]["slug"] == payload["project"]["name"] == "shop"
    assert payload["deployment"] == {"id": "d1", "status": "ERROR", "branch": "a/b", "url": "https://shop.deploxa.com"}


@pytest.mark.parametrize("branch", ["main", "größe/🚀", 'a"b\\', "\udcff"])
def test_any_branch_is_sent_as_json_in_utf8(branch: str) -> None:
    """Any branch is sent as JSON in UTF-8, also one that isn't valid Unicode."""
    body = encode(sample("deployment.ready", branch=branch))
    assert json.loads(body.decode("utf-8"))["deployment"]["branch"] == branch
