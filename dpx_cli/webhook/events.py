"""The documented webhook events and their payloads, in the reference's shape."""

from __future__ import annotations

import json
from typing import Any

# "Available Events" in the API reference, in its order and words.
DESCRIPTIONS = {
    "deployment.started": "Deployment has been queued/started",
    "deployment.ready": "Deployment successfully completed",
    "deployment.failed": "Deployment failed with an error",
    "deployment.rollback": "A rollback was performed",
}

# The status of the deployment when the event is sent. The reference shows only that of deployment.ready; the others are
# the documented statuses that fit the event's description (after a rollback a finished deployment is live again).
_STATUS = {
    "deployment.started": "QUEUED",
    "deployment.ready": "READY",
    "deployment.failed": "ERROR",
    "deployment.rollback": "READY",
}


def sample(
    event: str, *, project: str = "my-app", branch: str = "main", deployment_id: str = "clm1abc"
) -> dict[str, Any]:
    """Return an event's body as in "Payload Example" in the API reference; the slug is the project's name too."""
    url = f"https://{project}.deploxa.com"
    deployment = {"id": deployment_id, "status": _STATUS[event], "branch": branch, "url": url}
    return {"event": event, "deployment": deployment, "project": {"id": "clm1def", "name": project, "slug": project}}


def encode(document: Any) -> bytes:
    """Return a payload as it is sent: compact JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
