"""The documented webhook events, and sample payloads in the reference's shape.

Floor 1; imports nothing of dpx. Neighbours: `signature.py`, `deliver.py`, `listener.py`.
"""

from __future__ import annotations

import json
from typing import TypedDict

# "Available Events" in the API reference, in its order and words.
EVENTS = {
    "deployment.started": "Deployment has been queued/started",
    "deployment.ready": "Deployment successfully completed",
    "deployment.failed": "Deployment failed with an error",
    "deployment.rollback": "A rollback was performed",
}

# The status a deployment has when the event is sent. The reference shows that of deployment.ready alone; the others
# are the documented statuses that fit the event's description (after a rollback a finished deployment is live again).
_STATUS = {
    "deployment.started": "QUEUED",
    "deployment.ready": "READY",
    "deployment.failed": "ERROR",
    "deployment.rollback": "READY",
}


class Deployment(TypedDict):
    """The deployment of a payload."""

    id: str
    status: str
    branch: str
    url: str


class Project(TypedDict):
    """The project of a payload."""

    id: str
    name: str
    slug: str


class Payload(TypedDict):
    """The body of a delivery, from "Payload Example" in the API reference."""

    event: str
    deployment: Deployment
    project: Project


def sample(event: str, *, project: str = "my-app", branch: str = "main", deployment_id: str = "clm1abc") -> Payload:
    """Make the payload of an event, its keys in the reference's order.

    Args:
        event: a key of EVENTS.
        project: the project's slug, which is its name here too.
        branch: the deployed branch.
        deployment_id: the deployment's id.
    """
    return {
        "event": event,
        "deployment": {
            "id": deployment_id,
            "status": _STATUS[event],
            "branch": branch,
            "url": f"https://{project}.deploxa.com",
        },
        "project": {"id": "clm1def", "name": project, "slug": project},
    }


def encode(payload: Payload) -> bytes:
    """Write a payload as it is sent: compact JSON in UTF-8."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
