"""Constants of the API reference: what Deploxa accepts and answers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# Deployments
QUEUED, BUILDING, READY, ERROR = STATUSES = ("QUEUED", "BUILDING", "READY", "ERROR")
ENDED = (READY, ERROR)  # statuses that don't change any more

# Environment Variables
TARGETS = ("production", "preview", "development")
KEY = "[A-Za-z_][A-Za-z0-9_]*"

# Projects
FRAMEWORKS = ("NEXTJS", "REACTJS", "VITE", "NODEJS")
APP_TYPES = ("STATIC", "NODEJS")

# Webhooks
EVENTS = ("deployment.started", "deployment.ready", "deployment.failed", "deployment.rollback")

# Pagination
MAX_PAGE = 100


def is_key(text: str) -> bool:
    """Return whether a text is a variable's name: it matches `KEY`."""
    return text.isascii() and text.replace("_", "a").isalnum() and not text[:1].isdigit()


def targets_of(variable: Mapping[str, Any]) -> Sequence[str]:
    """Return the targets of a variable; one without targets applies to all."""
    own = variable.get("targets")
    return [target for target in own if isinstance(target, str)] if isinstance(own, list) and own else TARGETS
