"""Constants of the API reference: what Deploxa accepts and returns; and of how dpx deals with it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# Every endpoint: method, path below the API root, what it does
ENDPOINTS = (
    ("GET", "/projects", "List projects"),
    ("POST", "/projects", "Create a project"),
    ("GET", "/projects/:id", "Get a project"),
    ("PATCH", "/projects/:id", "Update a project's settings"),
    ("DELETE", "/projects/:id", "Delete a project"),
    ("GET", "/projects/:id/deployments", "List a project's deployments"),
    ("POST", "/projects/:id/deployments", "Trigger a deployment"),
    ("GET", "/deployments/:id", "Get a deployment"),
    ("GET", "/projects/:id/env-vars", "List the keys of a project's environment variables"),
    ("POST", "/projects/:id/env-vars", "Create or update an environment variable"),
    ("DELETE", "/projects/:id/env-vars/:key", "Delete an environment variable"),
    ("GET", "/orgs", "List organizations"),
    ("GET", "/orgs/:slug", "Get an organization"),
    ("GET", "/orgs/:slug/members", "List an organization's members"),
)

# Methods that change nothing
READ_METHODS = ("GET", "HEAD")

# Deployments
QUEUED, BUILDING, READY, ERROR = STATUSES = ("QUEUED", "BUILDING", "READY", "ERROR")
ENDED = (READY, ERROR)  # statuses that don't change any more

# Environment Variables
TARGETS = ("production", "preview", "development")
KEY = "[A-Za-z_][A-Za-z0-9_]*"

# Projects
FRAMEWORKS = ("NEXTJS", "REACTJS", "VITE", "NODEJS")
APP_TYPES = ("STATIC", "NODEJS")
MAX_SLUG = 60  # characters that the server makes of a name

# Webhooks
EVENTS = ("deployment.started", "deployment.ready", "deployment.failed", "deployment.rollback")

# Pagination
MAX_PAGE = 100

# Not of the reference, but the same wherever dpx deploys
WAIT = 900.0  # seconds that a command waits for a deployment; the default of --timeout
PARALLEL = 4  # deployments at a time; the default of --parallel
GRACE = 1.5  # seconds after a deadline in which what was begun may be finished


def is_key(text: str) -> bool:
    """Return whether a text is a variable's name: it matches `KEY`."""
    return text.isascii() and text.replace("_", "a").isalnum() and not text[:1].isdigit()


def slug_of(name: str) -> str:
    """Return the slug that Deploxa makes of a name; "" if the name has no ASCII letter or digit."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words)[:MAX_SLUG].strip("-")


def targets_of(variable: Mapping[str, Any]) -> Sequence[str]:
    """Return the targets of a variable; one without targets applies to all."""
    own = variable.get("targets")
    return [target for target in own if isinstance(target, str)] if isinstance(own, list) and own else TARGETS
